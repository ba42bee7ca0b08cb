import { persistentVolumeClaims, persistentVolumes, volumeAttributesClasses } from '../api/gen/resources.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '../api/gen/types/core.v1.ts';
import type { VolumeAttributesClass } from '../api/gen/types/storage.v1.ts';
import type { Component, ComponentOptions } from '../client/component.ts';
import { source, startController } from '../client/controller.ts';

const FINALIZER = 'kubernetes.io/vac-protection';

/** The classes that a claim has, wants, or is on its way to. */
export function classesOfClaim({ spec, status }: PersistentVolumeClaim): readonly string[] {
  const names = [spec?.volumeAttributesClassName, status?.currentVolumeAttributesClassName, status?.modifyVolumeStatus?.targetVolumeAttributesClassName];
  return [...new Set(names.filter((name): name is string => name !== undefined && name !== ''))];
}

export function classesOfVolume({ spec }: PersistentVolume): readonly string[] {
  const name = spec?.volumeAttributesClassName ?? '';
  return name === '' ? [] : [name];
}

/** The finalizers that the class has to have; undefined: those that it has. */
export function decideFinalizers({ metadata }: VolumeAttributesClass, inUse: boolean): readonly string[] | undefined {
  const finalizers = metadata?.finalizers ?? [];
  const has = finalizers.includes(FINALIZER);
  if (metadata?.deletionTimestamp === undefined) return has ? undefined : [...finalizers, FINALIZER];
  return has && !inUse ? finalizers.filter((each) => each !== FINALIZER) : undefined;
}

const BY_CLASS = 'volumeattributesclass';

/** Keeps attribute classes from vanishing under claims and volumes that have them. */
export function startAttributesClassProtection(options: ComponentOptions): Component {
  const { client, informers } = options;
  const classes = informers.of(volumeAttributesClasses);
  const claims = informers.of(persistentVolumeClaims, { indexes: { [BY_CLASS]: classesOfClaim } });
  const volumes = informers.of(persistentVolumes, { indexes: { [BY_CLASS]: classesOfVolume } });
  const isUsed = async (name: string): Promise<boolean> => {
    if (claims.byIndex(BY_CLASS, name).length > 0 || volumes.byIndex(BY_CLASS, name).length > 0) return true;
    // The caches may lag behind one that was made a moment ago.
    const [liveClaims, liveVolumes] = await Promise.all([client.list(persistentVolumeClaims), client.list(persistentVolumes)]);
    return liveClaims.items.some((claim) => classesOfClaim(claim).includes(name)) || liveVolumes.items.some((volume) => classesOfVolume(volume).includes(name));
  };
  return startController(options, {
    name: 'volumeattributesclass-protection-controller',
    sources: [
      source(classes, ({ metadata }) => [metadata.name]),
      source(claims, (claim, previous) => [...classesOfClaim(claim), ...(previous === undefined ? [] : classesOfClaim(previous))]),
      source(volumes, (volume, previous) => [...classesOfVolume(volume), ...(previous === undefined ? [] : classesOfVolume(previous))]),
    ],
    reconcile: async (name) => {
      const found = classes.get(name);
      if (found === undefined) return undefined;
      const goes = found.metadata.deletionTimestamp !== undefined;
      const finalizers = decideFinalizers(found, goes && (await isUsed(name)));
      if (finalizers !== undefined) await client.update(volumeAttributesClasses, { ...found, metadata: { ...found.metadata, finalizers } });
      return undefined;
    },
  });
}
