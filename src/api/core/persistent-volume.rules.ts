import { matchesSelector, type Requirement, selectorOf } from '../../machinery/labels.ts';
import { compareQuantities, parseQuantity, type Quantity, ZERO_QUANTITY } from '../../machinery/quantity.ts';
import { getOwn } from '../../machinery/record.ts';
import type { NodeSelector, NodeSelectorRequirement, PersistentVolume, PersistentVolumeClaim } from '../gen/types/core.v1.ts';
import type { StorageClass } from '../gen/types/storage.v1.ts';

/** Whether and which volume a claim gets: the rules that the binder and the scheduler share. As Kubernetes 1.36 behaves. */

/** Annotations that tell who bound what, and how far it got. */
export const BIND_COMPLETED = 'pv.kubernetes.io/bind-completed';
export const BOUND_BY_CONTROLLER = 'pv.kubernetes.io/bound-by-controller';
export const PROVISIONED_BY = 'pv.kubernetes.io/provisioned-by';
export const SELECTED_NODE = 'volume.kubernetes.io/selected-node';
export const STORAGE_PROVISIONER = 'volume.kubernetes.io/storage-provisioner';
export const BETA_STORAGE_PROVISIONER = 'volume.beta.kubernetes.io/storage-provisioner';
export const IS_DEFAULT_CLASS = 'storageclass.kubernetes.io/is-default-class';
/**
 * On a CSIStorageCapacity: the newest resourceVersion of a claim that the figure counts already. Claims that the scheduler has promised
 * room to since then are subtracted from it, older ones are not (they would count twice).
 */
export const COUNTED_UNTIL = 'storage.berth.dev/counted-until';
/** On a claim that is being deleted and that no pod uses: from now on no node starts a pod on it, so that its volume can be let go. */
export const LETTING_GO = 'storage.berth.dev/letting-go';
const BETA_IS_DEFAULT_CLASS = 'storageclass.beta.kubernetes.io/is-default-class';
const BETA_CLASS = 'volume.beta.kubernetes.io/storage-class';

/** The provisioner of classes whose volumes people make themselves. */
export const NO_PROVISIONER = 'kubernetes.io/no-provisioner';

/** The old annotation wins; absent means that none was named, '' that none is wanted. */
export function claimClass(claim: PersistentVolumeClaim): string | undefined {
  return getOwn(claim.metadata?.annotations, BETA_CLASS) ?? claim.spec?.storageClassName;
}

export function volumeClass(volume: PersistentVolume): string {
  return getOwn(volume.metadata?.annotations, BETA_CLASS) ?? volume.spec?.storageClassName ?? '';
}

/** The youngest of several defaults, and by name among those of one second. */
export function defaultClass(classes: readonly StorageClass[]): StorageClass | undefined {
  const made = (of: StorageClass): string => of.metadata?.creationTimestamp ?? '';
  const name = (of: StorageClass): string => of.metadata?.name ?? '';
  return classes.filter(isDefault).sort((a, b) => compareText(made(b), made(a)) || compareText(name(a), name(b)))[0];
}

function isDefault({ metadata }: StorageClass): boolean {
  return getOwn(metadata?.annotations, IS_DEFAULT_CLASS) === 'true' || getOwn(metadata?.annotations, BETA_IS_DEFAULT_CLASS) === 'true';
}

export function waitsForConsumer(storageClass: StorageClass | undefined): boolean {
  return storageClass?.volumeBindingMode === 'WaitForFirstConsumer';
}

/** Whether the scheduler has chosen a node for a claim that waits for its consumer. */
export function selectedNode(claim: PersistentVolumeClaim): string | undefined {
  const node = getOwn(claim.metadata?.annotations, SELECTED_NODE);
  return node === '' ? undefined : node;
}

/** The binding stands on both sides: volumeName is set and the controller has said so. */
export function isFullyBound(claim: PersistentVolumeClaim): boolean {
  return (claim.spec?.volumeName ?? '') !== '' && getOwn(claim.metadata?.annotations, BIND_COMPLETED) !== undefined;
}

/** The volume names this claim; without a UID (someone bound it by hand, ahead) the name is enough. */
export function isBoundTo(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const ref = volume.spec?.claimRef;
  if (ref === undefined || ref.name !== claim.metadata?.name || ref.namespace !== claim.metadata?.namespace) return false;
  return (ref.uid ?? '') === '' || ref.uid === claim.metadata?.uid;
}

export function requestedStorage(claim: PersistentVolumeClaim): Quantity {
  return quantity(getOwn(claim.spec?.resources?.requests, 'storage'));
}

export function volumeCapacity(volume: PersistentVolume): Quantity {
  return quantity(getOwn(volume.spec?.capacity, 'storage'));
}

