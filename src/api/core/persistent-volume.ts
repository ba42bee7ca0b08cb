import { formatTime } from '../../machinery/time.ts';
import type { Draft } from '../../machinery/object.ts';
import { root } from '../checks.ts';
import type * as core from '../gen/types/core.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { keep } from '../strategy.ts';
import { persistentVolumeColumns } from './columns.ts';
import { selectorTermWarnings } from './node-labels.warnings.ts';
import { oldClassWarnings, sourceWarnings } from './volume.warnings.ts';
import { defaultAzureDisk, defaultRbd, defaultScaleIO } from './volume.defaults.ts';
import { validatePersistentVolume, validatePersistentVolumeUpdate } from './persistent-volume.validation.ts';

function defaultPersistentVolume({ spec }: Draft<core.PersistentVolume>): void {
  if (spec === undefined) return;
  spec.persistentVolumeReclaimPolicy ||= 'Retain';
  spec.volumeMode ??= 'Filesystem';
  if (spec.hostPath !== undefined) spec.hostPath.type ??= '';
  if (spec.iscsi !== undefined) spec.iscsi.iscsiInterface ||= 'default';
  if (spec.rbd !== undefined) defaultRbd(spec.rbd);
  if (spec.scaleIO !== undefined) defaultScaleIO(spec.scaleIO);
  if (spec.azureDisk !== undefined) defaultAzureDisk(spec.azureDisk);
}

const RECYCLE_WARNING =
  'spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.';

function warnings({ metadata, spec }: core.PersistentVolume): readonly string[] {
  const path = root('spec');
  const out = [...oldClassWarnings(metadata?.annotations)];
  if (spec?.persistentVolumeReclaimPolicy === 'Recycle') out.push(RECYCLE_WARNING);
  for (const [i, term] of (spec?.nodeAffinity?.required?.nodeSelectorTerms ?? []).entries())
    out.push(...selectorTermWarnings(term, path.child('nodeAffinity', 'required').child('nodeSelectorTerms').index(i), false));
  return [...out, ...sourceWarnings(spec, path)];
}

export const persistentVolumeRules: KindRules<core.PersistentVolume> = {
  strategy: {
    default: defaultPersistentVolume,
    prepareForCreate: (draft, { nowMs }) => {
      draft.status = { phase: 'Pending', lastPhaseTransitionTime: formatTime(nowMs) };
    },
    prepareForUpdate: (draft, old) => keep(draft, old, 'status'),
    allowUnconditionalUpdate: true,
    warnings,
    validateCreate: validatePersistentVolume,
    validateUpdate: validatePersistentVolumeUpdate,
    status: {
      prepareForUpdate: (draft, old, { nowMs }) => {
        keep(draft, old, 'spec');
        const status = (draft.status ??= {});
        const isNew = status.phase !== old.status?.phase;
        const time = status.lastPhaseTransitionTime;
        if (isNew && (time === undefined || time === old.status?.lastPhaseTransitionTime)) status.lastPhaseTransitionTime = formatTime(nowMs);
        else if (time === undefined) keep(status, old.status ?? {}, 'lastPhaseTransitionTime');
      },
    },
  },
  columns: persistentVolumeColumns,
  shortNames: ['pv'],
};
