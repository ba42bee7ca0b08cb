import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { builtinFacts } from '../api/facts.ts';
import { builtinKinds } from '../api/registry.ts';
import { silentLog } from '../base/log.ts';
import type { Keys } from '../base/keys.ts';
import { SeededRandom } from '../base/random.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import type { ApiRequest, UserInfo } from '../machinery/exchange.ts';
import type { JsonObject } from '../machinery/object.ts';
import { StatusError } from '../machinery/status-error.ts';
import { openMemoryStore } from '../store/memory.ts';
import { defaultStoreSettings } from '../store/settings.ts';
import { bootstrap, Writer } from './bootstrap/bootstrap.ts';
import { followFlowControl } from './bootstrap/flow-control.ts';
import { ADMIN, nodeIdentity } from './bootstrap/identities.ts';
import type { Projection } from './codec/projection.ts';
import { versionInfo } from './health/version.ts';
import { type ApiServer, createApiServer, createRegistry } from './server.ts';
import type { Stages } from './stages.ts';
import { standardStages } from './standard-stages.ts';

const mac = (data: Uint8Array): Uint8Array => createHmac('sha256', 'key').update(data).digest();
const keys: Keys = {
  digest: (data) => createHash('sha256').update(data).digest(),
  secret: (length) => new Uint8Array(length),
  signing: { algorithm: 'HS256', keyId: 'k' },
  sign: mac,
  verify: (id, data, signature) => id === 'k' && Buffer.from(mac(data)).equals(signature),
};
const addresses = { serviceIp: '10.96.0.1', serviceCidr: '10.96.0.0/16', advertiseIp: '192.168.1.2', port: 6443 };
const ann: UserInfo = { name: 'ann', groups: ['system:authenticated'] };