/** Why this very volume, which the claim names, can't be bound to it; undefined when it can. Upstream's words. */
export function mismatch(volume: PersistentVolume, claim: PersistentVolumeClaim): string | undefined {
  if (compareQuantities(volumeCapacity(volume), requestedStorage(claim)) < 0) return 'requested PV is too small';
  if (volumeClass(volume) !== (claimClass(claim) ?? '')) return 'storageClassName does not match';
  if (attributesClass(volume) !== attributesClass(claim)) return 'volumeAttributesClassName does not match';
  if (!sameVolumeMode(volume, claim)) return 'incompatible volumeMode';
  if (!coversAccessModes(volume, claim)) return 'incompatible accessMode';
  return undefined;
}

export function sameVolumeMode(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  return (volume.spec?.volumeMode ?? 'Filesystem') === (claim.spec?.volumeMode ?? 'Filesystem');
}

export function coversAccessModes(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const has = volume.spec?.accessModes ?? [];
  return (claim.spec?.accessModes ?? []).every((mode) => has.includes(mode));
}

export interface MatchOptions {
  /** The node on which the claim's pod is to run: only volumes that reach it. Absent: node affinity is not looked at. */
  readonly node?: NodeFacts | undefined;
  /** The class waits for a consumer and no node is given: only a volume that names the claim is taken. */
  readonly delayed?: boolean;
  /** Volumes that somebody else is about to take. */
  readonly excluded?: (volume: PersistentVolume) => boolean;
}

export interface NodeFacts {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>> | undefined;
}

/**
 * The volume for a claim: one that was bound to it ahead, else the one with the fewest access modes, and among these the smallest,
 * that is large enough, available and fits. The order of `volumes` decides nothing: the last criterion is the name.
 */
export function bestVolume<T extends PersistentVolume>(
  claim: PersistentVolumeClaim,
  volumes: readonly T[],
  { node, delayed = false, excluded }: MatchOptions = {},
): T | undefined {
  const requested = requestedStorage(claim);
  const selector = claim.spec?.selector;
  const wanted = selector === undefined ? undefined : selectorOf(selector);
  let best: T | undefined;
  for (const volume of volumes) {
    if (excluded?.(volume) === true || !isCandidate(volume, claim, requested)) continue;
    const reaches = node === undefined || reachesNode(volume, node);
    if (isBoundTo(volume, claim)) return reaches ? volume : undefined;
    if ((node === undefined && delayed) || !reaches) continue;
    if (volume.status?.phase !== 'Available' || volumeClass(volume) !== (claimClass(claim) ?? '')) continue;
    if (wanted !== undefined && !matchesSelector(wanted, volume.metadata?.labels)) continue;
    if (best === undefined || isBetter(volume, best)) best = volume;
  }
  return best;
}

function isCandidate(volume: PersistentVolume, claim: PersistentVolumeClaim, requested: Quantity): boolean {
  if (volume.spec?.claimRef !== undefined && !isBoundTo(volume, claim)) return false;
  if (volume.metadata?.deletionTimestamp !== undefined || !sameVolumeMode(volume, claim) || !coversAccessModes(volume, claim)) return false;
  return attributesClass(volume) === attributesClass(claim) && compareQuantities(volumeCapacity(volume), requested) >= 0;
}

function isBetter(one: PersistentVolume, other: PersistentVolume): boolean {
  const modes = (of: PersistentVolume): number => of.spec?.accessModes?.length ?? 0;
  const byModes = modes(one) - modes(other);
  if (byModes !== 0) return byModes < 0;
  const bySize = compareQuantities(volumeCapacity(one), volumeCapacity(other));
  return bySize === 0 ? compareText(one.metadata?.name ?? '', other.metadata?.name ?? '') < 0 : bySize < 0;
}

/** A volume without node affinity reaches every node. */
export function reachesNode(volume: PersistentVolume, node: NodeFacts): boolean {
  const required = volume.spec?.nodeAffinity?.required;
  return required === undefined || matchesNodeSelector(required, node);
}

/** Any term; within a term all. A term without requirements matches nothing. */
export function matchesNodeSelector(selector: NodeSelector, node: NodeFacts): boolean {
  return selector.nodeSelectorTerms.some(({ matchExpressions = [], matchFields = [] }) => {
    if (matchExpressions.length + matchFields.length === 0) return false;
    return matchesAll(matchExpressions, node.labels) && matchesAll(matchFields, { 'metadata.name': node.name });
  });
}

const OPERATORS: Readonly<Record<string, Requirement['operator']>> = { In: 'in', NotIn: 'notin', Exists: 'exists', DoesNotExist: '!', Gt: 'gt', Lt: 'lt' };

function matchesAll(requirements: readonly NodeSelectorRequirement[], labels: Readonly<Record<string, string>> | undefined): boolean {
  return requirements.every(({ key, operator, values }) => {
    const known = getOwn(OPERATORS, operator);
    return known !== undefined && matchesSelector({ requirements: [{ key, operator: known, values: values ?? [] }] }, labels);
  });
}

function attributesClass(of: PersistentVolume | PersistentVolumeClaim): string {
  return of.spec?.volumeAttributesClassName ?? '';
}

function quantity(text: string | undefined): Quantity {
  return text === undefined ? ZERO_QUANTITY : (parseQuantity(text) ?? ZERO_QUANTITY);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
