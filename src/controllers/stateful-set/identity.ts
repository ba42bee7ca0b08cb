import type { StatefulSet } from '../../api/gen/types/apps.v1.ts';
import type { PersistentVolumeClaim, Pod, PodTemplateSpec, Volume } from '../../api/gen/types/core.v1.ts';
import { statefulSets } from '../../api/gen/resources.ts';
import type { OwnerReference, Stored } from '../../machinery/object.ts';
import { controllerReference } from '../owner.ts';
import { podFromTemplate } from '../pods.ts';
import { REVISION_LABEL } from './plan.ts';

/** The pod with this ordinal: its name, host name and volumes are its own for good. */
export function podOf(set: Stored<StatefulSet>, template: PodTemplateSpec, ordinal: number, revision: string): Pod {
  const name = `${set.metadata.name}-${ordinal}`;
  const pod = podFromTemplate(template, set.metadata.namespace ?? '', controllerReference(statefulSets, set), { name });
  const own = claimVolumes(set, ordinal);
  const names = new Set(own.map((volume) => volume.name));
  const spec = template.spec ?? { containers: [] };
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      labels: {
        ...template.metadata?.labels,
        [REVISION_LABEL]: revision,
        'statefulset.kubernetes.io/pod-name': name,
        'apps.kubernetes.io/pod-index': String(ordinal),
      },
    },
    spec: {
      ...spec,
      hostname: name,
      ...(set.spec?.serviceName === undefined ? {} : { subdomain: set.spec.serviceName }),
      volumes: [...(spec.volumes ?? []).filter((volume) => !names.has(volume.name)), ...own],
    },
  };
}

function claimVolumes(set: Stored<StatefulSet>, ordinal: number): readonly Volume[] {
  return (set.spec?.volumeClaimTemplates ?? []).map((template) => ({
    name: template.metadata?.name ?? '',
    persistentVolumeClaim: { claimName: claimName(set, template, ordinal) },
  }));
}

export function claimName(set: Stored<StatefulSet>, template: PersistentVolumeClaim, ordinal: number): string {
  return `${template.metadata?.name ?? ''}-${set.metadata.name}-${ordinal}`;
}

/** Whether one of the set's pods uses the claim of that name. */
export function isClaimOf(set: Stored<StatefulSet>, name: string): boolean {
  return (set.spec?.volumeClaimTemplates ?? []).some((template) => {
    const prefix = `${template.metadata?.name ?? ''}-${set.metadata.name}-`;
    return name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length));
  });
}

/** The claims that the pod with this ordinal uses. */
export function claimsOf(set: Stored<StatefulSet>, ordinal: number): readonly PersistentVolumeClaim[] {
  return (set.spec?.volumeClaimTemplates ?? []).map((template) => ({
    ...template,
    metadata: {
      ...template.metadata,
      name: claimName(set, template, ordinal),
      namespace: set.metadata.namespace ?? '',
      labels: { ...template.metadata?.labels, ...set.spec?.selector.matchLabels },
      ...retentionOwner(set),
    },
  }));
}

/** With `whenDeleted: Delete` the claims go with the set. By default they stay. */
function retentionOwner(set: Stored<StatefulSet>): { readonly ownerReferences?: readonly OwnerReference[] } {
  if (set.spec?.persistentVolumeClaimRetentionPolicy?.whenDeleted !== 'Delete') return {};
  return { ownerReferences: [{ apiVersion: 'apps/v1', kind: 'StatefulSet', name: set.metadata.name, uid: set.metadata.uid, blockOwnerDeletion: true }] };
}

/** The owners that a claim should have, by the set's policy of now; undefined when it has them. Claims that are going stay as they are. */
export function ownersOfClaim(set: Stored<StatefulSet>, claim: Stored<PersistentVolumeClaim>): readonly OwnerReference[] | undefined {
  const { ownerReferences = [], name, deletionTimestamp } = claim.metadata;
  if (deletionTimestamp !== undefined || !isClaimOf(set, name)) return undefined;
  const others = ownerReferences.filter(({ uid }) => uid !== set.metadata.uid);
  const wanted = retentionOwner(set).ownerReferences ?? [];
  const has = others.length < ownerReferences.length;
  if (has === wanted.length > 0) return undefined;
  // One that somebody else manages is not ours to take along.
  return has || !others.some(({ controller }) => controller === true) ? [...others, ...wanted] : undefined;
}

/** Whether claims of ordinals that are scaled away are to be deleted. */
export function deletesScaledClaims(set: StatefulSet): boolean {
  return set.spec?.persistentVolumeClaimRetentionPolicy?.whenScaled === 'Delete';
}
