import { FieldPath } from '../../machinery/field-error.ts';
import { dns1123LabelFaults } from '../../machinery/names.ts';
import type { KubeObject } from '../../machinery/object.ts';
import { ipWarnings } from '../address.warnings.ts';
import type * as core from '../gen/types/core.v1.ts';
import { containersWarnings } from './container.warnings.ts';
import { containersOf } from './placed-containers.ts';
import { oldLabelMessage, selectorTermWarnings } from './node-labels.warnings.ts';
import { fractionWarnings } from './resources.warnings.ts';
import { volumesWarnings } from './volume.warnings.ts';

const OLD_ANNOTATIONS: readonly (readonly [key: string, message: string])[] = [
  ['scheduler.alpha.kubernetes.io/critical-pod', 'non-functional in v1.16+; use the "priorityClassName" field instead'],
  ['security.alpha.kubernetes.io/sysctls', 'non-functional in v1.11+; use the "sysctls" field instead'],
  ['security.alpha.kubernetes.io/unsafe-sysctls', 'non-functional in v1.11+; use the "sysctls" field instead'],
];
const SECCOMP = 'seccomp.security.alpha.kubernetes.io/pod';

/**
 * What is accepted but will hardly be meant, in Kubernetes' words and order (pkg/api/pod/warnings.go). `base`: where the spec
 * and the metadata stand; '' for a pod.
 */
export function templateWarnings(template: core.PodTemplateSpec | undefined, base: FieldPath): readonly string[] {
  const { metadata, spec } = template ?? {};
  if (spec === undefined) return [];
  const path = base.child('spec');
  const annotationPath = base.child('metadata', 'annotations');
  const annotations = metadata?.annotations ?? {};
  const out = [...placementWarnings(spec, path)];
  for (const [key, message] of OLD_ANNOTATIONS) if (Object.hasOwn(annotations, key)) out.push(`${annotationPath.key(key)}: ${message}`);
  out.push(...volumesWarnings(spec.volumes, path.child('volumes')), ...listWarnings(spec, path));
  for (const name of ['memory', 'ephemeral-storage']) out.push(...fractionWarnings(spec.overhead?.[name], path.child('overhead').key(name)));
  if (spec.securityContext?.seccompProfile === undefined && Object.hasOwn(annotations, SECCOMP))
    out.push(`${annotationPath.key(SECCOMP)}: non-functional in v1.27+; use the "seccompProfile" field instead`);
  out.push(...containersWarnings(containersOf(spec, path), spec, annotations, annotationPath));
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0)
    out.push(`${path.child('terminationGracePeriodSeconds')}: must be >= 0; negative values are invalid and will be treated as 1`);
  out.push(...companyWarnings(spec.affinity, path.child('affinity')));
  for (const [i, address] of (spec.dnsConfig?.nameservers ?? []).entries()) out.push(...ipWarnings(path.child('dnsConfig', 'nameservers').index(i), address));
  for (const [i, { ip }] of (spec.hostAliases ?? []).entries()) out.push(...ipWarnings(path.child('hostAliases').index(i).child('ip'), ip));
  return out;
}

const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution';
const PREFERRED = 'preferredDuringSchedulingIgnoredDuringExecution';

function placementWarnings(spec: core.PodSpec, path: FieldPath): readonly string[] {
  const out: string[] = [];
  for (const key of Object.keys(spec.nodeSelector ?? {})) {
    const message = oldLabelMessage(key);
    if (message !== undefined) out.push(`${path.child('nodeSelector').key(key)}: ${message}`);
  }
  const affinity = spec.affinity?.nodeAffinity;
  const at = path.child('affinity', 'nodeAffinity');
  for (const [i, term] of (affinity?.[REQUIRED]?.nodeSelectorTerms ?? []).entries())
    out.push(...selectorTermWarnings(term, at.child(REQUIRED, 'nodeSelectorTerms').index(i), false));
  for (const [i, term] of (affinity?.[PREFERRED] ?? []).entries())
    out.push(...selectorTermWarnings(term.preference, at.child(PREFERRED).index(i).child('preference'), true));
  for (const [i, { topologyKey, labelSelector }] of (spec.topologySpreadConstraints ?? []).entries()) {
    const constraint = path.child('topologySpreadConstraints').index(i);
    const message = oldLabelMessage(topologyKey);
    if (message !== undefined) out.push(`${constraint.child('topologyKey')}: ${topologyKey} is ${message}`);
    if (labelSelector === undefined) out.push(`${constraint.child('labelSelector')}: ${NO_SELECTOR}`);
  }
  return out;
}

