/** Who owns which field when versions of one kind name them differently: each manager keeps the names of its own version. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json, JsonObject, ManagedFieldsEntry } from '../../machinery/object.ts';
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
