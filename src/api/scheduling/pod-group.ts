import type { Draft } from '../../machinery/object.ts';
import { nameAndAge } from '../columns.ts';
import type * as alpha from '../gen/types/scheduling.v1alpha2.ts';
import type { KindRules } from '../kind-rules.ts';
import { specAndStatus } from '../strategy.ts';
import { validatePodGroup, validatePodGroupStatus, validatePodGroupUpdate, validateWorkload, validateWorkloadUpdate } from './pod-group.validation.ts';

/** What both a group and its template may say of themselves once gates are open that are shut in 1.36. */
interface Gated {
  schedulingConstraints?: unknown;
  resourceClaims?: unknown;
  disruptionMode?: string | undefined;
  priorityClassName?: string | undefined;
  priority?: number | undefined;
}

function dropGated(said: Gated | undefined): void {
  delete said?.schedulingConstraints;
  delete said?.resourceClaims;
  delete said?.disruptionMode;
  delete said?.priorityClassName;
  delete said?.priority;
}

function dropFromTemplates({ spec }: Draft<alpha.Workload>): void {
  for (const template of spec?.podGroupTemplates ?? []) dropGated(template);
}

export const workloadRules: KindRules<alpha.Workload> = {
  strategy: {
    prepareForCreate: dropFromTemplates,
    prepareForUpdate: dropFromTemplates,
    allowUnconditionalUpdate: true,
    validateCreate: validateWorkload,
    validateUpdate: validateWorkloadUpdate,
  },
  columns: nameAndAge,
};

const base = specAndStatus<alpha.PodGroup>({ generation: false, statusKeepsMetadata: true });
const POD_BY_POD = 'Pod';

export const podGroupRules: KindRules<alpha.PodGroup> = {
  strategy: {
    prepareForCreate: (draft, context) => {
      base.prepareForCreate?.(draft, context);
      dropGated(draft.spec);
      // Dropped as well, and back by its default whenever it is read.
      if (draft.spec !== undefined) draft.spec.disruptionMode = POD_BY_POD;
    },
    prepareForUpdate: (draft, old, context) => {
      base.prepareForUpdate?.(draft, old, context);
      const mode = draft.spec?.disruptionMode;
      dropGated(draft.spec);
      if (draft.spec !== undefined) draft.spec.disruptionMode = mode ?? POD_BY_POD;
    },
    allowUnconditionalUpdate: true,
    validateCreate: validatePodGroup,
    validateUpdate: validatePodGroupUpdate,
    status: {
      prepareForUpdate: (draft, old, context) => {
        base.status.prepareForUpdate?.(draft, old, context);
        if (draft.status !== undefined) delete draft.status.resourceClaimStatuses;
      },
      validateUpdate: validatePodGroupStatus,
      resetFields: [['metadata'], ['spec']],
    },
  },
  columns: nameAndAge,
};
