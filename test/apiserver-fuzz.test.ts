/** Anything that can be sent: no crash, no hang, no answer but Kubernetes' own. Longer with `BERTH_FUZZ_RUNS`. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connect } from 'node:tls';
import fc from 'fast-check';
import { configMap, startTestServer, type TestServer } from '../src/apiserver/testing.ts';
import { SystemClock } from '../src/base/system-clock.ts';
import { Certificates } from '../src/cluster/certificates.ts';
import type { ApiRequest } from '../src/machinery/exchange.ts';
import type { Json } from '../src/machinery/object.ts';
import { StatusError } from '../src/machinery/status-error.ts';
import { exchange } from './apiserver-exchange.ts';

const numRuns = Number(process.env.BERTH_FUZZ_RUNS ?? 400);
/** Of this process's own work for a body of a few KB, however busy the machine is: a pattern that backtracks takes longer. */
const MOST_WORK_MS = 2000;
const workMs = ({ user, system }: NodeJS.CpuUsage): number => (user + system) / 1000;

/** Where Kubernetes itself answers 500 to what is a client's mistake. */
const KNOWN_500 =
  /^(failed to create typed patch object|resourceVersion should not be set on objects to be created|unknown patch type: |list element types are not identical: |The order in patch list:|expected a \[\]interface \{\}, but received a |cannot merge lists without merge key|merging lists cannot yet|map: .* does not contain declared merge key)/s;
const isProper = (code: number, message: string): boolean => (code >= 400 && code < 500) || code === 504 || (code === 500 && KNOWN_500.test(message));

const POD: Json = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'fuzz', labels: { a: 'b' }, annotations: { c: 'd' }, ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'n', uid: 'u' }] },
  spec: {
    containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 80 }], env: [{ name: 'A', value: 'b' }], resources: { requests: { cpu: '100m' } } }],
    volumes: [{ name: 'v', emptyDir: {} }],
  },
};
const DEPLOYMENT: Json = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'fuzz' },
  spec: {
    replicas: 1,
    selector: { matchLabels: { a: 'b' } },
    template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
  },
};
const SAMPLES = [
  POD,
  DEPLOYMENT,
  configMap('fuzz', { k: 'v' }),
  { apiVersion: 'v1', kind: 'Service', metadata: { name: 'fuzz' }, spec: { ports: [{ port: 80 }], selector: { a: 'b' } } },
] as const;
const COLLECTIONS = [
  '/api/v1/namespaces/ns/pods',
  '/apis/apps/v1/namespaces/ns/deployments',
  '/api/v1/namespaces/ns/configmaps',
  '/api/v1/namespaces/ns/services',
] as const;

const strange = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('__proto__', 'constructor', '', '\0', '..', '%00', '\ud800', '1e999', '-', '9'.repeat(40), 'a'.repeat(300), '{}'),
);
const leaf: fc.Arbitrary<Json> = fc.oneof(
  strange,
  fc.double({ noNaN: true }),
  fc.integer(),
  fc.constantFrom<Json>(null, true, [], {}, [[]], [null], { __proto__x: 1 }, 2 ** 53, -0),
) as fc.Arbitrary<Json>;

/** The sample with something else in one to three places. */
function disturbed(sample: Json, places: readonly number[], values: readonly Json[], keys: readonly string[]): Json {
  const copy = structuredClone(sample) as Json;
  const spots: (() => void)[] = [];
  for (const [i, value] of values.entries()) {
    spots.length = 0;
    const visit = (node: unknown): void => {
      if (typeof node !== 'object' || node === null) return;
      const holder = node as Record<string, unknown>;
      for (const key of Object.keys(holder)) {
        spots.push(() => Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true }));
        spots.push(() => (Array.isArray(node) ? node.splice(Number(key), 1) : delete holder[key]));
        visit(holder[key]);
      }
      const added = keys[i] ?? 'x';
      if (!Array.isArray(node)) spots.push(() => Object.defineProperty(holder, added, { value, enumerable: true, configurable: true, writable: true }));
    };
    visit(copy);
    spots[(places[i] ?? 0) % Math.max(1, spots.length)]?.();
  }
  return copy;
}

