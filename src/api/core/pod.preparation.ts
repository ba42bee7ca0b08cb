import type { Draft } from '../../machinery/object.ts';
import { getOwn } from '../../machinery/record.ts';
import { semanticEqual } from '../equal.ts';
import type * as core from '../gen/types/core.v1.ts';

type Labels = Readonly<Record<string, string>>;
type Selector = Draft<NonNullable<core.PodAffinityTerm['labelSelector']>>;

/** Before a pod is stored for the first time: keys of its labels become requirements of its selectors, with the values that it has (KEP-3633, KEP-3243). */
export function preparePod({ metadata, spec }: Draft<core.Pod>): void {
  const labels = metadata?.labels ?? {};
  for (const affinity of [spec?.affinity?.podAffinity, spec?.affinity?.podAntiAffinity]) {
    const preferred = affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
    const required = affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
    for (const term of [...preferred.map(({ podAffinityTerm }) => podAffinityTerm), ...required]) {
      addRequirements(term.labelSelector, term.matchLabelKeys, 'In', labels);
      addRequirements(term.labelSelector, term.mismatchLabelKeys, 'NotIn', labels);
    }
  }
  for (const constraint of spec?.topologySpreadConstraints ?? []) addRequirements(constraint.labelSelector, constraint.matchLabelKeys, 'In', labels);
}

/** No selector selects nothing, whatever is added. */
function addRequirements(selector: Selector | undefined, keys: readonly string[] | undefined, operator: 'In' | 'NotIn', labels: Labels): void {
  if (selector === undefined) return;
  for (const key of keys ?? []) {
    const value = getOwn(labels, key);
    if (value !== undefined) (selector.matchExpressions ??= []).push({ key, operator, values: [value] });
  }
}

/** `podIP` and the first of `podIPs` are one address; where they differ, the single field is right (older kubelets know no other). */
export function settleAddresses(status: Draft<core.PodStatus> | undefined): void {
  if (status === undefined) return;
  const first = status.podIPs?.[0]?.ip;
  if ((status.podIP ?? '') === '') {
    if (first !== undefined) status.podIP = first;
  } else if (status.podIP !== first) status.podIPs = [{ ip: status.podIP as string }];
}

/** What writers of a status leave out stays: the class of service, and which generation was seen. */
export function prepareStatus(status: Draft<core.PodStatus>, old: core.PodStatus | undefined): void {
  if ((status.qosClass ?? '') === '' && old?.qosClass !== undefined) status.qosClass = old.qosClass;
  if ((status.observedGeneration ?? 0) === 0 && old?.observedGeneration !== undefined) status.observedGeneration = old.observedGeneration;
  // There may be more than one of a type: they are taken one after the other.
  const left = [...(old?.conditions ?? [])];
  for (const condition of status.conditions ?? []) {
    const at = left.findIndex(({ type }) => type === condition.type);
    const before = at === -1 ? undefined : left.splice(at, 1)[0]?.observedGeneration;
    if ((condition.observedGeneration ?? 0) === 0 && before !== undefined) condition.observedGeneration = before;
  }
}

/** The annotation that stood for a container's profile before 1.30; behind it, the container's name. */
export const APP_ARMOR = 'container.apparmor.security.beta.kubernetes.io/';

/** What such an annotation stands for; undefined where it is no profile. */
export function appArmorOf(annotation: string): core.AppArmorProfile | undefined {
  if (annotation === 'unconfined') return { type: 'Unconfined' };
  if (annotation === 'runtime/default') return { type: 'RuntimeDefault' };
  const name = annotation.startsWith('localhost/') ? annotation.slice('localhost/'.length) : '';
  return name === '' || name.trim() !== name || name.length > 4095 ? undefined : { type: 'Localhost', localhostProfile: name };
}

/** Profiles by annotation become fields of the containers that have none (KEP-24), where the pod's own is another. */
export function adoptAppArmor({ metadata, spec }: Draft<core.Pod>): void {
  if (spec?.os?.name === 'windows') return;
  for (const container of [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])]) {
    const annotation = getOwn(metadata?.annotations, APP_ARMOR + container.name);
    if (annotation === undefined || container.securityContext?.appArmorProfile !== undefined) continue;
    const profile = appArmorOf(annotation);
    if (profile !== undefined && !semanticEqual(profile, spec?.securityContext?.appArmorProfile))
      (container.securityContext ??= {}).appArmorProfile = { ...profile };
  }
}
