import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatFieldError } from '../../machinery/field-error.ts';
import type { Draft } from '../../machinery/object.ts';
import type * as core from '../gen/types/core.v1.ts';
import { preparePod, prepareStatus, settleAddresses } from './pod.preparation.ts';
import { validatePodStatusUpdate } from './pod-status.validation.ts';

const ended = (name: string, exitCode = 0): core.ContainerStatus => ({
  name,
  image: '',
  imageID: '',
  ready: false,
  restartCount: 0,
  state: { terminated: { exitCode } },
});
const running = (name: string): core.ContainerStatus => ({ ...ended(name), state: { running: {} } });
const spec = (restartPolicy: string, more: Partial<core.PodSpec> = {}): core.PodSpec => ({ restartPolicy, containers: [{ name: 'c' }], ...more });

interface Row {
  readonly says: string;
  readonly spec?: core.PodSpec;
  readonly before?: core.PodStatus;
  readonly now: core.PodStatus;
  readonly causes: readonly string[];
}

const AGAIN = 'Forbidden: may not be transitioned to non-terminated state';
const rows: readonly Row[] = [
  {
    says: 'another class of service',
    before: { qosClass: 'Burstable' },
    now: { qosClass: 'Guaranteed' },
    causes: ['status.qosClass: Invalid value: "Guaranteed": field is immutable'],
  },
  {
    says: 'a container that ended well runs again',
    spec: spec('OnFailure'),
    before: { containerStatuses: [ended('c')] },
    now: { containerStatuses: [running('c')] },
    causes: [`status.containerStatuses[0].state: ${AGAIN}`],
  },
  {
    says: 'one that failed may, where the pod says so',
    spec: spec('OnFailure'),
    before: { containerStatuses: [ended('c', 1)] },
    now: { containerStatuses: [running('c')] },
    causes: [],
  },
  { says: 'and always may', spec: spec('Always'), before: { containerStatuses: [ended('c')] }, now: { containerStatuses: [running('c')] }, causes: [] },
  {
    says: 'an init container is done once, a sidecar runs on',
    spec: spec('Never', { initContainers: [{ name: 'i' }, { name: 's', restartPolicy: 'Always' }] }),
    before: { initContainerStatuses: [ended('i'), ended('s')] },
    now: { initContainerStatuses: [running('i'), running('s')] },
    causes: [`status.initContainerStatuses[0].state: ${AGAIN}`],
  },
  {
    says: 'an ephemeral container never runs twice',
    spec: spec('Always'),
    before: { ephemeralContainerStatuses: [ended('e', 1)] },
    now: { ephemeralContainerStatuses: [running('e')] },
    causes: [`status.ephemeralContainerStatuses[0].state: ${AGAIN}`],
  },
  {
    says: 'addresses that are none, or two of a family',
    now: { podIPs: [{ ip: '10.0.0.1' }, { ip: '10.0.0.2' }], hostIP: 'here', hostIPs: [{ ip: 'here' }] },
    causes: [
      'status.podIPs: Invalid value: [{"ip":"10.0.0.1"},{"ip":"10.0.0.2"}]: may specify no more than one IP for each IP family',
      'status.hostIPs[0]: Invalid value: "here": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    ],
  },
  { says: 'one of each family', now: { podIPs: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }] }, causes: [] },
  {
    says: 'two hosts',
    now: { hostIP: '10.0.0.1', hostIPs: [{ ip: '10.0.0.2' }] },
    causes: ['status.hostIPs[0].ip: Invalid value: "10.0.0.2": must be equal to `hostIP`'],
  },
  {
    says: 'a claim that the pod has not',
    now: { resourceClaimStatuses: [{ name: 'gpu' }] },
    causes: ['status.resourceClaimStatuses[0].name: Invalid value: "gpu": must match the name of an entry in `spec.resourceClaims`'],
  },
  {
    says: 'a nominated node of no name',
    now: { nominatedNodeName: 'A' },
    causes: [
      "status.nominatedNodeName: Invalid value: \"A\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    ],
  },
  {
    says: 'a node nominated for a pod that has one',
    spec: spec('Always', { nodeName: 'a' }),
    now: { nominatedNodeName: 'b' },
    causes: ['status.nominatedNodeName: Forbidden: may not be set on pods that are already bound to a node'],
  },
  {
    says: 'generations before the first, and a condition of no name',
    now: {
      observedGeneration: -1,
      conditions: [
        { type: 'Ready', status: 'True', observedGeneration: -2 },
        { type: '', status: 'True' },
      ],
    },
    causes: [
      'status.conditions[0].observedGeneration: Invalid value: -2: must be a non-negative integer',
      'status.conditions[1].Type: Invalid value: "": name part must be non-empty',
      "status.conditions[1].Type: Invalid value: \"\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
      'status.observedGeneration: Invalid value: -1: must be a non-negative integer',
    ],
  },
  {
    says: 'rules say which ends a container outlives',
    spec: {
      restartPolicy: 'Never',
      containers: [{ name: 'c', restartPolicy: 'Never', restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }] }],
    },
    before: { containerStatuses: [ended('c', 42), ended('c', 1)] },
    now: { containerStatuses: [running('c')] },
    causes: [`status.containerStatuses[1].state: ${AGAIN}`],
  },
  {
    says: 'or that all of them start again',
    spec: {
      restartPolicy: 'Never',
      containers: [
        { name: 'c' },
        { name: 'd', restartPolicy: 'Never', restartPolicyRules: [{ action: 'RestartAllContainers', exitCodes: { operator: 'In', values: [42] } }] },
      ],
    },
    before: { containerStatuses: [ended('c')] },
    now: { containerStatuses: [running('c')] },
    causes: [],
  },
  {
    says: 'a container that the pod does not have',
    before: { containerStatuses: [ended('x')] },
    now: { containerStatuses: [running('x')] },
    causes: [`status.containerStatuses[0].state: ${AGAIN}`],
  },
  {
    says: 'one address twice',
    now: { podIPs: [{ ip: '10.0.0.1' }, { ip: '10.0.0.1' }] },
    causes: ['status.podIPs: Invalid value: [{"ip":"10.0.0.1"},{"ip":"10.0.0.1"}]: may specify no more than one IP for each IP family'],
  },
  {
    says: 'a user that is none, and a device that has nothing to say',
    now: {
      containerStatuses: [
        {
          ...running('c'),
          user: { linux: { uid: -1, gid: 0 } },
          allocatedResourcesStatus: [{ name: 'claim:a', resources: [{ resourceID: 'r', health: 'Healthy', message: '' }] }],
        },
      ],
    },
    causes: [
      'status.containerStatuses[0].user.linux.uid: Invalid value: -1: must be between 0 and 2147483647, inclusive',
      "status.containerStatuses[0].allocatedResourcesStatus[0].name: Invalid value: \"claim:a\": must match one of the container's resource claims in a format 'claim:<claimName>/<request>' or 'claim:<claimName>' if request is empty",
      'status.containerStatuses[0].allocatedResourcesStatus[0].resources[0].message: Required value: must be non-empty if specified',
    ],
  },
  {
    says: 'a claim for extended resources that nobody asked for',
    spec: spec('Always', { containers: [{ name: 'c', resources: { requests: { 'a.com/b': '1' } } }] }),
    now: {
      extendedResourceClaimStatus: {
        resourceClaimName: '',
        requestMappings: [
          { containerName: 'c', resourceName: 'a.com/b', requestName: 'r' },
          { containerName: 'c', resourceName: 'a.com/b', requestName: 'r' },
          { containerName: 'c', resourceName: 'a.com/c', requestName: 'r' },
          { containerName: 'd', resourceName: 'a.com/b', requestName: 'r' },
        ],
      },
    },
    causes: [
      'status.extendedResourceClaimStatus.requestMappings[1].containerName: Duplicate value: "c"',
      'status.extendedResourceClaimStatus.requestMappings[1].resourceName: Duplicate value: "a.com/b"',
      'status.extendedResourceClaimStatus.requestMappings[1].requestName: Duplicate value: "r"',
      'status.extendedResourceClaimStatus.requestMappings[2].resourceName: Invalid value: "a.com/c": must match the extended resource name of an entry in spec.initContainers.resources.requests or spec.containers.resources.requests',
      'status.extendedResourceClaimStatus.requestMappings[3].containerName: Invalid value: "d": must match the name of an entry in spec.initContainers.name or spec.containers.name',
      'status.extendedResourceClaimStatus.resourceClaimName: Required value',
    ],
  },
];
for (const { says, spec: wanted = spec('Always'), before = {}, now, causes } of rows) {
  test(`status: ${says}`, () =>
    assert.deepEqual(validatePodStatusUpdate({ spec: wanted, status: now }, { spec: wanted, status: before }).map(formatFieldError), causes));
}

