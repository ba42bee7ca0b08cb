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
