import type { Draft } from '../../machinery/object.ts';
import { root } from '../checks.ts';
import type * as core from '../gen/types/core.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { keep } from '../strategy.ts';
import { persistentVolumeClaimColumns } from './columns.ts';
import { claimSpecWarnings, oldClassWarnings } from './volume.warnings.ts';
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

/** The older form says claims and snapshots only: anything else in it was never heard (KEP-1495). */
function dropUnknownSource(spec: Draft<core.PersistentVolumeClaimSpec> | undefined, old: core.PersistentVolumeClaimSpec | undefined): void {
  if (spec?.dataSource === undefined || spec.dataSourceRef !== undefined) return;
  if (old?.dataSource !== undefined || old?.dataSourceRef !== undefined) return;
  const { apiGroup = '', kind } = spec.dataSource;
  const known = apiGroup === '' ? kind === 'PersistentVolumeClaim' : apiGroup === 'snapshot.storage.k8s.io' && kind === 'VolumeSnapshot';
  if (!known) delete spec.dataSource;
}

function warnings({ metadata, spec }: core.PersistentVolumeClaim): readonly string[] {
  return [...oldClassWarnings(metadata?.annotations), ...claimSpecWarnings(spec, root('spec'))];
}

export const persistentVolumeClaimRules: KindRules<core.PersistentVolumeClaim> = {
  strategy: {
    default: ({ spec }) => defaultClaimSpec(spec),
    prepareForCreate: (draft) => {
      draft.status = { phase: 'Pending' };
      dropUnknownSource(draft.spec, undefined);
      mirrorDataSource(draft.spec);
    },
    prepareForUpdate: (draft, old) => {
      keep(draft, old, 'status');
      dropUnknownSource(draft.spec, old.spec);
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
