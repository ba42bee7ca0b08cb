import { duplicate, type FieldError, forbidden, invalid } from '../../machinery/field-error.ts';
import { labelValueFaults, qualifiedNameFaults } from '../../machinery/names.ts';
import { addFaults, asJson, type Errors, isEmpty, root } from '../checks.ts';
import { semanticEqual } from '../equal.ts';
import type * as core from '../gen/types/core.v1.ts';
import { cidrFaults, familyOf } from '../ip.ts';
import { checkTaintEffect } from './affinity.validation.ts';
import { checkAmount } from './resources.validation.ts';

const SPEC = root('spec');
const STATUS = root('status');

export const validateNode = (node: core.Node): readonly FieldError[] => [
  ...taintErrors(node.spec?.taints),
  ...resourceErrors(node),
  ...swapErrors(node),
  ...featureErrors(node),
  ...validatePodCidrs(node.spec?.podCIDRs),
];

/** The path is the one that Kubernetes gives, though taints stand in the spec. */
function taintErrors(taints: readonly core.Taint[] | undefined): Errors {
  const errors: Errors = [];
  const pairs = new Set<string>();
  for (const [i, taint] of (taints ?? []).entries()) {
    const at = root('metadata').child('taints').index(i);
    addFaults(errors, at.child('key'), taint.key, qualifiedNameFaults(taint.key));
    const faults = labelValueFaults(taint.value ?? '');
    if (faults.length > 0) errors.push(invalid(at.child('value'), taint.value ?? '', faults.join(';')));
    checkTaintEffect(errors, at.child('effect'), taint.effect, false);
    const pair = `${taint.key}:${taint.effect}`;
    if (pairs.has(pair)) errors.push({ ...duplicate(at, asJson(taint)), detail: 'taints must be unique by key and effect pair' });
    pairs.add(pair);
  }
  return errors;
}

function resourceErrors({ status }: core.Node): Errors {
  const errors: Errors = [];
  for (const field of ['capacity', 'allocatable'] as const)
    for (const [name, amount] of Object.entries(status?.[field] ?? {})) checkAmount(errors, STATUS.child(field, name), name, amount);
  return errors;
}

/** The path is the one that Kubernetes gives. */
function swapErrors({ status }: core.Node): Errors {
  const capacity = status?.nodeInfo?.swap?.capacity;
  return capacity !== undefined && capacity <= 0 ? [invalid(root('metadata').child('nodeSwapStatus', 'capacity'), capacity, 'must be greater than zero')] : [];
}

const FEATURE = /^[A-Z][a-zA-Z0-9]*(\/[a-zA-Z][a-zA-Z0-9]*)*$/;
const FEATURE_FAULT =
  "must start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes";

function featureErrors({ status }: core.Node): Errors {
  const errors: Errors = [];
  const path = STATUS.child('declaredFeatures');
  const features = status?.declaredFeatures ?? [];
  for (const [i, feature] of features.entries()) {
    const fault = feature.length > 253 ? 'must be no more than 253 characters' : FEATURE.test(feature) ? undefined : FEATURE_FAULT;
    if (fault !== undefined) errors.push(invalid(path.index(i), feature, `invalid feature name ${JSON.stringify(feature)}: ${fault}`));
    const next = features[i + 1];
    if (next === feature) errors.push(duplicate(path.index(i + 1), next));
    else if (next !== undefined && next < feature) errors.push(invalid(path.index(i), feature, 'list must be sorted alphabetically'));
  }
  return errors;
}

function validatePodCidrs(cidrs: readonly string[] | undefined): Errors {
  const errors: Errors = [];
  const path = SPEC.child('podCIDRs');
  for (const [i, cidr] of (cidrs ?? []).entries()) addFaults(errors, path.index(i), cidr, cidrFaults(cidr));
  if ((cidrs ?? []).length > 2) errors.push(invalid(path, asJson(cidrs), 'may specify no more than one CIDR for each IP family'));
  else if ((cidrs ?? []).length === 2 && new Set((cidrs ?? []).map((c) => familyOf(c.split('/')[0] ?? ''))).size === 1) {
    errors.push(invalid(path, asJson(cidrs), 'may specify no more than one CIDR for each IP family'));
  }
  return errors;
}

/** A node's range of pod addresses, and who it is at its provider, are set once. */
export function validateNodeUpdate(node: core.Node, old: core.Node): readonly FieldError[] {
  const errors: Errors = [...resourceErrors(node), ...featureErrors(node)];
  const addresses = new Set<string>();
  for (const [i, { type, address }] of (node.status?.addresses ?? []).entries()) {
    const text = JSON.stringify({ type, address });
    if (addresses.has(text)) errors.push(duplicate(STATUS.child('addresses').index(i), { type, address }));
    addresses.add(text);
  }
  const before = old.spec ?? {};
  const now = node.spec ?? {};
  if ((before.podCIDRs ?? []).length > 0 && !semanticEqual(before.podCIDRs, now.podCIDRs))
    errors.push(forbidden(SPEC.child('podCIDRs'), 'node updates may not change podCIDR except from "" to valid'));
  if (!isEmpty(before.providerID) && before.providerID !== now.providerID)
    errors.push(forbidden(SPEC.child('providerID'), 'node updates may not change providerID except from "" to valid'));
  errors.push(...taintErrors(now.taints));
  if ((before.externalID ?? '') !== (now.externalID ?? '')) errors.push(forbidden(SPEC.child('externalID'), 'may not be updated'));
  return errors;
}
