import { type FieldError, type FieldPath, forbidden, invalid } from '../../machinery/field-error.ts';
import { type Errors, root } from '../checks.ts';
import type * as core from '../gen/types/core.v1.ts';
import { qosClassOf } from './pod.qos.rules.ts';
import { validatePodSpec } from './pod-template.validation.ts';

const MUTABLE = new Set(['cpu', 'memory']);

/** For the resize subresource (KEP-1287): cpu and memory may change within the pod's class of service, and may not be taken away. */
export function validatePodResize(pod: core.Pod, old: core.Pod): readonly FieldError[] {
  const path = root('spec');
  const errors: Errors = [];
  const spec = pod.spec ?? { containers: [] };
  if (qosClassOf(spec) !== qosClassOf(old.spec ?? { containers: [] }))
    errors.push(invalid(path, old.status?.qosClass ?? '', 'Pod QOS Class may not change as a result of resizing'));
  for (const field of ['containers', 'initContainers'] as const) {
    for (const [i, container] of (spec[field] ?? []).entries()) {
      errors.push(...resizeErrors(container.resources, old.spec?.[field]?.[i]?.resources, path.child(field).index(i).child('resources')));
    }
  }
  const valid = validatePodSpec(spec, path).filter((e) => e.field.includes('.resources'));
  return [...errors, ...valid];
}

function resizeErrors(now: core.ResourceRequirements | undefined, before: core.ResourceRequirements | undefined, path: FieldPath): Errors {
  const errors: Errors = [];
  for (const part of ['limits', 'requests'] as const) {
    const names = new Set([...Object.keys(now?.[part] ?? {}), ...Object.keys(before?.[part] ?? {})]);
    for (const name of names) {
      const [value, old] = [now?.[part]?.[name], before?.[part]?.[name]];
      if (value === old) continue;
      if (!MUTABLE.has(name)) errors.push(forbidden(path.child(part), 'only cpu and memory resources are mutable'));
      else if (value === undefined) errors.push(forbidden(path.child(part), `resource ${part} cannot be removed`));
    }
  }
  return errors;
}
