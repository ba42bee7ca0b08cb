import { type FieldError, forbidden } from '../../machinery/field-error.ts';
import { type Errors, isEmpty, root } from '../checks.ts';
import { semanticEqual } from '../equal.ts';
import type * as core from '../gen/types/core.v1.ts';
import { validatePodSpec } from './pod-template.validation.ts';
import { newFaults } from './pod-update.validation.ts';

const SPEC = root('spec');
const MIRROR = 'kubernetes.io/config.mirror';

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

/** For the ephemeralcontainers subresource: containers are added, never changed nor removed. */
export function validateEphemeralContainersUpdate({ spec }: core.Pod, { metadata, spec: before }: core.Pod): readonly FieldError[] {
  if (metadata?.annotations?.[MIRROR] !== undefined)
    return [{ type: 'FieldValueForbidden', field: '', detail: 'static pods do not support ephemeral containers' }];
  const path = SPEC.child('ephemeralContainers');
  const errors: Errors = newFaults(spec ?? { containers: [] }, before ?? { containers: [] });
  for (const old of before?.ephemeralContainers ?? []) {
    const now = (spec?.ephemeralContainers ?? []).find((c) => c.name === old.name);
    if (now === undefined) errors.push(forbidden(path, `existing ephemeral containers ${JSON.stringify(old.name)} may not be removed\n`));
    else if (!semanticEqual(now, old)) errors.push(forbidden(path, `existing ephemeral containers ${JSON.stringify(old.name)} may not be changed\n`));
  }
  return errors;
}
