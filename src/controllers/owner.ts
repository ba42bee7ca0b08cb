import type { Resource } from '../api/resource.ts';
import type { Client } from '../client/client.ts';
import { formatApiVersion, type KubeObject, type ObjectMeta, type OwnerReference, type Stored } from '../machinery/object.ts';
import { StatusError } from '../machinery/status-error.ts';

/** The reference that says who manages the object; at most one. */
export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata?.ownerReferences?.find((reference) => reference.controller === true);
}

/** A controller reference to `owner`, which blocks its deletion in the foreground. */
export function controllerReference(resource: Resource, owner: Stored<KubeObject>): OwnerReference {
  return {
    apiVersion: formatApiVersion(resource),
    kind: resource.kind,
    name: owner.metadata.name,
    uid: owner.metadata.uid,
    controller: true,
    blockOwnerDeletion: true,
  };
}

/** The index of objects by their controller's UID, for informers. */
export const CONTROLLER_INDEX = 'controller';
export const byController = { [CONTROLLER_INDEX]: (object: KubeObject): readonly string[] => [controllerOf(object)?.uid ?? ''] };

/** The key of the owner of one kind, for queues. */
export function ownerKey(kind: string, object: KubeObject): string | undefined {
  const owner = controllerOf(object);
  return owner?.kind === kind ? `${object.metadata?.namespace ?? ''}/${owner.name}` : undefined;
}

/** What to do about who owns each object: kept, taken over (an orphan that matches), let go (owned, but no longer matching). */
export interface Claims<T> {
  readonly kept: readonly T[];
  readonly adopt: readonly T[];
  readonly release: readonly T[];
}

/** Kubernetes' rule for every set: nothing that is going away is adopted, and nobody else's is touched. */
export function claim<T extends KubeObject>(
  owner: Stored<KubeObject>,
  candidates: readonly Stored<T>[],
  matches: (labels: ObjectMeta['labels']) => boolean,
): Claims<Stored<T>> {
  const kept: Stored<T>[] = [];
  const adopt: Stored<T>[] = [];
  const release: Stored<T>[] = [];
  const ownerGoes = owner.metadata.deletionTimestamp !== undefined;
  for (const candidate of candidates) {
    const controller = controllerOf(candidate);
    const fits = matches(candidate.metadata.labels);
    if (controller !== undefined) {
      if (controller.uid !== owner.metadata.uid) continue;
      if (fits) kept.push(candidate);
      else if (!ownerGoes) release.push(candidate);
    } else if (fits && !ownerGoes && candidate.metadata.deletionTimestamp === undefined) adopt.push(candidate);
  }
  return { kept, adopt, release };
}

/**
 * Of the orphans, those that may be taken over now: none when the owner itself is going or gone. The cache may not say so yet, and what
 * was set free on purpose (`--cascade=orphan`) would be deleted with its owner after all.
 */
export async function adoptable<T>(client: Client, resource: Resource, owner: Stored<KubeObject>, orphans: readonly T[]): Promise<readonly T[]> {
  if (orphans.length === 0) return orphans;
  try {
    const live = await client.get<KubeObject>(resource, owner.metadata.name, owner.metadata.namespace);
    return live.metadata.uid === owner.metadata.uid && live.metadata.deletionTimestamp === undefined ? orphans : [];
  } catch (thrown) {
    if (thrown instanceof StatusError && thrown.reason === 'NotFound') return [];
    throw thrown;
  }
}

/** The patch that takes an object over. It names the UID, so that a new object of the same name is not taken for the old one. */
export function adoptPatch(
  resource: Resource,
  owner: Stored<KubeObject>,
  object: Stored<KubeObject>,
): { readonly metadata: { readonly uid: string; readonly ownerReferences: readonly { readonly [key: string]: string | boolean }[] } } {
  return { metadata: { uid: object.metadata.uid, ownerReferences: [{ ...controllerReference(resource, owner) }] } };
}

export function releasePatch(
  owner: Stored<KubeObject>,
  object: Stored<KubeObject>,
): { readonly metadata: { readonly uid: string; readonly ownerReferences: readonly { readonly $patch: string; readonly uid: string }[] } } {
  return { metadata: { uid: object.metadata.uid, ownerReferences: [{ $patch: 'delete', uid: owner.metadata.uid }] } };
}
