import { type FieldError, type FieldPath, forbidden, invalid, required } from '../../machinery/field-error.ts';
import { asJson, type Errors, isEmpty, root } from '../checks.ts';
import { semanticEqual } from '../equal.ts';
import type * as core from '../gen/types/core.v1.ts';
import { validateTolerations } from './affinity.validation.ts';
import { validatePodAnnotationsUpdate } from './pod-annotations.validation.ts';
import { newFaults } from './pod.validation.ts';

const SPEC = root('spec');

const MUTABLE_FIELDS =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

/** Nearly all of a pod stands once it is made (`ValidatePodUpdate`). */
export function validatePodUpdate(pod: core.Pod, old: core.Pod): readonly FieldError[] {
  const { spec } = pod;
  const { spec: before } = old;
  if (spec === undefined || before === undefined) return spec === before ? [] : [forbidden(SPEC, MUTABLE_FIELDS)];
  const errors: Errors = [...newFaults(pod, old), ...validatePodAnnotationsUpdate(pod, old)];
  for (const field of ['containers', 'initContainers'] as const) {
    const path = SPEC.child(field);
    if ((spec[field] ?? []).length !== (before[field] ?? []).length) return [...errors, forbidden(path, 'pod updates may not add or remove containers')];
    errors.push(...imageErrors(spec[field], path));
  }
  const deadline = deadlineErrors(spec.activeDeadlineSeconds, before.activeDeadlineSeconds);
  errors.push(...deadline);
  if (deadline.length > 0 && spec.activeDeadlineSeconds !== undefined) return errors;
  errors.push(...tolerationErrors(spec.tolerations ?? [], before.tolerations ?? []));
  errors.push(...gateErrors(spec.schedulingGates ?? [], before.schedulingGates ?? []));
  if ((before.schedulingGates ?? []).length > 0) errors.push(...steeringErrors(spec, before));
  return semanticEqual(withMutableFieldsOf(spec, before), before) ? errors : [...errors, forbidden(SPEC, MUTABLE_FIELDS)];
}

function imageErrors(containers: readonly core.Container[] | undefined, path: FieldPath): Errors {
  const errors: Errors = [];
  for (const [i, { image }] of (containers ?? []).entries()) {
    const at = path.index(i).child('image');
    if (isEmpty(image)) errors.push(required(at));
    else if (image.trim() !== image) errors.push(invalid(at, image, 'must not have leading or trailing whitespace'));
  }
  return errors;
}

function deadlineErrors(seconds: number | undefined, before: number | undefined): Errors {
  const path = SPEC.child('activeDeadlineSeconds');
  if (seconds === undefined) return before === undefined ? [] : [invalid(path, null, 'must not update from a positive integer to nil value')];
  if (seconds < 0 || seconds > 2 ** 31 - 1) return [invalid(path, seconds, 'must be between 0 and 2147483647, inclusive')];
  return before !== undefined && before < seconds ? [invalid(path, seconds, 'must be less than or equal to previous value')] : [];
}

function tolerationErrors(tolerations: readonly core.Toleration[], before: readonly core.Toleration[]): Errors {
  const path = SPEC.child('tolerations');
  const plain = (t: core.Toleration): string => JSON.stringify([t.key ?? '', t.operator ?? '', t.value ?? '', t.effect ?? '']);
  const now = new Set(tolerations.map(plain));
  if (!before.every((t) => now.has(plain(t)))) return [forbidden(path, 'existing toleration can not be modified except its tolerationSeconds')];
  return validateTolerations(tolerations, path);
}

function gateErrors(gates: readonly core.PodSchedulingGate[], before: readonly core.PodSchedulingGate[]): Errors {
  const known = new Set(before.map((g) => g.name));
  return gates
    .map(({ name }, i) => ({ name, i }))
    .filter(({ name }) => !known.has(name))
    .map(({ name, i }) => forbidden(SPEC.child('schedulingGates').index(i).child('name'), `only deletion is allowed, but found new scheduling gate '${name}'`));
}

const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution';

/** A pod that is not yet to be scheduled may be steered to fewer nodes, never to others (KEP-3838). */
function steeringErrors(spec: core.PodSpec, before: core.PodSpec): Errors {
  const errors: Errors = [];
  const selector = spec.nodeSelector;
  const kept = Object.entries(before.nodeSelector ?? {}).every(
    ([key, value]) => selector !== undefined && Object.hasOwn(selector, key) && selector[key] === value,
  );
  if (!kept) errors.push(invalid(SPEC.child('nodeSelector'), asJson(selector), 'only additions to spec.nodeSelector are allowed (no mutations or deletions)'));
  const old = before.affinity?.nodeAffinity;
  if (old?.[REQUIRED] === undefined || semanticEqual(old, spec.affinity?.nodeAffinity)) return errors;
  const path = SPEC.child('affinity', 'nodeAffinity').child(REQUIRED);
  const terms = spec.affinity?.nodeAffinity?.[REQUIRED]?.nodeSelectorTerms ?? [];
  const oldTerms = old[REQUIRED]?.nodeSelectorTerms ?? [];
  if (oldTerms.length > 0 && oldTerms.length !== terms.length)
    return [...errors, invalid(path.child('nodeSelectorTerms'), asJson(terms), 'no additions/deletions to non-empty NodeSelectorTerms list are allowed')];
  for (const [i, term] of oldTerms.entries())
    if (!onlyAdds(terms[i], term))
      errors.push(invalid(path.child('nodeSelectorTerms').index(i), asJson(terms[i]), 'only additions are allowed (no mutations or deletions)'));
  return errors;
}

function onlyAdds(now: core.NodeSelectorTerm | undefined, then: core.NodeSelectorTerm): boolean {
  const fields = ['matchExpressions', 'matchFields'] as const;
  const count = (term: core.NodeSelectorTerm | undefined): number => fields.reduce((sum, field) => sum + (term?.[field] ?? []).length, 0);
  if (count(then) === 0 && count(now) > 0) return false;
  return fields.every((field) => semanticEqual((now?.[field] ?? []).slice(0, (then[field] ?? []).length), then[field] ?? []));
}

/** The new spec with everything that may change put back as it was: what then differs may not. */
function withMutableFieldsOf(spec: core.PodSpec, before: core.PodSpec): core.PodSpec {
  const images = (now: readonly core.Container[] | undefined, then: readonly core.Container[] | undefined) =>
    now?.map((c, i) => ({ ...c, image: then?.[i]?.image }));
  const grace = spec.terminationGracePeriodSeconds === 1 && (before.terminationGracePeriodSeconds ?? 0) < 0;
  return {
    ...spec,
    containers: images(spec.containers, before.containers) ?? [],
    ...(spec.initContainers === undefined ? {} : { initContainers: images(spec.initContainers, before.initContainers) }),
    activeDeadlineSeconds: before.activeDeadlineSeconds,
    tolerations: before.tolerations,
    schedulingGates: before.schedulingGates,
    ...(grace ? { terminationGracePeriodSeconds: before.terminationGracePeriodSeconds } : {}),
    ...((before.schedulingGates ?? []).length > 0 ? { nodeSelector: before.nodeSelector, affinity: affinityOf(spec, before) } : {}),
  };
}

/** Only the affinity to nodes may change. */
function affinityOf({ affinity }: core.PodSpec, before: core.PodSpec): core.Affinity | undefined {
  const { nodeAffinity: _now, ...others } = affinity ?? {};
  if (Object.keys(others).length === 0 && before.affinity === undefined) return undefined;
  const then = before.affinity?.nodeAffinity;
  return { ...others, ...(then === undefined ? {} : { nodeAffinity: then }) };
}
