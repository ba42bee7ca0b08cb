import { createHash } from 'node:crypto';
import type { PersistentVolumeClaim, Pod } from '../../api/gen/types/core.v1.ts';
import type { VolumeAttachment } from '../../api/gen/types/storage.v1.ts';
import {
  csiDrivers,
  nodes as nodeResource,
  persistentVolumeClaims,
  persistentVolumes,
  pods as podResource,
  volumeAttachments,
} from '../../api/gen/resources.ts';
import { keyOf } from '../../client/cache.ts';
import type { ComponentOptions } from '../../client/component.ts';
import { StatusError } from '../../machinery/status-error.ts';
import { claimKeysOf } from '../binder/binder.ts';
import { type Controller, source, startController } from '../../client/controller.ts';
import { Said } from '../said.ts';
import { type Attachment, decideAttach, decideWithoutVolume } from './decide.ts';

const POD_CLAIMS = 'storage/claim';
const BY_VOLUME = 'storage/volume';

/** Makes and removes VolumeAttachments, for drivers that want attaching (attachdetach-controller). Keys are volume names. */
export function startAttachDetach(options: ComponentOptions): Controller {
  const { client, informers } = options;
  const recorder = options.recorder.as('attachdetach-controller');
  const pods = informers.of(podResource, { indexes: { [POD_CLAIMS]: claimKeysOf } });
  const claims = informers.of(persistentVolumeClaims, { indexes: { [BY_VOLUME]: named } });
  const volumes = informers.of(persistentVolumes);
  const drivers = informers.of(csiDrivers);
  const nodes = informers.of(nodeResource);
  const attachments = informers.of(volumeAttachments, { indexes: { [BY_VOLUME]: ({ spec }) => [spec.source.persistentVolumeName ?? ''] } });
  const volumesOf = (pod: Pod): readonly string[] =>
    claimKeysOf(pod).flatMap((key) => named(claims.get(key.slice(key.indexOf('/') + 1), key.slice(0, key.indexOf('/')))));
  const said = new Said();

  return startController(options, {
    name: 'attach-detach',
    concurrency: 8,
    sources: [
      source(pods, volumesOf),
      source(claims, named),
      source(volumes, ({ metadata }) => [metadata.name]),
      source(drivers, ({ metadata }) =>
        volumes
          .list()
          .filter(({ spec }) => spec?.csi?.driver === metadata.name)
          .map((volume) => volume.metadata.name),
      ),
      // A node that reports less in use lets something be detached; heartbeats touch nothing that is attached.
      source(nodes, ({ metadata }) =>
        attachments
          .list()
          .filter(({ spec }) => spec.nodeName === metadata.name)
          .flatMap(volumeOf),
      ),
      source(attachments, volumeOf),
    ],
    reconcile: async (name) => {
      const volume = volumes.get(name);
      if (volume === undefined) {
        const left = attachments.byIndex(BY_VOLUME, name).filter(isOurs);
        for (const gone of decideWithoutVolume({
          attachments: left,
          pods: claims.byIndex(BY_VOLUME, name).flatMap((claim) => pods.byIndex(POD_CLAIMS, keyOf(claim))),
          inUse: (node) => nodes.get(node)?.status?.volumesInUse ?? [],
          nameOf: attachmentName,
        }))
          await client.delete(volumeAttachments, gone).catch(ifGone);
        return undefined;
      }
      const { namespace = '', name: claimName = '' } = volume.spec?.claimRef ?? {};
      const unique = `kubernetes.io/csi/${volume.spec?.csi?.driver ?? ''}^${volume.spec?.csi?.volumeHandle ?? ''}`;
      const { create, remove, blocked } = decideAttach({
        volume,
        driver: drivers.get(volume.spec?.csi?.driver ?? ''),
        pods: pods.byIndex(POD_CLAIMS, `${namespace}/${claimName}`),
        attachments: attachments.byIndex(BY_VOLUME, name).filter(isOurs),
        inUse: (node) => nodes.get(node)?.status?.volumesInUse?.includes(unique) === true,
      });
      for (const { pod, message } of blocked) {
        if (said.isNews(pod.metadata?.uid ?? '', message)) recorder.event(pod, 'Warning', 'FailedAttachVolume', message);
      }
      for (const attachment of create) await client.create(volumeAttachments, attachmentObject(attachment));
      for (const gone of remove) await client.delete(volumeAttachments, gone).catch(ifGone);
      return undefined;
    },
  });
}

function named(claim: PersistentVolumeClaim | undefined): readonly string[] {
  const name = claim?.spec?.volumeName ?? '';
  return name === '' ? [] : [name];
}

function volumeOf({ spec }: VolumeAttachment): readonly string[] {
  return spec.source.persistentVolumeName === undefined ? [] : [spec.source.persistentVolumeName];
}

/** The name by which the node looks for it: Kubernetes' own, so that drivers' sidecars find theirs too. */
function attachmentName(handle: string, driver: string, node: string): string {
  return `csi-${createHash('sha256').update(`${handle}${driver}${node}`).digest('hex')}`;
}

/** Made by an attach-detach controller. What people make under other names is theirs: Kubernetes' controller looks for its own by name. */
const isOurs = ({ metadata }: VolumeAttachment): boolean => /^csi-[0-9a-f]{64}$/.test(metadata?.name ?? '');

function attachmentObject({ driver, handle, volumeName, node }: Attachment): VolumeAttachment {
  return {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'VolumeAttachment',
    metadata: { name: attachmentName(handle, driver, node) },
    spec: { attacher: driver, nodeName: node, source: { persistentVolumeName: volumeName } },
  };
}

function ifGone(thrown: unknown): undefined {
  if (thrown instanceof StatusError && thrown.reason === 'NotFound') return undefined;
  throw thrown;
}
