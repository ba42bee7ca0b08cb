import { namespaces, pods } from '../../api/gen/resources.ts';
import type { Pod, PodTemplateSpec } from '../../api/gen/types/core.v1.ts';
import { semanticEqual } from '../../api/equal.ts';
import { formatFieldError } from '../../machinery/field-error.ts';
import type { KubeObject, Stored } from '../../machinery/object.ts';
import { invalidObject } from '../../machinery/status-error.ts';
import type { AdmissionPlugin, AdmissionRequest, StoredReader } from '../stages.ts';
import { storedGet, storedList } from '../stored.ts';
import { type CheckedPod, containersOf } from './pod-security/check.ts';
import { evaluate, formatViolations } from './pod-security/evaluate.ts';
import {
  formatLabelled,
  formatLevel,
  isStricter,
  labelFaults,
  type LevelVersion,
  type Policy,
  policyOf,
  PRIVILEGED,
  sameLevel,
  samePolicy,
} from './pod-security/policy.ts';
import { isAbout, refuse } from './request.ts';

export interface PodSecurityOptions {
  /** For namespaces whose labels say nothing. */
  readonly defaults?: Policy;
  readonly exempt?: { readonly users?: readonly string[]; readonly runtimeClasses?: readonly string[]; readonly namespaces?: readonly string[] };
}

const DEFAULTS: Policy = { enforce: PRIVILEGED, audit: PRIVILEGED, warn: PRIVILEGED };
const ANNOTATION = 'pod-security.kubernetes.io/';
/** Kinds with a pod template, and where it is. They are warned about; their pods are what is refused. */
const TEMPLATES: Readonly<Record<string, readonly string[]>> = {
  '/podtemplates': ['template'],
  '/replicationcontrollers': ['spec', 'template'],
  'apps/daemonsets': ['spec', 'template'],
  'apps/deployments': ['spec', 'template'],
  'apps/replicasets': ['spec', 'template'],
  'apps/statefulsets': ['spec', 'template'],
  'batch/cronjobs': ['spec', 'jobTemplate', 'spec', 'template'],
  'batch/jobs': ['spec', 'template'],
};
const MOST_PODS_LOOKED_AT = 3000;

/** PodSecurity: a namespace's labels say how much its pods may do (enforce), and what is only told (warn, audit). */
export function podSecurity({ defaults = DEFAULTS, exempt = {} }: PodSecurityOptions = {}): AdmissionPlugin {
  const policyIn = (reader: StoredReader, namespace: string): Policy => policyOf(storedGet(reader, namespaces, '', namespace)?.metadata.labels, defaults);
  const isExempt = (list: readonly string[] | undefined, name: string | undefined): boolean => name !== undefined && list?.includes(name) === true;
  const hasFreeRuntime = ({ spec }: PodSpecOf): boolean => isExempt(exempt.runtimeClasses, spec?.runtimeClassName);
  /** For the audit log: by what; undefined: it is looked at. */
  const exemptBy = ({ user, namespace }: AdmissionRequest, pod: CheckedPod): string | undefined => {
    if (isExempt(exempt.namespaces, namespace)) return 'namespace';
    if (isExempt(exempt.users, user.name)) return 'user';
    return hasFreeRuntime(pod) ? 'runtimeClass' : undefined;
  };
  const validateNamespace = (request: AdmissionRequest): void => {
    const labels = (request.object as unknown as KubeObject).metadata?.labels;
    const faults = labelFaults(labels);
    if (faults.length > 0 && !semanticEqual(labelFaults(request.old?.metadata?.labels), faults)) {
      throw invalidObject({ group: '', kind: 'Namespace' }, request.name, faults);
    }
    const policy = policyOf(labels, defaults);
    const { enforce } = policy;
    if (request.old !== undefined) {
      const before = policyOf(request.old.metadata?.labels, defaults).enforce;
      if (sameLevel(before, enforce) || enforce.level === 'privileged' || (before.minor === enforce.minor && !isStricter(enforce, before))) return;
    }
    if (isExempt(exempt.namespaces, request.name)) {
      const ignored = formatLabelled(labels, policy);
      if (ignored !== '' && !samePolicy(policy, defaults))
        request.warn(`namespace ${JSON.stringify(request.name)} is exempt from Pod Security, and the policy (${ignored}) will be ignored`);
    } else if (request.old !== undefined) warnAboutPods(request, enforce, hasFreeRuntime);
  };
  return {
    name: 'PodSecurity',
    handles: (request) => isAbout(request, namespaces, 'CREATE', 'UPDATE') || isPodWrite(request) || isTemplateWrite(request),
    validate(request) {
      if (request.resource === namespaces.resource && request.kind.group === '') return validateNamespace(request);
      const pod = podIn(request);
      if (pod === undefined) return;
      const by = exemptBy(request, pod);
      if (by !== undefined) return request.annotate(`${ANNOTATION}exempt`, by);
      const policy = policyIn(request.reader, request.namespace);
      const faults = labelFaults(storedGet(request.reader, namespaces, '', request.namespace)?.metadata.labels).map(formatFieldError);
      if (faults.length > 0)
        request.annotate(`${ANNOTATION}error`, `Failed to parse policy: ${faults.length === 1 ? faults.join('') : `[${faults.join(', ')}]`}`);
      const isPod = isPodWrite(request);
      if (isPod) request.annotate(`${ANNOTATION}enforce-policy`, formatLevel(policy.enforce));
      const refused = isPod ? said('violates', pod, policy.enforce) : undefined;
      const toAudit = said('would violate', pod, policy.audit);
      if (toAudit !== undefined) request.annotate(`${ANNOTATION}audit-violations`, toAudit);
      if (refused !== undefined) throw refuse(request, refused);
      const toWarn = said('would violate', pod, policy.warn);
      if (toWarn !== undefined) request.warn(toWarn);
    },
  };
}