describe('the server with everything around it', () => {
  let api: ApiServer;
  let stages: Stages & Disposable;
  let ready = false;

  const ask = async (user: UserInfo, method: ApiRequest['method'], path: string, body?: JsonObject): Promise<JsonObject> =>
    (
      await api.handler.request({
        method,
        path,
        query: [],
        contentType: method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
        body,
        user,
        userAgent: 'test/1',
      })
    ).body;
  const refusal = async (user: UserInfo, method: ApiRequest['method'], path: string, body?: JsonObject): Promise<string | undefined> => {
    try {
      await ask(user, method, path, body);
      return undefined;
    } catch (thrown) {
      if (thrown instanceof StatusError) return `${thrown.code} ${thrown.message}`;
      throw thrown;
    }
  };
  const flowControl = async (): Promise<readonly JsonObject[]> => {
    const lists = await Promise.all(
      ['flowschemas', 'prioritylevelconfigurations'].map((resource) => ask(ADMIN, 'GET', `/apis/flowcontrol.apiserver.k8s.io/v1/${resource}`)),
    );
    return lists.flatMap(({ items }) => items as readonly JsonObject[]);
  };
  const start = (): Promise<void> => bootstrap({ handler: api.handler, reader: api.reader, addresses, caPem: 'CA', kinds: api.registry.kinds() });

  before(async () => {
    const clock = new VirtualClock();
    const random = new SeededRandom(1);
    const registry = createRegistry(builtinKinds().filter(({ servedByDefault }) => servedByDefault));
    const store = openMemoryStore<Projection>({ clock, settings: defaultStoreSettings });
    api = createApiServer({
      store,
      registry,
      facts: builtinFacts,
      clock,
      random,
      log: silentLog,
      services: { cidr: addresses.serviceCidr },
      yieldToLoop: () => Promise.resolve(),
      stages: (reader) => {
        stages = standardStages({
          reader,
          served: registry,
          clock,
          random,
          keys,
          serverAddress: () => '192.168.1.2:6443',
          version: versionInfo('0', { version: 'v26', os: 'linux', arch: 'x64' }),
          checks: [{ name: 'bootstrap', only: 'ready', check: () => (ready ? undefined : 'not yet') }],
        });
        return stages;
      },
    });
    assert.match((await refusal(ADMIN, 'GET', '/readyz')) ?? '', /^500 .*\[-\]bootstrap failed/s);
    await start();
    ready = true;
  });

  after(async () => {
    stages[Symbol.dispose]();
    await api[Symbol.asyncDispose]();
  });

  const names = async (path: string): Promise<readonly string[]> =>
    ((await ask(ADMIN, 'GET', path))['items'] as unknown as { metadata: { name: string } }[]).map(({ metadata }) => metadata.name);

  test('what every cluster has', async () => {
    assert.deepEqual(await names('/api/v1/namespaces'), ['default', 'kube-node-lease', 'kube-public', 'kube-system']);
    assert.deepEqual(await names('/apis/scheduling.k8s.io/v1/priorityclasses'), ['system-cluster-critical', 'system-node-critical']);
    const service = (await ask(ADMIN, 'GET', '/api/v1/namespaces/default/services/kubernetes')) as { spec?: { clusterIP: string } };
    assert.equal(service.spec?.clusterIP, '10.96.0.1');
    assert.ok((await names('/apis/rbac.authorization.k8s.io/v1/clusterroles')).length > 60);
  });

  test('every version that is served has its APIService, as available as the server', async () => {
    const { items } = (await ask(ADMIN, 'GET', '/apis/apiregistration.k8s.io/v1/apiservices')) as unknown as {
      readonly items: readonly {
        readonly metadata: { readonly name: string; readonly labels: JsonObject };
        readonly spec: JsonObject;
        readonly status: { readonly conditions: readonly JsonObject[] };
      }[];
    };
    const all = items.map(({ metadata }) => metadata.name);
    for (const name of ['v1.', 'v1.apps', 'v2.autoscaling', 'v1.events.k8s.io', 'v1.resource.k8s.io']) assert.ok(all.includes(name), name);
    assert.ok(!all.includes('v1.apiregistration.k8s.io'), 'the aggregator itself is not aggregated');
    const apps = items.find(({ metadata }) => metadata.name === 'v1.apps');
    assert.deepEqual(apps?.spec, { group: 'apps', version: 'v1', groupPriorityMinimum: 17800, versionPriority: 15 });
    assert.deepEqual(apps.metadata.labels, { 'kube-aggregator.kubernetes.io/automanaged': 'onstart' });
    for (const { status } of items) {
      const { lastTransitionTime: _at, ...condition } = status.conditions[0] ?? {};
      assert.deepEqual(condition, { type: 'Available', status: 'True', reason: 'Local', message: 'Local APIServices are always available' });
    }
  });

  test('full rights that an earlier version gave to all controllers are taken back; a role of that name that people made stays', async () => {
    const at = '/apis/rbac.authorization.k8s.io/v1';
    const role = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:berth-controllers' };
    const labels = { 'kubernetes.io/bootstrapping': 'rbac-defaults' };
    const rules = [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }];
    await ask(ADMIN, 'POST', `${at}/clusterroles`, { metadata: { name: role.name, labels }, rules });
    await ask(ADMIN, 'POST', `${at}/clusterrolebindings`, { metadata: { name: role.name, labels }, roleRef: role, subjects: [] });
    await ask(ADMIN, 'POST', `${at}/clusterroles`, { metadata: { name: 'system:berth-storage' }, rules });
    await start();
    assert.deepEqual(
      (await names(`${at}/clusterroles`)).filter((name) => name.startsWith('system:berth-')),
      ['system:berth-storage'],
    );
    assert.equal((await names(`${at}/clusterrolebindings`)).includes(role.name), false);
  });

  test('a second start writes nothing, and puts right what was taken away', async () => {
    const version = async (): Promise<unknown> =>
      ((await ask(ADMIN, 'GET', '/apis/rbac.authorization.k8s.io/v1/clusterroles'))['metadata'] as JsonObject)['resourceVersion'];
    const before = await version();
    await start();
    assert.equal(await version(), before);
    const role = '/apis/rbac.authorization.k8s.io/v1/clusterroles/system:basic-user';
    await ask(ADMIN, 'PATCH', role, { rules: [{ verbs: ['get'], apiGroups: ['mine'], resources: ['x'] }] });
    await start();
    const { rules } = (await ask(ADMIN, 'GET', role)) as unknown as { rules: { apiGroups: string[] }[] };
    assert.deepEqual(
      rules.map(({ apiGroups }) => apiGroups[0]),
      ['mine', 'authorization.k8s.io', 'authentication.k8s.io'],
    );
  });

  test('rights follow roles and bindings at once', async () => {
    const path = '/api/v1/namespaces/default/pods';
    assert.equal(await refusal(ann, 'GET', path), '403 pods is forbidden: User "ann" cannot list resource "pods" in API group "" in the namespace "default"');
    const binding = {
      metadata: { name: 'ann' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
      subjects: [{ kind: 'User', name: 'ann' }],
    };
    await ask(ADMIN, 'POST', '/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings', binding);
    assert.equal(await refusal(ann, 'GET', path), undefined);
    assert.match((await refusal(ann, 'GET', '/api/v1/pods')) ?? '', /^403 .* at the cluster scope$/);
    await ask(ADMIN, 'DELETE', '/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings/ann');
    assert.match((await refusal(ann, 'GET', path)) ?? '', /^403/);
  });

  test('a token is good until its account goes', async () => {
    await ask(ADMIN, 'POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'robot' } });
    const { status } = (await ask(ADMIN, 'POST', '/api/v1/namespaces/default/serviceaccounts/robot/token', { spec: {} })) as unknown as {
      status: { token: string };
    };
    const user = await stages.authenticate({ bearerToken: status.token });
    assert.equal(user?.name, 'system:serviceaccount:default:robot');
    const review = (await ask(ADMIN, 'POST', '/apis/authentication.k8s.io/v1/tokenreviews', { spec: { token: status.token } })) as unknown as {
      metadata: JsonObject;
      status: { authenticated: boolean };
    };
    assert.deepEqual([review.metadata, review.status.authenticated], [{}, true]);
    await ask(ADMIN, 'DELETE', '/api/v1/namespaces/default/serviceaccounts/robot');
    assert.equal(await stages.authenticate({ bearerToken: status.token }), undefined);
  });

  test('a token in a Secret is good as long as the Secret holds it', async () => {
    const path = '/api/v1/namespaces/default/secrets';
    await ask(ADMIN, 'POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'outside' } });
    const secret = {
      metadata: { name: 'outside', annotations: { 'kubernetes.io/service-account.name': 'outside' } },
      type: 'kubernetes.io/service-account-token',
    };
    const { data } = (await ask(ADMIN, 'POST', path, secret)) as unknown as { data: Record<string, string> };
    assert.deepEqual(Object.keys(data).sort(), ['ca.crt', 'namespace', 'token']);
    const token = Buffer.from(data['token'] ?? '', 'base64').toString();
    assert.equal((await stages.authenticate({ bearerToken: token }))?.name, 'system:serviceaccount:default:outside');
    await ask(ADMIN, 'DELETE', `${path}/outside`);
    assert.equal(await stages.authenticate({ bearerToken: token }), undefined);
  });

  test('can I?', async () => {
    const can = async (user: UserInfo, verb: string, resource: string): Promise<unknown> =>
      (
        (
          await ask(user, 'POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
            spec: { resourceAttributes: { verb, resource, namespace: 'default' } },
          })
        )['status'] as JsonObject
      )['allowed'];
    assert.deepEqual([await can(ADMIN, 'delete', 'pods'), await can(ann, 'delete', 'pods')], [true, false]);
  });

  test('no number of concurrent creates gets past a quota', async () => {
    await ask(ADMIN, 'POST', '/api/v1/namespaces', { metadata: { name: 'tight' } });
    const quota = await ask(ADMIN, 'POST', '/api/v1/namespaces/tight/resourcequotas', { metadata: { name: 'q' }, spec: { hard: { 'count/configmaps': '7' } } });
    await ask(ADMIN, 'PUT', '/api/v1/namespaces/tight/resourcequotas/q/status', {
      ...quota,
      status: { hard: { 'count/configmaps': '7' }, used: { 'count/configmaps': '0' } },
    });
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, at) => refusal(ADMIN, 'POST', '/api/v1/namespaces/tight/configmaps', { metadata: { name: `c${at}` } })),
    );
    assert.equal(answers.filter((answer) => answer === undefined).length, 7);
    assert.equal((await names('/api/v1/namespaces/tight/configmaps')).length, 7);
    const after = (await ask(ADMIN, 'GET', '/api/v1/namespaces/tight/resourcequotas/q')) as unknown as { status: { used: JsonObject } };
    assert.deepEqual(after.status.used, { 'count/configmaps': '7' });
    assert.match(
      answers.find((answer) => answer !== undefined) ?? '',
      /^403 configmaps "c\d+" is forbidden: exceeded quota: q, requested: count\/configmaps=1, used: count\/configmaps=7, limited: count\/configmaps=7$/,
    );
  });

  test('a node registers itself and nobody else', async () => {
    const n1 = nodeIdentity('n1');
    assert.equal(await refusal(n1, 'POST', '/api/v1/nodes', { metadata: { name: 'n1' } }), undefined);
    assert.match((await refusal(n1, 'POST', '/api/v1/nodes', { metadata: { name: 'n2' } })) ?? '', /^403 .*node "n1" is not allowed to modify node "n2"$/);
    const { spec } = (await ask(n1, 'GET', '/api/v1/nodes/n1')) as unknown as { spec: { taints: unknown } };
    assert.deepEqual(spec.taints, [{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }]);
    assert.match((await refusal(n1, 'GET', '/api/v1/nodes')) ?? '', /^403/);
  });

  test('a pod carries the zone of its node', async () => {
    await ask(ADMIN, 'POST', '/api/v1/nodes', { metadata: { name: 'zoned', labels: { 'topology.kubernetes.io/zone': 'a' } } });
    await ask(ADMIN, 'POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } });
    await ask(ADMIN, 'POST', '/api/v1/namespaces/default/pods', { metadata: { name: 'web' }, spec: { containers: [{ name: 'a', image: 'x' }] } });
    await ask(ADMIN, 'POST', '/api/v1/namespaces/default/pods/web/binding', { metadata: { name: 'web' }, target: { kind: 'Node', name: 'zoned' } });
    const { metadata } = (await ask(ADMIN, 'GET', '/api/v1/namespaces/default/pods/web')) as unknown as { metadata: { labels?: object } };
    assert.deepEqual(metadata.labels, { 'topology.kubernetes.io/zone': 'a' });
  });

  test('priority and fairness: the default objects are there, put back at a start, and otherwise left alone', async () => {
    const all = await flowControl();
    assert.equal(all.length, 13 + 8);
    const schemas = all.slice(0, 13) as unknown as readonly { status: { conditions: readonly { type: string; status: string }[] } }[];
    assert.deepEqual(
      new Set(schemas.map(({ status }) => status.conditions.map(({ type, status }) => `${type} ${status}`).join())),
      new Set(['Dangling False']),
    );
    await start();
    assert.deepEqual(await flowControl(), all, 'a second start writes nothing');
    const at = '/apis/flowcontrol.apiserver.k8s.io/v1/prioritylevelconfigurations';
    const shares = async (name: string): Promise<unknown> =>
      ((await ask(ADMIN, 'GET', `${at}/${name}`)) as unknown as { spec: { limited: { nominalConcurrencyShares: number } } }).spec.limited
        .nominalConcurrencyShares;
    for (const name of ['system', 'workload-low']) await ask(ADMIN, 'PATCH', `${at}/${name}`, { spec: { limited: { nominalConcurrencyShares: 1 } } });
    await ask(ADMIN, 'PATCH', `${at}/workload-low`, { metadata: { annotations: { 'apf.kubernetes.io/autoupdate-spec': 'false' } } });
    await start();
    assert.deepEqual([await shares('system'), await shares('workload-low')], [30, 1]);
  });

  test('a flow schema says whether its level is missing', async () => {
    const group = '/apis/flowcontrol.apiserver.k8s.io/v1';
    using _ = followFlowControl(new Writer(api.handler, api.reader), api.reader, silentLog);
    const said = async (): Promise<unknown> => {
      await new Promise((resolve) => setImmediate(resolve));
      const { status } = (await ask(ADMIN, 'GET', `${group}/flowschemas/mine`)) as unknown as {
        status: { conditions?: readonly { status: string; reason: string }[] };
      };
      return status.conditions?.map(({ status: is, reason }) => `${is} ${reason}`);
    };
    await ask(ADMIN, 'POST', `${group}/flowschemas`, { metadata: { name: 'mine' }, spec: { priorityLevelConfiguration: { name: 'mine' } } });
    assert.deepEqual(await said(), ['True NotFound']);
    await ask(ADMIN, 'POST', `${group}/prioritylevelconfigurations`, {
      metadata: { name: 'mine' },
      spec: { type: 'Limited', limited: { limitResponse: { type: 'Reject' } } },
    });
    assert.deepEqual(await said(), ['False Found']);
    await ask(ADMIN, 'DELETE', `${group}/prioritylevelconfigurations/mine`);
    assert.deepEqual(await said(), ['True NotFound']);
  });

  test('the default objects of priority and fairness come back at once; what is left to people stays theirs', async () => {
    const group = '/apis/flowcontrol.apiserver.k8s.io/v1';
    using _ = followFlowControl(new Writer(api.handler, api.reader), api.reader, silentLog);
    const settled = () => new Promise((resolve) => setImmediate(resolve));
    await ask(ADMIN, 'DELETE', `${group}/flowschemas/exempt`);
    await ask(ADMIN, 'DELETE', `${group}/prioritylevelconfigurations/catch-all`);
    await settled();
    assert.ok((await names(`${group}/flowschemas`)).includes('exempt'));
    assert.ok((await names(`${group}/prioritylevelconfigurations`)).includes('catch-all'));
    const precedence = async (name: string): Promise<unknown> =>
      ((await ask(ADMIN, 'GET', `${group}/flowschemas/${name}`)) as unknown as { spec: { matchingPrecedence: number } }).spec.matchingPrecedence;
    const change = (name: string, autoupdate: string) =>
      ask(ADMIN, 'PATCH', `${group}/flowschemas/${name}`, {
        metadata: { annotations: { 'apf.kubernetes.io/autoupdate-spec': autoupdate } },
        spec: { matchingPrecedence: 7777 },
      });
    await assert.rejects(change('catch-all', 'false'), /spec of 'catch-all' must equal the fixed value/);
    const exempt = `${group}/prioritylevelconfigurations/exempt`;
    await ask(ADMIN, 'PATCH', exempt, { spec: { exempt: { nominalConcurrencyShares: 7 } } });
    await change('global-default', 'true');
    await change('service-accounts', 'false');
    await settled();
    assert.deepEqual([await precedence('catch-all'), await precedence('global-default'), await precedence('service-accounts')], [10000, 9900, 7777]);
    const { spec } = (await ask(ADMIN, 'GET', exempt)) as unknown as { spec: { exempt: { nominalConcurrencyShares: number } } };
    assert.equal(spec.exempt.nominalConcurrencyShares, 7);
  });

  test('figures under the names that Kubernetes has for them', async () => {
    await refusal(ADMIN, 'GET', '/readyz');
    await assert.rejects(ask(ann, 'POST', '/api/v1/namespaces/default/pods', { metadata: { name: 'x' }, spec: { containers: [] } }));
    await assert.rejects(ask(ADMIN, 'POST', '/api/v1/namespaces/nowhere/configmaps', { metadata: { name: 'x' } }));
    const metrics = stages.routes.find(({ path }) => path === '/metrics');
    const answer = await metrics?.handle({
      method: 'GET',
      path: '/metrics',
      query: [],
      headers: {},
      user: ADMIN,
      signal: undefined,
      body: () => new Uint8Array(),
    });
    const text = String(answer?.body);
    for (const line of [
      /^kubernetes_build_info\{major="1",minor="36",git_version="v1\.36\.0\+berth-0",.*\} 1$/m,
      /^kubernetes_healthcheck\{name="ping",type="readyz"\} 1$/m,
      /^kubernetes_healthchecks_total\{name="bootstrap",type="readyz",status="error"\} 1$/m,
      /^authorization_attempts_total\{result="allowed"\} \d+$/m,
      /^authorization_attempts_total\{result="no-opinion"\} \d+$/m,
      /^apiserver_admission_controller_admission_duration_seconds_count\{name="NamespaceLifecycle",operation="CREATE",rejected="true",type="admit"\} \d+$/m,
      /^apiserver_admission_controller_admission_duration_seconds_bucket\{name="ResourceQuota",operation="CREATE",rejected="false",type="validate",le="\+Inf"\} \d+$/m,
      /^apiserver_admission_step_admission_duration_seconds_count\{operation="CREATE",rejected="true",type="admit"\} [1-9]\d*$/m,
      /^apiserver_admission_step_admission_duration_seconds_bucket\{operation="CREATE",rejected="false",type="validate",le="\+Inf"\} [1-9]\d*$/m,
    ])
      assert.match(text, line);
  });

  test('what people see of the server', async () => {
    assert.equal((await ask(ann, 'GET', '/version'))['minor'], '36');
    assert.match(
      (await refusal({ name: 'system:anonymous', groups: ['system:unauthenticated'] }, 'GET', '/apis')) ?? '',
      /^403 forbidden: User "system:anonymous" cannot get path "\/apis"$/,
    );
    assert.equal(((await ask(ann, 'GET', '/apis'))['groups'] as unknown[]).length > 15, true);
  });
});
