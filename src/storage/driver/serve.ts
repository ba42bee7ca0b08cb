import { type CreateVolume, type CsiDriver, CsiError, type CsiSnapshot, type CsiVolume, type NodeStage, type VolumeCapability } from '../../csi/driver.ts';
import type { CreateVolumeRequestInput, NodeStageVolumeRequestInput, VolumeCapabilityInput } from '../../csi/gen/csi.types.ts';
import { type Answer, CsiServer, type Implementation } from '../../csi/grpc.ts';
import { capabilityValue, enumOf } from '../../csi/messages.ts';

/** Puts a driver on a unix socket, as any Kubernetes expects it. The socket's file must not be there yet. */
export async function serveDriver(driver: CsiDriver, socket: string): Promise<AsyncDisposable> {
  const server = await CsiServer.open();
  server.serve('csi.v1.Identity', identity(driver));
  server.serve('csi.v1.Controller', controller(driver));
  server.serve('csi.v1.Node', node(driver));
  await server.listen(socket);
  return server;
}

function identity(driver: CsiDriver): Implementation<'csi.v1.Identity'> {
  return {
    GetPluginInfo: async () => ({ name: driver.name, vendor_version: (await driver.identity()).version }),
    GetPluginCapabilities: async () => {
      const { capabilities } = await driver.identity();
      return {
        capabilities: capabilities.map(pluginCapability),
      };
    },
    Probe: async () => ({ ready: { value: true } }),
  };
}

function pluginCapability(
  word: Awaited<ReturnType<CsiDriver['identity']>>['capabilities'][number],
): NonNullable<Answer<'csi.v1.Identity', 'GetPluginCapabilities'>['capabilities']>[number] {
  if (word === 'online-expansion') return { volume_expansion: { type: 'ONLINE' } };
  if (word === 'offline-expansion') return { volume_expansion: { type: 'OFFLINE' } };
  const services = {
    'controller-service': 'CONTROLLER_SERVICE',
    'accessibility-constraints': 'VOLUME_ACCESSIBILITY_CONSTRAINTS',
    'group-controller': 'GROUP_CONTROLLER_SERVICE',
  } as const;
  return { service: { type: services[word] } };
}

function controller(driver: CsiDriver): Implementation<'csi.v1.Controller'> {
  return {
    ControllerGetCapabilities: async () => ({ capabilities: (await driver.controllerCapabilities()).map((word) => ({ rpc: { type: enumOf(word) } })) }),
    CreateVolume: async (request) => ({ volume: volumeMessage(await driver.createVolume(createVolume(request)), request) }),
    DeleteVolume: async ({ volume_id, secrets }) => {
      await driver.deleteVolume(given(volume_id, 'volume_id'), secrets);
      return {};
    },
    ValidateVolumeCapabilities: async ({ volume_id, volume_capabilities, volume_context, parameters }) => {
      given(volume_id, 'volume_id');
      if ((volume_capabilities ?? []).length === 0) throw new CsiError('invalid-argument', 'volume_capabilities is missing');
      const known = (volume_capabilities ?? []).map(capability).every(({ access }) => access.startsWith('single-node'));
      if (!known) return { message: 'only one node at a time can use it' };
      return { confirmed: { volume_context: volume_context ?? {}, volume_capabilities: volume_capabilities ?? [], parameters: parameters ?? {} } };
    },
    GetCapacity: async ({ parameters }) => {
      const capacity = await driver.capacity(parameters ?? {});
      return {
        available_capacity: capacity?.availableBytes ?? 0,
        ...(capacity?.maximumVolumeBytes === undefined ? {} : { maximum_volume_size: { value: capacity.maximumVolumeBytes } }),
      };
    },
    CreateSnapshot: async ({ name, source_volume_id, parameters, secrets }) => ({
      snapshot: snapshotMessage(await driver.createSnapshot(given(name, 'name'), given(source_volume_id, 'source_volume_id'), parameters ?? {}, secrets)),
    }),
    DeleteSnapshot: async ({ snapshot_id, secrets }) => {
      await driver.deleteSnapshot(given(snapshot_id, 'snapshot_id'), secrets);
      return {};
    },
    ControllerExpandVolume: async ({ volume_id, capacity_range, volume_capability, secrets }) => {
      const required = capacity_range?.required_bytes ?? 0;
      if (required <= 0) throw new CsiError('invalid-argument', 'capacity_range is missing');
      const { capacityBytes, nodeExpansionRequired } = await driver.controllerExpand(
        given(volume_id, 'volume_id'),
        required,
        capabilityValue(volume_capability),
        secrets,
      );
      return { capacity_bytes: capacityBytes, node_expansion_required: nodeExpansionRequired };
    },
  };
}

