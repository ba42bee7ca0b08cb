import { type FieldError, type FieldPath, forbidden, invalid, required } from '../../machinery/field-error.ts';
import { dns1123SubdomainFaults } from '../../machinery/names.ts';
import { addFaults, type Errors, isEmpty, root } from '../checks.ts';
import { semanticEqual } from '../equal.ts';
import type * as core from '../gen/types/core.v1.ts';
import { validatePodSpec } from './pod-template.validation.ts';

const SPEC = root('spec');

export function validatePod({ spec }: core.Pod): readonly FieldError[] {
  const errors: Errors = validatePodSpec(spec ?? { containers: [] }, SPEC);
  if (isEmpty(spec?.serviceAccountName)) errors.push(...tokensWithoutAccount(spec?.volumes));
  if ((spec?.ephemeralContainers ?? []).length > 0) errors.push(forbidden(SPEC.child('ephemeralContainers'), 'cannot be set on create'));
  if (!isEmpty(spec?.nodeName) && (spec?.schedulingGates ?? []).length > 0)
    errors.push(forbidden(SPEC.child('nodeName'), 'cannot be set until all schedulingGates have been cleared'));
  return errors;
}

function tokensWithoutAccount(volumes: readonly core.Volume[] | undefined): Errors {
  const errors: Errors = [];
  for (const [i, { projected }] of (volumes ?? []).entries()) {
    for (const [j, source] of (projected?.sources ?? []).entries()) {
      if (source.serviceAccountToken === undefined) continue;
      errors.push(
        forbidden(
          SPEC.child('volumes').index(i).child('projected', 'sources').index(j).child('serviceAccountToken'),
          'must not be specified when serviceAccountName is not set',
        ),
      );
    }
  }
  return errors;
}

const MUTABLE_FIELDS =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

/** Nearly all of a pod stands once it is made. */
export function validatePodUpdate({ spec }: core.Pod, { spec: before }: core.Pod): readonly FieldError[] {
  if (spec === undefined || before === undefined) return spec === before ? [] : [forbidden(SPEC, MUTABLE_FIELDS)];
  const errors: Errors = [];
  const counted = (['containers', 'initContainers'] as const).filter((field) => (spec[field] ?? []).length !== (before[field] ?? []).length);
  for (const field of counted) errors.push(forbidden(SPEC.child(field), 'pod updates may not add or remove containers'));
  if (counted.length > 0) return errors;
  for (const field of ['containers', 'initContainers'] as const) errors.push(...imageErrors(spec[field], SPEC.child(field)));
  errors.push(...deadlineErrors(spec.activeDeadlineSeconds, before.activeDeadlineSeconds));
  errors.push(...tolerationErrors(spec.tolerations ?? [], before.tolerations ?? []));
  errors.push(...gateErrors(spec.schedulingGates ?? [], before.schedulingGates ?? []));
  if (errors.length > 0) return errors;
  return semanticEqual(withMutableFieldsOf(spec, before), before) ? [] : [forbidden(SPEC, MUTABLE_FIELDS)];
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
  const plain = (t: core.Toleration): string => JSON.stringify([t.key ?? '', t.operator ?? 'Equal', t.value ?? '', t.effect ?? '']);
  const now = new Set(tolerations.map(plain));
  return before.every((t) => now.has(plain(t)))
    ? []
    : [forbidden(SPEC.child('tolerations'), 'existing toleration can not be modified except its tolerationSeconds')];
}

function gateErrors(gates: readonly core.PodSchedulingGate[], before: readonly core.PodSchedulingGate[]): Errors {
  const known = new Set(before.map((g) => g.name));
  return gates
    .filter((g) => !known.has(g.name))
    .map((g) => forbidden(SPEC.child('schedulingGates'), `only deletion is allowed, but found new scheduling gate '${g.name}'`));
}

