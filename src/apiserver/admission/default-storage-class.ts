import { persistentVolumeClaims, storageClasses } from '../../api/gen/resources.ts';
import type { StorageClass } from '../../api/gen/types/storage.v1.ts';
import type { Stored } from '../../machinery/object.ts';
import { getOwn, hasOwn } from '../../machinery/record.ts';
import type { AdmissionPlugin, StoredReader } from '../stages.ts';
import { storedList } from '../stored.ts';
import { draftOf, isAbout } from './request.ts';

const DEFAULT: readonly string[] = ['storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class'];
/** The field's name before it was a field; claims that carry it are left alone. */
const BETA_CLASS = 'volume.beta.kubernetes.io/storage-class';

/** DefaultStorageClass: a claim without a class gets the default one; an empty name means "none" and stays. */
export const defaultStorageClass: AdmissionPlugin = {
  name: 'DefaultStorageClass',
  handles: (request) => isAbout(request, persistentVolumeClaims, 'CREATE'),
  admit(request) {
    const claim = draftOf(request, persistentVolumeClaims);
    if (claim.spec === undefined || hasOwn(claim.metadata?.annotations, BETA_CLASS)) return;
    if (claim.spec.storageClassName !== undefined && claim.spec.storageClassName !== null) return;
    const found = findDefault(request.reader);
    if (found !== undefined) claim.spec.storageClassName = found.metadata.name;
  },
};

/** Of several the newest, then the first by name. */
function findDefault(reader: StoredReader): Stored<StorageClass> | undefined {
  const marked = storedList(reader, storageClasses).filter(({ metadata }) => DEFAULT.some((key) => getOwn(metadata.annotations, key) === 'true'));
  return marked.sort((a, b) => compare(b.metadata.creationTimestamp ?? '', a.metadata.creationTimestamp ?? '') || compare(a.metadata.name, b.metadata.name))[0];
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
