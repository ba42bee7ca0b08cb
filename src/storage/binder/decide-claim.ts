import type { PersistentVolume, PersistentVolumeClaim } from '../../api/gen/types/core.v1.ts';
import type { StorageClass } from '../../api/gen/types/storage.v1.ts';
import {
  bestVolume,
  BIND_COMPLETED,
  BOUND_BY_CONTROLLER,
  claimClass,
  isBoundTo,
  mismatch,
  NO_PROVISIONER,
  selectedNode,
  waitsForConsumer,
} from '../../api/core/persistent-volume.rules.ts';
import { getOwn } from '../../machinery/record.ts';

/** What one pass over a claim may look at. */
export interface ClaimSnapshot<V extends PersistentVolume = PersistentVolume> {
  readonly claim: PersistentVolumeClaim;
  /** All volumes. */
  readonly volumes: readonly V[];
  /** Another claim is being bound to it by a pass that has not ended. */
  readonly taken: (volume: PersistentVolume) => boolean;
  /** By name; undefined when there is none. */
  readonly classNamed: (name: string) => StorageClass | undefined;
  /** The class for claims that name none. */
  readonly byDefault: StorageClass | undefined;
  /** Pods that use the claim and have no node yet. */
  readonly unscheduledPods: readonly string[];
  /** The node of a pod that uses the claim and is placed already. */
  readonly consumerNode: string | undefined;
}

