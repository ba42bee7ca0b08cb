/** What kinds make of an object before it is stored, beyond its status and generation. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defined } from '../base/assert.ts';
import type { Draft, JsonObject, KubeObject } from '../machinery/object.ts';
import type { Kind } from './kind.ts';
import { builtinKinds } from './registry.ts';

/** The one that is served by default, if any is. */
const kindOf = (name: string): Kind => {
  const kinds = builtinKinds().filter((kind) => kind.kind === name);
  return defined(kinds.find((kind) => kind.servedByDefault) ?? kinds[0], name);
};

/** As it would be stored. */
function prepared(name: string, object: JsonObject, old?: JsonObject): JsonObject {
  const draft = structuredClone({ metadata: {}, ...object }) as unknown as Draft<KubeObject>;
  const { strategy } = kindOf(name);
  strategy.default?.(draft);
  if (old === undefined) strategy.prepareForCreate?.(draft, { nowMs: 0, newName: () => 'new' });
  else strategy.prepareForUpdate?.(draft, { metadata: {}, ...old } as unknown as KubeObject, { nowMs: 0 });
  return draft as unknown as JsonObject;
}

test('of the secrets of an account only the names are kept', () => {
  const { secrets } = prepared('ServiceAccount', { secrets: [{ name: 's', namespace: 'elsewhere', uid: 'u' }] });
  assert.deepEqual(secrets, [{ name: 's' }]);
});

test('the range of a node in two fields', () => {
  assert.deepEqual(prepared('Node', { spec: { podCIDR: '10.0.0.0/24' } }).spec, { podCIDR: '10.0.0.0/24', podCIDRs: ['10.0.0.0/24'] });
  assert.deepEqual(prepared('Node', { spec: { podCIDRs: ['10.0.0.0/24'] } }).spec, { podCIDR: '10.0.0.0/24', podCIDRs: ['10.0.0.0/24'] });
});

test('a pod as a whole is limited and requests as its containers do', () => {
  const limits = { memory: '64Mi', 'hugepages-2Mi': '2Mi' };
  const { spec } = prepared('Pod', {
    spec: {
      resources: { limits: { cpu: '1', memory: '1Gi', 'hugepages-1Gi': '1Gi' } },
      containers: [
        { name: 'a', resources: { limits } },
        { name: 'b', resources: { limits } },
      ],
    },
  });
  assert.deepEqual((spec as JsonObject).resources, {
    limits: { cpu: '1', memory: '1Gi', 'hugepages-1Gi': '1Gi', 'hugepages-2Mi': '4Mi' },
    requests: { cpu: '1', memory: '128Mi', 'hugepages-1Gi': '1Gi', 'hugepages-2Mi': '4Mi' },
  });
});

test('amounts finer than a thousandth are rounded up to one', () => {
  const requests = { cpu: '999900u', memory: '1.0001', 'example.com/a': '1' };
  const { spec } = prepared('Pod', { spec: { containers: [{ name: 'c', resources: { requests } }] } });
  assert.deepEqual((spec as unknown as { readonly containers: readonly JsonObject[] }).containers[0]?.resources, {
    requests: { cpu: '1', memory: '1001m', 'example.com/a': '1' },
  });
});

test('configuration of a node from the cluster is gone', () => {
  const node = { spec: { configSource: { configMap: { name: 'c' } } }, status: { config: { error: 'e' } } };
  assert.deepEqual(prepared('Node', node), { metadata: {}, spec: {}, status: {} });
  assert.deepEqual(prepared('Node', node, { spec: {}, status: {} }).spec, {});
  assert.deepEqual(prepared('Node', node, node).spec, node.spec);
  assert.deepEqual(preparedStatus('Node', node, { spec: {} }).status, {});
  assert.deepEqual(preparedStatus('Node', node, node).status, node.status);
});

