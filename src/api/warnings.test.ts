import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtinKinds } from './registry.ts';

const named = { metadata: { name: 'x' } };
const pod = (spec: object, metadata: object = {}): object => ({ metadata: { name: 'x', ...metadata }, spec: { containers: [], ...spec } });
const container = (more: object): object => pod({ containers: [{ name: 'c', ...more }] });
const NULL_SELECTOR = 'a null labelSelector results in matching no pod';

/** The texts are Kubernetes' own (pkg/api/…/warnings.go and the strategies), since people search for them. */
const ROWS: readonly (readonly [what: string, kind: string, object: object, warnings: readonly string[], old?: object])[] = [
  ['a plain pod', 'Pod', container({}), []],
  [
    'a name with a dot',
    'Pod',
    { metadata: { name: 'a.b' }, spec: { containers: [] } },
    ["metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [must not contain dots]"],
  ],
  [
    'a deployment with a dot',
    'Deployment',
    { metadata: { name: 'a.b' }, spec: {} },
    ['metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [must not contain dots]'],
  ],
  ['a pod that is changed', 'Pod', container({ env: [{ name: 'A' }, { name: 'A' }] }), [], named],
  [
    'a variable twice',
    'Pod',
    container({ env: [{ name: 'A' }, { name: 'A' }] }),
    ['spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply'],
  ],
  [
    'a variable made from its first value',
    'Pod',
    container({
      env: [
        { name: 'A', value: 'a' },
        { name: 'A', value: '$(A):b' },
      ],
    }),
    [],
  ],
  [
    'a variable that is itself',
    'Pod',
    container({
      env: [
        { name: 'A', value: 'a' },
        { name: 'A', value: '$(A)' },
      ],
    }),
    ['spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply'],
  ],
  [
    'thousandths of a byte',
    'Pod',
    pod({ overhead: { memory: '1m' }, initContainers: [{ name: 'i', resources: { requests: { memory: '128m' }, limits: { 'ephemeral-storage': '100m' } } }] }),
    [
      'spec.overhead[memory]: fractional byte value "1m" is invalid, must be an integer',
      'spec.initContainers[0].resources.requests[memory]: fractional byte value "128m" is invalid, must be an integer',
      'spec.initContainers[0].resources.limits[ephemeral-storage]: fractional byte value "100m" is invalid, must be an integer',
    ],
  ],
  [
    'old labels of nodes',
    'Pod',
    pod({
      nodeSelector: { 'beta.kubernetes.io/os': 'linux', 'node-role.kubernetes.io/master': '' },
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchExpressions: [{ key: 'beta.kubernetes.io/arch', operator: 'Exists' }] }],
          },
          preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, preference: { matchExpressions: [{ key: 'a', operator: 'In', values: ['-'] }] } }],
        },
      },
      topologySpreadConstraints: [{ topologyKey: 'failure-domain.beta.kubernetes.io/zone' }],
    }),
    [
      'spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead',
      'spec.nodeSelector[node-role.kubernetes.io/master]: use "node-role.kubernetes.io/control-plane" instead',
      'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].key: beta.kubernetes.io/arch is deprecated since v1.14; use "kubernetes.io/arch" instead',
      "spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference.matchExpressions[0].values[0]: - is invalid, a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
      'spec.topologySpreadConstraints[0].topologyKey: failure-domain.beta.kubernetes.io/zone is deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
      `spec.topologySpreadConstraints[0].labelSelector: ${NULL_SELECTOR}`,
    ],
  ],
  [
    'company of nobody',
    'Pod',
    pod({
      affinity: {
        podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'z' }] },
        podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm: { topologyKey: 'z' } }] },
      },
    }),
    [
      `spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector: ${NULL_SELECTOR}`,
      `spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm.labelSelector: ${NULL_SELECTOR}`,
    ],
  ],
  [
    'annotations that fields have replaced',
    'Pod',
    {
      metadata: {
        name: 'x',
        annotations: {
          'scheduler.alpha.kubernetes.io/critical-pod': '',
          'seccomp.security.alpha.kubernetes.io/pod': 'runtime/default',
          'container.seccomp.security.alpha.kubernetes.io/c': 'runtime/default',
          'container.apparmor.security.beta.kubernetes.io/c': 'runtime/default',
        },
      },
      spec: { containers: [{ name: 'c' }] },
    },
    [
      'metadata.annotations[scheduler.alpha.kubernetes.io/critical-pod]: non-functional in v1.16+; use the "priorityClassName" field instead',
      'metadata.annotations[seccomp.security.alpha.kubernetes.io/pod]: non-functional in v1.27+; use the "seccompProfile" field instead',
      'metadata.annotations[container.seccomp.security.alpha.kubernetes.io/c]: non-functional in v1.27+; use the "seccompProfile" field instead',
      'metadata.annotations[container.apparmor.security.beta.kubernetes.io/c]: deprecated since v1.30; use the "appArmorProfile" field instead',
    ],
  ],
  [
    'a profile that a container has from its annotation',
    'Pod',
    {
      metadata: { name: 'x', annotations: { 'container.apparmor.security.beta.kubernetes.io/c': 'runtime/default' } },
      spec: { containers: [{ name: 'c', securityContext: { appArmorProfile: { type: 'RuntimeDefault' } } }] },
    },
    ['metadata.annotations[container.apparmor.security.beta.kubernetes.io/c]: deprecated since v1.30; use the "appArmorProfile" field instead'],
  ],
  [
    'volumes that are gone',
    'Pod',
    pod({
      volumes: [
        { name: 'g', gitRepo: {} },
        { name: 'c', cephfs: {} },
        { name: 'f', flocker: {} },
        { name: 's', storageos: {} },
        { name: 'd', glusterfs: {} },
      ],
    }),
    [
      'spec.volumes[0].gitRepo: deprecated in v1.11, and disabled by default in v1.33+',
      'spec.volumes[1].cephfs: deprecated in v1.28, non-functional in v1.31+',
      'spec.volumes[2].flocker: deprecated in v1.22, non-functional in v1.25+',
      'spec.volumes[3].storageOS: deprecated in v1.22, non-functional in v1.25+',
      'spec.volumes[4].glusterfs: deprecated in v1.25, non-functional in v1.26+',
    ],
  ],
  [
    'a part of a byte in an ephemeral claim',
    'Pod',
    pod({ volumes: [{ name: 'e', ephemeral: { volumeClaimTemplate: { spec: { resources: { requests: { storage: '1500m' } } } } } }] }),
    ['spec.volumes[0].ephemeral.volumeClaimTemplate.spec.resources.requests[storage]: fractional byte value "1500m" is invalid, must be an integer'],
  ],
  [
    'a token and a file of one path',
    'Pod',
    pod({
      volumes: [
        {
          name: 'p',
          projected: {
            sources: [
              { serviceAccountToken: { path: 'token' } },
              { configMap: { items: [{ key: 'k', path: 'token' }] } },
              { secret: { items: [{ key: 'k', path: 'token' }] } },
            ],
          },
        },
      ],
    }),
    [
      'volume "p" (Projected): overlapping paths: "token" (ConfigMap "") with "token" (ServiceAccountToken)',
      'volume "p" (Projected): overlapping paths: "token" (Secret "") with "token" (ServiceAccountToken)',
      'volume "p" (Projected): overlapping paths: "token" (Secret "") with "token" (ConfigMap "")',
    ],
  ],
  [
    'files where others are, or inside of them',
    'Pod',
    pod({
      volumes: [
        {
          name: 'c',
          configMap: {
            name: 'foo',
            items: [
              { key: 'a', path: 'test/app' },
              { key: 'b', path: 'test/' },
              { key: 'c', path: 'tester' },
            ],
          },
        },
        {
          name: 's',
          secret: {
            secretName: 'foo',
            items: [
              { key: 'a', path: 'test' },
              { key: 'b', path: 'test' },
            ],
          },
        },
        {
          name: 'd',
          downwardAPI: {
            items: [
              { path: 'test', fieldRef: { fieldPath: 'metadata.name' } },
              { path: 'test', fieldRef: { fieldPath: 'metadata.labels' } },
            ],
          },
        },
        { name: 'p', projected: { sources: [{}, { configMap: { name: 'all' } }] } },
      ],
    }),
    [
      'volume "c" (ConfigMap "foo"): overlapping paths: "test" with "test/app"',
      'volume "s" (Secret "foo"): overlapping paths: "test" with "test"',
      'volume "d" (DownwardAPI): overlapping paths: "test" with "test"',
      'volume "p" (Projected) has no sources provided',
    ],
  ],
  [
    'ports of one name',
    'Pod',
    pod({
      initContainers: [{ name: 'i', restartPolicy: 'Always', ports: [{ name: 'test', containerPort: 80, protocol: 'UDP' }] }],
      containers: [
        {
          name: 'c',
          ports: [
            { name: 'test1', containerPort: 8090, protocol: 'UDP' },
            { name: 'test', containerPort: 8092, protocol: 'UDP' },
          ],
        },
      ],
    }),
    [
      'spec.containers[0].ports[1]: duplicate port name "test" with spec.initContainers[0].ports[0], services and probes that select ports by name will use spec.initContainers[0].ports[0]',
    ],
  ],
  [
    'things twice',
    'Pod',
    pod({
      hostAliases: [{ ip: '10.0.0.1' }, { ip: '10.0.0.1' }, { ip: 'FD00::1' }],
      imagePullSecrets: [{ name: 'a' }, { name: 'a' }, {}],
      dnsConfig: { nameservers: ['fd00:0::1'] },
    }),
    [
      'spec.hostAliases[1].ip: duplicate ip "10.0.0.1"',
      'spec.imagePullSecrets[1].name: duplicate name "a"',
      'spec.imagePullSecrets[2].name: invalid empty name ""',
      'spec.dnsConfig.nameservers[0]: IPv6 address "fd00:0::1" should be in RFC 5952 canonical format ("fd00::1")',
      'spec.hostAliases[2].ip: IPv6 address "FD00::1" should be in RFC 5952 canonical format ("fd00::1")',
    ],
  ],
  [
    'ports that meet',
    'Pod',
    container({
      ports: [
        { containerPort: 80, protocol: 'TCP' },
        { containerPort: 80, protocol: 'TCP' },
        { containerPort: 80, protocol: 'TCP', hostPort: 8080 },
        { name: 'w', containerPort: 81, protocol: 'TCP', hostIP: '10.0.0.1' },
        { containerPort: 82, protocol: 'TCP', hostPort: 82 },
        { containerPort: 82, protocol: 'TCP', hostPort: 82, hostIP: '10.0.0.1' },
      ],
    }),
    [
      'spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]',
      'spec.containers[0].ports[2]: overlapping port definition with spec.containers[0].ports[0]',
      'spec.containers[0].ports[2]: overlapping port definition with spec.containers[0].ports[1]',
      'spec.containers[0].ports[3]: hostIP set without hostPort: {Name:w HostPort:0 ContainerPort:81 Protocol:TCP HostIP:10.0.0.1}',
      'spec.containers[0].ports[5]: dangerously ambiguous port definition with spec.containers[0].ports[4]',
    ],
  ],
  [
    'a period below zero',
    'Pod',
    pod({ terminationGracePeriodSeconds: -5 }),
    ['spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1'],
  ],
  [
    'an old label in a template',
    'Deployment',
    { ...named, spec: { template: { spec: { nodeSelector: { 'beta.kubernetes.io/os': 'linux' }, containers: [] } } } },
    ['spec.template.spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead'],
  ],
  [
    'the same, when nothing that is wanted has changed',
    'Deployment',
    { metadata: { name: 'x', generation: 1 }, spec: { template: { spec: { nodeSelector: { 'beta.kubernetes.io/os': 'linux' }, containers: [] } } } },
    [],
    { metadata: { name: 'x', generation: 1 } },
  ],
  [
    'the same in a job of a schedule',
    'CronJob',
    { ...named, spec: { schedule: '@daily', jobTemplate: { spec: { template: { spec: { terminationGracePeriodSeconds: -1, containers: [] } } } } } },
    ['spec.jobTemplate.spec.template.spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1'],
  ],
  [
    'the same in a controller and in a template of its own',
    'ReplicationController',
    { ...named, spec: { template: { spec: { terminationGracePeriodSeconds: -1, containers: [] } } } },
    ['template.spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1'],
  ],
  [
    'a schedule with a zone of its own',
    'CronJob',
    { metadata: { name: 'x', generation: 1 }, spec: { schedule: 'TZ=UTC * * * * *' } },
    [
      'cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details',
    ],
    { metadata: { name: 'x', generation: 1 } },
  ],
  [
    'an endless job',
    'Job',
    { ...named, spec: { completionMode: 'Indexed', completions: 100_001, parallelism: 10_001, template: {} } },
    [
      'spec: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail',
    ],
  ],
  [
    'a set that forgets nothing, with claims of parts of a byte',
    'StatefulSet',
    { ...named, spec: { revisionHistoryLimit: -1, volumeClaimTemplates: [{ spec: { resources: { requests: { storage: '1m' } } } }] } },
    [
      'spec.volumeClaimTemplates[0].resources.requests[storage]: fractional byte value "1m" is invalid, must be an integer',
      'spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended',
    ],
  ],
  [
    'a claim of parts of a byte, with its class in an annotation',
    'PersistentVolumeClaim',
    {
      metadata: { annotations: { 'volume.beta.kubernetes.io/storage-class': 'c' } },
      spec: { resources: { requests: { storage: '1m' }, limits: { storage: '2m' } } },
    },
    [
      'metadata.annotations[volume.beta.kubernetes.io/storage-class]: deprecated since v1.8; use "storageClassName" attribute instead',
      'spec.resources.requests[storage]: fractional byte value "1m" is invalid, must be an integer',
      'spec.resources.limits[storage]: fractional byte value "2m" is invalid, must be an integer',
    ],
  ],
  [
    'a volume to be recycled, of a source that is gone, on old labels',
    'PersistentVolume',
    {
      spec: {
        persistentVolumeReclaimPolicy: 'Recycle',
        rbd: {},
        nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'beta.kubernetes.io/os', operator: 'Exists' }] }] } },
      },
    },
    [
      'spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.',
      'spec.nodeAffinity.required.nodeSelectorTerms[0].matchExpressions[0].key: beta.kubernetes.io/os is deprecated since v1.14; use "kubernetes.io/os" instead',
      'spec.rbd: deprecated in v1.28, non-functional in v1.31+',
    ],
  ],
  [
    'a class on old labels',
    'StorageClass',
    { allowedTopologies: [{ matchLabelExpressions: [{ key: 'failure-domain.beta.kubernetes.io/zone', values: ['a'] }] }] },
    ['allowedTopologies[0].matchLabelExpressions[0]: deprecated since v1.17; use "topology.kubernetes.io/zone" instead'],
  ],
  [
    'capacity on old labels',
    'CSIStorageCapacity',
    { nodeTopology: { matchLabels: { 'beta.kubernetes.io/os': 'linux' }, matchExpressions: [{ key: 'beta.kubernetes.io/arch', operator: 'Exists' }] } },
    [
      'nodeTopology.matchExpressions[0].key: beta.kubernetes.io/arch is deprecated since v1.14; use "kubernetes.io/arch" instead',
      'nodeTopology.matchLabels.beta.kubernetes.io/os: deprecated since v1.14; use "kubernetes.io/os" instead',
    ],
  ],
  [
    'a runtime class on old labels',
    'RuntimeClass',
    { scheduling: { nodeSelector: { 'beta.kubernetes.io/os': 'linux' } } },
    ['scheduling.nodeSelector: deprecated since v1.14; use "kubernetes.io/os" instead'],
  ],
  [
    'a headless service with what it ignores',
    'Service',
    {
      metadata: { annotations: { 'service.kubernetes.io/topology-aware-hints': 'auto' } },
      spec: { type: 'ClusterIP', clusterIP: 'None', sessionAffinity: 'ClientIP', externalIPs: ['10.0.0.1'], loadBalancerIP: '10.0.0.2', externalName: 'a' },
    },
    [
      'annotation service.kubernetes.io/topology-aware-hints is deprecated, please use service.kubernetes.io/topology-mode instead',
      'spec.loadBalancerIP is ignored for headless services',
      'spec.externalIPs is ignored for headless services',
      'spec.SessionAffinity is ignored for headless services',
      'spec.externalName is ignored when spec.type is not "ExternalName"',
    ],
  ],
  [
    'a service with addresses from outside',
    'Service',
    {
      spec: { type: 'ClusterIP', externalIPs: ['::ffff:10.0.0.1'], loadBalancerSourceRanges: ['10.0.0.1/8', 'FD00::/16'], trafficDistribution: 'PreferClose' },
    },
    [
      'spec.externalIPs[0]: non-standard IP address "::ffff:10.0.0.1" will be considered invalid in a future Kubernetes release: use "10.0.0.1"',
      'spec.externalIPs is deprecated and may no longer be implemented in some clusters',
      'spec.loadBalancerSourceRanges[0]: CIDR value "10.0.0.1/8" is ambiguous in this context (should be "10.0.0.0/8" or "10.0.0.1/32"?)',
      'spec.loadBalancerSourceRanges[1]: IPv6 CIDR value "FD00::/16" should be in RFC 5952 canonical format ("fd00::/16")',
      'spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"',
    ],
  ],
  [
    'a policy of ranges that are none',
    'NetworkPolicy',
    { spec: { egress: [{ to: [{ ipBlock: { cidr: '10.1.2.3/16', except: ['10.1.0.0/24'] } }] }] } },
    ['spec.egress[0].to[0].ipBlock.cidr: CIDR value "10.1.2.3/16" is ambiguous in this context (should be "10.1.0.0/16" or "10.1.2.3/32"?)'],
  ],
  [
    'a node with what is gone',
    'Node',
    { spec: { configSource: {}, externalID: 'i' } },
    ['spec.configSource: the feature is removed', 'spec.externalID: this field is deprecated, and is unused by Kubernetes'],
  ],
  [
    'endpoints of old, in old writing',
    'Endpoints',
    { subsets: [{ addresses: [{ ip: '10.0.0.1' }], notReadyAddresses: [{ ip: '2001:db8:0:0::2' }] }] },
    ['subsets[0].notReadyAddresses[0].ip: IPv6 address "2001:db8:0:0::2" should be in RFC 5952 canonical format ("2001:db8::2")'],
  ],
  [
    'the same, from the controller',
    'Endpoints',
    { metadata: { labels: { 'endpoints.kubernetes.io/managed-by': 'endpoint-controller' } }, subsets: [{ addresses: [{ ip: '2001:db8:0:0::2' }] }] },
    [],
  ],
  ['endpoints by name', 'EndpointSlice', { addressType: 'FQDN', endpoints: [] }, ['spec.addressType: FQDN endpoints are deprecated']],
  [
    'endpoints in old writing',
    'EndpointSlice',
    { addressType: 'IPv6', endpoints: [{ addresses: ['fd00:0:0::1'] }] },
    ['endpoints[0].addresses[0]: IPv6 address "fd00:0:0::1" should be in RFC 5952 canonical format ("fd00::1")'],
  ],
  [
    'an account with a list of secrets',
    'ServiceAccount',
    { metadata: { annotations: { 'kubernetes.io/enforce-mountable-secrets': 'true' } } },
    ['metadata.annotations[kubernetes.io/enforce-mountable-secrets]: deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets'],
  ],
  [
    'an ingress by annotation',
    'Ingress',
    { metadata: { annotations: { 'kubernetes.io/ingress.class': 'x' } }, spec: {} },
    ['annotation "kubernetes.io/ingress.class" is deprecated, please use \'spec.ingressClassName\' instead'],
  ],
];

