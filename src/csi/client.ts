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
  type Secrets,
  type StringMap,
  type VolumeCapability,
  type VolumeStats,
} from './driver.ts';
import { CsiChannel, type RequestOf, type ResponseOf, type Services } from './grpc.ts';
import { capabilityMessage, controllerCapability, nodeCapability, snapshotValue, statsValue, volumeValue } from './messages.ts';

/** Drivers reach storage elsewhere, and mkfs of a large device takes its time. */
const TIMEOUT_MS = 120_000;
const QUICK_MS = 15_000;

/** A driver that listens on a socket. Capabilities are asked for once. Dispose it when the driver is gone. */
export class SocketDriver implements CsiDriver, Disposable {
  readonly name: string;
  readonly #channel: CsiChannel;
  #controller: Promise<readonly ControllerCapability[]> | undefined;
  #node: Promise<readonly NodeCapability[]> | undefined;

  private constructor(name: string, channel: CsiChannel) {
    this.name = name;
    this.#channel = channel;
  }

  /** Asks the driver for its name. `now`: wall time in ms. */
  static async open(socket: string, now: () => number): Promise<SocketDriver> {
    const channel = await CsiChannel.open(socket, now);
    try {
      const { name } = await channel.call('csi.v1.Identity', 'GetPluginInfo', {}, QUICK_MS);
      if (name === '') throw new CsiError('internal', `the driver on ${socket} has no name`);
      return new SocketDriver(name, channel);
    } catch (thrown) {
      channel[Symbol.dispose]();
      throw thrown;
    }
  }

  async identity(): ReturnType<CsiDriver['identity']> {
    const { vendor_version } = await this.#identity('GetPluginInfo', {});
    const { capabilities } = await this.#identity('GetPluginCapabilities', {});
    const words = capabilities.flatMap(({ service, volume_expansion }) => {
      if (service?.type === 'CONTROLLER_SERVICE') return ['controller-service' as const];
      if (service?.type === 'VOLUME_ACCESSIBILITY_CONSTRAINTS') return ['accessibility-constraints' as const];
      if (service?.type === 'GROUP_CONTROLLER_SERVICE') return ['group-controller' as const];
      if (volume_expansion?.type === 'ONLINE') return ['online-expansion' as const];
      return volume_expansion?.type === 'OFFLINE' ? ['offline-expansion' as const] : [];
    });
    return { version: vendor_version, capabilities: words };
  }

