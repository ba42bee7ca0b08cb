import { type FieldError, type FieldPath, forbidden, invalid } from '../../machinery/field-error.ts';
import { type Errors, root } from '../checks.ts';
import { semanticEqual } from '../equal.ts';
import type * as core from '../gen/types/core.v1.ts';
import { qosClassOf } from './pod.qos.rules.ts';
import { MIRROR } from './pod-annotations.validation.ts';
import { newFaults } from './pod.validation.ts';

const SPEC = root('spec');

/** For the resize subresource (KEP-1287, `ValidatePodResize`): cpu and memory may change within the pod's class of service, and may not be taken away. */
export function validatePodResize(pod: core.Pod, old: core.Pod): readonly FieldError[] {
  if (old.metadata?.annotations?.[MIRROR] !== undefined) return [aboutPod('static pods cannot be resized')];
  if (old.spec?.os?.name === 'windows') return [aboutPod('windows pods cannot be resized')];
  const spec = pod.spec ?? { containers: [] };
  const before = old.spec ?? { containers: [] };
  const errors: Errors = newFaults(pod, old);
  if (qosClassOf(spec) !== (old.status?.qosClass ?? qosClassOf(before)))
    errors.push(invalid(SPEC, pod.status?.qosClass ?? '', 'Pod QOS Class may not change as a result of resizing'));
  if (!canResize(old)) errors.push(forbidden(SPEC, 'Pod running on node without support for resize'));
  errors.push(...removed(spec.resources, before.resources, SPEC.child('resources')));
  for (const field of ['initContainers', 'containers'] as const) {
    for (const [i, container] of (before[field] ?? []).entries()) {
      if (field === 'initContainers' && container.restartPolicy !== 'Always') continue;
      errors.push(...removed(spec[field]?.[i]?.resources, container.resources, SPEC.child(field).index(i).child('resources')));
    }
  }
  return [...errors, ...immutable(spec, before)];
}

/** An error about no field. */
export const aboutPod = (detail: string): FieldError => ({ type: 'FieldValueForbidden', field: '', detail });

/** A node that can resize says so in the status of what runs there. */
function canResize({ status }: core.Pod): boolean {
  const running = status?.containerStatuses?.find(({ state }) => state?.running !== undefined);
  return running === undefined || running.resources !== undefined;
}

function removed(now: core.ResourceRequirements | undefined, before: core.ResourceRequirements | undefined, path: FieldPath): Errors {
  const errors: Errors = [];
  for (const part of ['requests', 'limits'] as const) {
    const gone = Object.keys(before?.[part] ?? {}).some((name) => now?.[part]?.[name] === undefined);
    if (gone) errors.push(forbidden(path.child(part), `resource ${part} cannot be removed`));
  }
  return errors;
}

function immutable(spec: core.PodSpec, before: core.PodSpec): Errors {
  const errors: Errors = [];
  for (const [i, container] of (spec.containers ?? []).entries())
    if (changesMore(container, before.containers?.[i])) errors.push(forbidden(SPEC, 'only cpu and memory resources are mutable'));
  for (const [i, container] of (spec.initContainers ?? []).entries()) {
    const then = before.initContainers?.[i];
    if (container.restartPolicy === 'Always') {
      if (changesMore(container, then)) errors.push(forbidden(SPEC, 'only cpu and memory resources for sidecar containers are mutable'));
    } else if (!semanticEqual(container, then)) errors.push(forbidden(SPEC, 'resources for non-sidecar init containers are immutable'));
  }
  return errors;
}

const changesMore = (now: core.Container, then: core.Container | undefined): boolean =>
  then === undefined || !semanticEqual({ ...now, resources: without(now.resources) }, { ...then, resources: without(then.resources) });

/** Less what may change. A container's claims stay as they are. */
function without({ limits, requests, claims }: core.ResourceRequirements = {}): core.ResourceRequirements {
  const others = (list: Readonly<Record<string, string>> | undefined) =>
    Object.fromEntries(Object.entries(list ?? {}).filter(([name]) => name !== 'cpu' && name !== 'memory'));
  return { limits: others(limits), requests: others(requests), ...(claims === undefined ? {} : { claims }) };
}