const object = fc.record({
  which: fc.nat(SAMPLES.length - 1),
  places: fc.array(fc.nat(500), { minLength: 3, maxLength: 3 }),
  values: fc.array(leaf, { minLength: 1, maxLength: 3 }),
  keys: fc.array(strange, { minLength: 3, maxLength: 3 }),
});
const query = fc.array(
  fc.tuple(
    fc.oneof(
      fc.constantFrom(
        'labelSelector',
        'fieldSelector',
        'limit',
        'continue',
        'resourceVersion',
        'resourceVersionMatch',
        'timeoutSeconds',
        'sendInitialEvents',
        'dryRun',
        'fieldManager',
        'fieldValidation',
        'force',
        'pretty',
        'propagationPolicy',
        'gracePeriodSeconds',
      ),
      strange,
    ),
    fc.oneof(strange, fc.constantFrom('true', '0', '-1', 'All', 'a in (b', 'a=b,', '!', 'a==b!=c', 'metadata.name=', 'NotOlderThan', 'Exact')),
  ),
  { maxLength: 4 },
);
const PATCHES = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
] as const;
const operation = fc.record(
  {
    op: fc.oneof(fc.constantFrom('add', 'remove', 'replace', 'move', 'copy', 'test'), strange),
    path: fc.oneof(
      strange,
      fc.constantFrom(
        '/metadata/labels',
        '/metadata/labels/-',
        '/spec/containers/0',
        '/spec/containers/-',
        '/spec/containers/9',
        '',
        '/',
        '/metadata/__proto__/x',
        '/a~1b~0c',
        '/a~2',
      ),
    ),
    value: leaf,
    from: fc.oneof(strange, fc.constantFrom('/metadata', '', '/spec')),
  },
  { requiredKeys: [] },
);
const directive = fc.constantFrom<Json>(
  { metadata: { labels: null } },
  { spec: { containers: [{ $patch: 'replace' }] } },
  { spec: { containers: [{ $patch: 'delete', name: 'c' }, { $patch: 'x' }] } },
  { spec: { $setElementOrder: 1, '$setElementOrder/containers': [{ name: 'z' }], containers: [{ name: 'c', $retainKeys: ['name'] }] } },
  { spec: { '$deleteFromPrimitiveList/x': ['a'], template: { $patch: 'merge' } } },
  { $patch: 'delete' },
);

