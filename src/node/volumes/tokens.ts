import type { Resource } from '../../api/resource.ts';
import type { ServiceAccount } from '../../api/gen/types/core.v1.ts';
import type { Clock } from '../../base/clock.ts';
import type { Client } from '../../client/client.ts';
import type { JsonObject } from '../../machinery/object.ts';
import { parseTime } from '../../machinery/time.ts';
import type { PodIdentity } from '../pods/pod.ts';
import { VolumeError } from './volume.ts';

export interface TokenRequest {
  readonly pod: PodIdentity;
  readonly resource: Resource<ServiceAccount>;
  readonly account: string;
  /** Empty: the API server's own. */
  readonly audience: string;
  readonly expirationSeconds: number;
}

export interface Token {
  readonly token: string;
  readonly expiresAtMs: number;
  /** At 80 % of its life, and after 24 hours at the latest. */
  readonly renewAtMs: number;
}

const LONGEST_MS = 24 * 3_600_000;

/** The tokens of pods' service accounts, asked for at the API server, kept until they are due for renewal. */
export class Tokens {
  readonly #client: Pick<Client, 'createSubresource'>;
  readonly #clock: Clock;
  readonly #kept = new Map<string, Map<string, Token>>();

  constructor(client: Pick<Client, 'createSubresource'>, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  async get(request: TokenRequest): Promise<Token> {
    const { pod, account, audience, expirationSeconds } = request;
    const key = `${account}\n${audience}\n${expirationSeconds}`;
    const ofPod = this.#kept.get(pod.uid) ?? new Map<string, Token>();
    const kept = ofPod.get(key);
    const nowMs = this.#clock.now();
    if (kept !== undefined && kept.renewAtMs > nowMs) return kept;
    const token = await this.#request(request, nowMs);
    ofPod.set(key, token);
    this.#kept.set(pod.uid, ofPod);
    return token;
  }

  forget(podUid: string): void {
    this.#kept.delete(podUid);
  }

  async #request({ pod, resource, account, audience, expirationSeconds }: TokenRequest, nowMs: number): Promise<Token> {
    const answer = await this.#client.createSubresource(resource, account, pod.namespace, 'token', {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: {
        audiences: audience === '' ? [] : [audience],
        expirationSeconds,
        boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: pod.name, uid: pod.uid },
      },
    });
    const status = answer['status'] as JsonObject | undefined;
    const { token, expirationTimestamp } = status ?? {};
    const expiresAtMs = typeof expirationTimestamp === 'string' ? parseTime(expirationTimestamp) : undefined;
    if (typeof token !== 'string' || expiresAtMs === undefined)
      throw new VolumeError('failed', `failed to fetch token: the answer for service account ${JSON.stringify(account)} has none`);
    return { token, expiresAtMs, renewAtMs: nowMs + Math.min(Math.max(0, expiresAtMs - nowMs) * 0.8, LONGEST_MS) };
  }
}
