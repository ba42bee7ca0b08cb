import type { PersistentVolume, PersistentVolumeClaim, PersistentVolumeClaimCondition, PersistentVolumeClaimStatus } from '../api/gen/types/core.v1.ts';
import { persistentVolumeClaims, persistentVolumes } from '../api/gen/resources.ts';
import { isBoundTo, isFullyBound, reachesNode, requestedStorage } from '../api/core/persistent-volume.rules.ts';
import { keyOf, splitKey } from '../client/cache.ts';
import type { ComponentOptions } from '../client/component.ts';
import { type CsiDriver, CsiError, type StringMap, type VolumeCapability } from '../csi/driver.ts';
import type { Stored } from '../machinery/object.ts';
import { compareQuantities, formatQuantity, parseQuantity, quantityNumber, quantityOf, ZERO_QUANTITY } from '../machinery/quantity.ts';
import { getOwn, withKey, withoutKey } from '../machinery/record.ts';
import { formatTime } from '../machinery/time.ts';
import { type Controller, source, startController } from '../client/controller.ts';

export interface ResizerOptions extends ComponentOptions {
  readonly nodeName: string;
  readonly driver: CsiDriver;
  readonly topology: StringMap;
  readonly changed: () => void;
}

type Claim = Stored<PersistentVolumeClaim>;
type Volume = Stored<PersistentVolume>;
type Status = PersistentVolumeClaimStatus;

/** Bytes that the volume is to have; undefined when nothing is to be done by the controller's side. Pure. */
export function wantedBytes(claim: PersistentVolumeClaim, volume: PersistentVolume): number | undefined {
  if (!isFullyBound(claim) || !isBoundTo(volume, claim) || claim.metadata?.deletionTimestamp !== undefined) return undefined;
  const requested = requestedStorage(claim);
  const has = parseQuantity(getOwn(claim.status?.capacity, 'storage') ?? '') ?? ZERO_QUANTITY;
  if (claim.status?.phase !== 'Bound' || compareQuantities(requested, has) <= 0) return undefined;
  // The volume has grown and waits for the node: unless more was asked for since.
  const volumeHas = parseQuantity(getOwn(volume.spec?.capacity, 'storage') ?? '') ?? ZERO_QUANTITY;
  const waitsForNode = getOwn(claim.status.allocatedResourceStatuses, 'storage')?.startsWith('NodeResize') === true;
  return waitsForNode && compareQuantities(requested, volumeHas) <= 0 ? undefined : quantityNumber(requested);
}

/** Grows volumes whose claims ask for more: the part that comes before the node's. */
export function startResizer(options: ResizerOptions): Controller {
  const claims = options.informers.of(persistentVolumeClaims);
  const volumes = options.informers.of(persistentVolumes);
  const { driver, nodeName, topology } = options;
  return startController(options, {
    name: `resizer-${driver.name}`,
    concurrency: 4,
    sources: [source(claims, (claim) => [keyOf(claim)]), source(volumes, () => [])],
    reconcile: async (key) => {
      const { name, namespace } = splitKey(key);
      const claim = claims.get(name, namespace);
      const volume = volumes.get(claim?.spec?.volumeName ?? '');
      if (claim === undefined || volume?.spec?.csi?.driver !== driver.name) return undefined;
      if (!reachesNode(volume, { name: nodeName, labels: topology })) return undefined;
      const bytes = wantedBytes(claim, volume);
      if (bytes !== undefined) await new Growth(options, claim, volume).to(bytes);
      return undefined;
    },
  });
}

class Growth {
  readonly #options: ResizerOptions;
  readonly #recorder;
  readonly #claim: Claim;
  readonly #volume: Volume;

  constructor(options: ResizerOptions, claim: Claim, volume: Volume) {
    this.#options = options;
    this.#recorder = options.recorder.as(`${options.driver.name}_${options.nodeName}`, options.nodeName);
    this.#claim = claim;
    this.#volume = volume;
  }

