/** Who owns which field when versions of one kind name them differently: each manager keeps the names of its own version. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json, JsonObject, ManagedFieldsEntry } from '../../machinery/object.ts';
import { VirtualClock } from '../../base/virtual-clock.ts';
import type { StatusError } from '../../machinery/status-error.ts';
import { startTestServer, type TestServer } from '../testing.ts';

const apply = (fieldManager: string, force = false) => ({
  contentType: 'application/apply-patch+yaml',
  query: [['fieldManager', fieldManager] as const, ...(force ? [['force', 'true'] as const] : [])],
});
const as = (fieldManager: string) => ({ query: [['fieldManager', fieldManager] as const] });
const MERGE = { contentType: 'application/merge-patch+json' };

/** `manager apiVersion` → fields. */
function ownersOf(object: JsonObject): Record<string, Json> {
  const { managedFields = [] } = object.metadata as unknown as { readonly managedFields?: readonly ManagedFieldsEntry[] };
  return Object.fromEntries(managedFields.map(({ manager, apiVersion, fieldsV1 }) => [`${manager} ${apiVersion}`, fieldsV1 as Json]));
}

const V1 = '/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers';
const V2 = '/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers';
const TARGET = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' };
/** One value in v1, three in v2. */
const TARGET_FIELDS = { 'f:apiVersion': {}, 'f:kind': {}, 'f:name': {} };
const v1 = (percent: number): JsonObject => ({
  apiVersion: 'autoscaling/v1',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name: 'web' },
  spec: { maxReplicas: 3, scaleTargetRef: TARGET, targetCPUUtilizationPercentage: percent },
});
const cpu = (percent: number): Json => ({ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: percent } } });
const v2 = (metrics: readonly Json[], more: JsonObject = {}): JsonObject => ({
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name: 'web' },
  spec: { ...more, maxReplicas: 3, scaleTargetRef: TARGET, metrics },
});

async function withServer(run: (server: TestServer) => Promise<void>): Promise<void> {
  await using server = startTestServer();
  await run(server);
}

test('a write in one version leaves the owners in the other alone', () =>
  withServer(async (server) => {
    await server.ask('PATCH', `${V1}/web`, v1(70), apply('old'));
    const { body } = await server.ask('PATCH', `${V2}/web`, { spec: { minReplicas: 2 } }, { ...MERGE, ...as('new') });
    assert.deepEqual(ownersOf(body), {
      'old autoscaling/v1': { 'f:spec': { 'f:maxReplicas': {}, 'f:scaleTargetRef': {}, 'f:targetCPUUtilizationPercentage': {} } },
      'new autoscaling/v2': { 'f:spec': { 'f:minReplicas': {} } },
    });
  }));

test('who changes the metric in v2 takes the percentage from who set it in v1', () =>
  withServer(async (server) => {
    await server.ask('PATCH', `${V1}/web`, v1(70), apply('old'));
    const { body } = await server.ask('PATCH', `${V2}/web`, { spec: { metrics: [cpu(50)] } }, { ...MERGE, ...as('new') });
    assert.deepEqual(ownersOf(body), {
      'old autoscaling/v1': { 'f:spec': { 'f:maxReplicas': {}, 'f:scaleTargetRef': {} } },
      'new autoscaling/v2': { 'f:spec': { 'f:metrics': {} } },
    });
  }));

test('a conflict names the field as its owner names it', () =>
  withServer(async (server) => {
    await server.ask('PATCH', `${V1}/web`, v1(70), apply('old'));
    const { code, message } = await server.refusal('PATCH', `${V2}/web`, v2([cpu(50)]), apply('new'));
    assert.deepEqual([code, message], [409, 'Apply failed with 1 conflict: conflict with "old": .spec.targetCPUUtilizationPercentage']);
    await server.ask('PATCH', `${V2}/web`, v2([cpu(50)]), apply('new', true));
    const updated = await server.ask('PATCH', `${V2}/web`, { spec: { maxReplicas: 4 } }, { ...MERGE, ...as('third') });
    const refused = await server.refusal('PATCH', `${V1}/web`, v1(50), apply('old'));
    assert.equal(refused.message, 'Apply failed with 1 conflict: conflict with "third" using autoscaling/v2: .spec.maxReplicas');
    assert.deepEqual(ownersOf(updated.body), {
      'old autoscaling/v1': { 'f:spec': { 'f:scaleTargetRef': {} } },
      'new autoscaling/v2': { 'f:spec': { 'f:metrics': {}, 'f:scaleTargetRef': TARGET_FIELDS } },
      'third autoscaling/v2': { 'f:spec': { 'f:maxReplicas': {} } },
    });
  }));