/** The new spec with everything that may change put back as it was: what then differs may not. */
function withMutableFieldsOf(spec: core.PodSpec, before: core.PodSpec): core.PodSpec {
  const images = (now: readonly core.Container[] | undefined, then: readonly core.Container[] | undefined) =>
    now?.map((c, i) => ({ ...c, image: then?.[i]?.image }));
  const gated = (before.schedulingGates ?? []).length > 0;
  const grace = spec.terminationGracePeriodSeconds === 1 && (before.terminationGracePeriodSeconds ?? 0) < 0;
  return {
    ...spec,
    containers: images(spec.containers, before.containers) ?? [],
    ...(spec.initContainers === undefined ? {} : { initContainers: images(spec.initContainers, before.initContainers) }),
    activeDeadlineSeconds: before.activeDeadlineSeconds,
    tolerations: before.tolerations,
    schedulingGates: before.schedulingGates,
    ephemeralContainers: before.ephemeralContainers,
    ...(grace ? { terminationGracePeriodSeconds: before.terminationGracePeriodSeconds } : {}),
    // A pod that is not yet to be scheduled may be steered to fewer nodes.
    ...(gated && isNarrower(spec.nodeSelector, before.nodeSelector) ? { nodeSelector: before.nodeSelector } : {}),
    ...(gated ? { affinity: before.affinity } : {}),
  };
}

const isNarrower = (now: Readonly<Record<string, string>> | undefined, then: Readonly<Record<string, string>> | undefined): boolean =>
  Object.entries(then ?? {}).every(([key, value]) => now !== undefined && Object.hasOwn(now, key) && now[key] === value);

export function validatePodStatusUpdate({ status, spec }: core.Pod, old: core.Pod): readonly FieldError[] {
  const errors: Errors = [];
  const path = root('status');
  const nominated = status?.nominatedNodeName;
  if (!isEmpty(nominated)) addFaults(errors, path.child('nominatedNodeName'), nominated, dns1123SubdomainFaults(nominated));
  if (spec?.restartPolicy !== 'Always')
    errors.push(...revived(status?.containerStatuses, old.status?.containerStatuses, path.child('containerStatuses'), spec));
  const qos = old.status?.qosClass;
  if (!isEmpty(qos) && status?.qosClass !== qos) errors.push(invalid(path.child('qosClass'), status?.qosClass ?? '', 'field is immutable'));
  return errors;
}

/** A container that has ended for good does not run again. */
function revived(
  now: readonly core.ContainerStatus[] | undefined,
  then: readonly core.ContainerStatus[] | undefined,
  path: FieldPath,
  spec: core.PodSpec | undefined,
): Errors {
  const errors: Errors = [];
  for (const [i, before] of (then ?? []).entries()) {
    const ended = before.state?.terminated;
    if (ended === undefined || (ended.exitCode !== 0 && spec?.restartPolicy === 'OnFailure')) continue;
    const own = spec?.containers.find((c) => c.name === before.name)?.restartPolicy;
    if (own !== undefined) continue;
    const after = (now ?? []).find((s) => s.name === before.name);
    if (after !== undefined && after.state?.terminated === undefined)
      errors.push(forbidden(path.index(i).child('state'), 'may not be transitioned to non-terminated state'));
  }
  return errors;
}

/** For the ephemeralcontainers subresource: containers are added, never changed nor removed. */
export function validateEphemeralContainersUpdate({ spec }: core.Pod, { spec: before }: core.Pod): readonly FieldError[] {
  const path = SPEC.child('ephemeralContainers');
  const errors: Errors = validatePodSpec(spec ?? { containers: [] }, SPEC).filter((e) => e.field.startsWith(path.toString()));
  for (const old of before?.ephemeralContainers ?? []) {
    const now = (spec?.ephemeralContainers ?? []).find((c) => c.name === old.name);
    if (now === undefined) errors.push(forbidden(path, `existing ephemeral containers ${JSON.stringify(old.name)} may not be removed\n`));
    else if (!semanticEqual(now, old)) errors.push(forbidden(path, `existing ephemeral containers ${JSON.stringify(old.name)} may not be changed\n`));
  }
  return errors;
}
