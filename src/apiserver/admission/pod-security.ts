import { namespaces, pods } from '../../api/gen/resources.ts';
import type { Pod, PodTemplateSpec } from '../../api/gen/types/core.v1.ts';
import { semanticEqual } from '../../api/equal.ts';
import type { KubeObject, Stored } from '../../machinery/object.ts';
import { invalidObject } from '../../machinery/status-error.ts';
import type { AdmissionPlugin, AdmissionRequest, StoredReader } from '../stages.ts';
import { storedGet, storedList } from '../stored.ts';
import type { CheckedPod } from './pod-security/check.ts';
import { evaluate, formatViolations } from './pod-security/evaluate.ts';
import { formatLevel, isStricter, labelFaults, type LevelVersion, type Policy, policyOf, PRIVILEGED, sameLevel } from './pod-security/policy.ts';
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
  const isExempt = ({ user, namespace }: AdmissionRequest, pod: CheckedPod): boolean =>
    exempt.users?.includes(user.name) === true ||
    exempt.namespaces?.includes(namespace) === true ||
    exempt.runtimeClasses?.includes(pod.spec.runtimeClassName ?? '') === true;
  return {
    name: 'PodSecurity',
    handles: (request) => isAbout(request, namespaces, 'CREATE', 'UPDATE') || isPodWrite(request) || isTemplateWrite(request),
    validate(request) {
      if (request.resource === namespaces.resource && request.kind.group === '') return validateNamespace(request, defaults);
      const pod = podIn(request);
      if (pod === undefined || isExempt(request, pod)) return;
      const policy = policyIn(request.reader, request.namespace);
      tell(request, pod, policy);
      if (!isPodWrite(request)) return;
      request.annotate(`${ANNOTATION}enforce-policy`, formatLevel(policy.enforce));
      const violations = evaluate(pod, policy.enforce);
      if (violations.length > 0) throw refuse(request, `violates PodSecurity ${JSON.stringify(formatLevel(policy.enforce))}: ${formatViolations(violations)}`);
    },
  };
}

function isPodWrite(request: AdmissionRequest): boolean {
  if (isAbout(request, pods, 'CREATE')) return true;
  if (request.kind.group !== '' || request.resource !== 'pods' || request.operation !== 'UPDATE') return false;
  // Everything else that an update may change is no matter of security.
  if (request.subresource === '') return !semanticEqual(podSpec(request.object)?.securityContext, podSpec(request.old)?.securityContext);
  return request.subresource === 'ephemeralcontainers';
}

function isTemplateWrite({ kind, resource, subresource, operation }: AdmissionRequest): boolean {
  return subresource === '' && (operation === 'CREATE' || operation === 'UPDATE') && Object.hasOwn(TEMPLATES, `${kind.group}/${resource}`);
}

function podSpec(object: unknown): Pod['spec'] {
  return (object as Pod | undefined)?.spec;
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

function tell(request: AdmissionRequest, pod: CheckedPod, { enforce, audit, warn }: Policy): void {
  const say = (level: LevelVersion): string | undefined => {
    const violations = evaluate(pod, level);
    return violations.length === 0 ? undefined : `would violate PodSecurity ${JSON.stringify(formatLevel(level))}: ${formatViolations(violations)}`;
  };
  const toAudit = say(audit);
  if (toAudit !== undefined) request.annotate(`${ANNOTATION}audit-violations`, toAudit);
  // What is refused in the same words need not be warned about.
  const refused = isPodWrite(request) && sameLevel(enforce, warn);
  const toWarn = refused ? undefined : say(warn);
  if (toWarn !== undefined) request.warn(toWarn);
}

function validateNamespace(request: AdmissionRequest, defaults: Policy): void {
  const labels = (request.object as unknown as KubeObject).metadata?.labels;
  const faults = labelFaults(labels);
  if (faults.length > 0 && !semanticEqual(labelFaults(request.old?.metadata?.labels), faults)) {
    throw invalidObject({ group: '', kind: 'Namespace' }, request.name, faults);
  }
  if (request.old === undefined) return;
  const before = policyOf(request.old.metadata?.labels, defaults).enforce;
  const after = policyOf(labels, defaults).enforce;
  if (!sameLevel(before, after) && !isStricter(before, after)) warnAboutPods(request, after);
}

/** Pods that are there already stay; whoever tightens the level is told which of them would no longer come in. */
function warnAboutPods(request: AdmissionRequest, level: LevelVersion): void {
  const byText = new Map<string, string[]>();
  for (const pod of storedList(request.reader, pods, request.name).slice(0, MOST_PODS_LOOKED_AT)) {
    const text = reasonsOf(pod, level);
    if (text !== '') byText.set(text, [...(byText.get(text) ?? []), pod.metadata.name]);
  }
  if (byText.size === 0) return;
  request.warn(`existing pods in namespace ${JSON.stringify(request.name)} violate the new PodSecurity enforce level ${JSON.stringify(formatLevel(level))}`);
  for (const [text, names] of byText) {
    const [first = '', ...others] = names.sort();
    const more = others.length === 0 ? '' : ` (and ${others.length} other ${others.length === 1 ? 'pod' : 'pods'})`;
    request.warn(`${first}${more}: ${text}`);
  }
}

function reasonsOf({ metadata, spec }: Stored<Pod>, level: LevelVersion): string {
  return spec === undefined
    ? ''
    : evaluate({ annotations: metadata.annotations, spec }, level)
        .map(({ reason }) => reason)
        .join(', ');
}
