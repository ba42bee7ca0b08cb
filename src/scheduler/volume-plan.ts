import type { PersistentVolume, PersistentVolumeClaim } from '../api/gen/types/core.v1.ts';
import type { StorageClass } from '../api/gen/types/storage.v1.ts';
import { claimNameOf } from '../api/core/pod.rules.ts';
import {
  bestVolume,
  claimClass,
  isFullyBound,
  NO_PROVISIONER,
  type NodeFacts,
  reachesNode,
  requestedStorage,
  selectedNode,
  waitsForConsumer,
} from '../api/core/persistent-volume.rules.ts';
import { matchesLabelSelector } from '../machinery/labels.ts';
import type { Stored } from '../machinery/object.ts';
import { parseQuantity, quantityNumber } from '../machinery/quantity.ts';
import { getOwn } from '../machinery/record.ts';
import { type Refusal, refuseForGood } from './plugin.ts';
import type { PodInfo } from './pod-info.ts';
import type { VolumePlan, VolumeView } from './volume-view.ts';

type Claim = Stored<PersistentVolumeClaim>;
type Volume = Stored<PersistentVolume>;

/** The claims of a pod, by how far they have got. */
export interface PodClaims {
  readonly bound: readonly Claim[];
  /** They wait for this very decision. */
  readonly waiting: readonly Claim[];
}

/** A refusal: no node will do as long as the claims are as they are. */
export function sortClaims(pod: PodInfo, volumes: VolumeView): PodClaims | Refusal {
  const bound: Claim[] = [];
  const waiting: Claim[] = [];
  let immediate = false;
  for (const { claim, fault } of claimsOf(pod, volumes)) {
    if (fault !== undefined) return refuseForGood(fault);
    if (claim === undefined) continue;
    if (isFullyBound(claim)) bound.push(claim);
    else if ((claim.spec?.volumeName ?? '') === '' && waitsForConsumer(volumes.class(claimClass(claim) ?? ''))) waiting.push(claim);
    else immediate = true;
  }
  return immediate ? refuseForGood('pod has unbound immediate PersistentVolumeClaims') : { bound, waiting };
}

function* claimsOf({ pod, namespace }: PodInfo, volumes: VolumeView): Generator<{ readonly claim?: Claim; readonly fault?: string }> {
  const seen = new Set<string>();
  for (const volume of pod.spec?.volumes ?? []) {
    const name = claimNameOf(pod, volume);
    if (name === undefined || seen.has(name)) continue;
    seen.add(name);
    const claim = volumes.claim(`${namespace}/${name}`);
    if (claim === undefined) {
      yield {
        fault:
          volume.ephemeral === undefined
            ? `persistentvolumeclaim "${name}" not found`
            : `waiting for ephemeral volume controller to create the persistentvolumeclaim "${name}"`,
      };
    } else if (volume.ephemeral !== undefined && claim.metadata.ownerReferences?.some(({ uid }) => uid === pod.metadata.uid) !== true) {
      yield { fault: `PVC "${namespace}/${name}" was not created for pod "${namespace}/${pod.metadata.name}" (pod is not owner)` };
    } else if (claim.metadata.deletionTimestamp !== undefined) {
      yield { fault: `persistentvolumeclaim "${name}" is being deleted` };
    } else if (claim.status?.phase === 'Lost') {
      yield { fault: `persistentvolumeclaim "${name}" bound to non-existent persistentvolume "${claim.spec?.volumeName ?? ''}"` };
    } else yield { claim };
  }
}

const NO_SUCH_VOLUME = 'node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)';
const OUT_OF_REACH = "node(s) didn't match PersistentVolume's node affinity";
const NOTHING_TO_BIND = "node(s) didn't find available persistent volumes to bind";
const NO_ROOM = 'node(s) did not have enough free storage';

