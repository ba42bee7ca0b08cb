import type { PersistentVolume } from '../../api/gen/types/core.v1.ts';
import type { VolumeAttachment, VolumeAttachmentStatus } from '../../api/gen/types/storage.v1.ts';
import { csiNodes, persistentVolumes, volumeAttachments } from '../../api/gen/resources.ts';
import type { ComponentOptions } from '../../client/component.ts';
import { type CsiDriver, CsiError, type VolumeCapability } from '../../csi/driver.ts';
import type { Stored } from '../../machinery/object.ts';
import { formatTime } from '../../machinery/time.ts';
import { type Controller, source, startController } from '../../client/controller.ts';

export interface AttacherOptions extends ComponentOptions {
  readonly nodeName: string;
  readonly driver: CsiDriver;
}

const BY_VOLUME = 'storage/volume';
const VOLUME_KEY = 'volume/';
const volumeKey = (name: string): string => `${VOLUME_KEY}${name}`;

/**
 * The hand that attaches to this node, by the driver's ControllerPublishVolume. A driver without it is attached by saying so. The volume's
 * object carries a finalizer while it is attached, as Kubernetes' external-attacher has it: without its handle nobody could detach it. Keys
 * are names of attachments, and `volume/NAME`.
 */
export function startAttacher(options: AttacherOptions): Controller {
  const { client, driver, informers, nodeName } = options;
  const attachments = informers.of(volumeAttachments, { indexes: { [BY_VOLUME]: ({ spec }) => [spec.source.persistentVolumeName ?? ''] } });
  const volumes = informers.of(persistentVolumes);
  const nodes = informers.of(csiNodes);
  const finalizer = `external-attacher/${driver.name.replaceAll('.', '-')}`;
  return startController(options, {
    name: `attacher-${driver.name}`,
    concurrency: 8,
    sources: [
      source(attachments, ({ metadata, spec }) =>
        spec.attacher === driver.name && spec.nodeName === nodeName ? [metadata.name, volumeKey(spec.source.persistentVolumeName ?? '')] : [],
      ),
      source(volumes, ({ metadata }) =>
        metadata.deletionTimestamp !== undefined && metadata.finalizers?.includes(finalizer) === true ? [volumeKey(metadata.name)] : [],
      ),
      source(nodes, () => []),
    ],
    reconcile: async (name) => {
      if (name.startsWith(VOLUME_KEY)) return letGo(name.slice(VOLUME_KEY.length));
      const attachment = attachments.get(name);
      if (attachment === undefined) return undefined;
      const volume = volumes.get(attachment.spec.source.persistentVolumeName ?? '');
      const nodeId = nodes.get(nodeName)?.spec.drivers.find((each) => each.name === driver.name)?.nodeID ?? nodeName;
      const publishes = (await driver.controllerCapabilities()).includes('publish-unpublish-volume');
      if (attachment.metadata.deletionTimestamp !== undefined) {
        if (attachment.metadata.finalizers?.includes(finalizer) !== true) return undefined;
        const handle = volume?.spec?.csi?.volumeHandle;
        if (publishes && handle !== undefined) await told(attachment, 'detachError', () => driver.controllerUnpublish(handle, nodeId));
        await client.update(volumeAttachments, {
          ...attachment,
          metadata: { ...attachment.metadata, finalizers: attachment.metadata.finalizers.filter((each) => each !== finalizer) },
        });
        return undefined;
      }
      if (attachment.status?.attached === true || volume?.spec?.csi === undefined) return undefined;
      const held =
        attachment.metadata.finalizers?.includes(finalizer) === true
          ? attachment
          : await client.update(volumeAttachments, {
              ...attachment,
              metadata: { ...attachment.metadata, finalizers: [...(attachment.metadata.finalizers ?? []), finalizer] },
            });
      if (publishes && volume.metadata.finalizers?.includes(finalizer) !== true)
        await client.update(persistentVolumes, { ...volume, metadata: { ...volume.metadata, finalizers: [...(volume.metadata.finalizers ?? []), finalizer] } });
      const { volumeHandle, volumeAttributes = {}, readOnly = false } = volume.spec.csi;
      const attachmentMetadata = publishes
        ? await told(held, 'attachError', () =>
            driver.controllerPublish({ volumeId: volumeHandle, nodeId, capability: capabilityOf(volume), readOnly, context: volumeAttributes }),
          )
        : {};
      await write(held, { attached: true, ...(Object.keys(attachmentMetadata).length === 0 ? {} : { attachmentMetadata }) });
      return undefined;
    },
  });

  /** A volume that is to go, and is attached nowhere any more. */
  async function letGo(name: string): Promise<undefined> {
    const volume = volumes.get(name);
    if (volume?.metadata.deletionTimestamp === undefined || volume.metadata.finalizers?.includes(finalizer) !== true) return;
    if (attachments.byIndex(BY_VOLUME, name).length > 0) return;
    const finalizers = volume.metadata.finalizers.filter((each) => each !== finalizer);
    await client.update(persistentVolumes, { ...volume, metadata: { ...volume.metadata, finalizers } });
  }

  /** A refusal by the driver is written where the node and people look, and tried again later. */
  async function told<T>(attachment: Stored<VolumeAttachment>, field: 'attachError' | 'detachError', work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (thrown) {
      if (thrown instanceof CsiError && attachment.status?.[field]?.message !== thrown.message) {
        await write(attachment, {
          attached: attachment.status?.attached ?? false,
          [field]: { message: thrown.message, time: formatTime(options.clock.now()) },
        });
      }
      throw thrown;
    }
  }

  async function write(attachment: Stored<VolumeAttachment>, status: VolumeAttachmentStatus): Promise<void> {
    await client.updateStatus(volumeAttachments, { ...attachment, status });
  }
}

function capabilityOf({ spec }: PersistentVolume): VolumeCapability {
  const modes = spec?.accessModes ?? [];
  const access = modes.includes('ReadWriteMany')
    ? 'multi-node-multi-writer'
    : modes.includes('ReadOnlyMany')
      ? 'multi-node-reader-only'
      : modes.includes('ReadWriteOncePod')
        ? 'single-node-single-writer'
        : 'single-node-writer';
  return {
    access,
    as: spec?.volumeMode === 'Block' ? { type: 'block' } : { type: 'mount', fsType: spec?.csi?.fsType ?? '', mountFlags: spec?.mountOptions ?? [] },
  };
}