function node(driver: CsiDriver): Implementation<'csi.v1.Node'> {
  return {
    NodeGetCapabilities: async () => ({ capabilities: (await driver.nodeCapabilities()).map((word) => ({ rpc: { type: enumOf(word) } })) }),
    NodeGetInfo: async () => {
      const { nodeId, maxVolumes, topology } = await driver.nodeInfo();
      return { node_id: nodeId, max_volumes_per_node: maxVolumes, accessible_topology: { segments: topology } };
    },
    NodeStageVolume: async (request) => {
      await driver.nodeStage(stage(request));
      return {};
    },
    NodeUnstageVolume: async ({ volume_id, staging_target_path }) => {
      await driver.nodeUnstage(given(volume_id, 'volume_id'), given(staging_target_path, 'staging_target_path'));
      return {};
    },
    NodePublishVolume: async (request) => {
      await driver.nodePublish({ ...stage(request), targetPath: given(request.target_path, 'target_path'), readOnly: request.readonly ?? false });
      return {};
    },
    NodeUnpublishVolume: async ({ volume_id, target_path }) => {
      await driver.nodeUnpublish(given(volume_id, 'volume_id'), given(target_path, 'target_path'));
      return {};
    },
    NodeGetVolumeStats: async ({ volume_id, volume_path }) => {
      const s = await driver.nodeStats(given(volume_id, 'volume_id'), given(volume_path, 'volume_path'));
      return {
        usage: [
          { unit: 'BYTES', total: s.totalBytes, used: s.usedBytes, available: s.availableBytes },
          { unit: 'INODES', total: s.totalInodes, used: s.usedInodes, available: s.freeInodes },
        ],
      };
    },
    NodeExpandVolume: async ({ volume_id, volume_path, staging_target_path, capacity_range, volume_capability }) => {
      const capability = capabilityValue(volume_capability) ?? { access: 'single-node-writer', as: { type: 'mount', fsType: '', mountFlags: [] } };
      const request = {
        volumeId: given(volume_id, 'volume_id'),
        volumePath: given(volume_path, 'volume_path'),
        stagingPath: staging_target_path ?? '',
        requiredBytes: capacity_range?.required_bytes ?? 0,
        capability,
      };
      return { capacity_bytes: (await driver.nodeExpand(request)).capacityBytes };
    },
  };
}

function createVolume({
  name,
  capacity_range,
  volume_capabilities,
  parameters,
  volume_content_source,
  accessibility_requirements,
  secrets,
}: CreateVolumeRequestInput): CreateVolume {
  const snapshotId = volume_content_source?.snapshot?.snapshot_id;
  const volumeId = volume_content_source?.volume?.volume_id;
  const segments = (
    of: readonly { readonly segments?: Readonly<Record<string, string>> | undefined }[] | undefined,
  ): readonly Readonly<Record<string, string>>[] => (of ?? []).map((topology) => topology.segments ?? {});
  return {
    name: given(name, 'name'),
    requiredBytes: capacity_range?.required_bytes ?? 0,
    ...((capacity_range?.limit_bytes ?? 0) > 0 ? { limitBytes: capacity_range?.limit_bytes ?? 0 } : {}),
    capabilities: (volume_capabilities ?? []).map(capability),
    parameters: parameters ?? {},
    ...(snapshotId !== undefined ? { source: { snapshotId } } : volumeId !== undefined ? { source: { volumeId } } : {}),
    ...(accessibility_requirements === undefined || accessibility_requirements === null
      ? {}
      : { topology: { requisite: segments(accessibility_requirements.requisite), preferred: segments(accessibility_requirements.preferred) } }),
    ...(secrets === undefined ? {} : { secrets }),
  };
}

function stage({ volume_id, staging_target_path, publish_context, volume_context, volume_capability, secrets }: NodeStageVolumeRequestInput): NodeStage {
  return {
    volumeId: given(volume_id, 'volume_id'),
    stagingPath: given(staging_target_path, 'staging_target_path'),
    publishContext: publish_context ?? {},
    context: volume_context ?? {},
    capability: capability(volume_capability),
    ...(secrets === undefined ? {} : { secrets }),
  };
}

function capability(message: VolumeCapabilityInput | null | undefined): VolumeCapability {
  const value = capabilityValue(message);
  if (value === undefined) throw new CsiError('invalid-argument', 'volume_capability is missing or has no access mode');
  return value;
}

/** CSI: a required field that is empty is an invalid argument. */
function given(value: string | undefined, name: string): string {
  if (value === undefined || value === '') throw new CsiError('invalid-argument', `${name} is missing`);
  return value;
}

function volumeMessage(
  { volumeId, capacityBytes, context, topology }: CsiVolume,
  { volume_content_source }: CreateVolumeRequestInput,
): Answer<'csi.v1.Controller', 'CreateVolume'>['volume'] {
  const source = volume_content_source;
  return {
    volume_id: volumeId,
    capacity_bytes: capacityBytes,
    volume_context: context,
    accessible_topology: topology.map((segments) => ({ segments })),
    ...(source?.snapshot?.snapshot_id !== undefined ? { content_source: { snapshot: { snapshot_id: source.snapshot.snapshot_id } } } : {}),
    ...(source?.volume?.volume_id !== undefined ? { content_source: { volume: { volume_id: source.volume.volume_id } } } : {}),
  };
}

function snapshotMessage({
  snapshotId,
  sourceVolumeId,
  sizeBytes,
  createdAtMs,
  ready,
}: CsiSnapshot): Answer<'csi.v1.Controller', 'CreateSnapshot'>['snapshot'] {
  return {
    snapshot_id: snapshotId,
    source_volume_id: sourceVolumeId,
    size_bytes: sizeBytes,
    ready_to_use: ready,
    creation_time: { seconds: Math.floor(createdAtMs / 1000), nanos: (createdAtMs % 1000) * 1e6 },
  };
}
