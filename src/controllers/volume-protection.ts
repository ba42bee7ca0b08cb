import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../api/gen/types/core.v1.ts';
import { persistentVolumeClaims, persistentVolumes, pods as podResource } from '../api/gen/resources.ts';
import { keyOf, splitKey } from '../client/cache.ts';
import type { Component, ComponentOptions } from '../client/component.ts';
import { source, startController } from '../client/controller.ts';

export const CLAIM_FINALIZER = 'kubernetes.io/pvc-protection';
export const VOLUME_FINALIZER = 'kubernetes.io/pv-protection';

export type Decision = { readonly do: 'nothing' } | { readonly do: 'set'; readonly finalizers: readonly string[] };

/** A claim goes when no pod that may still run uses it; a volume goes when it is bound to no claim. */
export function decide(object: PersistentVolume | PersistentVolumeClaim, finalizer: string, inUse: boolean): Decision {
  const finalizers = object.metadata?.finalizers ?? [];
  const has = finalizers.includes(finalizer);
  const goes = object.metadata?.deletionTimestamp !== undefined;
  if (!goes && !has) return { do: 'set', finalizers: [...finalizers, finalizer] };
  if (goes && has && !inUse) return { do: 'set', finalizers: finalizers.filter((each) => each !== finalizer) };
  return { do: 'nothing' };
}

/** The names of the claims that a pod uses: named ones, and those of its generic ephemeral volumes. */
export function claimsOf(pod: Pod): readonly string[] {
  return (pod.spec?.volumes ?? []).flatMap((volume) => {
    if (volume.persistentVolumeClaim !== undefined) return [volume.persistentVolumeClaim.claimName];
    return volume.ephemeral === undefined ? [] : [`${pod.metadata?.name ?? ''}-${volume.name}`];
  });
}

/** A pod that was never placed can't hold a claim; nor can one that has finished. */
function mayUse(pod: Pod): boolean {
  return (pod.spec?.nodeName ?? '') !== '' && pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed';
}

const CLAIM_INDEX = 'claim';

/** Keeps claims from vanishing under running pods. */
export function startClaimProtection(options: ComponentOptions): Component {
  const { client, informers } = options;
  const claims = informers.of(persistentVolumeClaims);
  const pods = informers.of(podResource, {
    indexes: { [CLAIM_INDEX]: (pod) => claimsOf(pod).map((claim) => `${pod.metadata?.namespace ?? ''}/${claim}`) },
  });
  return startController(options, {
    name: 'pvc-protection-controller',
    sources: [source(claims, (claim) => [keyOf(claim)]), source(pods, (pod) => claimsOf(pod).map((claim) => `${pod.metadata.namespace ?? ''}/${claim}`))],
    reconcile: async (key) => {
      const { namespace, name } = splitKey(key);
      const claim = claims.get(name, namespace);
      if (claim === undefined) return undefined;
      // The cache may lag behind a pod that was placed a moment ago: before letting go, ask the server itself.
      const cached = pods.byIndex(CLAIM_INDEX, key).some(mayUse);
      let decision = decide(claim, CLAIM_FINALIZER, cached);
      if (decision.do === 'set' && claim.metadata.deletionTimestamp !== undefined) {
        const { items } = await client.list(podResource, { namespace });
        decision = decide(
          claim,
          CLAIM_FINALIZER,
          items.some((pod) => mayUse(pod) && claimsOf(pod).includes(name)),
        );
      }
      if (decision.do === 'set') await client.update(persistentVolumeClaims, { ...claim, metadata: { ...claim.metadata, finalizers: decision.finalizers } });
      return undefined;
    },
  });
}

/** Keeps volumes from vanishing under bound claims. */
export function startVolumeProtection(options: ComponentOptions): Component {
  const { client, informers } = options;
  const volumes = informers.of(persistentVolumes);
  return startController(options, {
    name: 'pv-protection-controller',
    sources: [source(volumes, (volume) => [volume.metadata.name])],
    reconcile: async (name) => {
      const volume = volumes.get(name);
      if (volume === undefined) return undefined;
      const decision = decide(volume, VOLUME_FINALIZER, volume.status?.phase === 'Bound');
      if (decision.do === 'set') await client.update(persistentVolumes, { ...volume, metadata: { ...volume.metadata, finalizers: decision.finalizers } });
      return undefined;
    },
  });
}
