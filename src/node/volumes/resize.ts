import { persistentVolumeClaims } from '../../api/gen/resources.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '../../api/gen/types/core.v1.ts';
import { CsiError } from '../../csi/driver.ts';
import type { Stored } from '../../machinery/object.ts';
import { compareQuantities, parseQuantity, quantityNumber } from '../../machinery/quantity.ts';
import { getOwn, withKey } from '../../machinery/record.ts';
import type { PodIdentity } from '../pods/pod.ts';
import type { CsiMounter } from './csi.ts';
import type { MountedVolume, VolumeTools } from './volume.ts';

/**
 * The node's part of a volume's growth: when the volume has become larger than what the claim reports, the driver grows what is on
 * it, mounted, and the claim's status says so.
 */
export class Resizer {
  readonly #tools: VolumeTools;
  readonly #csi: CsiMounter;

  constructor(tools: VolumeTools, csi: CsiMounter) {
    this.#tools = tools;
    this.#csi = csi;
  }

  async growOnNode(
    { claim, volume }: { readonly claim: Stored<PersistentVolumeClaim>; readonly volume: Stored<PersistentVolume> },
    mounted: MountedVolume,
    pod: PodIdentity,
  ): Promise<void> {
    const source = volume.spec?.csi;
    const wanted = pendingSize(claim, volume);
    if (source === undefined || wanted === undefined || mounted.readOnly) return;
    const driver = this.#csi.driver(source.driver);
    if ((await driver.nodeCapabilities()).includes('expand-volume')) {
      const { recorder } = this.#tools;
      try {
        await driver.nodeExpand({
          volumeId: source.volumeHandle,
          volumePath: mounted.path,
          stagingPath: this.#csi.stagingPath(source.driver, source.volumeHandle, mounted.mode),
          requiredBytes: quantityNumber(wanted.quantity),
          capability: {
            access: 'single-node-writer',
            as: mounted.mode === 'Block' ? { type: 'block' } : { type: 'mount', fsType: source.fsType ?? '', mountFlags: volume.spec?.mountOptions ?? [] },
          },
        });
      } catch (thrown) {
        if (!(thrown instanceof CsiError)) throw thrown;
        // The pod runs on with the old size; the next change of claim or volume tries again.
        recorder.event(
          claim,
          'Warning',
          'VolumeResizeFailed',
          `NodeExpandVolume.NodeExpandVolume failed for volume ${JSON.stringify(volume.metadata.name)} : ${thrown.message}`,
        );
        this.#tools.log.warn('growing a volume failed', { claim: claim.metadata.name, pod: pod.name, cause: thrown.message });
        return;
      }
      recorder.event(
        claim,
        'Normal',
        'FileSystemResizeSuccessful',
        `MountVolume.NodeExpandVolume succeeded for volume ${JSON.stringify(volume.metadata.name)} ${this.#tools.nodeName}`,
      );
    }
    await this.#report(claim, wanted.text);
  }

  async #report(claim: Stored<PersistentVolumeClaim>, size: string): Promise<void> {
    const { client } = this.#tools;
    const fresh = await client.get(persistentVolumeClaims, claim.metadata.name, claim.metadata.namespace);
    const { allocatedResourceStatuses: _, ...status } = fresh.status ?? {};
    const conditions = (status.conditions ?? []).filter((c) => c.type !== 'FileSystemResizePending' && c.type !== 'Resizing');
    await client.updateStatus(persistentVolumeClaims, { ...fresh, status: { ...status, capacity: withKey(status.capacity, 'storage', size), conditions } });
  }
}

/** The volume's size, when the claim says it waits for the node, or reports less than the volume has and asks for more. */
function pendingSize(
  claim: PersistentVolumeClaim,
  volume: PersistentVolume,
): { readonly quantity: NonNullable<ReturnType<typeof parseQuantity>>; readonly text: string } | undefined {
  const text = getOwn(volume.spec?.capacity, 'storage') ?? '';
  const quantity = parseQuantity(text);
  const reported = parseQuantity(getOwn(claim.status?.capacity, 'storage') ?? '');
  const asked = parseQuantity(getOwn(claim.spec?.resources?.requests, 'storage') ?? '');
  if (quantity === undefined || reported === undefined || asked === undefined) return undefined;
  const waits = (claim.status?.conditions ?? []).some((c) => c.type === 'FileSystemResizePending' && c.status === 'True');
  const less = compareQuantities(reported, quantity) < 0 && compareQuantities(reported, asked) < 0;
  return waits || less ? { quantity, text } : undefined;
}
