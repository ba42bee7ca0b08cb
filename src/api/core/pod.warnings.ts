import { FieldPath } from '../../machinery/field-error.ts';
import { semanticEqual } from '../equal.ts';
import type * as core from '../gen/types/core.v1.ts';
import { quantityOf } from './resources.validation.ts';

/** What is accepted but will hardly be meant. `path`: of the spec. Worded as Kubernetes words it. */
function podSpecWarnings(spec: core.PodSpec | undefined, path: FieldPath): readonly string[] {
  const out: string[] = [];
  if (spec === undefined) return out;
  for (const [i, volume] of (spec.volumes ?? []).entries()) if (volume.gitRepo !== undefined) out.push(`${path.child('volumes').index(i).child('gitRepo')}: deprecated in v1.11, and disabled by default in v1.33+`);
  for (const field of ['initContainers', 'containers'] as const) for (const [i, container] of (spec[field] ?? []).entries()) out.push(...containerWarnings(container, path.child(field).index(i)));
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0) out.push(`${path.child('terminationGracePeriodSeconds')}: must be >= 0; negative values are invalid and will be treated as 1`);
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

export const podWarnings = ({ spec }: core.Pod, old: core.Pod | undefined): readonly string[] => (old === undefined ? podSpecWarnings(spec, new FieldPath('spec')) : []);

/** Of a workload, when it is made or its template changes. */
export function templateWarnings(template: core.PodTemplateSpec | undefined, old: core.PodTemplateSpec | undefined): readonly string[] {
  return semanticEqual(template, old) ? [] : podSpecWarnings(template?.spec, new FieldPath('spec').child('template', 'spec'));
}
