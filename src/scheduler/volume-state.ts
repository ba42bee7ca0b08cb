import type { PersistentVolume, PersistentVolumeClaim } from '../api/gen/types/core.v1.ts';
import type { CSIDriver, CSINode, CSIStorageCapacity, StorageClass } from '../api/gen/types/storage.v1.ts';
import { csiDrivers, csiNodes, csiStorageCapacities, persistentVolumeClaims, persistentVolumes, storageClasses } from '../api/gen/resources.ts';
import {
  BOUND_BY_CONTROLLER,
  claimClass,
  COUNTED_UNTIL,
  requestedStorage,
  SELECTED_NODE,
  selectedNode,
  volumeClass,
} from '../api/core/persistent-volume.rules.ts';
import type { Informers } from '../client/component.ts';
import type { Informer } from '../client/informer.ts';
import { type Labels, matchesLabelSelector } from '../machinery/labels.ts';
import { deepFreeze, getOwn, withKey } from '../machinery/record.ts';
import type { Stored } from '../machinery/object.ts';
import { quantityNumber } from '../machinery/quantity.ts';
import type { ClusterChange } from './plugin.ts';
import type { VolumePlan, VolumeView } from './volume-view.ts';

type Claim = Stored<PersistentVolumeClaim>;
type Volume = Stored<PersistentVolume>;

const BY_CLASS = 'scheduler.class';

/** What the API shows of volumes, with what this scheduler has decided and not yet seen there laid over it. */
export class VolumeState implements VolumeView {
  readonly claims: Informer<PersistentVolumeClaim>;
  readonly #volumes: Informer<PersistentVolume>;
  readonly #classes: Informer<StorageClass>;
  readonly #csiNodes: Informer<CSINode>;
  readonly #csiDrivers: Informer<CSIDriver>;
  readonly #capacities: Informer<CSIStorageCapacity>;
  readonly #nodeLabels: (node: string) => Labels | undefined;
  readonly #assumedClaims = new Map<string, Claim>();
  readonly #assumedVolumes = new Map<string, Volume>();

  labelsOf(node: string): Labels | undefined {
    return this.#nodeLabels(node);
  }

  constructor(informers: Informers, nodeLabels: (node: string) => Labels | undefined) {
    this.claims = informers.of(persistentVolumeClaims);
    this.#volumes = informers.of(persistentVolumes, { indexes: { [BY_CLASS]: (volume) => [volumeClass(volume)] } });
    this.#classes = informers.of(storageClasses);
    this.#csiNodes = informers.of(csiNodes);
    this.#csiDrivers = informers.of(csiDrivers);
    this.#capacities = informers.of(csiStorageCapacities, { indexes: { [BY_CLASS]: ({ storageClassName }) => [storageClassName] } });
    this.#nodeLabels = nodeLabels;
  }

