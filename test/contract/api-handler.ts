import assert from 'node:assert/strict';
import type { Json, JsonObject } from '../../src/machinery/object.ts';
import { configMap } from '../../src/apiserver/testing.ts';
import type { Ask, Seen } from '../apiserver-exchange.ts';

/** What every way to the API server promises, in the words of Kubernetes 1.36. `ns` is a name that nobody else uses. */
export interface Scenario {
  readonly says: string;
  readonly run: (ask: Ask, ns: string) => Promise<void>;
}

const field = (seen: Seen, path: string): unknown =>
  path.split('.').reduce((at: unknown, key) => (at as Readonly<Record<string, unknown>> | undefined)?.[key], seen.body);
/** Of an object or of a list. */
interface Meta {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly creationTimestamp: string;
  readonly deletionTimestamp?: string;
  readonly deletionGracePeriodSeconds?: number;
  readonly generation?: number;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

const meta = (seen: Seen): Meta => field(seen, 'metadata') as Meta;
const maps = (ns: string): string => `/api/v1/namespaces/${ns}/configmaps`;
const APPLY = 'application/apply-patch+yaml';
const MERGE = 'application/merge-patch+json';
const STRATEGIC = 'application/strategic-merge-patch+json';
const JSON_PATCH = 'application/json-patch+json';

function refused(seen: Seen, code: number, reason: string, message?: string | RegExp): void {
  assert.equal(field(seen, 'kind'), 'Status', JSON.stringify(seen.body));
  assert.deepEqual({ code: seen.code, reason: field(seen, 'reason') }, { code, reason }, String(field(seen, 'message')));
  if (typeof message === 'string') assert.equal(field(seen, 'message'), message);
  else if (message !== undefined) assert.match(String(field(seen, 'message')), message);
}

const pod = (name: string, more: JsonObject = {}): JsonObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: { containers: [{ name: 'c', image: 'busybox' }], ...more },
});

const deployment = (name: string, replicas: number): JsonObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'c', image: 'busybox' }] } },
  },
});

