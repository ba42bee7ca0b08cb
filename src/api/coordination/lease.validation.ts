import { type FieldError, type FieldPath, invalid, notSupported, required } from '../../machinery/field-error.ts';
import { qualifiedNameFaults } from '../../machinery/names.ts';
import { addFaults, type Errors, IMMUTABLE, isEmpty, NON_NEGATIVE, POSITIVE, root } from '../checks.ts';
import type * as coordination from '../gen/types/coordination.v1.ts';
import type * as beta from '../gen/types/coordination.v1beta1.ts';

const STRATEGIES = ['OldestEmulationVersion'];

export function validateLease({ spec }: coordination.Lease): readonly FieldError[] {
  const errors: Errors = [];
  const path = root('spec');
  if (spec?.leaseDurationSeconds !== undefined && spec.leaseDurationSeconds <= 0)
    errors.push(invalid(path.child('leaseDurationSeconds'), spec.leaseDurationSeconds, POSITIVE));
  if (spec?.leaseTransitions !== undefined && spec.leaseTransitions < 0)
    errors.push(invalid(path.child('leaseTransitions'), spec.leaseTransitions, NON_NEGATIVE));
  const strategy = spec?.strategy;
  if (strategy !== undefined) errors.push(...strategyErrors(strategy, path.child('strategy')));
  if ((spec?.preferredHolder ?? '') !== '' && (strategy ?? '') === '')
    errors.push({ type: 'FieldValueForbidden', field: 'spec.preferredHolder', detail: 'may only be specified if `strategy` is defined' });
  return errors;
}

function strategyErrors(strategy: string, path: FieldPath): Errors {
  const errors: Errors = [];
  // Kubernetes names the field twice.
  const at = path.child('strategy');
  if (strategy.includes('/')) addFaults(errors, at, strategy, qualifiedNameFaults(strategy));
  else if (!STRATEGIES.includes(strategy)) errors.push(notSupported(at, strategy, STRATEGIES));
  return errors;
}

const VERSION = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:[-+].*)?$/;
type Version = readonly [number, number, number];

function versionOf(text: string | undefined): Version | undefined {
  const [, major, minor, patch] = VERSION.exec(text ?? '') ?? [];
  return major === undefined ? undefined : [Number(major), Number(minor), Number(patch)];
}

const NO_VERSION: Version = [0, 0, 0];

const isLess = (a: Version, b: Version): boolean => {
  const at = a.findIndex((part, i) => part !== b[i]);
  return at !== -1 && (a[at] ?? 0) < (b[at] ?? 0);
};

export function validateLeaseCandidate({ spec }: beta.LeaseCandidate): readonly FieldError[] {
  const errors: Errors = [];
  const path = root('spec');
  if (isEmpty(spec.leaseName)) errors.push(required(path.child('leaseName')));
  const [binary, emulated] = [versionOf(spec.binaryVersion), versionOf(spec.emulationVersion)];
  if (!isEmpty(spec.emulationVersion) && emulated === undefined)
    errors.push(invalid(path.child('emulationVersion'), spec.emulationVersion, 'must be a valid semantic version'));
  if (isEmpty(spec.binaryVersion)) errors.push(required(path.child('binaryVersion')));
  else if (binary === undefined) errors.push(invalid(path.child('binaryVersion'), spec.binaryVersion, 'must be a valid semantic version'));
  if (!isEmpty(spec.binaryVersion) && !isEmpty(spec.emulationVersion) && isLess(binary ?? NO_VERSION, emulated ?? NO_VERSION))
    errors.push(invalid(path.child('binaryVersion'), spec.binaryVersion, 'must be greater than or equal to `emulationVersion`'));
  if (isEmpty(spec.strategy)) return [...errors, required(path.child('strategy'))];
  if (spec.strategy === 'OldestEmulationVersion' && (emulated ?? NO_VERSION).every((part) => part === 0))
    errors.push(required(path.child('strategy', 'emulationVersion'), "must be specified when `strategy` is 'OldestEmulationVersion'"));
  return [...errors, ...strategyErrors(spec.strategy, path.child('strategy'))];
}

export function validateLeaseCandidateUpdate(candidate: beta.LeaseCandidate, old: beta.LeaseCandidate): readonly FieldError[] {
  const errors: Errors = [...validateLeaseCandidate(candidate)];
  if (candidate.spec.leaseName !== old.spec.leaseName) errors.push(invalid(root('spec').child('leaseName'), candidate.spec.leaseName, IMMUTABLE));
  return errors;
}