for (const [what, name, object, warnings, old] of ROWS) {
  test(`warnings: ${what}`, () => {
    const kind = builtinKinds().find((k) => k.kind === name && k.servedByDefault);
    assert.deepEqual(kind?.strategy.warnings?.(object, old), warnings);
  });
}

test('who writes a status hears of its addresses', () => {
  const of = (name: string, status: object): readonly string[] | undefined =>
    builtinKinds()
      .find((k) => k.kind === name)
      ?.strategy.status?.warnings?.({ status } as object, {});
  assert.deepEqual(of('Pod', { podIPs: [{ ip: 'fd00:0::1' }], hostIPs: [{ ip: '10.0.0.1' }, { ip: 'FD00::2' }] }), [
    'status.podIPs[0].ip: IPv6 address "fd00:0::1" should be in RFC 5952 canonical format ("fd00::1")',
    'status.hostIPs[1].ip: IPv6 address "FD00::2" should be in RFC 5952 canonical format ("fd00::2")',
  ]);
  assert.deepEqual(of('Service', { loadBalancer: { ingress: [{ hostname: 'a' }, { ip: 'FD00::2' }] } }), [
    'status.loadBalancer.ingress[1]: IPv6 address "FD00::2" should be in RFC 5952 canonical format ("fd00::2")',
  ]);
});

test('what is deprecated says so', () => {
  const of = (name: string): string | undefined => builtinKinds().find((k) => k.kind === name)?.deprecation;
  assert.equal(of('Endpoints'), 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice');
  assert.equal(of('ComponentStatus'), 'v1 ComponentStatus is deprecated in v1.19+');
  assert.equal(of('Pod'), undefined);
});