/** What the pod's volumes come to on the node, or why they can't be had there. */
export function planVolumes({ bound, waiting }: PodClaims, node: NodeFacts, volumes: VolumeView): VolumePlan | Refusal {
  for (const claim of bound) {
    const volume = volumes.volume(claim.spec?.volumeName ?? '');
    if (volume === undefined) return refuseForGood(NO_SUCH_VOLUME);
    if (!reachesNode(volume, node)) return refuseForGood(OUT_OF_REACH);
  }
  const plan = new Plan(node, volumes);
  // The smallest first, so that a small claim does not take the only volume that a large one could have.
  const bySize = [...waiting].sort((a, b) => Number(requestedStorage(a).nanos - requestedStorage(b).nanos));
  for (const claim of bySize) {
    const fault = plan.add(claim);
    if (fault !== undefined) return refuseForGood(fault);
  }
  return plan;
}

class Plan implements VolumePlan {
  readonly bind: { readonly claim: Claim; readonly volume: Volume }[] = [];
  readonly provision: Claim[] = [];
  readonly #node: NodeFacts;
  readonly #volumes: VolumeView;
  /** Bytes that this very plan takes already, by class. */
  readonly #takenBytes = new Map<string, number>();

  constructor(node: NodeFacts, volumes: VolumeView) {
    this.#node = node;
    this.#volumes = volumes;
  }

  add(claim: Claim): string | undefined {
    const chosen = selectedNode(claim);
    if (chosen !== undefined) {
      // It is being provisioned for a node, by an earlier decision.
      if (chosen !== this.#node.name) return NOTHING_TO_BIND;
      this.provision.push(claim);
      return undefined;
    }
    const excluded = (volume: PersistentVolume): boolean => this.bind.some((other) => other.volume.metadata.name === volume.metadata?.name);
    const volume = bestVolume(claim, this.#volumes.volumesOfClass(claimClass(claim) ?? ''), { node: this.#node, excluded });
    if (volume === undefined) return this.#provision(claim);
    this.bind.push({ claim, volume });
    return undefined;
  }

  #provision(claim: Claim): string | undefined {
    const found = this.#volumes.class(claimClass(claim) ?? '');
    if (found === undefined || found.provisioner === '' || found.provisioner === NO_PROVISIONER) return NOTHING_TO_BIND;
    if (!inAllowedTopology(found, this.#node)) return NOTHING_TO_BIND;
    const bytes = quantityNumber(requestedStorage(claim));
    const taken = this.#takenBytes.get(found.metadata.name) ?? 0;
    if (!this.#hasRoom(found, bytes, taken)) return NO_ROOM;
    this.#takenBytes.set(found.metadata.name, taken + bytes);
    this.provision.push(claim);
    return undefined;
  }

  /** Only drivers that publish their capacity are held to it. */
  #hasRoom(storageClass: Stored<StorageClass>, bytes: number, taken: number): boolean {
    if (this.#volumes.csiDriver(storageClass.provisioner)?.spec.storageCapacity !== true) return true;
    return this.#volumes.capacitiesOfClass(storageClass.metadata.name).some((capacity) => {
      if (capacity.nodeTopology === undefined || !matchesLabelSelector(capacity.nodeTopology, this.#node.labels)) return false;
      const largest = bytesOf(capacity.maximumVolumeSize);
      if (largest !== undefined && largest < bytes) return false;
      const free = bytesOf(capacity.capacity);
      return free !== undefined ? free - this.#volumes.promised(capacity) - taken >= bytes : largest !== undefined;
    });
  }
}

function bytesOf(text: string | undefined): number | undefined {
  const quantity = text === undefined ? undefined : parseQuantity(text);
  return quantity === undefined ? undefined : quantityNumber(quantity);
}

/** Any term; within a term every expression. No terms: everywhere. */
function inAllowedTopology({ allowedTopologies = [] }: StorageClass, node: NodeFacts): boolean {
  if (allowedTopologies.length === 0) return true;
  return allowedTopologies.some(({ matchLabelExpressions = [] }) =>
    matchLabelExpressions.every(({ key, values }) => {
      const value = getOwn(node.labels, key);
      return value !== undefined && values.includes(value);
    }),
  );
}