test('an applier that changes its version gives up what it names no more', () =>
  withServer(async (server) => {
    await server.ask('PATCH', `${V1}/web`, v1(70), apply('me'));
    const { body } = await server.ask(
      'PATCH',
      `${V2}/web`,
      { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', metadata: { name: 'web' }, spec: { maxReplicas: 3, scaleTargetRef: TARGET } },
      apply('me'),
    );
    assert.deepEqual(ownersOf(body), { 'me autoscaling/v2': { 'f:spec': { 'f:maxReplicas': {}, 'f:scaleTargetRef': TARGET_FIELDS } } });
    assert.deepEqual((body.spec as JsonObject).metrics, [cpu(80)], 'the default target stands where none is named');
  }));

test('what another owns under another name stays when an applier lets go of it', () =>
  withServer(async (server) => {
    await server.ask('PATCH', `${V1}/web`, v1(70), apply('old'));
    await server.ask('PATCH', `${V2}/web`, v2([cpu(70)]), apply('new'));
    const { body } = await server.ask('PATCH', `${V2}/web`, v2([], {}), apply('new', true));
    assert.deepEqual(ownersOf(body)['new autoscaling/v2'], { 'f:spec': { 'f:maxReplicas': {}, 'f:metrics': {}, 'f:scaleTargetRef': TARGET_FIELDS } });
    const { metrics: _m, ...rest } = v2([]).spec as JsonObject;
    const left = await server.ask('PATCH', `${V2}/web`, { ...v2([]), spec: rest }, apply('new'));
    assert.deepEqual(ownersOf(left.body)['new autoscaling/v2'], { 'f:spec': { 'f:maxReplicas': {}, 'f:scaleTargetRef': TARGET_FIELDS } });
  }));

test('an event written through both groups keeps the names of each', () =>
  withServer(async (server) => {
    const NEW = '/apis/events.k8s.io/v1/namespaces/default/events';
    const CORE = '/api/v1/namespaces/default/events';
    await server.ask(
      'POST',
      NEW,
      {
        apiVersion: 'events.k8s.io/v1',
        kind: 'Event',
        metadata: { name: 'e', namespace: 'default' },
        eventTime: '2026-01-01T00:00:00.000000Z',
        reportingController: 'c/d',
        reportingInstance: 'i',
        action: 'A',
        reason: 'R',
        type: 'Normal',
        regarding: { kind: 'Pod', namespace: 'default', name: 'p' },
        note: 'text',
      },
      as('reporter'),
    );
    const { body } = await server.ask('PATCH', `${CORE}/e`, { message: 'other' }, { ...MERGE, ...as('editor') });
    const owners = ownersOf(body);
    assert.deepEqual(owners['editor v1'], { 'f:message': {} });
    assert.deepEqual(owners['reporter events.k8s.io/v1'], {
      'f:action': {},
      'f:eventTime': {},
      'f:reason': {},
      'f:regarding': {},
      'f:reportingController': {},
      'f:reportingInstance': {},
      'f:type': {},
    });
  }));

test('managers in a version that nobody serves are forgotten with the next write', () =>
  withServer(async (server) => {
    const fields = { fieldsType: 'FieldsV1', fieldsV1: { 'f:data': { 'f:a': {} } }, operation: 'Update', time: '2026-01-01T00:00:00Z' } as const;
    const managedFields = [
      { manager: 'gone', apiVersion: 'v0', ...fields },
      { manager: 'here', apiVersion: 'v1', ...fields },
    ];
    const path = '/api/v1/namespaces/default/configmaps';
    await server.ask('POST', path, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'm' }, data: { a: '1' } }, as('maker'));
    const said = await server.ask('PATCH', `${path}/m`, { metadata: { managedFields } }, { ...MERGE, ...as('editor') });
    assert.deepEqual(Object.keys(ownersOf(said.body)).sort(), ['here v1']);
    const { body } = await server.ask('PATCH', `${path}/m`, { data: { b: '2' } }, { ...MERGE, ...as('editor') });
    assert.deepEqual(Object.keys(ownersOf(body)).sort(), ['editor v1', 'here v1']);
  }));