  async to(bytes: number): Promise<void> {
    const { driver, changed } = this.#options;
    const marked = await this.#mark(this.#claim, 'ControllerResizeInProgress', bytes, { type: 'Resizing', status: 'True' });
    this.#recorder.event(this.#claim, 'Normal', 'Resizing', `External resizer is resizing volume ${this.#volume.metadata.name}`);
    let grown: Awaited<ReturnType<CsiDriver['controllerExpand']>>;
    try {
      grown = await driver.controllerExpand(this.#volume.spec?.csi?.volumeHandle ?? '', bytes, this.#capability());
    } catch (thrown) {
      if (!(thrown instanceof CsiError)) throw thrown;
      const hopeless = thrown.code === 'invalid-argument' || thrown.code === 'out-of-range' || thrown.code === 'not-found';
      if (hopeless) await this.#mark(marked, 'ControllerResizeInfeasible', bytes);
      this.#recorder.event(
        this.#claim,
        'Warning',
        'VolumeResizeFailed',
        `resize volume ${JSON.stringify(this.#volume.metadata.name)} by resizer ${JSON.stringify(driver.name)} failed: ${thrown.message}`,
      );
      if (hopeless) return;
      throw thrown;
    }
    changed();
    const storage = formatQuantity(quantityOf(Math.max(grown.capacityBytes, bytes), 'BinarySI'));
    await this.#options.client.update(persistentVolumes, {
      ...this.#volume,
      spec: { ...this.#volume.spec, capacity: withKey(this.#volume.spec?.capacity, 'storage', storage) },
    });
    if (grown.nodeExpansionRequired) return this.#leaveToNode(marked, bytes);
    await this.#finish(marked, storage);
  }

  async #leaveToNode(claim: Claim, bytes: number): Promise<void> {
    const message = 'Waiting for user to (re-)start a pod to finish file system resize of volume on node.';
    await this.#mark(claim, 'NodeResizePending', bytes, { type: 'FileSystemResizePending', status: 'True', message });
    this.#recorder.event(this.#claim, 'Normal', 'FileSystemResizeRequired', 'Require file system resize of volume on node');
  }

  async #finish(claim: Claim, storage: string): Promise<void> {
    const { allocatedResourceStatuses, conditions, ...status } = claim.status ?? {};
    const left = withoutKey(allocatedResourceStatuses, 'storage');
    await this.#write(claim, {
      ...status,
      capacity: withKey(status.capacity, 'storage', storage),
      ...(Object.keys(left).length === 0 ? {} : { allocatedResourceStatuses: left }),
      conditions: others(conditions),
    });
    this.#recorder.event(this.#claim, 'Normal', 'VolumeResizeSuccessful', 'Resize volume succeeded');
  }

  /** How far it got, where kubectl and the node look. */
  #mark(claim: Claim, state: string, bytes: number, condition?: { readonly type: string; readonly status: string; readonly message?: string }): Promise<Claim> {
    const allocated = formatQuantity(quantityOf(bytes, 'BinarySI'));
    const time = formatTime(this.#options.clock.now());
    const { status } = claim;
    if (getOwn(status?.allocatedResourceStatuses, 'storage') === state && getOwn(status?.allocatedResources, 'storage') === allocated)
      return Promise.resolve(claim);
    return this.#write(claim, {
      ...status,
      allocatedResources: withKey(status?.allocatedResources, 'storage', allocated),
      allocatedResourceStatuses: withKey(status?.allocatedResourceStatuses, 'storage', state),
      conditions: [...others(status?.conditions), ...(condition === undefined ? [] : [{ ...condition, lastTransitionTime: time }])],
    });
  }

  #write(claim: Claim, status: Status): Promise<Claim> {
    return this.#options.client.updateStatus(persistentVolumeClaims, { ...claim, status });
  }

  #capability(): VolumeCapability {
    const { spec } = this.#volume;
    const isBlock = spec?.volumeMode === 'Block';
    return {
      access: 'single-node-writer',
      as: isBlock ? { type: 'block' } : { type: 'mount', fsType: spec?.csi?.fsType ?? '', mountFlags: spec?.mountOptions ?? [] },
    };
  }
}

function others(conditions: readonly PersistentVolumeClaimCondition[] | undefined): readonly PersistentVolumeClaimCondition[] {
  return (conditions ?? []).filter(({ type }) => type !== 'Resizing' && type !== 'FileSystemResizePending');
}
