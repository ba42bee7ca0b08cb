import {
  type ControllerCapability,
  type CreateVolume,
  type CsiDriver,
  CsiError,
  type CsiSnapshot,
  type CsiVolume,
  type NodeCapability,
  type NodePublish,
  type NodeStage,
  type StringMap,
  type VolumeCapability,
  type VolumeStats,
} from '../../csi/driver.ts';
import type { Host } from '../../host/host.ts';
import { minimumBytes } from '../pool/inner-filesystem.ts';
import { type ClaimName, type CreateImage, type Pool, PoolError, type SnapshotRecord, type VolumeRecord } from '../pool/pool.ts';
import { Attachments } from './attachments.ts';
import { asCsi } from './errors.ts';
import { DRIVER_NAME, SIZE_ENFORCED, TOPOLOGY_KEY } from './name.ts';
import { NodeService } from './node-service.ts';
import { checkCapabilities, checkId, checkParameters, modeOf, wantedFilesystem } from './requests.ts';

export const DRIVER_VERSION = '0.1.0';

export interface PoolDriverOptions {
  readonly host: Host;
  readonly pool: Pool;
  readonly nodeName: string;
  /** How many volumes a node may hold. Default 1000. */
  readonly maxVolumes?: number;
}

/**
 * Berth's own CSI driver over a node's pool: a volume is an image file behind a loop device, so that its size is a wall. It serves
 * any Kubernetes (`serve.ts` puts it on a socket). Every call is idempotent, whatever was killed before it.
 */
export class PoolDriver implements CsiDriver {
  readonly name = DRIVER_NAME;
  readonly #pool: Pool;
  readonly #nodeName: string;
  readonly #maxVolumes: number;
  readonly #attachments: Attachments;
  readonly #node: NodeService;

  constructor({ host, pool, nodeName, maxVolumes = 1000 }: PoolDriverOptions) {
    this.#pool = pool;
    this.#nodeName = nodeName;
    this.#maxVolumes = maxVolumes;
    this.#attachments = new Attachments(host, pool);
    this.#node = new NodeService(host, pool, this.#attachments);
  }

