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
  errors.push(...podLevelErrors(spec.resources, before.resources));
  const order = orderErrors(spec, before);
  if (order.length > 0) return [...errors, ...order];
  for (const field of ['initContainers', 'containers'] as const)
    for (const [i, { resources }] of (before[field] ?? []).entries())
      errors.push(...removed(spec[field]?.[i]?.resources, resources, SPEC.child(field).index(i).child('resources')));
  errors.push(...immutable(spec, before));
  const same = semanticEqual({ ...spec, ...others(before) }, before);
  return errors.length > 0 || same ? errors : [forbidden(SPEC, ONLY_CPU_AND_MEMORY)];
}

const ONLY_CPU_AND_MEMORY = 'only cpu and memory resources are mutable';

/** What is compared by itself. */
const others = ({ containers, initContainers, resources }: core.PodSpec): Partial<core.PodSpec> => ({ containers, initContainers, resources });

/** Of the pod as a whole (KEP-5419). */
function podLevelErrors(now: core.ResourceRequirements | undefined, before: core.ResourceRequirements | undefined): Errors {
  const path = SPEC.child('resources');
  if (now === undefined) return hasAmounts(before) ? [forbidden(path, 'pod-level resources cannot be removed')] : [];
  if (!hasAmounts(now) && !hasAmounts(before)) return [];
  const errors: Errors = before === undefined ? [] : removed(now, before, path, 'pod-level ');
  if (!semanticEqual(without(now), without(before))) errors.push(forbidden(SPEC, `${ONLY_CPU_AND_MEMORY} at pod-level`));
  return errors;
}

const hasAmounts = ({ requests, limits }: core.ResourceRequirements = {}): boolean => Object.keys({ ...requests, ...limits }).length > 0;

/** Containers stay where they are. */
function orderErrors(spec: core.PodSpec, before: core.PodSpec): Errors {
  const errors: Errors = [];
  for (const field of ['containers', 'initContainers'] as const) {
    const [now, then] = [spec[field] ?? [], before[field] ?? []];
    if (now.length !== then.length) errors.push(forbidden(SPEC.child(field), `${field} may not be added or removed on resize`));
    else
      for (const [i, { name }] of then.entries())
        if (now[i]?.name !== name) errors.push(forbidden(SPEC.child(field).index(i).child('name'), `${field} may not be renamed or reordered on resize`));
  }
  return errors;
}

/** An error about no field. */
export const aboutPod = (detail: string): FieldError => ({ type: 'FieldValueForbidden', field: '', detail });

/** A node that can resize says so in the status of what runs there. */
function canResize({ status }: core.Pod): boolean {
  const running = status?.containerStatuses?.find(({ state }) => state?.running !== undefined);
  return running === undefined || running.resources !== undefined;
}

function removed(now: core.ResourceRequirements | undefined, before: core.ResourceRequirements | undefined, path: FieldPath, level = ''): Errors {
  const errors: Errors = [];
  for (const part of ['requests', 'limits'] as const) {
    const gone = Object.keys(before?.[part] ?? {}).some((name) => now?.[part]?.[name] === undefined);
    if (gone) errors.push(forbidden(path.child(part), `${level}resource ${part} cannot be removed`));
  }
  return errors;
}

function immutable(spec: core.PodSpec, before: core.PodSpec): Errors {
  const errors: Errors = [];
  for (const [i, container] of (spec.containers ?? []).entries())
    if (changesMore(container, before.containers?.[i])) errors.push(forbidden(SPEC, ONLY_CPU_AND_MEMORY));
  for (const [i, container] of (spec.initContainers ?? []).entries()) {
    const then = before.initContainers?.[i];
    const path = SPEC.child('initContainers').index(i);
    if (changesMore(container, then)) errors.push(forbidden(path, 'only cpu and memory resources for init or sidecar containers are mutable'));
    if (container.restartPolicy === 'Always' || semanticEqual(container, then)) continue;
    for (const { restartPolicy } of container.resizePolicy ?? []) if (restartPolicy === 'RestartContainer') errors.push(forbidden(path, NEVER_RESTARTED));
  }
  return errors;
}

const NEVER_RESTARTED = 'non-sidecar init containers with a resize policy of RestartContainer cannot be resized';

const changesMore = (now: core.Container, then: core.Container | undefined): boolean =>
  then === undefined || !semanticEqual({ ...now, resources: without(now.resources) }, { ...then, resources: without(then.resources) });

/** Less what may change. A container's claims stay as they are. */
function without({ limits, requests, claims }: core.ResourceRequirements = {}): core.ResourceRequirements {
  const fixed = (list: Readonly<Record<string, string>> | undefined) =>
    Object.fromEntries(Object.entries(list ?? {}).filter(([name]) => name !== 'cpu' && name !== 'memory'));
  return { limits: fixed(limits), requests: fixed(requests), ...(claims === undefined ? {} : { claims }) };
}