test('a job selects its pods by its uid, and is labelled as they are', () => {
  const template = { spec: { containers: [] } };
  const labels = {
    'batch.kubernetes.io/controller-uid': 'u',
    'controller-uid': 'u',
    'batch.kubernetes.io/job-name': 'j',
    'job-name': 'j',
  };
  const labelsOf = (job: JsonObject): readonly unknown[] => {
    const { metadata, spec } = prepared('Job', job) as {
      readonly metadata: JsonObject;
      readonly spec: { readonly template: { readonly metadata: JsonObject } };
    };
    return [metadata.labels, spec.template.metadata.labels];
  };
  assert.deepEqual(labelsOf({ metadata: { name: 'j', uid: 'u' }, spec: { template } }), [labels, labels]);
  assert.deepEqual(labelsOf({ metadata: { name: 'j', uid: 'u', labels: { a: 'b' } }, spec: { template } }), [{ a: 'b' }, labels]);
  assert.equal((prepared('Job', { spec: { template } }).spec as JsonObject).manualSelector, false, 'and says so');
});

test('changes of the template of a daemon set are counted in an annotation', () => {
  const key = 'deprecated.daemonset.template.generation';
  const one = { spec: { template: { spec: { containers: [{ name: 'c', image: 'a' }] } } } };
  const two = { spec: { template: { spec: { containers: [{ name: 'c', image: 'b' }] } } } };
  const countOf = ({ metadata }: JsonObject): unknown => ((metadata as JsonObject).annotations as JsonObject)[key];
  const made = prepared('DaemonSet', one);
  assert.equal(countOf(made), '1');
  const labelled = prepared('DaemonSet', { ...one, metadata: { labels: { a: 'b' }, annotations: { [key]: '7' } } }, made);
  assert.equal(countOf(labelled), '1', 'not by clients');
  assert.equal(countOf(prepared('DaemonSet', two, made)), '2');
  assert.equal(countOf(preparedStatus('DaemonSet', { ...two, metadata: {} }, made)), '1');
});

test('what belonged to the old type of a service goes with it, unless somebody asks for it', () => {
  const specOf = (spec: JsonObject, old: JsonObject): JsonObject => prepared('Service', { spec }, { spec: old }).spec as JsonObject;
  const port = (name: string, nodePort?: number): JsonObject => ({
    name,
    port: 80,
    protocol: 'TCP',
    targetPort: 80,
    ...(nodePort === undefined ? {} : { nodePort }),
  });
  const node = {
    type: 'NodePort',
    clusterIP: '10.0.0.1',
    clusterIPs: ['10.0.0.1'],
    ports: [port('a', 30001), port('b', 30002)],
    externalTrafficPolicy: 'Cluster',
  };
  const moved = specOf({ ...node, type: 'ClusterIP', ports: [port('b', 30002), port('c')] }, node);
  assert.deepEqual([moved.ports, moved.externalTrafficPolicy], [[port('b'), port('c')], undefined], 'wherever the ports stand');
  const asked = specOf({ ...node, type: 'ClusterIP', ports: [port('a', 30001), port('b', 30003)] }, node);
  assert.deepEqual(asked.ports, [port('a', 30001), port('b', 30003)], 'all of them or none');
  const external = { ...node, type: 'ClusterIP', ports: [port('a')], externalIPs: ['10.1.0.1'] };
  assert.equal(specOf({ ...external, externalIPs: [] }, external).externalTrafficPolicy, undefined);
  const named = specOf(
    { ...external, type: 'ExternalName', externalName: 'a.b', internalTrafficPolicy: 'Cluster' },
    { ...external, internalTrafficPolicy: 'Cluster' },
  );
  assert.deepEqual([named.externalTrafficPolicy, named.internalTrafficPolicy, named.clusterIP], [undefined, 'Cluster', undefined]);
});

test('a namespace is labelled with the name that it is given', () => {
  const draft = structuredClone({ metadata: { generateName: 'n-' } }) as unknown as Draft<KubeObject>;
  const { strategy } = kindOf('Namespace');
  strategy.default?.(draft);
  (draft.metadata ??= {}).name = 'n-x';
  strategy.prepareForCreate?.(draft, { nowMs: 0, newName: () => 'new' });
  assert.deepEqual(draft.metadata.labels, { 'kubernetes.io/metadata.name': 'n-x' });
});

