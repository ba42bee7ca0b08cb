import type { Draft } from '../../machinery/object.ts';
import { semanticEqual } from '../equal.ts';
import type * as core from '../gen/types/core.v1.ts';
import type { Strategy } from '../kind.ts';
import type { KindRules } from '../kind-rules.ts';
import { keep, metadataOf, setGeneration } from '../strategy.ts';
import { defaultPodRequests, defaultRequests } from './container.defaults.ts';
import { dropShut, dropShutStatus } from './pod.gates.ts';
import { podColumns, podRowConditions } from './pod.columns.ts';
import { qosClassOf } from './pod.qos.rules.ts';
import { defaultPodSpec } from './pod-template.defaults.ts';
import { podStatusWarnings, podWarnings } from './pod.warnings.ts';
import { validatePodStatusUpdate } from './pod-status.validation.ts';
import { validatePodUpdate } from './pod-update.validation.ts';
import { validatePod } from './pod.validation.ts';
import { adoptAppArmor, preparePod, prepareStatus, settleAddresses } from './pod.preparation.ts';

/** Pods alone (not templates) get these on top of the spec's defaults. */
function defaultPod(draft: Draft<core.Pod>): void {
  const { spec } = draft;
  settleAddresses(draft.status);
  if (spec === undefined) return;
  defaultPodSpec(spec);
  spec.enableServiceLinks ??= true;
  for (const container of [...(spec.initContainers ?? []), ...(spec.containers ?? [])]) {
    defaultRequests(container.resources);
    if (spec.hostNetwork === true) for (const port of container.ports ?? []) port.hostPort ||= port.containerPort;
  }
  defaultPodRequests(spec);
}

const strategy: Strategy<core.Pod> = {
  default: defaultPod,
  prepareForCreate: (draft) => {
    draft.status = { phase: 'Pending' };
    dropShut(draft.spec, undefined);
    preparePod(draft);
    adoptAppArmor(draft);
    if (draft.spec !== undefined) {
      draft.status.qosClass = qosClassOf(draft.spec);
      if ((draft.spec.schedulingGates ?? []).length > 0) draft.status.conditions = [gated()];
    }
    metadataOf(draft).generation = 1;
  },
  prepareForUpdate: (draft, old) => {
    keep(draft, old, 'status');
    dropShut(draft.spec, old.spec);
    setGeneration(draft, old, !semanticEqual(draft.spec, old.spec));
  },
  allowUnconditionalUpdate: true,
  validateCreate: validatePod,
  validateUpdate: validatePodUpdate,
  warnings: podWarnings,
  status: {
    prepareForUpdate: (draft, old) => {
      keep(draft, old, 'spec');
      const metadata = metadataOf(draft);
      delete metadata.deletionTimestamp;
      keep(metadata, old.metadata ?? {}, 'deletionTimestamp');
      // Labels and annotations may change with the status; owners never.
      keep(metadata, old.metadata ?? {}, 'ownerReferences');
      setGeneration(draft, old, false);
      prepareStatus((draft.status ??= {}), old.status);
      dropShutStatus(draft.status, old.status);
    },
    validateUpdate: validatePodStatusUpdate,
    warnings: podStatusWarnings,
    resetFields: [['spec'], ['metadata', 'deletionTimestamp'], ['metadata', 'ownerReferences']],
  },
  deletionGraceSeconds: graceSeconds,
};

const gated = (): Draft<core.PodCondition> => ({
  type: 'PodScheduled',
  status: 'False',
  reason: 'SchedulingGated',
  message: 'Scheduling is blocked due to non-empty scheduling gates',
});

/** A pod that runs nowhere, or whose containers have ended, goes at once. */
function graceSeconds({ spec, status }: core.Pod, requested: number | undefined): number {
  if ((spec?.nodeName ?? '') === '') return 0;
  if (status?.phase === 'Succeeded' || status?.phase === 'Failed') return 0;
  // A negative period in old objects counts as one second.
  const own = spec?.terminationGracePeriodSeconds ?? 30;
  const seconds = requested ?? own;
  return seconds < 0 ? 1 : seconds;
}

export const podRules: KindRules<core.Pod> = {
  strategy,
  columns: podColumns,
  rowConditions: podRowConditions,
  shortNames: ['po'],
  categories: ['all'],
  selectable: {
    names: [
      'spec.nodeName',
      // As old clients call it.
      'spec.host',
      'spec.restartPolicy',
      'spec.schedulerName',
      'spec.serviceAccountName',
      'spec.hostNetwork',
      'status.phase',
      'status.podIP',
      'status.podIPs',
      'status.nominatedNodeName',
    ],
    values: ({ spec, status }) => ({
      'spec.nodeName': spec?.nodeName ?? '',
      'spec.host': spec?.nodeName ?? '',
      'spec.restartPolicy': spec?.restartPolicy ?? '',
      'spec.schedulerName': spec?.schedulerName ?? '',
      'spec.serviceAccountName': spec?.serviceAccountName ?? '',
      'spec.hostNetwork': String(spec?.hostNetwork ?? false),
      'status.phase': status?.phase ?? '',
      'status.podIP': status?.podIPs?.[0]?.ip ?? status?.podIP ?? '',
      // Kubernetes takes the name, but no pod has the field.
      'status.podIPs': '',
      'status.nominatedNodeName': status?.nominatedNodeName ?? '',
    }),
  },
};
