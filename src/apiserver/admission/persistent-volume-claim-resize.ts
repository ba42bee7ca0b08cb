import { persistentVolumeClaims, storageClasses } from '../../api/gen/resources.ts';
import type { PersistentVolumeClaim } from '../../api/gen/types/core.v1.ts';
import { compareQuantities, parseQuantity } from '../../machinery/quantity.ts';
import { getOwn } from '../../machinery/record.ts';
import type { AdmissionPlugin } from '../stages.ts';
import { storedGet } from '../stored.ts';
import { draftOf, isAbout, oldOf, refuse } from './request.ts';

const BETA_CLASS = 'volume.beta.kubernetes.io/storage-class';

/** PersistentVolumeClaimResize: a bound claim may grow, if its class says so. */
export const persistentVolumeClaimResize: AdmissionPlugin = {
  name: 'PersistentVolumeClaimResize',
  handles: (request) => isAbout(request, persistentVolumeClaims, 'UPDATE'),
  validate(request) {
    const old = oldOf(request, persistentVolumeClaims);
    const claim = draftOf(request, persistentVolumeClaims) as PersistentVolumeClaim;
    if (old === undefined || !grows(old, claim)) return;
    if (old.status?.phase !== 'Bound') throw refuse(request, 'Only bound persistent volume claims can be expanded');
    const name = classOf(claim);
    const found = name !== '' && name === classOf(old) ? storedGet(request.reader, storageClasses, '', name) : undefined;
    if (found?.allowVolumeExpansion !== true) {
      throw refuse(request, 'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize');
    }
  },
};

function grows(old: PersistentVolumeClaim, claim: PersistentVolumeClaim): boolean {
  const before = parseQuantity(old.spec?.resources?.requests?.['storage'] ?? '0');
  const after = parseQuantity(claim.spec?.resources?.requests?.['storage'] ?? '0');
  return before !== undefined && after !== undefined && compareQuantities(after, before) > 0;
}

function classOf({ metadata, spec }: PersistentVolumeClaim): string {
  return getOwn(metadata?.annotations, BETA_CLASS) ?? spec?.storageClassName ?? '';
}