const PODS = '/api/v1/namespaces/default/pods';
const container = (more: JsonObject): JsonObject => ({ name: 'c', image: 'i', ...more });

/** `manager subresource` → fields, of what a pod's later writers own. */
async function ownersOfPod(path: string, subresource: string, change: (pod: JsonObject) => JsonObject): Promise<Record<string, Json>> {
  await using server = startTestServer();
  const resources = { requests: { cpu: '1' }, limits: { cpu: '2' } };
  const made = await server.ask(
    'POST',
    PODS,
    { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { containers: [container({ resources })] } },
    as('maker'),
  );
  const { managedFields: _m, ...metadata } = made.body.metadata as JsonObject;
  const { body } = await server.ask('PUT', `${PODS}/p/${path}`, change({ ...made.body, metadata }), as('writer'));
  const { managedFields } = body.metadata as unknown as { readonly managedFields: readonly ManagedFieldsEntry[] };
  const own = managedFields.filter((entry) => entry.manager === 'writer');
  assert.deepEqual(
    own.map((entry) => entry.subresource),
    own.length === 0 ? [] : [subresource],
  );
  return (own[0]?.fieldsV1 ?? {}) as Record<string, Json>;
}

test('a resize owns resources, whatever else its body says', async () => {
  const fields = await ownersOfPod('resize', 'resize', (pod) => ({
    ...pod,
    metadata: { ...(pod.metadata as JsonObject), labels: { a: 'b' } },
    spec: {
      ...(pod.spec as JsonObject),
      hostname: 'h',
      containers: [container({ image: 'other', resources: { requests: { cpu: '1500m' }, limits: { cpu: '2' } } })],
    },
  }));
  assert.deepEqual(fields, { 'f:spec': { 'f:containers': { 'k:{"name":"c"}': { 'f:resources': { 'f:requests': { 'f:cpu': {} } } } } } });
});

test('who adds an ephemeral container owns that', async () => {
  const fields = await ownersOfPod('ephemeralcontainers', 'ephemeralcontainers', (pod) => ({
    ...pod,
    metadata: { ...(pod.metadata as JsonObject), labels: { a: 'b' } },
    spec: { ...(pod.spec as JsonObject), ephemeralContainers: [{ name: 'e', image: 'i' }] },
  }));
  assert.deepEqual(Object.keys(fields), ['f:spec']);
  assert.deepEqual(Object.keys(fields['f:spec'] as JsonObject), ['f:ephemeralContainers']);
});

test('a status owns neither the spec nor the owners of the pod', async () => {
  const fields = await ownersOfPod('status', 'status', (pod) => ({
    ...pod,
    metadata: { ...(pod.metadata as JsonObject), annotations: { a: 'b' }, ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'o', uid: 'u' }] },
    spec: { ...(pod.spec as JsonObject), hostname: 'h' },
    status: { ...(pod.status as JsonObject), message: 'm' },
  }));
  assert.deepEqual(fields, { 'f:metadata': { 'f:annotations': { '.': {}, 'f:a': {} } }, 'f:status': { 'f:message': {} } });
});

test('the status of a deployment does not touch its labels, nor who owns them', () =>
  withServer(async (server) => {
    const path = '/apis/apps/v1/namespaces/default/deployments';
    const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
    const deployment = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'd', labels: { x: 'y' } },
      spec: { selector: { matchLabels: { a: 'b' } }, template },
    };
    await server.ask('POST', path, deployment, as('maker'));
    const { body } = await server.ask(
      'PATCH',
      `${path}/d/status`,
      { metadata: { labels: { x: 'z' } }, status: { replicas: 1 } },
      { ...MERGE, ...as('writer') },
    );
    assert.deepEqual((body.metadata as JsonObject).labels, { x: 'y' });
    assert.deepEqual(ownersOf(body)['writer apps/v1'], { 'f:status': { 'f:replicas': {} } });
  }));

