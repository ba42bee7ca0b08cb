import { type FieldError, forbidden, formatFieldError } from '../../machinery/field-error.ts';
import { type Errors, isEmpty, root } from '../checks.ts';
import { semanticEqual } from '../equal.ts';
import type * as core from '../gen/types/core.v1.ts';
import { imageSpaceErrors } from './container.validation.ts';
import { MIRROR, validatePodAnnotations, validatePodAnnotationsUpdate, validateProfilesMatch } from './pod-annotations.validation.ts';
import { validatePodSpec } from './pod-template.validation.ts';

const SPEC = root('spec');

export function validatePod(pod: core.Pod): readonly FieldError[] {
  const { spec } = pod;
  const errors: Errors = [...validatePodAnnotations(pod), ...specFaults(pod)];
  if ((spec?.ephemeralContainers ?? []).length > 0) errors.push(forbidden(SPEC.child('ephemeralContainers'), 'cannot be set on create'));
  if (!isEmpty(spec?.nodeName) && (spec?.schedulingGates ?? []).length > 0)
    errors.push(forbidden(SPEC.child('nodeName'), 'cannot be set until all schedulingGates have been cleared'));
  return [...errors, ...validateProfilesMatch(pod)];
}

/** What holds for the spec of a pod, at any time. */
function specFaults({ metadata, spec = { containers: [] } }: core.Pod): Errors {
  return [
    ...validatePodSpec(spec, SPEC, { podName: metadata?.name, isPod: true, isMirror: metadata?.annotations?.[MIRROR] !== undefined }),
    ...(isEmpty(spec.serviceAccountName) ? tokensWithoutAccount(spec.volumes) : []),
    ...imageSpaceErrors(spec.containers, SPEC.child('containers')),
    ...imageSpaceErrors(spec.initContainers, SPEC.child('initContainers')),
  ];
}

/** What the old pod was already wrong in is let be: rules that came later do not lock a pod that runs. */
export function newFaults(pod: core.Pod, old: core.Pod): Errors {
  const now = specFaults(pod);
  if (now.length === 0) return now;
  const known = new Set(specFaults(old).map(formatFieldError));
  return now.filter((error) => !known.has(formatFieldError(error)));
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

/** For the ephemeralcontainers subresource: containers are added, never changed nor removed. */
export function validateEphemeralContainersUpdate(pod: core.Pod, old: core.Pod): readonly FieldError[] {
  const { spec } = pod;
  const { metadata, spec: before } = old;
  if (metadata?.annotations?.[MIRROR] !== undefined)
    return [{ type: 'FieldValueForbidden', field: '', detail: 'static pods do not support ephemeral containers' }];
  const path = SPEC.child('ephemeralContainers');
  const errors: Errors = [...newFaults(pod, old), ...validatePodAnnotationsUpdate(pod, old)];
  for (const old of before?.ephemeralContainers ?? []) {
    const now = (spec?.ephemeralContainers ?? []).find((c) => c.name === old.name);
    if (now === undefined) errors.push(forbidden(path, `existing ephemeral containers ${JSON.stringify(old.name)} may not be removed\n`));
    else if (!semanticEqual(now, old)) errors.push(forbidden(path, `existing ephemeral containers ${JSON.stringify(old.name)} may not be changed\n`));
  }
  return errors;
}
