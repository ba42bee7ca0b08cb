import { persistentVolumeClaims, persistentVolumes, pods, volumeAttachments } from '../../api/gen/resources.ts';
import type { Container, PersistentVolumeSpec, Pod } from '../../api/gen/types/core.v1.ts';
import type { Stored } from '../../machinery/object.ts';
import type { StoredReader } from '../stages.ts';
import { follow, storedGet } from '../stored.ts';

/** What a node may read because a pod on it needs it. */
export type Related = 'secrets' | 'configmaps' | 'persistentvolumeclaims' | 'serviceaccounts' | 'resourceclaims';

/**
 * Which pods are on which node, and what they refer to: `secrets/NAMESPACE/NAME` with the number of pods that do. Kept up to
 * date by the pods' changes, so that a question costs a lookup.
 */
export class NodeRelations implements Disposable {
  readonly #reader: StoredReader;
  readonly #byNode = new Map<string, Map<string, number>>();
  #watch: Disposable | undefined;

  constructor(reader: StoredReader) {
    this.#reader = reader;
  }

  [Symbol.dispose](): void {
    this.#watch?.[Symbol.dispose]();
  }

  /** What pods on the node refer to. Following starts with the first question: a server without nodes pays nothing. */
  #of(node: string): ReadonlyMap<string, number> | undefined {
    this.#watch ??= follow(this.#reader, pods, (after, before) => this.#changed(after, before));
    return this.#byNode.get(node);
  }

  /** A pod on the node refers to it. Secrets are also reached through the volumes of the pod's claims. */
  refers(node: string, resource: Related, namespace: string, name: string): boolean {
    const own = this.#of(node);
    if (own === undefined) return false;
    if (own.has(`${resource}/${namespace}/${name}`)) return true;
    return resource === 'secrets' && this.#volumesOf(own).some((volume) => volumeSecrets(volume).has(`${namespace}/${name}`));
  }

  /** A pod on the node has a claim that is bound to this volume. */
  usesVolume(node: string, volume: string): boolean {
    const own = this.#of(node);
    const claim = storedGet(this.#reader, persistentVolumes, '', volume)?.spec?.claimRef;
    return own !== undefined && claim !== undefined && own.has(`persistentvolumeclaims/${claim.namespace ?? ''}/${claim.name ?? ''}`);
  }

  hasAttachment(node: string, attachment: string): boolean {
    return storedGet(this.#reader, volumeAttachments, '', attachment)?.spec?.nodeName === node;
  }

  hasPod(node: string, namespace: string, name: string): boolean {
    return storedGet(this.#reader, pods, namespace, name)?.spec?.nodeName === node;
  }

  #volumesOf(own: ReadonlyMap<string, number>): readonly PersistentVolumeSpec[] {
    const found: PersistentVolumeSpec[] = [];
    for (const key of own.keys()) {
      const [resource, namespace = '', name = ''] = key.split('/');
      if (resource !== 'persistentvolumeclaims') continue;
      const volume = storedGet(this.#reader, persistentVolumeClaims, namespace, name)?.spec?.volumeName;
      const spec = volume === undefined || volume === '' ? undefined : storedGet(this.#reader, persistentVolumes, '', volume)?.spec;
      if (spec !== undefined) found.push(spec);
    }
    return found;
  }

  #changed(after: Stored<Pod> | undefined, before: Stored<Pod> | undefined): void {
    const from = before?.spec?.nodeName ?? '';
    const to = after?.spec?.nodeName ?? '';
    // What a pod refers to can't change once it is on a node, ephemeral containers apart.
    if (from === to && from !== '' && before?.spec?.ephemeralContainers?.length === after?.spec?.ephemeralContainers?.length) return;
    if (before !== undefined && from !== '') this.#count(from, before, -1);
    if (after !== undefined && to !== '') this.#count(to, after, 1);
  }

  #count(node: string, pod: Stored<Pod>, step: 1 | -1): void {
    const own = this.#byNode.get(node) ?? new Map<string, number>();
    for (const reference of referencesOf(pod)) {
      const count = (own.get(reference) ?? 0) + step;
      if (count > 0) own.set(reference, count);
      else own.delete(reference);
    }
    if (own.size > 0) this.#byNode.set(node, own);
    else this.#byNode.delete(node);
  }
}

/** Everything that a pod refers to by name, each once. */
export function referencesOf({ metadata, spec }: Stored<Pod>): ReadonlySet<string> {
  const found = new Set<string>();
  const namespace = metadata.namespace ?? '';
  const add = (resource: Related, name: string | undefined): void => {
    if (name !== undefined && name !== '') found.add(`${resource}/${namespace}/${name}`);
  };
  add('serviceaccounts', spec?.serviceAccountName);
  for (const secret of spec?.imagePullSecrets ?? []) add('secrets', secret.name);
  for (const volume of spec?.volumes ?? []) {
    add('secrets', volume.secret?.secretName);
    add('configmaps', volume.configMap?.name);
    add('persistentvolumeclaims', volume.persistentVolumeClaim?.claimName);
    if (volume.ephemeral !== undefined) add('persistentvolumeclaims', `${metadata.name}-${volume.name}`);
    for (const source of volume.projected?.sources ?? []) {
      add('secrets', source.secret?.name);
      add('configmaps', source.configMap?.name);
    }
    const holders = [volume.csi?.nodePublishSecretRef, volume.cephfs?.secretRef, volume.rbd?.secretRef, volume.iscsi?.secretRef, volume.flexVolume?.secretRef];
    for (const holder of holders) add('secrets', holder?.name);
    add('secrets', volume.azureFile?.secretName);
  }
  const containers: readonly Pick<Container, 'env' | 'envFrom'>[] = [
    ...(spec?.initContainers ?? []),
    ...(spec?.containers ?? []),
    ...(spec?.ephemeralContainers ?? []),
  ];
  for (const { env, envFrom } of containers) {
    for (const { valueFrom } of env ?? []) {
      add('secrets', valueFrom?.secretKeyRef?.name);
      add('configmaps', valueFrom?.configMapKeyRef?.name);
    }
    for (const source of envFrom ?? []) {
      add('secrets', source.secretRef?.name);
      add('configmaps', source.configMapRef?.name);
    }
  }
  for (const { resourceClaimName } of spec?.resourceClaims ?? []) add('resourceclaims', resourceClaimName);
  return found;
}

/** `NAMESPACE/NAME` of every secret that a volume names for the node. */
function volumeSecrets({ csi, claimRef, azureFile, cephfs, rbd, iscsi, flexVolume }: PersistentVolumeSpec): ReadonlySet<string> {
  const fallback = claimRef?.namespace ?? '';
  const all = [
    csi?.nodePublishSecretRef,
    csi?.nodeStageSecretRef,
    csi?.nodeExpandSecretRef,
    cephfs?.secretRef,
    rbd?.secretRef,
    iscsi?.secretRef,
    flexVolume?.secretRef,
  ];
  const names = new Set<string>();
  for (const each of all) if (each?.name !== undefined) names.add(`${each.namespace ?? fallback}/${each.name}`);
  if (azureFile?.secretName !== undefined) names.add(`${azureFile.secretNamespace ?? fallback}/${azureFile.secretName}`);
  return names;
}