export interface Notice {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

export type ClaimDecision<V extends PersistentVolume = PersistentVolume> =
  | { readonly do: 'nothing' }
  /** The claim named no class, and a default has appeared. */
  | { readonly do: 'default-class'; readonly className: string }
  | { readonly do: 'bind'; readonly volume: V }
  /** Pending, with what it waits for. */
  | { readonly do: 'wait'; readonly notice?: Notice }
  /**
   * The consumer has its node, and nobody will choose it again: the claim was made anew while its pod was being bound, or the pod
   * names its node. Kubernetes leaves both waiting for good.
   */
  | { readonly do: 'select-node'; readonly node: string }
  /** Somebody has to make a volume: the claim says who, by annotation. */
  | { readonly do: 'provision'; readonly provisioner: string; readonly notice: Notice }
  /** What it was bound to is gone or is another's. */
  | { readonly do: 'lose'; readonly notice: Notice };

/** The claim's side of Kubernetes' volume binder. Pure; safe to repeat on a stale cache. */
export function decideClaim<V extends PersistentVolume>(snapshot: ClaimSnapshot<V>): ClaimDecision<V> {
  const { claim } = snapshot;
  if (getOwn(claim.metadata?.annotations, BIND_COMPLETED) !== undefined) return decideBound(snapshot);
  if (claim.metadata?.deletionTimestamp !== undefined && (claim.spec?.volumeName ?? '') === '') return { do: 'nothing' };
  return (claim.spec?.volumeName ?? '') === '' ? decideUnbound(snapshot) : decideNamed(snapshot);
}

function decideUnbound<V extends PersistentVolume>(snapshot: ClaimSnapshot<V>): ClaimDecision<V> {
  const { claim, volumes, taken, classNamed, byDefault, unscheduledPods, consumerNode } = snapshot;
  const className = claimClass(claim);
  if (className === undefined && byDefault !== undefined) return { do: 'default-class', className: byDefault.metadata?.name ?? '' };
  const storageClass = className === undefined || className === '' ? undefined : classNamed(className);
  const delayed = waitsForConsumer(storageClass);
  const volume = bestVolume(claim, volumes, { delayed, excluded: taken });
  if (volume !== undefined) return { do: 'bind', volume };
  if (delayed && selectedNode(claim) === undefined) {
    if (consumerNode !== undefined && storageClass?.provisioner !== NO_PROVISIONER) return { do: 'select-node', node: consumerNode };
    return { do: 'wait', notice: waitingForConsumer(unscheduledPods) };
  }
  if (className !== undefined && className !== '') return decideProvision(className, storageClass);
  return { do: 'wait', notice: normal('FailedBinding', 'no persistent volumes available for this claim and no storage class is set') };
}

function waitingForConsumer(pods: readonly string[]): Notice {
  if (pods.length === 0) return normal('WaitForFirstConsumer', 'waiting for first consumer to be created before binding');
  return normal('WaitForPodScheduled', pods.length === 1 ? `waiting for pod ${pods[0]} to be scheduled` : `waiting for pods ${pods.join(',')} to be scheduled`);
}

function decideProvision(className: string, storageClass: StorageClass | undefined): ClaimDecision<never> {
  if (storageClass === undefined)
    return { do: 'wait', notice: warning('ProvisioningFailed', `storageclass.storage.k8s.io ${JSON.stringify(className)} not found`) };
  const { provisioner } = storageClass;
  if (provisioner === NO_PROVISIONER)
    return {
      do: 'wait',
      notice: normal('FailedBinding', `no persistent volumes available for this claim, and the storage class ${JSON.stringify(className)} makes none`),
    };
  const message = `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`;
  return { do: 'provision', provisioner, notice: normal('ExternalProvisioning', message) };
}

/** The claim's owner, or a pass that did not end, has chosen the volume. */
function decideNamed<V extends PersistentVolume>({ claim, volumes, taken }: ClaimSnapshot<V>): ClaimDecision<V> {
  const volumeName = claim.spec?.volumeName;
  const volume = volumes.find(({ metadata }) => metadata?.name === volumeName);
  if (volume === undefined) return { do: 'wait', notice: warning('FailedBinding', `volume ${JSON.stringify(volumeName)} not found`) };
  if (volume.spec?.claimRef === undefined) {
    if (taken(volume)) return { do: 'wait' };
    const why = mismatch(volume, claim);
    if (why === undefined) return { do: 'bind', volume };
    return { do: 'wait', notice: warning('VolumeMismatch', `Cannot bind to requested volume ${JSON.stringify(volumeName)}: ${why}`) };
  }
  if (isBoundTo(volume, claim)) return { do: 'bind', volume };
  return { do: 'wait', notice: warning('FailedBinding', `volume ${JSON.stringify(volumeName)} already bound to a different claim.`) };
}

function decideBound<V extends PersistentVolume>({ claim, volumes }: ClaimSnapshot<V>): ClaimDecision<V> {
  const volumeName = claim.spec?.volumeName ?? '';
  if (volumeName === '') return lose('ClaimLost', 'Bound claim has lost reference to PersistentVolume. Data on the volume is lost!');
  const volume = volumes.find(({ metadata }) => metadata?.name === volumeName);
  if (volume === undefined) return lose('ClaimLost', 'Bound claim has lost its PersistentVolume. Data on the volume is lost!');
  if (volume.spec?.claimRef !== undefined && !isBoundTo(volume, claim))
    return lose('ClaimMisbound', 'Two claims are bound to the same volume, this one is bound incorrectly');
  return isSettled(claim, volume) ? { do: 'nothing' } : { do: 'bind', volume };
}

/** Both sides say everything that binding writes. */
function isSettled(claim: PersistentVolumeClaim, volume: PersistentVolume): boolean {
  return volume.spec?.claimRef?.uid === claim.metadata?.uid && volume.status?.phase === 'Bound' && claim.status?.phase === 'Bound';
}

/** Whether the binder, not a person, chose: what it chose, it may undo. */
export function wasBoundByController({ metadata }: PersistentVolume | PersistentVolumeClaim): boolean {
  return getOwn(metadata?.annotations, BOUND_BY_CONTROLLER) !== undefined;
}

function lose(reason: string, message: string): ClaimDecision<never> {
  return { do: 'lose', notice: warning(reason, message) };
}
function normal(reason: string, message: string): Notice {
  return { type: 'Normal', reason, message };
}
function warning(reason: string, message: string): Notice {
  return { type: 'Warning', reason, message };
}
