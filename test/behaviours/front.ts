import { mkdtemp, rm } from 'node:fs/promises';
import { Agent } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ADMIN } from '../../src/apiserver/bootstrap/identities.ts';
import type { Listening } from '../../src/apiserver/http/front.ts';
import { Disposals } from '../../src/base/disposal.ts';
import { SystemClock } from '../../src/base/system-clock.ts';
import { Certificates } from '../../src/cluster/certificates.ts';
import type { ControlPlane, ControlPlaneOptions } from '../../src/cluster/control-plane.ts';
import type { Json, JsonObject } from '../../src/machinery/object.ts';
import { exchange, type RawAnswer } from '../apiserver-exchange.ts';
import { openControlPlane } from '../fixtures/control-plane.ts';

export interface Heard extends RawAnswer {
  /** Of one JSON document. */
  readonly body: JsonObject;
  /** Of a watch that has ended. */
  readonly events: readonly { readonly type: string; readonly object: JsonObject }[];
  readonly warnings: readonly string[];
}

export interface Say {
  readonly body?: Json | string | Uint8Array;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Whom the administrator acts as. */
  readonly as?: string;
  /** Shows no certificate. */
  readonly anonymous?: boolean;
}

/** A cluster's API server as any client meets it: over HTTPS, with everything around the core. */
export interface Front extends AsyncDisposable {
  readonly plane: ControlPlane;
  readonly port: number;
  readonly caPem: string;
  /** The administrator's certificate, for clients of another kind. */
  readonly administrator: { readonly key: string; readonly cert: string };
  /** By the administrator's certificate. */
  say(method: string, path: string, what?: Say): Promise<Heard>;
}

export const MERGE = 'application/merge-patch+json';
export const STRATEGIC = 'application/strategic-merge-patch+json';
export const JSON_PATCH = 'application/json-patch+json';
export const APPLY = 'application/apply-patch+yaml';

export async function openFront(given: Partial<ControlPlaneOptions> = {}): Promise<Front> {
  const ends = new Disposals();
  const clock = new SystemClock();
  const directory = await mkdtemp(join(tmpdir(), 'berth-front-'));
  ends.add(() => rm(directory, { recursive: true }));
  const certificates = await Certificates.open(directory, clock);
  const caPem = certificates.caPem;
  const issue = (commonName: string, organizations: readonly string[], usages: readonly ('client' | 'server')[]) =>
    certificates.issue({ commonName, organizations, dnsNames: [], ipAddresses: ['127.0.0.1'], usages });
  const plane = ends.use(await openControlPlane({ clock, caPem, ...given }));
  const pair = await issue('server', [], ['server']);
  const listening: Listening = ends.use(await plane.api.listen({ host: '127.0.0.1', port: 0, tls: { key: pair.keyPem, cert: pair.certPem, clientCa: caPem } }));
  const admin = await issue(ADMIN.name, ['system:masters'], ['client']);
  const administrator = { key: admin.keyPem, cert: admin.certPem };
  const known = new Agent({ keepAlive: true, ...administrator });
  const unknown = new Agent({ keepAlive: true });
  ends.add(() => {
    known.destroy();
    unknown.destroy();
  });
  return {
    plane,
    port: listening.port,
    caPem,
    administrator,
    say: async (method, path, { body, type = 'application/json', headers = {}, as, anonymous = false } = {}) => {
      const bytes = body === undefined || typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
      const all = { ...(body === undefined ? {} : { 'content-type': type }), ...(as === undefined ? {} : { 'impersonate-user': as }), ...headers };
      const answer = await exchange(listening.port, caPem, anonymous ? unknown : known, method, path, bytes, all);
      return heard(answer);
    },
    [Symbol.asyncDispose]: () => ends[Symbol.asyncDispose](),
  };
}

function heard(answer: RawAnswer): Heard {
  const { text, headers } = answer;
  const { warning } = headers;
  return {
    ...answer,
    get body() {
      return JSON.parse(text) as JsonObject;
    },
    get events() {
      return text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Heard['events'][number]);
    },
    warnings: warning === undefined ? [] : String(warning).split(/, (?=299 )/),
  };
}