function isPodWrite(request: AdmissionRequest): boolean {
  if (isAbout(request, pods, 'CREATE')) return true;
  if (request.kind.group !== '' || request.resource !== 'pods' || request.operation !== 'UPDATE') return false;
  // Everything else that an update may change is no matter of security. What was let in before the level was tightened may stay, not change.
  return (request.subresource === '' || request.subresource === 'ephemeralcontainers') && !semanticEqual(imagesOf(request.object), imagesOf(request.old));
}

function imagesOf(object: unknown): readonly string[] {
  const spec = (object as Pod | undefined)?.spec;
  return spec === undefined ? [] : containersOf(spec).map(({ name, image }) => `${name} ${image ?? ''}`);
}

function isTemplateWrite({ kind, resource, subresource, operation }: AdmissionRequest): boolean {
  return subresource === '' && (operation === 'CREATE' || operation === 'UPDATE') && Object.hasOwn(TEMPLATES, `${kind.group}/${resource}`);
}

function podIn(request: AdmissionRequest): CheckedPod | undefined {
  if (request.resource === pods.resource) {
    const { metadata, spec } = request.object as unknown as Pod;
    return spec === undefined ? undefined : { annotations: metadata?.annotations, spec };
  }
  let at: unknown = request.object;
  for (const step of TEMPLATES[`${request.kind.group}/${request.resource}`] ?? []) at = (at as Readonly<Record<string, unknown>> | undefined)?.[step];
  const { metadata, spec } = (at ?? {}) as PodTemplateSpec;
  return spec === undefined ? undefined : { annotations: metadata?.annotations, spec };
}

/** Undefined: the pod meets the level. */
function said(verb: string, pod: CheckedPod, level: LevelVersion): string | undefined {
  const violations = evaluate(pod, level);
  return violations.length === 0 ? undefined : `${verb} PodSecurity ${JSON.stringify(formatLevel(level))}: ${formatViolations(violations)}`;
}

type PodSpecOf = { readonly spec?: Pod['spec'] };

/** Pods that are there already stay; whoever tightens the level is told which of them would no longer come in. */
function warnAboutPods(request: AdmissionRequest, level: LevelVersion, isExempt: (pod: PodSpecOf) => boolean): void {
  const candidates = oneOfEachOwnerFirst(storedList(request.reader, pods, request.name).filter((pod) => !isExempt(pod)));
  const looked = candidates.slice(0, MOST_PODS_LOOKED_AT);
  const byText = new Map<string, string[]>();
  for (const pod of looked) {
    const text = reasonsOf(pod, level);
    if (text === '') continue;
    const names = byText.get(text);
    if (names === undefined) byText.set(text, [pod.metadata.name]);
    else names.push(pod.metadata.name);
  }
  if (looked.length < candidates.length)
    request.warn(`new PodSecurity enforce level only checked against the first ${looked.length} of ${candidates.length} existing pods`);
  if (byText.size === 0) return;
  request.warn(`existing pods in namespace ${JSON.stringify(request.name)} violate the new PodSecurity enforce level ${JSON.stringify(formatLevel(level))}`);
  const texts = [...byText].map(([text, names]) => {
    const [first = '', ...others] = names.sort();
    const more = others.length === 0 ? '' : ` (and ${others.length} other ${others.length === 1 ? 'pod' : 'pods'})`;
    return `${first}${more}: ${text}`;
  });
  for (const text of texts.sort()) request.warn(text);
}

/** Pods of one controller are alike: should not all be looked at, then at least one of each. */
function oneOfEachOwnerFirst(all: readonly Stored<Pod>[]): readonly Stored<Pod>[] {
  const seen = new Set<string>();
  const isFirst = ({ metadata }: Stored<Pod>): boolean => {
    const owner = metadata.ownerReferences?.find(({ controller }) => controller === true)?.uid;
    if (owner === undefined) return true;
    if (seen.has(owner)) return false;
    seen.add(owner);
    return true;
  };
  const { first = [], later = [] } = Object.groupBy(all, (pod) => (isFirst(pod) ? 'first' : 'later'));
  return [...first, ...later];
}

function reasonsOf({ metadata, spec }: Stored<Pod>, level: LevelVersion): string {
  return spec === undefined
    ? ''
    : evaluate({ annotations: metadata.annotations, spec }, level)
        .map(({ reason }) => reason)
        .join(', ');
}