test('when a volume came into its phase, unless the writer knows better', () => {
  const of = (status: JsonObject, old: JsonObject): unknown =>
    (preparedStatus('PersistentVolume', { status }, { status: old }).status as JsonObject).lastPhaseTransitionTime;
  const [then, now] = ['2026-01-01T00:00:00Z', '1970-01-01T00:00:00Z'];
  const old = { phase: 'Pending', lastPhaseTransitionTime: then };
  assert.equal(of({ phase: 'Pending' }, old), then);
  assert.equal(of({ phase: 'Bound' }, old), now);
  assert.equal(of({ phase: 'Bound', lastPhaseTransitionTime: then }, old), now);
  assert.equal(of({ phase: 'Bound', lastPhaseTransitionTime: '2026-01-02T00:00:00Z' }, old), '2026-01-02T00:00:00Z');
});

test('endpoints: the topology of old is dropped; labels count for the generation', () => {
  const endpoints = [{ addresses: ['10.0.0.1'], deprecatedTopology: { zone: 'a' } }];
  const made = prepared('EndpointSlice', { addressType: 'IPv4', endpoints });
  assert.deepEqual([made.endpoints, made.metadata], [[{ addresses: ['10.0.0.1'] }], { generation: 1 }]);
  const labelled = prepared('EndpointSlice', { metadata: { labels: { a: 'b' } }, addressType: 'IPv4' }, { metadata: { generation: 3 }, addressType: 'IPv4' });
  assert.equal((labelled.metadata as JsonObject).generation, 4);
  const annotated = prepared(
    'EndpointSlice',
    { metadata: { annotations: { a: 'b' } }, addressType: 'IPv4' },
    { metadata: { generation: 3 }, addressType: 'IPv4' },
  );
  assert.equal((annotated.metadata as JsonObject).generation, 3);
});

test('a claim: the older form of a source names claims and snapshots, and the two forms say the same', () => {
  const specOf = (spec: JsonObject, old?: JsonObject): JsonObject => prepared('PersistentVolumeClaim', { spec }, old).spec as JsonObject;
  const volume = { kind: 'PersistentVolumeClaim', name: 'c' };
  assert.deepEqual(specOf({ dataSource: volume }), { dataSource: volume, dataSourceRef: volume, volumeMode: 'Filesystem' });
  const other = { apiGroup: 'a.b', kind: 'Other', name: 'o' };
  assert.deepEqual(specOf({ dataSource: other }), { volumeMode: 'Filesystem' });
  assert.deepEqual(specOf({ dataSourceRef: other }), { dataSource: other, dataSourceRef: other, volumeMode: 'Filesystem' });
  assert.deepEqual(specOf({ dataSource: other }, { spec: { dataSource: other } }), { dataSource: other, dataSourceRef: other, volumeMode: 'Filesystem' });
});

test('an APIService of the server itself is available from the first', () => {
  const { status } = prepared('APIService', { spec: { group: 'a', version: 'v1' }, status: { conditions: [] } }) as { readonly status?: JsonObject };
  assert.deepEqual(status, {
    conditions: [
      { type: 'Available', status: 'True', reason: 'Local', message: 'Local APIServices are always available', lastTransitionTime: '1970-01-01T00:00:00Z' },
    ],
  });
  assert.equal(prepared('APIService', { spec: { service: { name: 's', namespace: 'n' } }, status: {} }).status, undefined);
});

test("a container's profile by annotation becomes its field, where it has none and the pod's is another", () => {
  const key = 'container.apparmor.security.beta.kubernetes.io/c';
  const profileOf = (annotation: string, container: JsonObject, pod: JsonObject = {}): unknown => {
    const made = prepared('Pod', {
      metadata: { annotations: { [key]: annotation } },
      spec: { containers: [{ name: 'c', ...container }], securityContext: pod },
    });
    const [first] = (made.spec as { containers: { securityContext?: { appArmorProfile?: unknown } }[] }).containers;
    return first?.securityContext?.appArmorProfile;
  };
  assert.deepEqual(profileOf('runtime/default', {}), { type: 'RuntimeDefault' });
  assert.deepEqual(profileOf('localhost/p', {}), { type: 'Localhost', localhostProfile: 'p' });
  assert.deepEqual(profileOf('unconfined', { securityContext: { appArmorProfile: { type: 'RuntimeDefault' } } }), { type: 'RuntimeDefault' });
  assert.equal(profileOf('runtime/default', {}, { appArmorProfile: { type: 'RuntimeDefault' } }), undefined);
  for (const wrong of ['', 'localhost/', 'localhost/ p', 'docker/default']) assert.equal(profileOf(wrong, {}), undefined, wrong);
});

