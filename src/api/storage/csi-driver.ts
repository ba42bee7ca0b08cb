import { semanticEqual } from '../equal.ts';
import type * as storage from '../gen/types/storage.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { setGeneration } from '../strategy.ts';
import { csiDriverColumns } from './columns.ts';
import { validateCSIDriver, validateCSIDriverUpdate } from './storage.validation.ts';

/** The fields that may be changed; each change counts. */
const COUNTED = ['tokenRequests', 'requiresRepublish', 'seLinuxMount', 'nodeAllocatableUpdatePeriodSeconds'] as const;

export const csiDriverRules: KindRules<storage.CSIDriver> = {
  strategy: {
    default: ({ spec }) => {
      if (spec === undefined) return;
      spec.attachRequired ??= true;
      spec.podInfoOnMount ??= false;
      spec.storageCapacity ??= false;
      spec.fsGroupPolicy ??= 'ReadWriteOnceWithFSType';
      if ((spec.volumeLifecycleModes ?? []).length === 0) spec.volumeLifecycleModes = ['Persistent'];
      spec.requiresRepublish ??= false;
      spec.seLinuxMount ??= false;
    },
    prepareForUpdate: (draft, old) =>
      setGeneration(
        draft,
        old,
        COUNTED.some((field) => !semanticEqual(draft.spec?.[field], old.spec[field])),
      ),
    allowUnconditionalUpdate: false,
    validateCreate: validateCSIDriver,
    validateUpdate: validateCSIDriverUpdate,
  },
  columns: csiDriverColumns,
};