/** `manager operation` → fields. */
const owners = (object: JsonObject): Record<string, Json> => {
  const { managedFields = [] } = object.metadata as unknown as { readonly managedFields?: readonly ManagedFieldsEntry[] };
  return Object.fromEntries(managedFields.map(({ manager, operation, fieldsV1 }) => [`${manager} ${operation}`, fieldsV1 as Json]));
};
const leaves = (...names: readonly string[]): JsonObject => Object.fromEntries(names.map((name) => [name === '.' ? name : `f:${name}`, {}]));
const causes = ({ details }: StatusError): readonly string[] => (details?.causes ?? []).map(({ message, field }) => `${message}: ${field}`);

test('a ConfigMap of two teams: each key is its own, force takes one, what is named no more goes', () =>
  withServer(async (server) => {
    const path = '/api/v1/namespaces/default/configmaps/shared';
    const map = (data: JsonObject | undefined): JsonObject => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'shared' }, ...(data && { data }) });
    await server.ask('PATCH', path, map({ a: '1', both: 'x' }), apply('one'));
    await server.ask('PATCH', path, map({ b: '2', both: 'x' }), apply('two'));
    assert.deepEqual(causes(await server.refusal('PATCH', path, map({ b: '2', both: 'y' }), apply('two'))), ['conflict with "one": .data.both']);
    const forced = await server.ask('PATCH', path, map({ b: '2', both: 'y' }), apply('two', true));
    assert.deepEqual(owners(forced.body), { 'one Apply': { 'f:data': leaves('a') }, 'two Apply': { 'f:data': leaves('b', 'both') } });
    // Nobody else owns it.
    const less = await server.ask('PATCH', path, map({ both: 'y' }), apply('two'));
    assert.deepEqual(less.body.data, { a: '1', both: 'y' });
    const none = await server.ask('PATCH', path, map(undefined), apply('two'));
    assert.deepEqual([none.body.data, owners(none.body)], [{ a: '1' }, { 'one Apply': { 'f:data': leaves('a') } }]);
    // An update makes the keys that it changes its own, and the new ones; the map itself was there.
    const updated = await server.ask('PATCH', path, { data: { a: '9', c: '3' } }, { ...MERGE, ...as('editor') });
    assert.deepEqual(owners(updated.body), { 'editor Update': { 'f:data': leaves('a', 'c') } });
    const again = await server.refusal('PATCH', path, map({ a: '1' }), apply('one'));
    assert.equal(again.message, 'Apply failed with 1 conflict: conflict with "editor" using v1: .data.a');
  }));