/** What a write to the status makes of it. */
function preparedStatus(name: string, object: JsonObject, old: JsonObject): JsonObject {
  const draft = structuredClone({ metadata: {}, ...object }) as unknown as Draft<KubeObject>;
  kindOf(name).strategy.status?.prepareForUpdate?.(draft, { metadata: {}, ...old } as unknown as KubeObject, { nowMs: 0 });
  return draft as unknown as JsonObject;
}

test('a write to the status of these kinds leaves metadata as it is', () => {
  const old = { metadata: { labels: { a: 'b' }, finalizers: ['a.b/c'] } };
  for (const name of [
    ...['FlowSchema', 'PodGroup', 'PriorityLevelConfiguration', 'ResourceClaim', 'ResourcePoolStatusRequest'],
    ...['ServiceCIDR', 'StorageVersion', 'VolumeAttachment'],
  ]) {
    const { metadata } = preparedStatus(name, { metadata: { labels: { c: 'd' }, annotations: { e: 'f' }, resourceVersion: '2' }, status: {} }, old);
    const { labels, annotations, finalizers, resourceVersion } = metadata as JsonObject;
    assert.deepEqual([labels, annotations, finalizers, resourceVersion], [{ a: 'b' }, undefined, ['a.b/c'], '2'], name);
  }
});

test('a device that a claim gives back has no state any more', () => {
  const device = { driver: 'a.b', pool: 'p', device: 'd' };
  const allocation = { devices: { results: [device, { ...device, device: 'e' }] } };
  const { status } = preparedStatus('ResourceClaim', { status: { devices: [device] } }, { status: { allocation, devices: [device] } });
  assert.deepEqual(status, {});
  const kept = preparedStatus('ResourceClaim', { status: { allocation, devices: [device] } }, { status: { allocation } });
  assert.deepEqual((kept.status as JsonObject).devices, [device]);
});

test('a slice: taints are from now on, and what is behind a shut gate is dropped unless it was there', () => {
  const attributes = { a: { strings: ['x'] }, b: { string: 'x' } };
  const device = { name: 'd', attributes, nodeAllocatableResourceMappings: { cpu: {} }, taints: [{ key: 'a', effect: 'None' }] };
  const taints = [{ key: 'a', effect: 'None', timeAdded: '1970-01-01T00:00:00Z' }];
  const made = prepared('ResourceSlice', { spec: { devices: [device] } });
  assert.deepEqual(made.spec, { devices: [{ name: 'd', attributes: { a: {}, b: { string: 'x' } }, taints }] });
  const changed = prepared('ResourceSlice', { spec: { devices: [device] } }, { metadata: { generation: 3 }, spec: { devices: [device] } });
  assert.deepEqual([changed.spec, changed.metadata], [{ devices: [{ ...device, taints }] }, { generation: 4 }]);
});

test('how many pods of a stateful set may be missing at once is nothing that can be said (off in 1.36), where it was not said already', () => {
  const said = (maxUnavailable: number): JsonObject => ({
    spec: { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 1, maxUnavailable } } },
  });
  const kept = ({ spec }: JsonObject): unknown => ((spec as JsonObject)['updateStrategy'] as JsonObject)['rollingUpdate'];
  const nothing = { spec: { updateStrategy: { type: 'RollingUpdate' } } };
  assert.deepEqual(kept(prepared('StatefulSet', said(2))), { partition: 1 });
  assert.deepEqual(kept(prepared('StatefulSet', said(2), nothing)), { partition: 1 });
  assert.deepEqual(kept(prepared('StatefulSet', said(2), said(1))), { partition: 1, maxUnavailable: 2 });
});