  /** Before the first call after a start: thaws what a killed predecessor left frozen. */
  async recover(): Promise<void> {
    await asCsi(() => this.#attachments.thawAll());
  }

  async identity(): Promise<{
    readonly version: string;
    readonly capabilities: readonly ('controller-service' | 'accessibility-constraints' | 'online-expansion')[];
  }> {
    return { version: DRIVER_VERSION, capabilities: ['controller-service', 'accessibility-constraints', 'online-expansion'] };
  }

  async controllerCapabilities(): Promise<readonly ControllerCapability[]> {
    return ['create-delete-volume', 'create-delete-snapshot', 'clone-volume', 'expand-volume', 'get-capacity', 'single-node-multi-writer'];
  }

  async nodeCapabilities(): Promise<readonly NodeCapability[]> {
    return ['stage-unstage-volume', 'get-volume-stats', 'expand-volume', 'single-node-multi-writer'];
  }

  createVolume(request: CreateVolume): Promise<CsiVolume> {
    return asCsi(async () => {
      checkId(request.name);
      checkParameters(request.parameters);
      checkCapabilities(request.capabilities, request.source !== undefined);
      this.#checkTopology(request.topology);
      const mode = modeOf(request.capabilities);
      const sizeBytes = this.#size(request, mode);
      const parameters = request.parameters;
      const namespace = parameters['csi.storage.k8s.io/pvc/namespace'];
      const claimName = parameters['csi.storage.k8s.io/pvc/name'];
      const volume = await this.#pool.create({
        id: request.name,
        name: request.name,
        sizeBytes,
        mode,
        ...(request.source === undefined ? {} : { from: await this.#source(request.source, sizeBytes) }),
        ...(namespace === undefined || claimName === undefined ? {} : { claim: { namespace, name: claimName } }),
      });
      return {
        volumeId: volume.id,
        capacityBytes: volume.sizeBytes,
        context: this.#pool.enforcesSize ? {} : { [SIZE_ENFORCED]: 'false' },
        topology: [this.#topology()],
      };
    });
  }

  deleteVolume(volumeId: string): Promise<void> {
    return asCsi(() =>
      this.#node.alone(volumeId, async () => {
        if ((await this.#pool.find(volumeId)) === undefined) return;
        await this.#attachments.refuseInUse(volumeId);
        await this.#pool.remove(volumeId);
      }),
    );
  }

  async controllerPublish(): Promise<StringMap> {
    throw new CsiError('unimplemented', 'volumes of a pool need no attaching');
  }
  async controllerUnpublish(): Promise<void> {
    throw new CsiError('unimplemented', 'volumes of a pool need no attaching');
  }

  controllerExpand(volumeId: string, requiredBytes: number): Promise<{ readonly capacityBytes: number; readonly nodeExpansionRequired: boolean }> {
    return asCsi(async () => {
      await this.#volume(volumeId);
      const { sizeBytes } = await this.#pool.resize(volumeId, requiredBytes);
      return { capacityBytes: sizeBytes, nodeExpansionRequired: this.#pool.enforcesSize && !(await this.#node.growInUse(await this.#volume(volumeId))) };
    });
  }

  createSnapshot(name: string, sourceVolumeId: string, parameters: StringMap): Promise<CsiSnapshot> {
    return asCsi(async () => {
      checkId(name);
      checkParameters(parameters);
      await this.#volume(sourceVolumeId);
      return csiSnapshot(await this.#pool.createSnapshot({ id: name, sourceId: sourceVolumeId }, this.#attachments.freezer(sourceVolumeId)));
    });
  }

  deleteSnapshot(snapshotId: string): Promise<void> {
    return asCsi(() => this.#pool.removeSnapshot(snapshotId));
  }

  capacity(): Promise<{ readonly availableBytes: number; readonly maximumVolumeBytes?: number }> {
    return asCsi(async () => {
      const { availableBytes } = await this.#pool.space();
      return { availableBytes, maximumVolumeBytes: availableBytes };
    });
  }

  async nodeInfo(): Promise<{ readonly nodeId: string; readonly maxVolumes: number; readonly topology: StringMap }> {
    return { nodeId: this.#nodeName, maxVolumes: this.#maxVolumes, topology: this.#topology() };
  }

  nodeStage(request: NodeStage): Promise<void> {
    return asCsi(() => this.#with(request.volumeId, (volume) => this.#node.stage(volume, request)));
  }
  nodeUnstage(volumeId: string, stagingPath: string): Promise<void> {
    return asCsi(() => this.#node.unstage(volumeId, stagingPath));
  }
  nodePublish(request: NodePublish): Promise<void> {
    return asCsi(() => this.#with(request.volumeId, (volume) => this.#node.publish(volume, request)));
  }
  nodeUnpublish(volumeId: string, targetPath: string): Promise<void> {
    return asCsi(() => this.#node.unpublish(volumeId, targetPath));
  }
  nodeExpand({
    volumeId,
    requiredBytes,
  }: {
    readonly volumeId: string;
    readonly volumePath: string;
    readonly stagingPath: string;
    readonly requiredBytes: number;
    readonly capability: VolumeCapability;
  }): Promise<{ readonly capacityBytes: number }> {
    return asCsi(() => this.#with(volumeId, (volume) => this.#node.expand(volume, requiredBytes)));
  }
  nodeStats(volumeId: string, volumePath: string): Promise<VolumeStats> {
    return asCsi(() => this.#with(volumeId, (volume) => this.#node.stats(volume, volumePath)));
  }

  /** See Pool. With the claims that they were made for, where known. */
  unannounced(): readonly { readonly volumeId: string; readonly claim: ClaimName | undefined }[] {
    return this.#pool.unannounced().map((volumeId) => ({ volumeId, claim: this.#pool.volume(volumeId)?.claim }));
  }
  announced(volumeId: string): Promise<void> {
    return asCsi(() => this.#pool.announced(volumeId));
  }

  /** Why a volume can't be used; undefined when it can. */
  async condition(volumeId: string): Promise<string | undefined> {
    try {
      await this.#pool.find(volumeId);
      return undefined;
    } catch (thrown) {
      if (thrown instanceof PoolError && thrown.code === 'damaged') return thrown.message;
      throw thrown;
    }
  }

  /** At once for a volume that is in order: calls are served in the order in which they came. */
  async #with<T>(id: string, work: (volume: VolumeRecord) => Promise<T>): Promise<T> {
    return work(this.#pool.volume(id) ?? (await this.#volume(id)));
  }

  async #volume(id: string): Promise<VolumeRecord> {
    const found = await this.#pool.find(id);
    if (found === undefined) throw new CsiError('not-found', `there is no volume ${JSON.stringify(id)} in the pool of ${this.#nodeName}`);
    return found;
  }

  /** At least what was asked for and what a file system needs; a copy is at least as large as its source. */
  #size({ requiredBytes, limitBytes, capabilities }: CreateVolume, mode: VolumeRecord['mode']): number {
    const least = mode === 'mount' ? minimumBytes(wantedFilesystem(capabilities, this.#pool.filesystem)) : 1024 * 1024;
    const sizeBytes = Math.max(requiredBytes, least);
    if (limitBytes !== undefined && limitBytes > 0 && sizeBytes > limitBytes)
      throw new CsiError('out-of-range', `the smallest volume is ${sizeBytes} bytes, the limit is ${limitBytes}`);
    return sizeBytes;
  }

  async #source(source: NonNullable<CreateVolume['source']>, sizeBytes: number): Promise<NonNullable<CreateImage['from']>> {
    const found = 'snapshotId' in source ? this.#pool.snapshot(source.snapshotId) : await this.#pool.find(source.volumeId);
    if (found === undefined) throw new CsiError('not-found', `the source ${Object.values(source).join('')} is not in the pool of ${this.#nodeName}`);
    if (sizeBytes < found.sizeBytes) throw new CsiError('out-of-range', `a copy of ${found.id} needs at least ${found.sizeBytes} bytes`);
    return 'snapshotId' in source ? { snapshotId: found.id } : { volumeId: found.id, freeze: this.#attachments.freezer(found.id) };
  }

  #checkTopology(topology: CreateVolume['topology']): void {
    const requisite = topology?.requisite ?? [];
    if (requisite.length > 0 && !requisite.some((segment) => segment[TOPOLOGY_KEY] === this.#nodeName))
      throw new CsiError('resource-exhausted', `this pool is on ${this.#nodeName}, which the claim's topology leaves out`);
  }

  #topology(): StringMap {
    return { [TOPOLOGY_KEY]: this.#nodeName };
  }
}

function csiSnapshot({ id, sourceId, sizeBytes, createdMs }: SnapshotRecord): CsiSnapshot {
  return { snapshotId: id, sourceVolumeId: sourceId, sizeBytes, createdAtMs: createdMs, ready: true };
}
