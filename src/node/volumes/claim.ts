import { LETTING_GO } from '../../api/core/persistent-volume.rules.ts';
import { persistentVolumeClaims, persistentVolumes, secrets, volumeAttachments } from '../../api/gen/resources.ts';
import type { PersistentVolume, PersistentVolumeClaim, Volume } from '../../api/gen/types/core.v1.ts';
import type { Secrets, StringMap } from '../../csi/driver.ts';
import type { Stored } from '../../machinery/object.ts';
import { getOwn } from '../../machinery/record.ts';
import { StatusError } from '../../machinery/status-error.ts';
import { containersOf } from '../pods/pod.ts';
import { CSI_PLUGIN, type CsiMounter } from './csi.ts';
import { digest } from './digest.ts';
import { setUpHostPath } from './host-path.ts';
import { setUpLocal } from './local.ts';
import { setUpNfs } from './nfs.ts';
import type { Resizer } from './resize.ts';
import { type MountedVolume, VolumeError, type VolumePlugin, type VolumeRequest, type VolumeTools } from './volume.ts';

type Bound = { readonly claim: Stored<PersistentVolumeClaim>; readonly volume: Stored<PersistentVolume> };

/** A node may only ask for claims, not watch them: this often it looks whether one has grown. */
const LOOK_AGAIN_MS = 10_000;

/** Claims, also those that a pod owns (generic ephemeral volumes): whatever the bound volume lies on. */
export function claimPlugin(tools: VolumeTools, csi: CsiMounter, resizer: Resizer): VolumePlugin {
  return {
    name: 'kubernetes.io/persistent-claim',
    supports: (volume) => volume.persistentVolumeClaim !== undefined || volume.ephemeral !== undefined,
    async setUp(request: VolumeRequest): Promise<MountedVolume> {
      const bound = await find(tools, request);
      const { before } = request;
      // Nothing has changed since the last look: there is nothing to do.
      if (before?.claim?.versions === versionsOf(bound) && !republishes(tools, bound)) return { ...before, againAtMs: request.nowMs + LOOK_AGAIN_MS };
      const mounted = await setUpBound(tools, csi, request, bound);
      await resizer.growOnNode(bound, mounted, request.id);
      const claim = {
        claimName: bound.claim.metadata.name,
        volumeName: bound.volume.metadata.name,
        versions: versionsOf(bound),
      };
      return { ...mounted, claim, againAtMs: mounted.againAtMs ?? request.nowMs + LOOK_AGAIN_MS };
    },
    // What was mounted lies in the directory of the plugin that did it.
    async tearDown(): Promise<void> {},
  };
}

/** The claim that a volume of a pod names. */
export function claimNameOf(podName: string, { name, persistentVolumeClaim, ephemeral }: Volume): string | undefined {
  if (persistentVolumeClaim !== undefined) return persistentVolumeClaim.claimName;
  return ephemeral === undefined ? undefined : `${podName}-${name}`;
}

async function find({ client }: VolumeTools, { id, pod, volume, before }: VolumeRequest): Promise<Bound> {
  const name = claimNameOf(id.name, volume) ?? '';
  const claim = await client.get(persistentVolumeClaims, name, id.namespace).catch((thrown: unknown) => {
    throw notFound(thrown, `error getting PVC "${id.namespace}/${name}": could not find v1.PersistentVolumeClaim "${id.namespace}/${name}"`);
  });
  if (volume.ephemeral !== undefined && !(claim.metadata.ownerReferences ?? []).some((o) => o.uid === id.uid && o.controller === true)) {
    throw new VolumeError('refused', `PVC "${id.namespace}/${name}" was not created for pod "${id.namespace}/${id.name}" (pod is not owner)`);
  }
  const goes = claim.metadata.deletionTimestamp !== undefined && getOwn(claim.metadata.annotations, LETTING_GO) !== undefined;
  if (goes && before === undefined && pod.status?.phase !== 'Running') throw new VolumeError('waiting', 'PVC is being deleted');
  const volumeName = claim.spec?.volumeName ?? '';
  if (volumeName === '' || claim.status?.phase !== 'Bound') throw new VolumeError('waiting', `PVC is not bound`);
  const bound = await client.get(persistentVolumes, volumeName).catch((thrown: unknown) => {
    throw notFound(thrown, `could not find v1.PersistentVolume "${volumeName}"`);
  });
  if (bound.spec?.claimRef?.uid !== claim.metadata.uid) throw new VolumeError('failed', `PV "${volumeName}" is not bound to PVC "${id.namespace}/${name}"`);
  return { claim, volume: bound };
}

function notFound(thrown: unknown, message: string): unknown {
  return thrown instanceof StatusError && thrown.reason === 'NotFound' ? new VolumeError('waiting', message, { cause: thrown }) : thrown;
}

async function setUpBound(tools: VolumeTools, csi: CsiMounter, request: VolumeRequest, bound: Bound): Promise<MountedVolume> {
  try {
    checkMode(request, bound);
    return await setUpVolume(tools, csi, request, bound, request.volume.persistentVolumeClaim?.readOnly === true);
  } catch (thrown) {
    throw thrown instanceof VolumeError ? thrown.about(bound.volume.metadata.name) : thrown;
  }
}

function republishes({ csiDriver }: VolumeTools, { volume }: Bound): boolean {
  return csiDriver(volume.spec?.csi?.driver ?? '')?.spec.requiresRepublish === true;
}

