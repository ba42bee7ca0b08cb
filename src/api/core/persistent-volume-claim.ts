import type { Draft } from '../../machinery/object.ts';
import type * as core from '../gen/types/core.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { keep } from '../strategy.ts';
import { persistentVolumeClaimColumns } from './columns.ts';
import { quantityOf } from './resources.validation.ts';
import { defaultClaimSpec } from './volume.defaults.ts';
import { validateClaim, validateClaimStatusUpdate, validateClaimUpdate } from './persistent-volume-claim.validation.ts';

/** The older and the newer form of a data source say the same, where the older can say it. */
function mirrorDataSource(spec: Draft<core.PersistentVolumeClaimSpec> | undefined): void {
  if (spec === undefined) return;
  if (spec.dataSource !== undefined && spec.dataSourceRef === undefined) spec.dataSourceRef = { ...spec.dataSource };
  const ref = spec.dataSourceRef;
  if (ref === undefined || spec.dataSource !== undefined || (ref.namespace ?? '') !== '') return;
  const { apiGroup, kind, name } = ref;
  spec.dataSource = { ...(apiGroup === undefined ? {} : { apiGroup }), kind, name };
}

function warnings({ spec }: core.PersistentVolumeClaim): readonly string[] {
  const size = spec?.resources?.requests?.storage;
  return size !== undefined && quantityOf(size).nanos % 1_000_000_000n !== 0n
    ? [`spec.resources.requests[storage]: fractional byte value ${JSON.stringify(size)} is invalid, must be an integer`]
    : [];
}

export const persistentVolumeClaimRules: KindRules<core.PersistentVolumeClaim> = {
  strategy: {
    default: ({ spec }) => defaultClaimSpec(spec),
    prepareForCreate: (draft) => {
      draft.status = { phase: 'Pending' };
      mirrorDataSource(draft.spec);
    },
    prepareForUpdate: (draft, old) => {
      keep(draft, old, 'status');
      mirrorDataSource(draft.spec);
    },
    allowUnconditionalUpdate: true,
    warnings,
    validateCreate: validateClaim,
    validateUpdate: validateClaimUpdate,
    status: { prepareForUpdate: (draft, old) => keep(draft, old, 'spec'), validateUpdate: validateClaimStatusUpdate },
  },
  columns: persistentVolumeClaimColumns,
  shortNames: ['pvc'],
};