  controllerCapabilities(): Promise<readonly ControllerCapability[]> {
    this.#controller ??= this.#controllerCall('ControllerGetCapabilities', {}).then(
      ({ capabilities }) => capabilities.flatMap(({ rpc }) => controllerCapability(rpc?.type)),
      (thrown: unknown) => {
        this.#controller = undefined;
        // A driver of nodes only has no controller service at all.
        if (thrown instanceof CsiError && thrown.code === 'unimplemented') return [];
        throw thrown;
      },
    );
    return this.#controller;
  }

  nodeCapabilities(): Promise<readonly NodeCapability[]> {
    this.#node ??= this.#nodeCall('NodeGetCapabilities', {}).then(
      ({ capabilities }) => capabilities.flatMap(({ rpc }) => nodeCapability(rpc?.type)),
      (thrown: unknown) => {
        this.#node = undefined;
        throw thrown;
      },
    );
    return this.#node;
  }

  async createVolume({ name, requiredBytes, limitBytes, capabilities, parameters, source, topology, secrets }: CreateVolume): Promise<CsiVolume> {
    const { volume } = await this.#controllerCall('CreateVolume', {
      name,
      capacity_range: { required_bytes: requiredBytes, limit_bytes: limitBytes ?? 0 },
      volume_capabilities: capabilities.map(capabilityMessage),
      parameters,
      secrets,
      ...(source === undefined
        ? {}
        : { volume_content_source: 'snapshotId' in source ? { snapshot: { snapshot_id: source.snapshotId } } : { volume: { volume_id: source.volumeId } } }),
      ...(topology === undefined
        ? {}
        : { accessibility_requirements: { requisite: topology.requisite.map(topologyMessage), preferred: topology.preferred.map(topologyMessage) } }),
    });
    if (volume === null) throw new CsiError('internal', `${this.name} answered no volume`);
    return volumeValue(volume);
  }

  async deleteVolume(volumeId: string, secrets?: Secrets): Promise<void> {
    await this.#controllerCall('DeleteVolume', { volume_id: volumeId, secrets });
  }

  async controllerPublish({ volumeId, nodeId, capability, readOnly, context, secrets }: Parameters<CsiDriver['controllerPublish']>[0]): Promise<StringMap> {
    const answer = await this.#controllerCall('ControllerPublishVolume', {
      volume_id: volumeId,
      node_id: nodeId,
      volume_capability: capabilityMessage(capability),
      readonly: readOnly,
      volume_context: context,
      secrets,
    });
    return answer.publish_context;
  }

  async controllerUnpublish(volumeId: string, nodeId: string, secrets?: Secrets): Promise<void> {
    await this.#controllerCall('ControllerUnpublishVolume', { volume_id: volumeId, node_id: nodeId, secrets });
  }

  async controllerExpand(
    volumeId: string,
    requiredBytes: number,
    capability: VolumeCapability | undefined,
    secrets?: Secrets,
  ): ReturnType<CsiDriver['controllerExpand']> {
    const answer = await this.#controllerCall('ControllerExpandVolume', {
      volume_id: volumeId,
      capacity_range: { required_bytes: requiredBytes },
      ...(capability === undefined ? {} : { volume_capability: capabilityMessage(capability) }),
      secrets,
    });
    return { capacityBytes: answer.capacity_bytes, nodeExpansionRequired: answer.node_expansion_required };
  }

  async createSnapshot(name: string, sourceVolumeId: string, parameters: StringMap, secrets?: Secrets): Promise<CsiSnapshot> {
    const { snapshot } = await this.#controllerCall('CreateSnapshot', { name, source_volume_id: sourceVolumeId, parameters, secrets });
    if (snapshot === null) throw new CsiError('internal', `${this.name} answered no snapshot`);
    return snapshotValue(snapshot);
  }

  async deleteSnapshot(snapshotId: string, secrets?: Secrets): Promise<void> {
    await this.#controllerCall('DeleteSnapshot', { snapshot_id: snapshotId, secrets });
  }

  async capacity(parameters: StringMap): ReturnType<CsiDriver['capacity']> {
    if (!(await this.controllerCapabilities()).includes('get-capacity')) return undefined;
    const { available_capacity, maximum_volume_size } = await this.#controllerCall('GetCapacity', { parameters });
    return { availableBytes: available_capacity, ...(maximum_volume_size === null ? {} : { maximumVolumeBytes: maximum_volume_size.value }) };
  }

  async nodeInfo(): ReturnType<CsiDriver['nodeInfo']> {
    const { node_id, max_volumes_per_node, accessible_topology } = await this.#nodeCall('NodeGetInfo', {});
    return { nodeId: node_id, maxVolumes: max_volumes_per_node, topology: accessible_topology?.segments ?? {} };
  }

  async nodeStage({ volumeId, stagingPath, publishContext, context, capability, secrets }: NodeStage): Promise<void> {
    await this.#nodeCall('NodeStageVolume', {
      volume_id: volumeId,
      staging_target_path: stagingPath,
      publish_context: publishContext,
      volume_context: context,
      volume_capability: capabilityMessage(capability),
      secrets,
    });
  }

  async nodeUnstage(volumeId: string, stagingPath: string): Promise<void> {
    await this.#nodeCall('NodeUnstageVolume', { volume_id: volumeId, staging_target_path: stagingPath });
  }

  async nodePublish({ volumeId, stagingPath, targetPath, publishContext, context, capability, readOnly, secrets }: NodePublish): Promise<void> {
    const volume_capability = capabilityMessage(capability);
    await this.#nodeCall('NodePublishVolume', {
      volume_id: volumeId,
      staging_target_path: stagingPath,
      target_path: targetPath,
      publish_context: publishContext,
      volume_context: context,
      volume_capability,
      readonly: readOnly,
      secrets,
    });
  }

  async nodeUnpublish(volumeId: string, targetPath: string): Promise<void> {
    await this.#nodeCall('NodeUnpublishVolume', { volume_id: volumeId, target_path: targetPath });
  }

  async nodeExpand({
    volumeId,
    volumePath,
    stagingPath,
    requiredBytes,
    capability,
  }: Parameters<CsiDriver['nodeExpand']>[0]): ReturnType<CsiDriver['nodeExpand']> {
    const { capacity_bytes } = await this.#nodeCall('NodeExpandVolume', {
      volume_id: volumeId,
      volume_path: volumePath,
      staging_target_path: stagingPath,
      capacity_range: { required_bytes: requiredBytes },
      volume_capability: capabilityMessage(capability),
    });
    return { capacityBytes: capacity_bytes };
  }

  async nodeStats(volumeId: string, volumePath: string): Promise<VolumeStats> {
    const { usage } = await this.#nodeCall('NodeGetVolumeStats', { volume_id: volumeId, volume_path: volumePath });
    return statsValue(usage);
  }

  [Symbol.dispose](): void {
    this.#channel[Symbol.dispose]();
  }

  #identity<M extends keyof Services['csi.v1.Identity'] & string>(
    method: M,
    request: RequestOf<'csi.v1.Identity', M>,
  ): Promise<ResponseOf<'csi.v1.Identity', M>> {
    return this.#channel.call('csi.v1.Identity', method, request, QUICK_MS);
  }
  #controllerCall<M extends keyof Services['csi.v1.Controller'] & string>(
    method: M,
    request: RequestOf<'csi.v1.Controller', M>,
  ): Promise<ResponseOf<'csi.v1.Controller', M>> {
    return this.#channel.call('csi.v1.Controller', method, request, TIMEOUT_MS);
  }
  #nodeCall<M extends keyof Services['csi.v1.Node'] & string>(method: M, request: RequestOf<'csi.v1.Node', M>): Promise<ResponseOf<'csi.v1.Node', M>> {
    return this.#channel.call('csi.v1.Node', method, request, TIMEOUT_MS);
  }
}

function topologyMessage(segments: StringMap): { readonly segments: StringMap } {
  return { segments };
}
