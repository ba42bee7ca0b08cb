import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../api/gen/types/core.v1.ts';
import { LETTING_GO } from '../api/core/persistent-volume.rules.ts';
import { persistentVolumeClaims, persistentVolumes, pods as podResource } from '../api/gen/resources.ts';
import { keyOf, splitKey } from '../client/cache.ts';
import type { Component, ComponentOptions } from '../client/component.ts';
import { source, startController } from '../client/controller.ts';
import type { Stored } from '../machinery/object.ts';
import { getOwn, withKey, withoutKey } from '../machinery/record.ts';

export const CLAIM_FINALIZER = 'kubernetes.io/pvc-protection';
export const VOLUME_FINALIZER = 'kubernetes.io/pv-protection';

export type Decision = { readonly do: 'nothing' } | { readonly do: 'set'; readonly finalizers: readonly string[] };

/** A volume goes when it is bound to no claim. */
export function decide(object: PersistentVolume, finalizer: string, inUse: boolean): Decision {
  const finalizers = object.metadata?.finalizers ?? [];
  const has = finalizers.includes(finalizer);
  const goes = object.metadata?.deletionTimestamp !== undefined;
  if (!goes && !has) return { do: 'set', finalizers: [...finalizers, finalizer] };
  if (goes && has && !inUse) return { do: 'set', finalizers: finalizers.filter((each) => each !== finalizer) };
  return { do: 'nothing' };
}

export type ClaimDecision =
  | { readonly do: 'nothing' }
  | { readonly do: 'protect' }
  /** No pod uses it, as far as is known: nodes are told to start none. */
  | { readonly do: 'announce' }
  /** Whether a pod was placed before that is to be asked of the server, and `decideAnnounced` then. */
  | { readonly do: 'look' }
  /** A pod was faster: it may start. */
  | { readonly do: 'withdraw' }
  | { readonly do: 'let-go' };

/**
 * A claim goes when no pod that may still run uses it. In two steps, since a pod may be placed between the look and the write, and
 * would then run on a volume that goes: first the claim says that it goes, and nodes start no pod on it; what was placed before that
 * is in the list that is made after it.
 */
export function decideClaim(claim: PersistentVolumeClaim, inUse: boolean): ClaimDecision {
  const has = (claim.metadata?.finalizers ?? []).includes(CLAIM_FINALIZER);
  if (claim.metadata?.deletionTimestamp === undefined) return { do: has ? 'nothing' : 'protect' };
  if (!has) return { do: 'nothing' };
  const announced = getOwn(claim.metadata.annotations, LETTING_GO) !== undefined;
  if (inUse) return { do: announced ? 'withdraw' : 'nothing' };
  return { do: announced ? 'look' : 'announce' };
}

/** `inUse`: by the server's own list, made after the claim said that it goes. */
export const decideAnnounced = (inUse: boolean): ClaimDecision => ({ do: inUse ? 'withdraw' : 'let-go' });

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
      let decision = decideClaim(claim, pods.byIndex(CLAIM_INDEX, key).some(mayUse));
      if (decision.do === 'look') {
        const { items } = await client.list(podResource, { namespace });
        decision = decideAnnounced(items.some((pod) => mayUse(pod) && claimsOf(pod).includes(name)));
      }
      const metadata = metadataAfter(claim, decision);
      if (metadata !== undefined) await client.update(persistentVolumeClaims, { ...claim, metadata });
      return undefined;
    },
  });
}

function metadataAfter({ metadata }: Stored<PersistentVolumeClaim>, decision: ClaimDecision): Stored<PersistentVolumeClaim>['metadata'] | undefined {
  const { annotations, finalizers = [] } = metadata;
  switch (decision.do) {
    case 'nothing':
    case 'look':
      return undefined;
    case 'protect':
      return { ...metadata, finalizers: [...finalizers, CLAIM_FINALIZER] };
    case 'announce':
      return { ...metadata, annotations: withKey(annotations, LETTING_GO, 'true') };
    case 'withdraw':
      return { ...metadata, annotations: withoutKey(annotations, LETTING_GO) };
    case 'let-go':
      return { ...metadata, finalizers: finalizers.filter((each) => each !== CLAIM_FINALIZER) };
  }
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
