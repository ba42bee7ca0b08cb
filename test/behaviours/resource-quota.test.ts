/** What a quota counts, gives back and refuses, with every scope: test/e2e/apimachinery/resource_quota.go. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Json, JsonObject } from '../../src/machinery/object.ts';
import { type Cluster, makeNamespace, meta, openCluster, POD_SPEC, statusOf } from './cluster.ts';

const MERGE = { contentType: 'application/merge-patch+json' };
const APPS = (ns: string): string => `/apis/apps/v1/namespaces/${ns}`;
const CORE = (ns: string): string => `/api/v1/namespaces/${ns}`;
const object = (apiVersion: string, kind: string, name: string, more: object = {}): JsonObject => ({ apiVersion, kind, metadata: { name }, ...more });
const pod = (name: string, resources: Json = {}, more: object = {}): JsonObject =>
  object('v1', 'Pod', name, { spec: { containers: [{ name: 'c', image: 'i', resources }], ...more } });
const TEMPLATE: JsonObject = { metadata: { labels: { a: 'b' } }, spec: POD_SPEC };

describe('a resource quota', { timeout: 60_000 }, () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await openCluster();
  });
  after(() => cluster[Symbol.asyncDispose]());

  /** A namespace with a quota whose status is worked out. */
  async function withQuota(ns: string, hard: Json, scopes: object = {}): Promise<void> {
    await makeNamespace(cluster, ns);
    await cluster.ask('POST', `${CORE(ns)}/resourcequotas`, object('v1', 'ResourceQuota', 'q', { spec: { hard, ...scopes } }));
    await cluster.settle();
  }
  const used = async (ns: string, name = 'q'): Promise<Record<string, Json>> => {
    await cluster.settle();
    return statusOf(await cluster.get(`${CORE(ns)}/resourcequotas/${name}`))['used'] as Record<string, Json>;
  };
  const make = (path: string, body: JsonObject) => cluster.ask('POST', path, body);

  it('shows what it allows, and what is used, soon after it is made', async () => {
    await withQuota('shown', { pods: '5', configmaps: '10' });
    const status = statusOf(await cluster.get(`${CORE('shown')}/resourcequotas/q`));
    assert.deepEqual(status, { hard: { configmaps: '10', pods: '5' }, used: { configmaps: '1', pods: '0' } });
  });

  const COUNTED: readonly (readonly [name: string, path: (ns: string) => string, body: JsonObject])[] = [
    ['configmaps', (ns) => `${CORE(ns)}/configmaps`, object('v1', 'ConfigMap', 'x')],
    ['secrets', (ns) => `${CORE(ns)}/secrets`, object('v1', 'Secret', 'x')],
    ['services', (ns) => `${CORE(ns)}/services`, object('v1', 'Service', 'x', { spec: { ports: [{ port: 80 }] } })],
    ['services.nodeports', (ns) => `${CORE(ns)}/services`, object('v1', 'Service', 'x', { spec: { type: 'NodePort', ports: [{ port: 80 }] } })],
    ['services.loadbalancers', (ns) => `${CORE(ns)}/services`, object('v1', 'Service', 'x', { spec: { type: 'LoadBalancer', ports: [{ port: 80 }] } })],
    [
      'replicationcontrollers',
      (ns) => `${CORE(ns)}/replicationcontrollers`,
      object('v1', 'ReplicationController', 'x', { spec: { replicas: 0, selector: { a: 'b' }, template: TEMPLATE } }),
    ],
    [
      'count/replicasets.apps',
      (ns) => `${APPS(ns)}/replicasets`,
      object('apps/v1', 'ReplicaSet', 'x', { spec: { replicas: 0, selector: { matchLabels: { a: 'b' } }, template: TEMPLATE } }),
    ],
    [
      'persistentvolumeclaims',
      (ns) => `${CORE(ns)}/persistentvolumeclaims`,
      object('v1', 'PersistentVolumeClaim', 'x', { spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } }),
    ],
    ['pods', (ns) => `${CORE(ns)}/pods`, pod('x')],
    ['count/pods', (ns) => `${CORE(ns)}/pods`, pod('x')],
  ];
  for (const [name, path, body] of COUNTED) {
    it(`counts ${name}, and gives back what is deleted`, async () => {
      const ns = `n-${name.replaceAll(/[./]/g, '-')}`;
      await withQuota(ns, { [name]: '3' });
      const before = Number((await used(ns))[name]);
      await make(path(ns), body);
      assert.equal(Number((await used(ns))[name]), before + 1);
      await cluster.ask('DELETE', `${path(ns)}/x`, { kind: 'DeleteOptions', apiVersion: 'v1', gracePeriodSeconds: 0, propagationPolicy: 'Background' });
      // A claim is let go of by its protection first.
      await cluster.settle(3);
      assert.equal(Number((await used(ns))[name]), before);
    });
  }

  it('gives back what a pod had that is stuck beyond its grace period, and counts it as an object still', async () => {
    await withQuota('stuck', { pods: '1', 'count/pods': '5' });
    await make(`${CORE('stuck')}/pods`, { ...pod('x'), metadata: { name: 'x', finalizers: ['example.com/stuck'] } });
    await cluster.ask('DELETE', `${CORE('stuck')}/pods/x`);
    await cluster.settle(2);
    assert.deepEqual(await used('stuck'), { 'count/pods': '1', pods: '0' });
    assert.equal((await make(`${CORE('stuck')}/pods`, pod('y'))).code, 201);
  });

  it('counts storage by class', async () => {
    const gold = 'gold.storageclass.storage.k8s.io';
    await withQuota('storage', { 'requests.storage': '20Gi', [`${gold}/requests.storage`]: '10Gi', [`${gold}/persistentvolumeclaims`]: '2' });
    const spec = { storageClassName: 'gold', accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
    await make(`${CORE('storage')}/persistentvolumeclaims`, object('v1', 'PersistentVolumeClaim', 'g', { spec }));
    await make(`${CORE('storage')}/persistentvolumeclaims`, object('v1', 'PersistentVolumeClaim', 'o', { spec: { ...spec, storageClassName: 'other' } }));
    assert.deepEqual(await used('storage'), { [`${gold}/persistentvolumeclaims`]: '1', [`${gold}/requests.storage`]: '1Gi', 'requests.storage': '2Gi' });
  });

  it('counts what pods ask for, extended resources too, and refuses what is too much', async () => {
    await withQuota('asked', { pods: '3', 'requests.cpu': '1', 'limits.memory': '1Gi', 'requests.example.com/dongle': '2' });
    const dongles = (n: string): Json => ({
      requests: { cpu: '500m', 'example.com/dongle': n },
      limits: { cpu: '500m', memory: '252Mi', 'example.com/dongle': n },
    });
    await make(`${CORE('asked')}/pods`, pod('fits', dongles('2')));
    assert.deepEqual(await used('asked'), { 'limits.memory': '252Mi', pods: '1', 'requests.cpu': '500m', 'requests.example.com/dongle': '2' });
    const refused = await cluster.refusal('POST', `${CORE('asked')}/pods`, pod('more', dongles('1')));
    assert.deepEqual([refused.code, refused.reason], [403, 'Forbidden']);
    assert.equal(
      refused.message,
      'pods "more" is forbidden: exceeded quota: q, requested: requests.example.com/dongle=1, used: requests.example.com/dongle=2, limited: requests.example.com/dongle=2',
    );
    const silent = await cluster.refusal('POST', `${CORE('asked')}/pods`, pod('silent'));
    assert.equal(silent.message, 'pods "silent" is forbidden: failed quota: q: must specify limits.memory for: c; requests.cpu for: c');
    await cluster.ask('DELETE', `${CORE('asked')}/pods/fits`, { kind: 'DeleteOptions', apiVersion: 'v1', gracePeriodSeconds: 0 });
    assert.equal((await used('asked'))['pods'], '0');
  });

  it('does not let a change make a pod ask for more than is left', async () => {
    await withQuota('ports', { 'services.nodeports': '1' });
    const service = (name: string, type: string): JsonObject => object('v1', 'Service', name, { spec: { type, ports: [{ port: 80 }] } });
    await make(`${CORE('ports')}/services`, service('a', 'NodePort'));
    await make(`${CORE('ports')}/services`, service('b', 'ClusterIP'));
    const refused = await cluster.refusal('PATCH', `${CORE('ports')}/services/b`, { spec: { type: 'NodePort' } }, MERGE);
    assert.match(refused.message, /exceeded quota: q, requested: services\.nodeports=1, used: services\.nodeports=1, limited: services\.nodeports=1$/);
  });

  const QUALITY: readonly (readonly [scope: string, counted: JsonObject, other: JsonObject])[] = [
    ['BestEffort', pod('yes'), pod('no', { requests: { cpu: '1' } })],
    ['NotBestEffort', pod('yes', { requests: { cpu: '1' } }), pod('no')],
    ['Terminating', pod('yes', {}, { activeDeadlineSeconds: 3600 }), pod('no')],
    ['NotTerminating', pod('yes'), pod('no', {}, { activeDeadlineSeconds: 3600 })],
    [
      'CrossNamespacePodAffinity',
      pod('yes', {}, { affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'zone', namespaceSelector: {} }] } } }),
      pod('no'),
    ],
  ];
  for (const [scope, counted, other] of QUALITY) {
    it(`with the scope ${scope} counts only such pods`, async () => {
      const ns = `s-${scope.toLowerCase()}`;
      await withQuota(ns, { pods: '5' }, { scopes: [scope] });
      await make(`${CORE(ns)}/pods`, counted);
      await make(`${CORE(ns)}/pods`, other);
      assert.deepEqual(await used(ns), { pods: '1' });
    });
  }

  const CLASSES: readonly (readonly [says: string, selector: JsonObject, inside: readonly string[]])[] = [
    ['one of them', { operator: 'In', values: ['high'] }, ['high']],
    ['none of them', { operator: 'NotIn', values: ['high'] }, ['low']],
    ['any', { operator: 'Exists' }, ['high', 'low']],
  ];
  for (const [at, [says, selector, inside]] of CLASSES.entries()) {
    it(`by priority class: ${says}`, async () => {
      if (at === 0) {
        for (const [name, value] of [
          ['high', 1000],
          ['low', 10],
        ] as const)
          await make('/apis/scheduling.k8s.io/v1/priorityclasses', object('scheduling.k8s.io/v1', 'PriorityClass', name, { value }));
      }
      const ns = `p-${at}`;
      await withQuota(ns, { pods: '5' }, { scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', ...selector }] } });
      for (const priorityClassName of ['high', 'low']) await make(`${CORE(ns)}/pods`, pod(`x-${priorityClassName}`, {}, { priorityClassName }));
      assert.deepEqual(await used(ns), { pods: String(inside.length) });
    });
  }

  it('takes only what its scopes can count', async () => {
    await makeNamespace(cluster, 'scopes');
    const quota = (spec: JsonObject): JsonObject => object('v1', 'ResourceQuota', 'bad', { spec });
    const refused = await cluster.refusal('POST', `${CORE('scopes')}/resourcequotas`, quota({ hard: { 'requests.cpu': '1' }, scopes: ['BestEffort'] }));
    assert.equal(refused.code, 422);
    assert.match(refused.message, /unsupported scope applied to resource/);
    const both = await cluster.refusal('POST', `${CORE('scopes')}/resourcequotas`, quota({ hard: { pods: '1' }, scopes: ['BestEffort', 'NotBestEffort'] }));
    assert.match(both.message, /conflicting scopes/);
  });

  it('is updated, listed, deleted as a collection; its status is changed on its own', async () => {
    await withQuota('life', { cpu: '1', memory: '500Mi' });
    await cluster.ask('PATCH', `${CORE('life')}/resourcequotas/q`, { metadata: { labels: { life: 'yes' } }, spec: { hard: { memory: '750Mi' } } }, MERGE);
    await cluster.ask('PATCH', `${CORE('life')}/resourcequotas/q/status`, { status: { hard: { memory: '900Mi' } }, spec: { hard: { memory: '1Mi' } } }, MERGE);
    const changed = await cluster.get(`${CORE('life')}/resourcequotas/q`);
    assert.deepEqual(
      [(changed['spec'] as JsonObject)['hard'], statusOf(changed)['hard']],
      [
        { cpu: '1', memory: '750Mi' },
        { cpu: '1', memory: '900Mi' },
      ],
    );
    // The controller puts back what the spec says.
    await cluster.settle(3);
    assert.deepEqual(statusOf(await cluster.get(`${CORE('life')}/resourcequotas/q`))['hard'], { cpu: '1', memory: '750Mi' });
    assert.equal((await cluster.items('/api/v1/resourcequotas?labelSelector=life%3Dyes')).length, 1);
    await cluster.ask('DELETE', `${CORE('life')}/resourcequotas?labelSelector=life%3Dyes`);
    assert.deepEqual(await cluster.items(`${CORE('life')}/resourcequotas`), []);
    assert.equal(meta(changed)['name'], 'q');
  });
});
