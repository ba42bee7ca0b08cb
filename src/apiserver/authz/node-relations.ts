import { persistentVolumeClaims, persistentVolumes, pods, resourceSlices, volumeAttachments } from '../../api/gen/resources.ts';
import type { Container, PersistentVolumeSpec, Pod } from '../../api/gen/types/core.v1.ts';
import type { Stored } from '../../machinery/object.ts';
import { getOwn } from '../../machinery/record.ts';
import type { StoredReader } from '../stages.ts';
import { storedGet } from '../stored.ts';

/** What a node may read because a pod on it needs it. */
export type Related = 'secrets' | 'configmaps' | 'persistentvolumeclaims' | 'serviceaccounts' | 'resourceclaims';

/**
 * Which pods are on which node, and what they refer to (`secrets/NAMESPACE/NAME`). Kept up to date by the pods' changes. Where
 * pods are is known without parsing them; a node's pods are parsed by the first question about that node: of 10,000 pods only
 * its own hundred.
 */
export class NodeRelations implements Disposable {
  readonly #reader: StoredReader;
  /** By node, then `NAMESPACE/NAME` of the pod; what it refers to is absent until it is asked for. */
  readonly #byNode = new Map<string, Map<string, ReadonlySet<string> | undefined>>();
  #watch: Disposable | undefined;

  constructor(reader: StoredReader) {
    this.#reader = reader;
  }

  [Symbol.dispose](): void {
    this.#watch?.[Symbol.dispose]();
  }

  /** What the pods on the node refer to. Following starts with the first question: a server without nodes pays nothing. */
  #of(node: string): readonly ReadonlySet<string>[] {
    this.#watch ??= this.#follow();
    const own = this.#byNode.get(node);
    if (own === undefined) return NOTHING;
    const found: ReadonlySet<string>[] = [];
    for (const [key, known] of own) {
      const references = known ?? this.#referencesOf(key, node);
      if (known === undefined && references !== undefined) own.set(key, references);
      if (references !== undefined) found.push(references);
    }
    return found;
  }

  /** Undefined when it is there no more, or elsewhere: its change has not been told yet. */
  #referencesOf(key: string, node: string): ReadonlySet<string> | undefined {
    const [namespace = '', name = ''] = key.split('/');
    const pod = storedGet(this.#reader, pods, namespace, name);
    if (pod?.spec?.nodeName !== node) return undefined;
    // A node that makes a pod must not get rights by what the pod refers to.
    return getOwn(pod.metadata.annotations, MIRROR) === undefined ? referencesOf(pod) : NO_REFERENCES;
  }

  #follow(): Disposable {
    const watch = this.#reader.watch(pods.group, pods.resource, (after, before) =>
      this.#changed(after as Stored<Pod> | undefined, before as Stored<Pod> | undefined),
    );
    for (const { namespace, name, value } of this.#reader.fieldValues(pods.group, pods.resource, 'spec.nodeName'))
      if (value !== '') this.#put(value, `${namespace}/${name}`);
    return watch;
  }

  /** A pod on the node refers to it. Secrets are also reached through the volumes of the pod's claims. */
  refers(node: string, resource: Related, namespace: string, name: string): boolean {
    const own = this.#of(node);
    if (refersTo(own, `${resource}/${namespace}/${name}`)) return true;
    return resource === 'secrets' && this.#volumesOf(own).some((volume) => volumeSecrets(volume).has(`${namespace}/${name}`));
  }

  /** A pod on the node has a claim that is bound to this volume. */
  usesVolume(node: string, volume: string): boolean {
    const own = this.#of(node);
    const claim = storedGet(this.#reader, persistentVolumes, '', volume)?.spec?.claimRef;
    return claim !== undefined && refersTo(own, `persistentvolumeclaims/${claim.namespace ?? ''}/${claim.name ?? ''}`);
  }

  hasAttachment(node: string, attachment: string): boolean {
    return storedGet(this.#reader, volumeAttachments, '', attachment)?.spec?.nodeName === node;
  }

  hasSlice(node: string, slice: string): boolean {
    return storedGet(this.#reader, resourceSlices, '', slice)?.spec.nodeName === node;
  }

  hasPod(node: string, namespace: string, name: string): boolean {
    return storedGet(this.#reader, pods, namespace, name)?.spec?.nodeName === node;
  }

  #volumesOf(own: readonly ReadonlySet<string>[]): readonly PersistentVolumeSpec[] {
    const found: PersistentVolumeSpec[] = [];
    for (const key of new Set(own.flatMap((references) => [...references]))) {
      const [resource, namespace = '', name = ''] = key.split('/');
      if (resource !== 'persistentvolumeclaims') continue;
      const volume = storedGet(this.#reader, persistentVolumeClaims, namespace, name)?.spec?.volumeName;
      const spec = volume === undefined || volume === '' ? undefined : storedGet(this.#reader, persistentVolumes, '', volume)?.spec;
      // A claim may name any volume; only the volume says whose it is.
      if (spec?.claimRef?.namespace === namespace && spec.claimRef.name === name) found.push(spec);
    }
    return found;
  }

  #changed(after: Stored<Pod> | undefined, before: Stored<Pod> | undefined): void {
    const from = before?.spec?.nodeName ?? '';
    const to = after?.spec?.nodeName ?? '';
    // What a pod refers to can't change once it is on a node, ephemeral containers and claims that are made for it apart.
    if (from === to && changing(before) === changing(after)) return;
    if (before !== undefined && from !== '' && from !== to) this.#drop(from, keyOf(before));
    if (after !== undefined && to !== '') this.#put(to, keyOf(after));
  }

  #put(node: string, pod: string): void {
    const own = this.#byNode.get(node);
    if (own === undefined) this.#byNode.set(node, new Map([[pod, undefined]]));
    else own.set(pod, undefined);
  }

  #drop(node: string, pod: string): void {
    const own = this.#byNode.get(node);
    own?.delete(pod);
    if (own?.size === 0) this.#byNode.delete(node);
  }
}

const MIRROR = 'kubernetes.io/config.mirror';
const NO_REFERENCES: ReadonlySet<string> = new Set();
const NOTHING: readonly ReadonlySet<string>[] = [];
const refersTo = (own: readonly ReadonlySet<string>[], reference: string): boolean => own.some((references) => references.has(reference));
/** What of a pod's references may still grow. */
const changing = (pod: Stored<Pod> | undefined): string =>
  [pod?.spec?.ephemeralContainers?.length, pod?.status?.resourceClaimStatuses?.length, pod?.status?.extendedResourceClaimStatus?.resourceClaimName].join(' ');
const keyOf = ({ metadata }: Stored<Pod>): string => `${metadata.namespace ?? ''}/${metadata.name}`;

/** Everything that a pod refers to by name, each once. */
export function referencesOf({ metadata, spec, status }: Stored<Pod>): ReadonlySet<string> {
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
  for (const { resourceClaimName } of [...(spec?.resourceClaims ?? []), ...(status?.resourceClaimStatuses ?? [])]) add('resourceclaims', resourceClaimName);
  add('resourceclaims', status?.extendedResourceClaimStatus?.resourceClaimName);
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
