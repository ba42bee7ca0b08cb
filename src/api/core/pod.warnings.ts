import { FieldPath } from '../../machinery/field-error.ts';
import { getOwn } from '../../machinery/record.ts';
import { semanticEqual } from '../equal.ts';
import type * as core from '../gen/types/core.v1.ts';
import { quantityOf } from './resources.validation.ts';

/** Labels of nodes that have better names today. */
const OLD_LABELS: Readonly<Record<string, { readonly since: string; readonly use: string }>> = {
  'beta.kubernetes.io/arch': { since: 'v1.14', use: 'kubernetes.io/arch' },
  'beta.kubernetes.io/os': { since: 'v1.14', use: 'kubernetes.io/os' },
  'failure-domain.beta.kubernetes.io/region': { since: 'v1.17', use: 'topology.kubernetes.io/region' },
  'failure-domain.beta.kubernetes.io/zone': { since: 'v1.17', use: 'topology.kubernetes.io/zone' },
  'beta.kubernetes.io/instance-type': { since: 'v1.17', use: 'node.kubernetes.io/instance-type' },
};

/** What is accepted but will hardly be meant. `path`: of the spec. Worded as Kubernetes words it. */
function podSpecWarnings(spec: core.PodSpec | undefined, path: FieldPath): readonly string[] {
  const out: string[] = [];
  if (spec === undefined) return out;
  for (const [i, volume] of (spec.volumes ?? []).entries())
    if (volume.gitRepo !== undefined) out.push(`${path.child('volumes').index(i).child('gitRepo')}: deprecated in v1.11, and disabled by default in v1.33+`);
  for (const field of ['initContainers', 'containers'] as const)
    for (const [i, container] of (spec[field] ?? []).entries()) out.push(...containerWarnings(container, path.child(field).index(i)));
  for (const [i, { name }] of (spec.imagePullSecrets ?? []).entries())
    if ((name ?? '') === '') out.push(`${path.child('imagePullSecrets').index(i).child('name')}: invalid empty name ""`);
  for (const key of Object.keys(spec.nodeSelector ?? {})) {
    const instead = getOwn(OLD_LABELS, key);
    if (instead !== undefined)
      out.push(`${path.child('nodeSelector').key(key)}: deprecated since ${instead.since}; use ${JSON.stringify(instead.use)} instead`);
  }
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0)
    out.push(`${path.child('terminationGracePeriodSeconds')}: must be >= 0; negative values are invalid and will be treated as 1`);
  return out;
}

function containerWarnings({ env, resources }: core.Container, path: FieldPath): readonly string[] {
  const out: string[] = [];
  const seen = new Set<string>();
  for (const [i, { name }] of (env ?? []).entries()) {
    if (seen.has(name)) out.push(`${path.child('env').index(i)}: hides previous definition of ${JSON.stringify(name)}, which may be dropped when using apply`);
    seen.add(name);
  }
  for (const part of ['requests', 'limits'] as const) {
    for (const name of ['memory', 'ephemeral-storage'] as const) {
      const amount = resources?.[part]?.[name];
      if (amount !== undefined && quantityOf(amount).nanos % 1_000_000_000n !== 0n) {
        out.push(`${path.child('resources', part).key(name)}: fractional byte value ${JSON.stringify(amount)} is invalid, must be an integer`);
      }
    }
  }
  return out;
}

export function podWarnings({ metadata, spec }: core.Pod, old: core.Pod | undefined): readonly string[] {
  if (old !== undefined) return [];
  const name = metadata?.name ?? '';
  const dotted = name.includes('.')
    ? ["metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [must not contain dots]"]
    : [];
  return [...dotted, ...podSpecWarnings(spec, new FieldPath('spec'))];
}

/** Of a workload, when it is made or its template changes. */
export function templateWarnings(template: core.PodTemplateSpec | undefined, old: core.PodTemplateSpec | undefined): readonly string[] {
  return semanticEqual(template, old) ? [] : podSpecWarnings(template?.spec, new FieldPath('spec').child('template', 'spec'));
}
