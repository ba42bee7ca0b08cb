import type { PersistentVolume, PersistentVolumeClaim } from '../api/gen/types/core.v1.ts';
import { persistentVolumes } from '../api/gen/resources.ts';
import type { ComponentOptions } from '../client/component.ts';
import { type Controller, source, startController } from '../client/controller.ts';
import type { CsiDriver } from '../csi/driver.ts';
import { Said } from './said.ts';

export interface VolumeHealthOptions extends ComponentOptions {
  readonly nodeName: string;
  readonly driver: CsiDriver;
  /** By volume handle; undefined when all is well. */
  readonly condition: (volumeHandle: string) => Promise<string | undefined>;
}

/** As Kubernetes' external health monitor calls it. */
const ABNORMAL = 'VolumeConditionAbnormal';
const AGAIN_MS = 10_000;

/** Says of a volume that can't be used why, in its status and by an event on its claim, until it can. Keys are volume names. */
export function startVolumeHealth(options: VolumeHealthOptions): Controller {
  const { client, condition, driver, informers, nodeName } = options;
  const volumes = informers.of(persistentVolumes);
  const recorder = options.recorder.as(`${driver.name}_${nodeName}`, nodeName);
  const said = new Said();
  return startController(options, {
    name: `volume-health-${driver.name}`,
    sources: [source(volumes, ({ metadata, spec }) => (spec?.csi?.driver === driver.name ? [metadata.name] : []))],
    reconcile: async (name) => {
      const volume = volumes.get(name);
      if (volume?.spec?.csi === undefined) return undefined;
      const message = await condition(volume.spec.csi.volumeHandle);
      const { reason, message: before, ...status } = volume.status ?? {};
      if (message === undefined) {
        said.forget(volume.metadata.uid);
        if (reason === ABNORMAL) await client.updateStatus(persistentVolumes, { ...volume, status });
        return undefined;
      }
      if (reason !== ABNORMAL || before !== message)
        await client.updateStatus(persistentVolumes, { ...volume, status: { ...status, reason: ABNORMAL, message } });
      if (said.isNews(volume.metadata.uid, message)) for (const about of [volume, ...claimOf(volume)]) recorder.event(about, 'Warning', ABNORMAL, message);
      return { afterMs: AGAIN_MS };
    },
  });
}

function claimOf({ spec }: PersistentVolume): readonly PersistentVolumeClaim[] {
  const { name, namespace, uid } = spec?.claimRef ?? {};
  if (name === undefined || namespace === undefined || uid === undefined) return [];
  return [{ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name, namespace, uid } }];
}