test('a status that leaves out what is kept', () => {
  const status: Draft<core.PodStatus> = { conditions: [{ type: 'Ready', status: 'True' }] };
  prepareStatus(status, { qosClass: 'Burstable', observedGeneration: 3, conditions: [{ type: 'Ready', status: 'False', observedGeneration: 2 }] });
  assert.deepEqual(status, { conditions: [{ type: 'Ready', status: 'True', observedGeneration: 2 }], qosClass: 'Burstable', observedGeneration: 3 });
});

test('two conditions of one type, one after the other', () => {
  const status: Draft<core.PodStatus> = { conditions: [1, 2].map(() => ({ type: 'Ready', status: 'True' })) };
  prepareStatus(status, { conditions: [2, 3].map((observedGeneration) => ({ type: 'Ready', status: 'True', observedGeneration })) });
  assert.deepEqual(
    status.conditions?.map((condition) => condition.observedGeneration),
    [2, 3],
  );
});

test('one address in two fields', () => {
  const settled = (status: Draft<core.PodStatus>): Draft<core.PodStatus> => {
    settleAddresses(status);
    return status;
  };
  assert.deepEqual(settled({ podIP: '10.0.0.1' }), { podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }] });
  assert.deepEqual(settled({ podIPs: [{ ip: '10.0.0.1' }] }), { podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }] });
  assert.deepEqual(settled({ podIP: '10.0.0.2', podIPs: [{ ip: '10.0.0.1' }] }), { podIP: '10.0.0.2', podIPs: [{ ip: '10.0.0.2' }] });
  assert.deepEqual(settled({}), {});
});

test('keys of labels become requirements, where there is a selector', () => {
  const selector = () => ({ matchLabels: { app: 'a' } });
  const pod: Draft<core.Pod> = {
    metadata: { labels: { app: 'a', version: '2' } },
    spec: {
      containers: [],
      affinity: {
        podAntiAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'z', labelSelector: selector(), mismatchLabelKeys: ['version', 'none'] }],
        },
      },
      topologySpreadConstraints: [
        { maxSkew: 1, topologyKey: 'z', whenUnsatisfiable: 'DoNotSchedule', labelSelector: selector(), matchLabelKeys: ['version'] },
        { maxSkew: 1, topologyKey: 'y', whenUnsatisfiable: 'DoNotSchedule', matchLabelKeys: ['version'] },
      ],
    },
  };
  preparePod(pod);
  const requirement = (operator: string) => [{ key: 'version', operator, values: ['2'] }];
  assert.deepEqual(
    pod.spec?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.[0]?.labelSelector?.matchExpressions,
    requirement('NotIn'),
  );
  assert.deepEqual(
    pod.spec?.topologySpreadConstraints?.map(({ labelSelector }) => labelSelector?.matchExpressions),
    [requirement('In'), undefined],
  );
});