test('a Deployment of an applier, an autoscaler and a second applier', () =>
  withServer(async (server) => {
    const path = '/apis/apps/v1/namespaces/default/deployments/web';
    const web = (spec: JsonObject, containers: readonly JsonObject[]): JsonObject => ({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', labels: { app: 'web' } },
      spec: { ...spec, selector: { matchLabels: { app: 'web' } }, template: { metadata: { labels: { app: 'web' } }, spec: { containers } } },
    });
    const app = { name: 'app', image: 'app:1', env: [{ name: 'A', value: '1' }], ports: [{ containerPort: 80 }, { containerPort: 80, protocol: 'UDP' }] };
    const created = await server.ask('PATCH', path, web({ replicas: 2 }, [app]), apply('team'));
    const template = (containers: JsonObject): JsonObject => ({ 'f:metadata': { 'f:labels': leaves('app') }, 'f:spec': { 'f:containers': containers } });
    const appFields = {
      ...leaves('.', 'name', 'image'),
      'f:env': { 'k:{"name":"A"}': leaves('.', 'name', 'value') },
      // The protocol is part of the key, but only who names it owns it.
      'f:ports': {
        'k:{"containerPort":80,"protocol":"TCP"}': leaves('.', 'containerPort'),
        'k:{"containerPort":80,"protocol":"UDP"}': leaves('.', 'containerPort', 'protocol'),
      },
    };
    const labels = { 'f:metadata': { 'f:labels': leaves('app') } };
    // Nothing of the defaults.
    assert.deepEqual(owners(created.body), {
      'team Apply': { ...labels, 'f:spec': { ...leaves('replicas', 'selector'), 'f:template': template({ 'k:{"name":"app"}': appFields }) } },
    });
    await server.ask('PATCH', path, { spec: { replicas: 5 } }, { ...MERGE, ...as('scaler') });
    const refused = await server.refusal('PATCH', path, web({ replicas: 2 }, [{ ...app, image: 'app:2' }]), apply('team'));
    assert.equal(refused.message, 'Apply failed with 1 conflict: conflict with "scaler" using apps/v1: .spec.replicas');
    // Without the count there is nothing to disagree about.
    const without = await server.ask('PATCH', path, web({}, [{ ...app, image: 'app:2' }]), apply('team'));
    const spec = { ...leaves('selector'), 'f:template': template({ 'k:{"name":"app"}': appFields }) };
    assert.deepEqual(owners(without.body), { 'team Apply': { ...labels, 'f:spec': spec }, 'scaler Update': { 'f:spec': leaves('replicas') } });
    assert.equal((without.body.spec as JsonObject).replicas, 5);
    const side = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web' },
      spec: {
        template: {
          spec: {
            containers: [
              { name: 'side', image: 's:1' },
              {
                name: 'app',
                env: [
                  { name: 'A', value: '2' },
                  { name: 'B', value: '3' },
                ],
              },
            ],
          },
        },
      },
    };
    const several = await server.refusal('PATCH', path, { ...side, spec: { ...side.spec, replicas: 9 } }, apply('mesh'));
    assert.equal(
      several.message,
      'Apply failed with 2 conflicts: conflicts with "scaler" using apps/v1:\n- .spec.replicas\nconflicts with "team":\n- .spec.template.spec.containers[name="app"].env[name="A"].value',
    );
    const forced = await server.ask('PATCH', path, side, apply('mesh', true));
    const containers = ((forced.body.spec as JsonObject).template as { spec: { containers: { name: string; env?: Json }[] } }).spec.containers;
    assert.deepEqual(
      containers.map(({ name, env }) => [name, env]),
      [
        ['side', undefined],
        [
          'app',
          [
            { name: 'A', value: '2' },
            { name: 'B', value: '3' },
          ],
        ],
      ],
    );
    const env = (...keys: readonly [string, JsonObject][]): JsonObject => Object.fromEntries(keys.map(([name, fields]) => [`k:{"name":"${name}"}`, fields]));
    assert.deepEqual(owners(forced.body), {
      'mesh Apply': {
        'f:spec': {
          'f:template': {
            'f:spec': {
              'f:containers': {
                'k:{"name":"app"}': { ...leaves('.', 'name'), 'f:env': env(['A', leaves('.', 'name', 'value')], ['B', leaves('.', 'name', 'value')]) },
                'k:{"name":"side"}': leaves('.', 'name', 'image'),
              },
            },
          },
        },
      },
      'team Apply': {
        ...labels,
        'f:spec': { ...leaves('selector'), 'f:template': template({ 'k:{"name":"app"}': { ...appFields, 'f:env': env(['A', leaves('.', 'name')]) } }) },
      },
      'scaler Update': { 'f:spec': leaves('replicas') },
    });
  }));

