import { persistentVolumeClaims, persistentVolumes, volumeAttributesClasses } from '../../api/gen/resources.ts';
import type { KubeObject } from '../../machinery/object.ts';
import type { Resource } from '../../api/resource.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../stages.ts';
import { draftOf, isAbout } from './request.ts';

const PROTECTED: readonly (readonly [resource: Resource<KubeObject>, finalizer: string])[] = [
  [persistentVolumeClaims, 'kubernetes.io/pvc-protection'],
  [persistentVolumes, 'kubernetes.io/pv-protection'],
  [volumeAttributesClasses, 'kubernetes.io/vac-protection'],
];

/** StorageObjectInUseProtection: claims, volumes and attribute classes stay while something uses them. */
export const storageObjectInUseProtection: AdmissionPlugin = {
  name: 'StorageObjectInUseProtection',
  handles: (request) => protectionOf(request) !== undefined,
  admit(request) {
    const found = protectionOf(request);
    if (found === undefined) return;
    const [resource, finalizer] = found;
    const draft = draftOf(request, resource);
    draft.metadata ??= {};
    const finalizers = draft.metadata.finalizers ?? [];
    if (!finalizers.includes(finalizer)) draft.metadata.finalizers = [...finalizers, finalizer];
  },
};

function protectionOf(request: AdmissionRequest): (typeof PROTECTED)[number] | undefined {
  return request.operation === 'CREATE' ? PROTECTED.find(([resource]) => isAbout(request, resource, 'CREATE')) : undefined;
}