function versionsOf({ claim, volume }: Bound): string {
  return `${claim.metadata.resourceVersion}/${volume.metadata.resourceVersion}`;
}

function modeOf({ volume }: Bound): 'Filesystem' | 'Block' {
  return volume.spec?.volumeMode === 'Block' ? 'Block' : 'Filesystem';
}

/** A block volume is used as a device, a file system as a mount. */
function checkMode({ pod, volume: { name } }: VolumeRequest, bound: Bound): void {
  const mode = modeOf(bound);
  const mounted = containersOf(pod).some((c) => c.spec.volumeMounts?.some((m) => m.name === name));
  const mapped = containersOf(pod).some((c) => c.spec.volumeDevices?.some((d) => d.name === name));
  if (mode === 'Block' && mounted) throw new VolumeError('failed', `volume ${name} has volumeMode Block, but is specified in volumeMounts`);
  if (mode === 'Filesystem' && mapped) throw new VolumeError('failed', `volume ${name} has volumeMode Filesystem, but is specified in volumeDevices`);
}

async function setUpVolume(tools: VolumeTools, csi: CsiMounter, request: VolumeRequest, bound: Bound, readOnly: boolean): Promise<MountedVolume> {
  const source = bound.volume.spec ?? {};
  if (source.csi !== undefined) return setUpCsi(tools, csi, request, bound, readOnly);
  if (source.hostPath !== undefined) return { ...(await setUpHostPath(tools.host, source.hostPath)), readOnly };
  if (source.local !== undefined) return setUpLocal(tools, request, bound.volume, readOnly);
  if (source.nfs !== undefined)
    return setUpNfs(tools, request, {
      ...source.nfs,
      readOnly: readOnly || source.nfs.readOnly === true,
      name: bound.volume.metadata.name,
      mountOptions: source.mountOptions ?? [],
    });
  throw new VolumeError('refused', `persistent volume ${JSON.stringify(bound.volume.metadata.name)}: its type is not supported on this node`);
}

async function setUpCsi(tools: VolumeTools, csi: CsiMounter, { id, pod }: VolumeRequest, { claim, volume }: Bound, readOnly: boolean): Promise<MountedVolume> {
  const source = volume.spec?.csi;
  if (source === undefined) throw new VolumeError('failed', `persistent volume ${JSON.stringify(volume.metadata.name)} is not a CSI volume`);
  const { driver, volumeHandle: handle } = source;
  return csi.setUp({
    id,
    pod,
    driver,
    handle,
    name: volume.metadata.name,
    lifecycle: 'Persistent',
    mode: modeOf({ claim, volume }),
    fsType: source.fsType ?? '',
    access: volume.spec?.accessModes?.[0] ?? 'ReadWriteOnce',
    mountOptions: volume.spec?.mountOptions ?? [],
    readOnly: readOnly || source.readOnly === true,
    exclusive: (claim.spec?.accessModes ?? []).includes('ReadWriteOncePod'),
    attributes: source.volumeAttributes ?? {},
    publishContext: await attached(tools, driver, handle),
    stageSecrets: await secretOf(tools, source.nodeStageSecretRef),
    publishSecrets: await secretOf(tools, source.nodePublishSecretRef),
  });
}

/** What the attaching gave to this node; waits (by error) until it is done, for drivers that want it. */
async function attached({ client, csiDriver, nodeName }: VolumeTools, driver: string, handle: string): Promise<StringMap> {
  if (csiDriver(driver)?.spec.attachRequired === false) return {};
  const name = `csi-${digest(`${handle}${driver}${nodeName}`)}`;
  const waiting = `timed out waiting for external-attacher of ${driver} CSI driver to attach volume ${handle}`;
  const attachment = await client.get(volumeAttachments, name).catch((thrown: unknown) => {
    throw thrown instanceof StatusError && thrown.reason === 'NotFound'
      ? new VolumeError('waiting', waiting, { reason: 'FailedAttachVolume', cause: thrown })
      : thrown;
  });
  const { attachError } = attachment.status ?? {};
  if (attachment.status?.attached === true) return attachment.status.attachmentMetadata ?? {};
  if (attachError?.message !== undefined) throw new VolumeError('failed', attachError.message, { reason: 'FailedAttachVolume' });
  throw new VolumeError('waiting', waiting, { reason: 'FailedAttachVolume' });
}

/** Values are passed on as they are, decoded. */
export async function secretOf(
  { client }: VolumeTools,
  ref: { readonly name?: string | undefined; readonly namespace?: string | undefined } | undefined,
): Promise<Secrets | undefined> {
  if (ref?.name === undefined || ref.name === '') return undefined;
  const { name, namespace } = ref;
  const secret = await client.get(secrets, name, namespace).catch((thrown: unknown) => {
    throw notFound(thrown, `fetching secret ${namespace ?? ''}/${name} failed: secrets ${JSON.stringify(name)} not found`);
  });
  return Object.fromEntries(Object.entries(secret.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]));
}

/** As nodes report volumes that are attached to them; undefined for those that are not. */
export function uniqueNameOf({ csiDriver }: VolumeTools, driver: string, handle: string): string | undefined {
  return csiDriver(driver)?.spec.attachRequired === false ? undefined : `${CSI_PLUGIN}/${driver}^${handle}`;
}