export const scenarios: readonly Scenario[] = [
  {
    says: 'what is created is read back, with uid, version and times',
    run: async (ask, ns) => {
      const made = await ask('POST', maps(ns), configMap('a', { k: 'v', __proto__x: 'w' }));
      assert.equal(made.code, 201);
      assert.equal(meta(made).namespace, ns);
      assert.match(meta(made).uid, /^[0-9a-f-]{36}$/);
      assert.match(meta(made).creationTimestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      const read = await ask('GET', `${maps(ns)}/a`);
      assert.equal(read.code, 200);
      assert.deepEqual(read.body, made.body);
      assert.deepEqual(Object.keys(read.body as JsonObject).slice(0, 3), ['kind', 'apiVersion', 'metadata']);
    },
  },
  {
    says: 'keys that JavaScript knows are ordinary keys',
    run: async (ask, ns) => {
      const data = JSON.parse('{"__proto__":"1","constructor":"2","toString":"3"}') as Record<string, string>;
      await ask('POST', maps(ns), configMap('a', data));
      const read = await ask('GET', `${maps(ns)}/a`);
      assert.deepEqual(Object.entries(field(read, 'data') as object).sort(), [
        ['__proto__', '1'],
        ['constructor', '2'],
        ['toString', '3'],
      ]);
    },
  },
  {
    says: 'what is there already, is not there, or is nowhere served',
    run: async (ask, ns) => {
      await ask('POST', maps(ns), configMap('a'));
      refused(await ask('POST', maps(ns), configMap('a')), 409, 'AlreadyExists', 'configmaps "a" already exists');
      refused(await ask('GET', `${maps(ns)}/b`), 404, 'NotFound', 'configmaps "b" not found');
      refused(await ask('DELETE', `${maps(ns)}/b`), 404, 'NotFound', 'configmaps "b" not found');
      refused(await ask('PUT', `${maps(ns)}/b`, configMap('b')), 404, 'NotFound', 'configmaps "b" not found');
      refused(await ask('GET', '/api/v1/nothings'), 404, 'NotFound', 'the server could not find the requested resource');
      refused(await ask('GET', `/apis/apps/v1/namespaces/${ns}/deployments/x/exec`), 404, 'NotFound');
      refused(
        await ask('POST', '/api/v1/configmaps', configMap('a')),
        405,
        'MethodNotAllowed',
        'the server does not allow this method on the requested resource',
      );
      refused(await ask('PUT', maps(ns), configMap('a')), 405, 'MethodNotAllowed');
    },
  },
  {
    says: 'generated names have five characters that nobody mistakes',
    run: async (ask, ns) => {
      const made = await ask('POST', maps(ns), { apiVersion: 'v1', kind: 'ConfigMap', metadata: { generateName: 'x-' } });
      assert.match(meta(made).name, /^x-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
      const nameless = await ask('POST', maps(ns), { apiVersion: 'v1', kind: 'ConfigMap', metadata: {} });
      refused(nameless, 422, 'Invalid', 'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required');
    },
  },
  {
    says: 'bodies that do not fit their path',
    run: async (ask, ns) => {
      refused(await ask('POST', maps(ns), pod('a')), 400, 'BadRequest', /^Pod in version "v1" cannot be handled as a ConfigMap/);
      refused(
        await ask('POST', maps(ns), { ...configMap('a'), apiVersion: 'apps/v1' }),
        400,
        'BadRequest',
        /^ConfigMap in version "v1" cannot be handled as a ConfigMap: no kind "ConfigMap" is registered for version "apps\/v1" in scheme /,
      );
      refused(
        await ask('POST', maps(ns), configMap('a', {}, { namespace: 'elsewhere' })),
        400,
        'BadRequest',
        'the namespace of the provided object does not match the namespace sent on the request',
      );
      await ask('POST', maps(ns), configMap('a'));
      refused(await ask('PUT', `${maps(ns)}/a`, configMap('b')), 400, 'BadRequest', 'the name of the object (b) does not match the name on the URL (a)');
      refused(
        await ask('POST', maps(ns), { ...configMap('c'), data: { k: 3 } } as JsonObject),
        400,
        'BadRequest',
        /cannot unmarshal number into Go struct field ConfigMap.data of type string$/,
      );
      refused(
        await ask('POST', maps(ns), configMap('Not_A_Name')),
        422,
        'Invalid',
        /^ConfigMap "Not_A_Name" is invalid: metadata\.name: Invalid value: "Not_A_Name": a lowercase RFC 1123 subdomain/,
      );
    },
  },
  {
    says: 'unknown fields are refused, warned of, or dropped, as fieldValidation says',
    run: async (ask, ns) => {
      const odd = { ...configMap('a'), colour: 'red' };
      refused(
        await ask('POST', `${maps(ns)}?fieldValidation=Strict`, odd),
        400,
        'BadRequest',
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "colour"',
      );
      const warned = await ask('POST', maps(ns), odd);
      assert.deepEqual(warned.warnings, ['unknown field "colour"']);
      assert.equal(field(warned, 'colour'), undefined);
      const ignored = await ask('PUT', `${maps(ns)}/a?fieldValidation=Ignore`, odd);
      assert.deepEqual(ignored.warnings, []);
      refused(
        await ask('PUT', `${maps(ns)}/a?fieldValidation=Never`, odd),
        422,
        'Invalid',
        'UpdateOptions.meta.k8s.io "" is invalid: fieldValidation: Unsupported value: "Never": supported values: "", "Ignore", "Strict", "Warn"',
      );
    },
  },
  {
    says: 'an update names the version that it means, or none',
    run: async (ask, ns) => {
      const first = await ask('POST', maps(ns), configMap('a', { k: '1' }));
      const second = await ask('PUT', `${maps(ns)}/a`, configMap('a', { k: '2' }));
      assert.equal(second.code, 200);
      assert.notEqual(meta(second).resourceVersion, meta(first).resourceVersion);
      const stale = configMap('a', { k: '3' }, { resourceVersion: meta(first).resourceVersion });
      refused(
        await ask('PUT', `${maps(ns)}/a`, stale),
        409,
        'Conflict',
        'Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to the latest version and try again',
      );
      const other = configMap('a', { k: '3' }, { uid: '00000000-0000-4000-8000-000000000000' });
      refused(await ask('PUT', `${maps(ns)}/a`, other), 409, 'Conflict', /Precondition failed: UID in precondition/);
      assert.equal(meta(second).uid, meta(first).uid);
    },
  },
  {
    says: 'an update that changes nothing writes nothing',
    run: async (ask, ns) => {
      const first = await ask('POST', maps(ns), configMap('a', { k: '1' }));
      const again = await ask('PUT', `${maps(ns)}/a`, first.body);
      assert.equal(meta(again).resourceVersion, meta(first).resourceVersion);
      const patched = await ask('PATCH', `${maps(ns)}/a`, { data: { k: '1' } }, MERGE);
      assert.equal(meta(patched).resourceVersion, meta(first).resourceVersion);
    },
  },
  {
    says: 'each of the patches',
    run: async (ask, ns) => {
      await ask('POST', maps(ns), configMap('a', { k: '1', l: '2' }));
      assert.deepEqual(field(await ask('PATCH', `${maps(ns)}/a`, { data: { k: null, m: '3' } }, MERGE), 'data'), { l: '2', m: '3' });
      assert.deepEqual(field(await ask('PATCH', `${maps(ns)}/a`, [{ op: 'remove', path: '/data/l' }], JSON_PATCH), 'data'), { m: '3' });
      refused(await ask('PATCH', `${maps(ns)}/a`, [{ op: 'test', path: '/data/m', value: 'x' }], JSON_PATCH), 422, 'Invalid');
      refused(await ask('PATCH', `${maps(ns)}/a`, {}, 'text/plain'), 415, 'UnsupportedMediaType');
      refused(await ask('PATCH', `${maps(ns)}/nowhere`, {}, MERGE), 404, 'NotFound');
      const pods = `/api/v1/namespaces/${ns}/pods`;
      await ask('POST', pods, pod('p'));
      const named = await ask('PATCH', `${pods}/p`, { spec: { containers: [{ name: 'c', image: 'other' }] } }, STRATEGIC);
      assert.equal(field(named, 'spec.containers.0.image'), 'other');
      assert.equal(field(named, 'spec.containers.0.imagePullPolicy'), 'Always');
      const version = meta(named).resourceVersion;
      await ask('PATCH', `${pods}/p`, { metadata: { labels: { a: 'b' } } }, MERGE);
      refused(await ask('PATCH', `${pods}/p`, { metadata: { resourceVersion: version, labels: { a: 'c' } } }, MERGE), 409, 'Conflict');
    },
  },
  {
    says: 'apply creates, owns what it names, and conflicts with other owners',
    run: async (ask, ns) => {
      const path = `${maps(ns)}/a`;
      const made = await ask('PATCH', `${path}?fieldManager=one`, configMap('a', { k: '1' }), APPLY);
      assert.equal(made.code, 201);
      assert.equal(field(made, 'metadata.managedFields.0.manager'), 'one');
      refused(
        await ask('PATCH', `${path}?fieldManager=two`, configMap('a', { k: '2' }), APPLY),
        409,
        'Conflict',
        'Apply failed with 1 conflict: conflict with "one": .data.k',
      );
      const forced = await ask('PATCH', `${path}?fieldManager=two&force=true`, configMap('a', { k: '2' }), APPLY);
      assert.equal(forced.code, 200);
      assert.deepEqual(field(forced, 'data'), { k: '2' });
      refused(
        await ask('PATCH', path, configMap('a'), APPLY),
        422,
        'Invalid',
        'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
      );
    },
  },
  {
    says: 'a dry run shows what would be, and writes nothing',
    run: async (ask, ns) => {
      const dry = await ask('POST', `${maps(ns)}?dryRun=All`, configMap('a'));
      assert.equal(dry.code, 201);
      assert.equal(meta(dry).resourceVersion, undefined);
      assert.notEqual(meta(dry).uid, undefined);
      refused(await ask('GET', `${maps(ns)}/a`), 404, 'NotFound');
      const made = await ask('POST', maps(ns), configMap('a', { k: '1' }));
      const changed = await ask('PUT', `${maps(ns)}/a?dryRun=All`, configMap('a', { k: '2' }));
      assert.deepEqual(field(changed, 'data'), { k: '2' });
      assert.equal((await ask('DELETE', `${maps(ns)}/a?dryRun=All`)).code, 200);
      assert.deepEqual((await ask('GET', `${maps(ns)}/a`)).body, made.body);
      refused(await ask('POST', `${maps(ns)}?dryRun=Some`, configMap('b')), 422, 'Invalid', /dryRun: Unsupported value/);
    },
  },
  {
    says: 'deletion answers with a Status or the object, and checks what it is told to',
    run: async (ask, ns) => {
      const made = await ask('POST', maps(ns), configMap('a'));
      const wrong = { kind: 'DeleteOptions', apiVersion: 'v1', preconditions: { uid: 'x' } };
      refused(await ask('DELETE', `${maps(ns)}/a`, wrong), 409, 'Conflict', /Precondition failed: UID in precondition: x, UID in object meta:/);
      const gone = await ask('DELETE', `${maps(ns)}/a`, { kind: 'DeleteOptions', apiVersion: 'v1', preconditions: { uid: meta(made).uid } });
      assert.deepEqual(gone.body, {
        kind: 'Status',
        apiVersion: 'v1',
        metadata: {},
        status: 'Success',
        details: { name: 'a', kind: 'configmaps', uid: meta(made).uid },
      });
      const accounts = `/api/v1/namespaces/${ns}/serviceaccounts`;
      await ask('POST', accounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 's' } });
      assert.equal(field(await ask('DELETE', `${accounts}/s`), 'kind'), 'ServiceAccount');
    },
  },
  {
    says: 'finalizers hold an object until the last is taken away',
    run: async (ask, ns) => {
      await ask('POST', maps(ns), configMap('a', {}, { finalizers: ['example.com/hold'] }));
      const marked = await ask('DELETE', `${maps(ns)}/a`);
      assert.equal(field(marked, 'kind'), 'ConfigMap');
      assert.notEqual(meta(marked).deletionTimestamp, undefined);
      refused(await ask('POST', maps(ns), configMap('a')), 409, 'AlreadyExists', 'object is being deleted: configmaps "a" already exists');
      refused(
        await ask('PATCH', `${maps(ns)}/a`, { metadata: { finalizers: ['example.com/hold', 'example.com/more'] } }, MERGE),
        422,
        'Invalid',
        /no new finalizers can be added if the object is being deleted/,
      );
      assert.equal((await ask('PATCH', `${maps(ns)}/a`, { metadata: { finalizers: null } }, MERGE)).code, 200);
      refused(await ask('GET', `${maps(ns)}/a`), 404, 'NotFound');
    },
  },
  {
    says: 'dependents are orphaned or waited for by finalizers',
    run: async (ask, ns) => {
      for (const [policy, finalizer] of [
        ['Orphan', 'orphan'],
        ['Foreground', 'foregroundDeletion'],
      ]) {
        const name = String(policy).toLowerCase();
        await ask('POST', maps(ns), configMap(name));
        const marked = await ask('DELETE', `${maps(ns)}/${name}?propagationPolicy=${policy}`);
        assert.deepEqual(field(marked, 'metadata.finalizers'), [finalizer]);
      }
      await ask('POST', maps(ns), configMap('b'));
      assert.equal(field(await ask('DELETE', `${maps(ns)}/b?propagationPolicy=Background`), 'status'), 'Success');
      refused(await ask('DELETE', `${maps(ns)}/b?propagationPolicy=Perhaps`), 422, 'Invalid');
    },
  },
  {
    says: 'a pod on a node has its grace period, and it only gets shorter',
    run: async (ask, ns) => {
      const pods = `/api/v1/namespaces/${ns}/pods`;
      await ask('POST', pods, pod('p', { nodeName: 'n', terminationGracePeriodSeconds: 60 }));
      const marked = await ask('DELETE', `${pods}/p`);
      assert.equal(meta(marked).deletionGracePeriodSeconds, 60);
      assert.equal(meta(await ask('DELETE', `${pods}/p?gracePeriodSeconds=90`)).deletionGracePeriodSeconds, 60);
      assert.equal(meta(await ask('DELETE', `${pods}/p?gracePeriodSeconds=5`)).deletionGracePeriodSeconds, 5);
      assert.equal(field(await ask('DELETE', `${pods}/p?gracePeriodSeconds=0`), 'kind'), 'Pod');
      refused(await ask('GET', `${pods}/p`), 404, 'NotFound');
      await ask('POST', pods, pod('unscheduled'));
      await ask('DELETE', `${pods}/unscheduled`);
      refused(await ask('GET', `${pods}/unscheduled`), 404, 'NotFound');
    },
  },
  {
    says: 'status and spec are written by different paths',
    run: async (ask, ns) => {
      const path = `/apis/apps/v1/namespaces/${ns}/deployments`;
      const made = await ask('POST', path, deployment('d', 1));
      assert.equal(meta(made).generation, 1);
      const body = made.body as JsonObject;
      const status = await ask('PUT', `${path}/d/status`, { ...body, spec: { ...(body.spec as JsonObject), replicas: 9 }, status: { replicas: 4 } });
      assert.equal(field(status, 'status.replicas'), 4);
      assert.equal(field(status, 'spec.replicas'), 1);
      assert.equal(meta(status).generation, 1);
      const spec = await ask('PATCH', `${path}/d`, { spec: { replicas: 2 }, status: { replicas: 7 } }, MERGE);
      assert.equal(field(spec, 'status.replicas'), 4);
      assert.equal(meta(spec).generation, 2);
    },
  },
  {
    says: 'scale reads and writes the replicas alone',
    run: async (ask, ns) => {
      const path = `/apis/apps/v1/namespaces/${ns}/deployments`;
      await ask('POST', path, deployment('d', 2));
      const scale = await ask('GET', `${path}/d/scale`);
      assert.equal(field(scale, 'kind'), 'Scale');
      assert.equal(field(scale, 'spec.replicas'), 2);
      assert.equal(field(scale, 'status.selector'), 'app=d');
      const grown = await ask('PATCH', `${path}/d/scale`, { spec: { replicas: 5 } }, MERGE);
      assert.equal(field(grown, 'spec.replicas'), 5);
      assert.equal(field(await ask('GET', `${path}/d`), 'spec.replicas'), 5);
      refused(
        await ask('PATCH', `${path}/d/scale`, { spec: { replicas: -1 } }, MERGE),
        422,
        'Invalid',
        /^Scale.autoscaling "d" is invalid: spec.replicas: Invalid value: -1/,
      );
    },
  },
  {
    says: 'a pod is bound to a node once',
    run: async (ask, ns) => {
      const pods = `/api/v1/namespaces/${ns}/pods`;
      await ask('POST', pods, pod('p'));
      const binding = (node: string): Json => ({
        apiVersion: 'v1',
        kind: 'Binding',
        metadata: { name: 'p' },
        target: { apiVersion: 'v1', kind: 'Node', name: node },
      });
      assert.equal((await ask('POST', `${pods}/p/binding`, binding('n1'))).code, 201);
      refused(
        await ask('POST', `${pods}/p/binding`, binding('n2')),
        409,
        'Conflict',
        'Operation cannot be fulfilled on pods/binding "p": pod p is already assigned to node "n1"',
      );
      const bound = await ask('GET', `${pods}/p`);
      assert.equal(field(bound, 'spec.nodeName'), 'n1');
      assert.equal(field(bound, 'status.conditions.0.type'), 'PodScheduled');
    },
  },
  {
    says: 'lists select by labels, names and fields of the kind',
    run: async (ask, ns) => {
      const pods = `/api/v1/namespaces/${ns}/pods`;
      for (const [name, node] of [
        ['a', 'n1'],
        ['b', 'n2'],
        ['c', 'n1'],
      ] as const) {
        await ask('POST', pods, { ...pod(name, { nodeName: node }), metadata: { name, labels: { app: name, tier: 'x' } } });
      }
      const names = async (query: string): Promise<readonly unknown[]> => {
        const seen = await ask('GET', `${pods}?${query}`);
        assert.equal(seen.code, 200, String(field(seen, 'message')));
        return (field(seen, 'items') as JsonObject[]).map((item) => (item.metadata as JsonObject).name);
      };
      assert.deepEqual(await names(''), ['a', 'b', 'c']);
      assert.deepEqual(await names('labelSelector=app in (a,c)'), ['a', 'c']);
      assert.deepEqual(await names('labelSelector=app!=a,tier'), ['b', 'c']);
      assert.deepEqual(await names('fieldSelector=spec.nodeName=n1'), ['a', 'c']);
      assert.deepEqual(await names('fieldSelector=metadata.name=b'), ['b']);
      assert.deepEqual(await names('fieldSelector=status.phase!=Pending'), []);
      refused(await ask('GET', `${pods}?fieldSelector=spec.colour=x`), 400, 'BadRequest', /field label not supported: spec.colour$/);
      refused(await ask('GET', `${pods}?labelSelector=a=(b`), 400, 'BadRequest', /unable to parse requirement/);
    },
  },
  {
    says: 'a list in pages shows one version of everything',
    run: async (ask, ns) => {
      for (let i = 0; i < 7; i++) await ask('POST', maps(ns), configMap(`m${i}`));
      const first = await ask('GET', `${maps(ns)}?limit=3`);
      assert.equal((field(first, 'items') as Json[]).length, 3);
      assert.equal(meta(first).remainingItemCount, 4);
      await ask('DELETE', `${maps(ns)}/m4`);
      await ask('POST', maps(ns), configMap('m45'));
      const second = await ask('GET', `${maps(ns)}?limit=3&continue=${meta(first).continue}`);
      assert.deepEqual(
        (field(second, 'items') as JsonObject[]).map(({ metadata }) => (metadata as JsonObject).name),
        ['m3', 'm4', 'm5'],
      );
      assert.equal(meta(second).resourceVersion, meta(first).resourceVersion);
      const third = await ask('GET', `${maps(ns)}?limit=3&continue=${meta(second).continue}`);
      assert.deepEqual(
        (field(third, 'items') as JsonObject[]).map(({ metadata }) => (metadata as JsonObject).name),
        ['m6'],
      );
      assert.equal(meta(third).continue, undefined);
      refused(await ask('GET', `${maps(ns)}?limit=3&continue=rubbish`), 400, 'BadRequest', /^invalid continue token: continue key is not valid/);
      refused(
        await ask('GET', `${maps(ns)}?resourceVersionMatch=Exact`),
        422,
        'Invalid',
        /resourceVersionMatch is forbidden unless resourceVersion is provided/,
      );
      refused(
        await ask('GET', `${maps(ns)}?resourceVersion=999999999&resourceVersionMatch=NotOlderThan`),
        504,
        'Timeout',
        /^Timeout: Too large resource version: 999999999, current: \d+$/,
      );
    },
  },
  {
    says: 'a collection is deleted as selected',
    run: async (ask, ns) => {
      for (const name of ['a', 'b', 'c']) await ask('POST', maps(ns), configMap(name, {}, { labels: { keep: name === 'b' ? 'yes' : 'no' } }));
      const gone = await ask('DELETE', `${maps(ns)}?labelSelector=keep=no`);
      assert.equal((field(gone, 'items') as Json[]).length, 2);
      assert.deepEqual(
        (field(await ask('GET', maps(ns)), 'items') as JsonObject[]).map(({ metadata }) => (metadata as JsonObject).name),
        ['b'],
      );
    },
  },
  {
    says: 'services get an address and ports of their own, and give them back',
    run: async (ask, ns) => {
      const services = `/api/v1/namespaces/${ns}/services`;
      const service = (name: string, spec: JsonObject): Json => ({
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name },
        spec: { ports: [{ port: 80 }], ...spec },
      });
      const made = await ask('POST', services, service('a', { type: 'NodePort' }));
      const ip = String(field(made, 'spec.clusterIP'));
      const port = Number(field(made, 'spec.ports.0.nodePort'));
      assert.match(ip, /^10\.96\.0\.\d+$/);
      assert.ok(port >= 30000 && port <= 32767);
      refused(
        await ask('POST', services, service('b', { clusterIP: ip })),
        422,
        'Invalid',
        `Service "b" is invalid: spec.clusterIPs: Invalid value: ["${ip}"]: failed to allocate IP ${ip}: provided IP is already allocated`,
      );
      refused(
        await ask('POST', services, service('b', { type: 'NodePort', ports: [{ port: 80, nodePort: port }] })),
        422,
        'Invalid',
        /spec\.ports\[0\]\.nodePort: Invalid value: \d+: provided port is already allocated$/,
      );
      refused(
        await ask('POST', services, service('b', { clusterIP: '1.2.3.4' })),
        422,
        'Invalid',
        /is not in the valid range\. The range of valid IPs is 10\.96\.0\.0\/24$/,
      );
      const named = await ask('PATCH', `${services}/a`, { spec: { type: 'ExternalName', externalName: 'example.com' } }, MERGE);
      assert.equal(named.code, 200, String(field(named, 'message')));
      assert.equal((await ask('POST', services, service('b', { clusterIP: ip }))).code, 201);
      await ask('DELETE', `${services}/b`);
      assert.equal((await ask('GET', `/apis/networking.k8s.io/v1/ipaddresses/${ip}`)).code, 404);
    },
  },
  {
    says: 'both event groups show the same objects',
    run: async (ask, ns) => {
      const made = await ask('POST', `/api/v1/namespaces/${ns}/events`, {
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { name: 'e' },
        involvedObject: { kind: 'Pod', name: 'p', namespace: ns },
        reason: 'Started',
        message: 'said',
        type: 'Normal',
        count: 2,
        firstTimestamp: '2026-01-01T00:00:00Z',
        lastTimestamp: '2026-01-01T00:00:00Z',
      });
      assert.equal(made.code, 201, String(field(made, 'message')));
      const other = await ask('GET', `/apis/events.k8s.io/v1/namespaces/${ns}/events/e`);
      assert.equal(field(other, 'apiVersion'), 'events.k8s.io/v1');
      assert.equal(field(other, 'note'), 'said');
      assert.equal(field(other, 'regarding.name'), 'p');
      assert.equal(meta(other).resourceVersion, meta(made).resourceVersion);
      const listed = await ask('GET', `/apis/events.k8s.io/v1/namespaces/${ns}/events`);
      assert.equal(field(listed, 'items.0.note'), 'said');
      for (const [path, selector] of [
        ['/apis/events.k8s.io/v1', 'regarding.name'],
        ['/api/v1', 'involvedObject.name'],
      ]) {
        const found = await ask('GET', `${path}/namespaces/${ns}/events?fieldSelector=${selector}=p`);
        assert.equal((field(found, 'items') as Json[]).length, 1);
        const none = await ask('GET', `${path}/namespaces/${ns}/events?fieldSelector=${selector}=q`);
        assert.equal((field(none, 'items') as Json[]).length, 0);
      }
    },
  },
];