const NO_SELECTOR = 'a null labelSelector results in matching no pod';

function companyWarnings(affinity: core.Affinity | undefined, path: FieldPath): readonly string[] {
  const out: string[] = [];
  for (const field of ['podAffinity', 'podAntiAffinity'] as const) {
    for (const [i, term] of (affinity?.[field]?.[REQUIRED] ?? []).entries())
      if (term.labelSelector === undefined) out.push(`${path.child(field, REQUIRED).index(i).child('labelSelector')}: ${NO_SELECTOR}`);
    for (const [i, { podAffinityTerm: term }] of (affinity?.[field]?.[PREFERRED] ?? []).entries())
      if (term.labelSelector === undefined) out.push(`${path.child(field, PREFERRED).index(i).child('podAffinityTerm', 'labelSelector')}: ${NO_SELECTOR}`);
  }
  return out;
}

function listWarnings(spec: core.PodSpec, path: FieldPath): readonly string[] {
  const out: string[] = [];
  const addresses = new Set<string>();
  for (const [i, { ip }] of (spec.hostAliases ?? []).entries()) {
    const at = path.child('hostAliases').index(i).child('ip');
    if (addresses.has(ip)) out.push(`${at}: duplicate ip ${JSON.stringify(ip)}`);
    addresses.add(ip);
  }
  const names = new Set<string>();
  for (const [i, { name = '' }] of (spec.imagePullSecrets ?? []).entries()) {
    const at = path.child('imagePullSecrets').index(i).child('name');
    if (names.has(name)) out.push(`${at}: duplicate name ${JSON.stringify(name)}`);
    names.add(name);
  }
  for (const [i, { name = '' }] of (spec.imagePullSecrets ?? []).entries())
    if (name === '') out.push(`${path.child('imagePullSecrets').index(i).child('name')}: invalid empty name ""`);
  return out;
}

const NO_LABEL = 'which can result in surprising behavior; a DNS label is recommended';

/** People seldom change pods themselves, and what runs changes often: only a new pod is looked at. */
export function podWarnings({ metadata, spec }: core.Pod, old: core.Pod | undefined): readonly string[] {
  if (old !== undefined) return [];
  const faults = dns1123LabelFaults(metadata?.name ?? '');
  const name = faults.length === 0 ? [] : [`metadata.name: this is used in the Pod's hostname, ${NO_LABEL}: [${faults.join(' ')}]`];
  return [...name, ...templateWarnings({ ...(metadata === undefined ? {} : { metadata }), ...(spec === undefined ? {} : { spec }) }, new FieldPath())];
}

/** Of the addresses that a node says the pod has. */
export const podStatusWarnings = ({ status }: core.Pod): readonly string[] =>
  (['podIPs', 'hostIPs'] as const).flatMap((field) =>
    (status?.[field] ?? []).flatMap(({ ip }, i) => ipWarnings(new FieldPath('status').child(field).index(i).child('ip'), ip ?? '')),
  );

/** Of a kind whose name its pods carry in theirs, when it is made. */
export function podNameWarnings({ metadata }: KubeObject, old: KubeObject | undefined): readonly string[] {
  const faults = old === undefined ? dns1123LabelFaults(metadata?.name ?? '') : [];
  return faults.length === 0 ? [] : [`metadata.name: this is used in Pod names and hostnames, ${NO_LABEL}: [${faults.join(' ')}]`];
}

const TEMPLATE = new FieldPath('spec').child('template');

/** Whether what the object wants has changed, or it is new. */
export const isNewGeneration = ({ metadata }: KubeObject, old: KubeObject | undefined): boolean =>
  old === undefined || metadata?.generation !== old.metadata?.generation;

interface WithTemplate extends KubeObject {
  readonly spec?: { readonly template?: core.PodTemplateSpec | undefined } | undefined;
}

/** Of a workload whose template stands in its spec. */
export const workloadWarnings = (object: WithTemplate, old: WithTemplate | undefined): readonly string[] =>
  isNewGeneration(object, old) ? templateWarnings(object.spec?.template, TEMPLATE) : [];
