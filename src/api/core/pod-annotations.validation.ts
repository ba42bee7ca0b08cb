import { type FieldPath, forbidden, invalid } from '../../machinery/field-error.ts';
import { getOwn } from '../../machinery/record.ts';
import { type Errors, isEmpty, root } from '../checks.ts';
import type * as core from '../gen/types/core.v1.ts';
import { validateTolerations } from './affinity.validation.ts';
import { checkDescendingPath } from './path.validation.ts';
import { containersOf } from './placed-containers.ts';
import { APP_ARMOR } from './pod.preparation.ts';

const PATH = root('metadata').child('annotations');
const SPEC = root('spec');
export const MIRROR = 'kubernetes.io/config.mirror';
const TOLERATIONS = 'scheduler.alpha.kubernetes.io/tolerations';
const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost';
const SECCOMP = 'seccomp.security.alpha.kubernetes.io/pod';
const SECCOMP_CONTAINER = 'container.seccomp.security.alpha.kubernetes.io/';

type Annotations = Readonly<Record<string, string>>;

/** What bears annotations beside a spec: a pod or a template of pods. */
type Annotated = Pick<core.Pod, 'metadata' | 'spec'>;

const annotationsOf = ({ metadata }: Annotated): Annotations => metadata?.annotations ?? {};

/** Annotations that stand for something of the spec. `path`: of them. A bad cost of deletion that `old` has may stay. */
export function validatePodAnnotations(pod: Annotated, path = PATH, old?: Annotated): Errors {
  const errors: Errors = [];
  const annotations = annotationsOf(pod);
  const mirror = getOwn(annotations, MIRROR);
  if (mirror !== undefined && isEmpty(pod.spec?.nodeName))
    errors.push(invalid(path.key(MIRROR), mirror, 'must set spec.nodeName if mirror pod annotation is set'));
  errors.push(...tolerationErrors(getOwn(annotations, TOLERATIONS), path));
  const cost = getOwn(annotations, DELETION_COST);
  const oldCost = old === undefined ? undefined : getOwn(annotationsOf(old), DELETION_COST);
  if (cost !== undefined && !isCost(cost) && (oldCost === undefined || isCost(oldCost)))
    errors.push(invalid(path.key(DELETION_COST), cost, 'must be a 32bit integer'));
  for (const [key, profile] of Object.entries(annotations))
    if (key === SECCOMP || key.startsWith(SECCOMP_CONTAINER)) checkSeccomp(errors, path.child(key), profile);
  return [...errors, ...appArmorErrors(annotations, pod.spec, path)];
}

function isCost(text: string): boolean {
  const number = Number(text);
  return /^(0|-?[1-9]\d*)$/.test(text) && number >= -(2 ** 31) && number < 2 ** 31;
}

function tolerationErrors(text: string | undefined, path: FieldPath): Errors {
  if (isEmpty(text)) return [];
  try {
    return validateTolerations(JSON.parse(text) as readonly core.Toleration[], path.child(TOLERATIONS));
  } catch (error) {
    return [invalid(path, TOLERATIONS, (error as Error).message)];
  }
}

function checkSeccomp(errors: Errors, path: FieldPath, profile: string): void {
  if (['runtime/default', 'docker/default', 'unconfined'].includes(profile)) return;
  if (profile.startsWith('localhost/')) checkDescendingPath(errors, path, profile.slice('localhost/'.length));
  else errors.push(invalid(path, profile, 'must be a valid seccomp profile'));
}

function appArmorErrors(annotations: Annotations, spec: core.PodSpec | undefined, path: FieldPath): Errors {
  const errors: Errors = [];
  for (const [key, profile] of Object.entries(annotations)) {
    if (!key.startsWith(APP_ARMOR)) continue;
    const name = key.slice(APP_ARMOR.length);
    if (!containersOf(spec ?? { containers: [] }, SPEC).some(({ container }) => container.name === name))
      errors.push(invalid(path.key(key), name, 'container not found'));
    if (!['', 'runtime/default', 'unconfined'].includes(profile) && !profile.startsWith('localhost/'))
      errors.push(invalid(path.key(key), profile, `invalid AppArmor profile name: ${JSON.stringify(profile)}`));
  }
  return errors;
}

/** Which file the kubelet made the pod of, and what confines its containers, stands once it is made. */
export function validatePodAnnotationsUpdate(pod: core.Pod, old: core.Pod): Errors {
  const errors: Errors = [];
  const [now, before] = [annotationsOf(pod), annotationsOf(old)];
  const check = (key: string, verb: string): void => {
    if (key.startsWith(APP_ARMOR)) errors.push(forbidden(PATH.key(key), `may not ${verb} AppArmor annotations`));
    if (key === MIRROR) errors.push(forbidden(PATH.key(key), `may not ${verb} mirror pod annotation`));
  };
  for (const [key, value] of Object.entries(before)) if (getOwn(now, key) !== value) check(key, 'remove or update');
  for (const key of Object.keys(now)) if (getOwn(before, key) === undefined) check(key, 'add');
  return [...errors, ...validatePodAnnotations(pod, PATH, old)];
}

/** On creation: where a profile is given both ways, both say the same. `path`: of the spec. */
export function validateProfilesMatch({ metadata, spec }: Annotated, path = SPEC): Errors {
  const annotations = metadata?.annotations ?? {};
  if (spec === undefined) return [];
  const containers = containersOf(spec, path).map(({ container, path: at }) => ({
    name: container.name,
    context: container.securityContext,
    at: at.child('securityContext'),
  }));
  const errors: Errors = matchErrors(
    'seccomp',
    getOwn(annotations, SECCOMP),
    spec.securityContext?.seccompProfile,
    path.child('securityContext', 'seccompProfile'),
  );
  for (const { name, context, at } of containers)
    errors.push(...matchErrors('seccomp', getOwn(annotations, SECCOMP_CONTAINER + name), context?.seccompProfile, at.child('seccompProfile')));
  if (spec.os?.name === 'windows') return errors;
  for (const { name, context, at } of containers) {
    const profile = context?.appArmorProfile ?? spec.securityContext?.appArmorProfile;
    errors.push(...matchErrors('apparmor', getOwn(annotations, APP_ARMOR + name), profile, at.child('appArmorProfile')));
  }
  return errors;
}

interface Profile {
  readonly type: string;
  readonly localhostProfile?: string | undefined;
}

/** What an annotation says where the field says the first. */
const BY_ANNOTATION: Readonly<Record<string, readonly string[]>> = { Unconfined: ['unconfined'], RuntimeDefault: ['runtime/default'] };

function matchErrors(word: 'seccomp' | 'apparmor', annotation: string | undefined, profile: Profile | undefined, path: FieldPath): Errors {
  if (annotation === undefined || profile === undefined) return [];
  const byName = profile.type === 'Localhost';
  if (!byName && BY_ANNOTATION[profile.type] === undefined) return [];
  const old = word === 'seccomp' && profile.type === 'RuntimeDefault' && annotation === 'docker/default';
  const same = byName ? annotation.startsWith('localhost/') : old || (BY_ANNOTATION[profile.type] ?? []).includes(annotation);
  if (!same) return [forbidden(path.child('type'), `${word} type in annotation and field must match`)];
  if (byName && annotation !== `localhost/${profile.localhostProfile}`)
    return [forbidden(path.child('localhostProfile'), `${word} profile in annotation and field must match`)];
  return [];
}