  async whenSynced(): Promise<void> {
    const all = [this.claims, this.#volumes, this.#classes, this.#csiNodes, this.#csiDrivers, this.#capacities];
    await Promise.all(all.map((informer) => informer.whenSynced()));
  }

  /** `changed`: something may have become possible. */
  subscribe(changed: (change: ClusterChange) => void): Disposable[] {
    return [
      on(
        this.claims,
        (claim) => this.#seen(this.#assumedClaims, keyOf(claim), claim),
        () => changed('claim'),
      ),
      on(
        this.#volumes,
        (volume) => this.#seen(this.#assumedVolumes, volume.metadata.name, volume),
        () => changed('volume'),
      ),
      on(this.#classes, undefined, () => changed('class')),
      on(this.#csiNodes, undefined, () => changed('csi-node')),
      on(this.#csiDrivers, undefined, () => changed('csi-driver')),
      on(this.#capacities, undefined, () => changed('capacity')),
    ];
  }

  claim(key: string): Claim | undefined {
    const [namespace = '', name = ''] = key.split('/');
    const shown = this.claims.get(name, namespace);
    return shown === undefined ? undefined : (this.#assumedClaims.get(key) ?? shown);
  }

  volume(name: string): Volume | undefined {
    const shown = name === '' ? undefined : this.#volumes.get(name);
    return shown === undefined ? undefined : (this.#assumedVolumes.get(name) ?? shown);
  }

  volumesOfClass(name: string): readonly Volume[] {
    const shown = this.#volumes.byIndex(BY_CLASS, name);
    return this.#assumedVolumes.size === 0 ? shown : shown.map((volume) => this.#assumedVolumes.get(volume.metadata.name) ?? volume);
  }

  class(name: string): Stored<StorageClass> | undefined {
    return name === '' ? undefined : this.#classes.get(name);
  }

  csiNode(name: string): Stored<CSINode> | undefined {
    return this.#csiNodes.get(name);
  }

  csiDriver(name: string): Stored<CSIDriver> | undefined {
    return this.#csiDrivers.get(name);
  }

  capacitiesOfClass(name: string): readonly Stored<CSIStorageCapacity>[] {
    return this.#capacities.byIndex(BY_CLASS, name);
  }

  /**
   * The ledger: claims for whose volumes a node was chosen within the reach of this capacity, of any class of its driver, and that its
   * figure does not say it counts.
   */
  promised(capacity: Stored<CSIStorageCapacity>): number {
    const provisioner = this.class(capacity.storageClassName)?.provisioner;
    const countedUntil = Number(getOwn(capacity.metadata.annotations, COUNTED_UNTIL) ?? Number.NaN);
    let bytes = 0;
    for (const shown of this.claims.list()) {
      const assumed = this.#assumedClaims.get(keyOf(shown));
      const claim = assumed ?? shown;
      const node = selectedNode(claim);
      if (node === undefined || isCounted(claim, assumed !== undefined, countedUntil)) continue;
      if (this.class(claimClass(claim) ?? '')?.provisioner !== provisioner) continue;
      if (matchesLabelSelector(capacity.nodeTopology, this.#nodeLabels(node))) bytes += quantityNumber(requestedStorage(claim));
    }
    return bytes;
  }

  /** From now on every decision sees the plan as carried out. */
  assume({ bind, provision }: VolumePlan, node: string): void {
    for (const { claim, volume } of bind) this.#assumedVolumes.set(volume.metadata.name, boundTo(volume, claim));
    for (const claim of provision) this.#assumedClaims.set(keyOf(claim), withSelectedNode(claim, node));
  }

  /** The plan is given up, or what the API shows says the same by now. */
  forget({ bind, provision }: VolumePlan): void {
    for (const { volume } of bind) this.#assumedVolumes.delete(volume.metadata.name);
    for (const claim of provision) this.#assumedClaims.delete(keyOf(claim));
  }

  /** What was assumed gives way to what the API shows once that is a later version. */
  #seen<T extends Stored<PersistentVolume> | Stored<PersistentVolumeClaim>>(assumed: Map<string, T>, key: string, shown: T): void {
    const known = assumed.get(key);
    if (known !== undefined && known.metadata.resourceVersion !== shown.metadata.resourceVersion) assumed.delete(key);
  }
}

/** Without a mark on the figure, what is bound is taken to be counted. */
function isCounted(claim: Claim, assumed: boolean, countedUntil: number): boolean {
  if (assumed) return false;
  return Number.isNaN(countedUntil) ? (claim.spec?.volumeName ?? '') !== '' : Number(claim.metadata.resourceVersion) <= countedUntil;
}

export function keyOf({ metadata }: Claim): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}

/** The volume as the scheduler writes it: the binder does the rest. */
export function boundTo(volume: Volume, { metadata }: Claim): Volume {
  const { namespace = '', name, uid, resourceVersion } = metadata;
  const claimRef = { kind: 'PersistentVolumeClaim', apiVersion: 'v1', namespace, name, uid, resourceVersion };
  const annotations = volume.spec?.claimRef === undefined ? withKey(volume.metadata.annotations, BOUND_BY_CONTROLLER, 'yes') : volume.metadata.annotations;
  return deepFreeze({ ...volume, metadata: { ...volume.metadata, ...(annotations !== undefined && { annotations }) }, spec: { ...volume.spec, claimRef } });
}

function withSelectedNode(claim: Claim, node: string): Claim {
  return deepFreeze({ ...claim, metadata: { ...claim.metadata, annotations: withKey(claim.metadata.annotations, SELECTED_NODE, node) } });
}

function on<
  T extends Stored<PersistentVolume> | Stored<PersistentVolumeClaim> | Stored<StorageClass> | Stored<CSINode> | Stored<CSIDriver> | Stored<CSIStorageCapacity>,
>(
  informer: { onChange(handler: { added(object: T): void; updated(object: T): void; deleted(object: T): void }): Disposable },
  first: ((object: T) => void) | undefined,
  then: () => void,
): Disposable {
  const tell = (object: T): void => {
    first?.(object);
    then();
  };
  return informer.onChange({ added: tell, updated: tell, deleted: tell });
}