describe('anything that can be sent', () => {
  let server: TestServer;
  let port: number;
  let ca: string;
  const agent = new Agent({ keepAlive: true });
  const directory = mkdtempSync(join(tmpdir(), 'berth-fuzz-'));
  before(async () => {
    server = startTestServer({ clock: new SystemClock(), yieldToLoop: () => new Promise((resolve) => setImmediate(resolve)) });
    const certificates = await Certificates.open(directory, new SystemClock());
    const pair = await certificates.issue({ commonName: 'server', organizations: [], dnsNames: [], ipAddresses: ['127.0.0.1'], usages: ['server'] });
    ca = certificates.caPem;
    ({ port } = await server.api.listen({ host: '127.0.0.1', port: 0, tls: { key: pair.keyPem, cert: pair.certPem, clientCa: ca } }));
    for (const [i, sample] of SAMPLES.entries()) await server.ask('POST', COLLECTIONS[i] ?? '', sample as Json);
  });
  after(async () => {
    agent.destroy();
    await server[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true });
  });

  /** Answered in time, or refused as Kubernetes refuses; never with a fault of the server's own. */
  async function asks(method: ApiRequest['method'], path: string, body: Json | undefined, more: Partial<ApiRequest> = {}): Promise<void> {
    const started = process.cpuUsage();
    try {
      await server.ask(method, path, body, more);
    } catch (thrown) {
      assert.ok(thrown instanceof StatusError, String(thrown instanceof Error ? thrown.stack : thrown));
      assert.ok(
        isProper(thrown.code, thrown.message),
        `${thrown.code} ${thrown.message} ${String(thrown.cause instanceof Error ? thrown.cause.stack : thrown.stack)}`,
      );
    }
    const tookMs = workMs(process.cpuUsage(started));
    assert.ok(tookMs < MOST_WORK_MS, `${tookMs} ms`);
  }

  async function sends(method: string, path: string, body: Buffer | string | undefined, contentType: string, accept = 'application/json'): Promise<void> {
    const started = process.cpuUsage();
    const { code, text } = await exchange(port, ca, agent, method, path, body, { 'content-type': contentType, accept });
    if (code >= 400) {
      const { kind, message } = JSON.parse(text) as { readonly kind: string; readonly message: string };
      assert.ok(kind === 'Status' && isProper(code, message), `${code} ${text}`);
    }
    const tookMs = workMs(process.cpuUsage(started));
    assert.ok(tookMs < MOST_WORK_MS, `${tookMs} ms`);
  }

  test('objects with something else in some places: created, updated, applied', () =>
    fc.assert(
      fc.asyncProperty(object, async ({ which, places, values, keys }) => {
        const body = disturbed(SAMPLES[which] as Json, places, values, keys);
        const path = COLLECTIONS[which] ?? '';
        await asks('POST', `${path}?dryRun=All`, body);
        await asks('PUT', `${path}/fuzz?dryRun=All&fieldValidation=Strict`, body);
        await asks('PATCH', `${path}/fuzz?dryRun=All&fieldManager=f&force=true`, body, { contentType: 'application/apply-patch+yaml' });
      }),
      { numRuns },
    ));

  test('patches of every kind', () =>
    fc.assert(
      fc.asyncProperty(
        fc.nat(SAMPLES.length - 1),
        fc.oneof(fc.array(operation, { maxLength: 4 }), directive, object, leaf),
        fc.constantFrom(...PATCHES),
        async (which, made, contentType) => {
          const patch =
            typeof made === 'object' && made !== null && 'which' in made
              ? disturbed(
                  SAMPLES[which] as Json,
                  (made as never as { places: number[] }).places,
                  (made as never as { values: Json[] }).values,
                  (made as never as { keys: string[] }).keys,
                )
              : (made as Json);
          await sends('PATCH', `${COLLECTIONS[which]}/fuzz?dryRun=All&fieldManager=f`, JSON.stringify(patch), contentType);
        },
      ),
      { numRuns },
    ));

  test('queries and selectors', () =>
    fc.assert(
      fc.asyncProperty(fc.constantFrom(...COLLECTIONS), query, async (path, pairs) => {
        await asks('GET', path, undefined, { query: pairs });
        await asks('POST', path, SAMPLES[2] as Json, { query: [...pairs, ['dryRun', 'All']] });
      }),
      { numRuns },
    ));

  test('paths', () =>
    fc.assert(
      fc.asyncProperty(
        fc.constantFrom<ApiRequest['method']>('GET', 'PUT', 'DELETE', 'PATCH'),
        fc.array(fc.oneof(strange, fc.constantFrom('api', 'apis', 'v1', 'apps', 'namespaces', 'ns', 'pods', 'status', 'log', 'nodes', 'proxy', 'scale')), {
          maxLength: 8,
        }),
        async (method, parts) => {
          await asks(method, `/${parts.join('/')}`.split('?')[0] ?? '/', method === 'GET' ? undefined : {}, { query: [] });
          const encoded = `/${parts.map((part) => encodeURIComponent(part.toWellFormed())).join('/')}`;
          const { code } = await exchange(port, ca, agent, 'GET', encoded, undefined, {});
          assert.ok(code < 500, `${code} ${encoded}`);
        },
      ),
      { numRuns },
    ));

  const edits = fc.array(fc.record({ at: fc.nat(10_000), remove: fc.nat(6), bytes: fc.uint8Array({ maxLength: 6 }) }), { minLength: 1, maxLength: 4 });
  const edited = (bytes: Buffer, changes: readonly { readonly at: number; readonly remove: number; readonly bytes: Uint8Array }[]): Buffer =>
    changes.reduce(
      (before, change) =>
        Buffer.concat([before.subarray(0, change.at % (before.length + 1)), change.bytes, before.subarray((change.at % (before.length + 1)) + change.remove)]),
      bytes,
    );
  const YAML =
    'apiVersion: v1\nkind: Pod\nmetadata: &m\n  name: fuzz\n  labels: {a: "b", c: !!str 1}\nspec:\n  containers:\n  - name: c\n    image: >-\n      i\n    args: [*m, 0x1f, 0o7, .inf, ~]\n';

  for (const { what, contentType } of [
    { what: 'JSON', contentType: 'application/json' },
    { what: 'YAML', contentType: 'application/yaml' },
    { what: 'protobuf', contentType: 'application/vnd.kubernetes.protobuf' },
  ]) {
    test(`bytes of ${what} with changes in them`, async () => {
      const whole =
        what === 'JSON'
          ? Buffer.from(JSON.stringify(POD))
          : what === 'YAML'
            ? Buffer.from(YAML)
            : (await exchange(port, ca, agent, 'GET', `${COLLECTIONS[0]}/fuzz`, undefined, { accept: contentType })).bytes;
      await fc.assert(
        fc.asyncProperty(edits, (changes) => sends('POST', `${COLLECTIONS[0]}?dryRun=All`, edited(whole, changes), contentType)),
        { numRuns: what === 'YAML' ? numRuns / 2 : numRuns },
      );
    });
  }

  test('requests that are no HTTP, and connections that are cut in the middle', () =>
    fc.assert(
      fc.asyncProperty(edits, fc.nat(400), async (changes, cut) => {
        const body = JSON.stringify(POD);
        const request = Buffer.from(
          `POST ${COLLECTIONS[0]}?dryRun=All HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n${body}`,
        );
        const socket = connect({ host: '127.0.0.1', port, ca });
        socket.on('error', () => {});
        await once(socket, 'secureConnect');
        socket.write(edited(request, changes).subarray(0, 100 + cut));
        socket.destroy();
        const { code } = await exchange(port, ca, agent, 'GET', '/api/v1/namespaces/ns/pods/fuzz', undefined, {});
        assert.equal(code, 200);
      }),
      { numRuns: numRuns / 8 },
    ));

  test('afterwards nothing is held', async () => {
    for (let i = 0; i < 3_000 && server.api.watchCount > 0; i++) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(server.api.watchCount, 0);
  });
});
