import { secretOf } from './claim.ts';
import { CSI_PLUGIN, type CsiMounter } from './csi.ts';
import { digest } from './digest.ts';
import { type MountedVolume, type TearDown, VolumeError, type VolumePlugin, type VolumeRequest, type VolumeTools } from './volume.ts';

/** CSI volumes that stand in a pod and live as long as it (KEP-596); and the taking down of all CSI volumes. */
export function csiPlugin(tools: VolumeTools, csi: CsiMounter): VolumePlugin {
  return {
    name: CSI_PLUGIN,
    supports: (volume) => volume.csi !== undefined,
    async setUp({ id, pod, volume }: VolumeRequest): Promise<MountedVolume> {
      const source = volume.csi ?? { driver: '' };
      const modes = tools.csiDriver(source.driver)?.spec.volumeLifecycleModes ?? ['Persistent'];
      if (!modes.includes('Ephemeral')) throw new VolumeError('failed', `CSI driver ${source.driver} does not support ephemeral volume mode`);
      const secret = source.nodePublishSecretRef?.name;
      return csi.setUp({
        id,
        pod,
        driver: source.driver,
        handle: `csi-${digest(`${id.namespace}${id.name}${id.uid}${volume.name}`)}`,
        name: volume.name,
        lifecycle: 'Ephemeral',
        mode: 'Filesystem',
        fsType: source.fsType ?? '',
        access: 'ReadWriteOnce',
        mountOptions: [],
        readOnly: source.readOnly === true,
        exclusive: false,
        attributes: source.volumeAttributes ?? {},
        publishContext: {},
        publishSecrets: await secretOf(tools, secret === undefined ? undefined : { name: secret, namespace: id.namespace }),
      });
    },
    tearDown: ({ directory }: TearDown) => csi.tearDown(directory),
  };
}