test('what is behind shut gates is dropped, unless it was there', () => {
  const spec = {
    containers: [
      { name: 'c', lifecycle: { stopSignal: 'SIGTERM' } },
      { name: 'd', lifecycle: { stopSignal: 'SIGTERM', preStop: { sleep: { seconds: 1 } } } },
    ],
    volumes: [
      { name: 'v', projected: { sources: [{ clusterTrustBundle: { name: 'b', path: 'p' } }, { podCertificate: { signerName: 'a/b', keyType: 'ED25519' } }] } },
    ],
    schedulingGroup: { podGroupName: 'g' },
  };
  const asked = (made: JsonObject): unknown => {
    const { containers, volumes, schedulingGroup } = made as unknown as Partial<typeof spec>;
    return [containers?.map(({ lifecycle }) => lifecycle), volumes?.[0]?.projected.sources, schedulingGroup];
  };
  const left = [[undefined, { preStop: { sleep: { seconds: 1 } } }], [{}, {}], undefined];
  assert.deepEqual(asked(prepared('Pod', { spec }).spec as JsonObject), left);
  const specOf = (object: JsonObject): JsonObject => ((object.spec as JsonObject).template as JsonObject).spec as JsonObject;
  for (const kind of ['ReplicationController', 'Deployment', 'ReplicaSet', 'StatefulSet', 'DaemonSet', 'Job']) {
    const object = { spec: { template: { spec } } };
    assert.deepEqual(asked(specOf(prepared(kind, object))), left, kind);
    assert.deepEqual(asked(specOf(prepared(kind, object, object))), asked(spec), kind);
    const plain = { metadata: { generation: 2 }, spec: { template: { spec: { containers: [{ name: 'c' }] } } } };
    assert.deepEqual(asked(specOf(prepared(kind, object, plain))), left, kind);
  }
  const cronJob = prepared('CronJob', { spec: { schedule: '@daily', jobTemplate: { spec: { template: { spec } } } } });
  assert.deepEqual(asked(specOf((cronJob.spec as JsonObject).jobTemplate as JsonObject)), left);
  assert.deepEqual(asked((prepared('PodTemplate', { template: { spec } }).template as JsonObject).spec as JsonObject), left);
});

test('so is what a status says of it', () => {
  const status = {
    nodeAllocatableResourceClaimStatuses: [{ resourceClaimName: 'a', containers: ['c'], resources: {} }],
    containerStatuses: [{ name: 'c', volumeMounts: [{ name: 'v', mountPath: '/v', volumeStatus: { image: { imageRef: 'r' } } }] }],
  };
  const written = (old: JsonObject): JsonObject => {
    const draft = structuredClone({ metadata: {}, status }) as unknown as Draft<KubeObject>;
    kindOf('Pod').strategy.status?.prepareForUpdate?.(draft, { metadata: {}, ...old } as unknown as KubeObject, { nowMs: 0 });
    return (draft as unknown as { readonly status: JsonObject }).status;
  };
  assert.deepEqual(written({}), { containerStatuses: [{ name: 'c', volumeMounts: [{ name: 'v', mountPath: '/v' }] }] });
  assert.deepEqual(written({ status }), status);
});

test('of a group of pods and its template only what no gate keeps out is taken, and it is disrupted pod by pod', () => {
  const gated = { schedulingConstraints: {}, resourceClaims: [{ name: 'a' }], disruptionMode: 'PodGroup', priorityClassName: 'p', priority: 1 };
  const said = { schedulingPolicy: { basic: {} } };
  assert.deepEqual(prepared('PodGroup', { spec: { ...said, ...gated }, status: { conditions: [] } }), {
    metadata: {},
    spec: { ...said, disruptionMode: 'Pod' },
  });
  const { spec } = prepared('PodGroup', { spec: { ...said, ...gated } }, { spec: { ...said, disruptionMode: 'Pod' } });
  assert.deepEqual(spec, { ...said, disruptionMode: 'PodGroup' }, 'an update is refused for it');
  const templates = { podGroupTemplates: [{ name: 'a', ...said, ...gated }] };
  assert.deepEqual(prepared('Workload', { spec: templates }).spec, { podGroupTemplates: [{ name: 'a', ...said }] });
  assert.deepEqual(preparedStatus('PodGroup', { status: { resourceClaimStatuses: [{ name: 'a' }] } }, {}).status, {});
});