test('a Service whose ports change: an item goes with who named it, a shared one stays', () =>
  withServer(async (server) => {
    const path = '/api/v1/namespaces/default/services/web';
    const service = (ports: readonly JsonObject[]): JsonObject => ({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' }, spec: { ports } });
    await server.ask(
      'PATCH',
      path,
      service([
        { name: 'http', port: 80 },
        { name: 'https', port: 443 },
      ]),
      apply('one'),
    );
    await server.ask(
      'PATCH',
      path,
      service([
        { name: 'https', port: 443 },
        { name: 'dns', port: 53, protocol: 'UDP' },
      ]),
      apply('two'),
    );
    const { body } = await server.ask('PATCH', path, service([{ name: 'http', port: 8080 }]), apply('one'));
    const ports = (body.spec as { ports: { name: string; port: number; targetPort: number }[] }).ports;
    assert.deepEqual(
      ports.map(({ name, port, targetPort }) => [name, port, targetPort]),
      [
        ['https', 443, 443],
        ['dns', 53, 53],
        ['http', 8080, 8080],
      ],
    );
    const port = (key: string, ...more: readonly string[]): JsonObject => ({ [`k:${key}`]: leaves('.', 'name', 'port', ...more) });
    assert.deepEqual(owners(body), {
      'one Apply': { 'f:spec': { 'f:ports': port('{"port":8080,"protocol":"TCP"}') } },
      'two Apply': { 'f:spec': { 'f:ports': { ...port('{"port":443,"protocol":"TCP"}'), ...port('{"port":53,"protocol":"UDP"}', 'protocol') } } },
    });
  }));

test('a Pod whose variables were doubled by an update: one who applies the name takes all of them', () =>
  withServer(async (server) => {
    const path = '/api/v1/namespaces/default/pods';
    const pod = (env: readonly JsonObject[], more: JsonObject = {}): JsonObject => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p', ...more },
      spec: { containers: [{ name: 'c', image: 'i', env }] },
    });
    const made = await server.ask(
      'POST',
      path,
      pod([
        { name: 'A', value: '1' },
        { name: 'A', value: '2' },
        { name: 'B', value: '3' },
      ]),
      as('maker'),
    );
    const container = (owned: JsonObject): Json =>
      ((((owned['f:spec'] as JsonObject)['f:containers'] as JsonObject)['k:{"name":"c"}'] as JsonObject)['f:env'] as JsonObject) ?? null;
    assert.deepEqual(container(owners(made.body)['maker Update'] as JsonObject), {
      '.': {},
      'k:{"name":"A"}': {},
      'k:{"name":"B"}': leaves('.', 'name', 'value'),
    });
    const labelled = await server.ask('PATCH', `${path}/p`, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', labels: { x: 'y' } } }, apply('me'));
    assert.deepEqual(owners(labelled.body)['me Apply'], { 'f:metadata': { 'f:labels': leaves('x') } });
    assert.deepEqual(causes(await server.refusal('PATCH', `${path}/p`, pod([{ name: 'A', value: '2' }]), apply('me'))), [
      'conflict with "maker" using v1: .spec.containers[name="c"].env[name="A"]',
    ]);
    const twice = await server.refusal(
      'PATCH',
      `${path}/p`,
      pod([
        { name: 'A', value: '2' },
        { name: 'A', value: '3' },
      ]),
      apply('me'),
    );
    assert.equal(
      twice.message,
      'failed to create typed patch object (/p; /v1, Kind=Pod): .spec.containers[name="c"].env: duplicate entries for key [name="A"]',
    );
    assert.equal(twice.code, 500);
  }));

test('who names no manager is named after the product of its user agent: what can be printed, in 128 bytes', () =>
  withServer(async (server) => {
    const path = '/api/v1/namespaces/default/configmaps';
    const rows: readonly (readonly [agent: string, manager: string])[] = [
      ['kubectl/v1.36 (linux)', 'kubectl'],
      ['Bär\u0007\u200b tool/1', 'Bär tool'],
      [`${'\u0007'.repeat(50)}${'x'.repeat(200)}/1`, 'x'.repeat(128)],
      [`${'ä'.repeat(63)}x${'ä'.repeat(9)}`, `${'ä'.repeat(63)}x`],
      ['/1', 'unknown'],
    ];
    for (const [at, [userAgent, manager]] of rows.entries()) {
      const { body } = await server.ask('POST', path, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `m${at}` }, data: { a: '1' } }, { userAgent });
      assert.deepEqual(Object.keys(owners(body)), [`${manager} Update`]);
    }
  }));

test('applying the same again keeps the version of the object, and its times', async () => {
  const clock = new VirtualClock();
  await using server = startTestServer({ clock });
  const path = '/api/v1/namespaces/default/configmaps/same';
  const map: JsonObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'same' }, data: { a: '1' } };
  const first = await server.ask('PATCH', path, map, apply('me'));
  await clock.advance(5000, () => Promise.resolve());
  const second = await server.ask('PATCH', path, map, apply('me'));
  assert.deepEqual(second.body, first.body);
  // Another who says the same comes to own it too, from now on.
  const third = await server.ask('PATCH', path, map, apply('you'));
  const times = (third.body.metadata as unknown as { managedFields: readonly ManagedFieldsEntry[] }).managedFields.map(({ manager, time }) => [manager, time]);
  const [time] = (first.body.metadata as unknown as { managedFields: readonly ManagedFieldsEntry[] }).managedFields.map((entry) => entry.time);
  assert.deepEqual(times[0], ['me', time]);
  assert.equal(times[1]?.[0], 'you');
  assert.notEqual(times[1]?.[1], time);
});
