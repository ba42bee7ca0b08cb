import { duplicate, type FieldPath, forbidden, invalid, notSupported, required } from '../../machinery/field-error.ts';
import { validateLabelSelector } from '../../machinery/labels.ts';
import { dns1123LabelFaults, dns1123SubdomainFaults, labelValueFaults, qualifiedNameFaults } from '../../machinery/names.ts';
import { addFaults, type Errors, isEmpty } from '../checks.ts';
import type * as core from '../gen/types/core.v1.ts';

const WEIGHT_FAULT = 'must be in the range 1-100';

export function validateAffinity(affinity: core.Affinity | undefined, path: FieldPath): Errors {
  const errors: Errors = [];
  const { nodeAffinity, podAffinity, podAntiAffinity } = affinity ?? {};
  if (nodeAffinity !== undefined) errors.push(...validateNodeAffinity(nodeAffinity, path.child('nodeAffinity')));
  if (podAffinity !== undefined) errors.push(...validatePodAffinity(podAffinity, path.child('podAffinity')));
  if (podAntiAffinity !== undefined) errors.push(...validatePodAffinity(podAntiAffinity, path.child('podAntiAffinity')));
  return errors;
}

function validateNodeAffinity(affinity: core.NodeAffinity, path: FieldPath): Errors {
  const errors: Errors = [];
  const needed = affinity.requiredDuringSchedulingIgnoredDuringExecution;
  if (needed !== undefined) errors.push(...validateNodeSelector(needed, path.child('requiredDuringSchedulingIgnoredDuringExecution')));
  for (const [i, term] of (affinity.preferredDuringSchedulingIgnoredDuringExecution ?? []).entries()) {
    const at = path.child('preferredDuringSchedulingIgnoredDuringExecution').index(i);
    if (term.weight <= 0 || term.weight > 100) errors.push(invalid(at.child('weight'), term.weight, WEIGHT_FAULT));
    // Where there is but one node, a preference for no label does no harm: old objects have them.
    errors.push(...validateNodeSelectorTerm(term.preference, at.child('preference'), true));
  }
  return errors;
}

/** `anyValues`: values that no label can have are let be. */
export function validateNodeSelector({ nodeSelectorTerms }: core.NodeSelector, path: FieldPath, anyValues = false): Errors {
  const at = path.child('nodeSelectorTerms');
  if ((nodeSelectorTerms ?? []).length === 0) return [required(at, 'must have at least one node selector term')];
  return nodeSelectorTerms.flatMap((term, i) => validateNodeSelectorTerm(term, at.index(i), anyValues));
}

/** For what is stored already: whether it names values that no label can have. */
export function hasBadValues(selector: core.NodeSelector | undefined): boolean {
  const requirements = (selector?.nodeSelectorTerms ?? []).flatMap(({ matchExpressions }) => matchExpressions ?? []);
  return requirements.some(({ values }) => (values ?? []).some((value) => labelValueFaults(value).length > 0));
}

function validateNodeSelectorTerm({ matchExpressions, matchFields }: core.NodeSelectorTerm, path: FieldPath, anyValues: boolean): Errors {
  const errors: Errors = [];
  for (const [i, requirement] of (matchExpressions ?? []).entries())
    errors.push(...validateRequirement(requirement, path.child('matchExpressions').index(i), anyValues));
  for (const [i, requirement] of (matchFields ?? []).entries()) errors.push(...validateFieldRequirement(requirement, path.child('matchFields').index(i)));
  return errors;
}

function validateRequirement({ key, operator, values = [] }: core.NodeSelectorRequirement, path: FieldPath, anyValues: boolean): Errors {
  const errors: Errors = [];
  const at = path.child('values');
  if (operator === 'In' || operator === 'NotIn') {
    if (values.length === 0) errors.push(required(at, "must be specified when `operator` is 'In' or 'NotIn'"));
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    if (values.length > 0) errors.push(forbidden(at, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
  } else if (operator === 'Gt' || operator === 'Lt') {
    if (values.length !== 1) errors.push(required(at, "must be specified single value when `operator` is 'Lt' or 'Gt'"));
  } else {
    errors.push(invalid(path.child('operator'), operator, 'not a valid selector operator'));
  }
  addFaults(errors, path.child('key'), key, qualifiedNameFaults(key));
  if (!anyValues) for (const [i, value] of values.entries()) addFaults(errors, at.index(i), value, labelValueFaults(value));
  return errors;
}

function validateFieldRequirement({ key, operator, values = [] }: core.NodeSelectorRequirement, path: FieldPath): Errors {
  const errors: Errors = [];
  if (operator !== 'In' && operator !== 'NotIn') errors.push(invalid(path.child('operator'), operator, 'not a valid selector operator'));
  else if (values.length !== 1)
    errors.push(required(path.child('values'), "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"));
  if (key !== 'metadata.name') errors.push(invalid(path.child('key'), key, 'not a valid field selector key'));
  else for (const [i, value] of values.entries()) addFaults(errors, path.child('values').index(i), value, dns1123SubdomainFaults(value));
  return errors;
}

function validatePodAffinity(affinity: core.PodAffinity | core.PodAntiAffinity, path: FieldPath): Errors {
  const errors: Errors = [];
  for (const [i, term] of (affinity.requiredDuringSchedulingIgnoredDuringExecution ?? []).entries()) {
    errors.push(...validatePodAffinityTerm(term, path.child('requiredDuringSchedulingIgnoredDuringExecution').index(i)));
  }
  for (const [i, weighted] of (affinity.preferredDuringSchedulingIgnoredDuringExecution ?? []).entries()) {
    const at = path.child('preferredDuringSchedulingIgnoredDuringExecution').index(i);
    if (weighted.weight <= 0 || weighted.weight > 100) errors.push(invalid(at.child('weight'), weighted.weight, WEIGHT_FAULT));
    errors.push(...validatePodAffinityTerm(weighted.podAffinityTerm, at.child('podAffinityTerm')));
  }
  return errors;
}

function validatePodAffinityTerm(term: core.PodAffinityTerm, path: FieldPath): Errors {
  const errors: Errors = [...validateLabelSelector(term.labelSelector, path.child('labelSelector'))];
  errors.push(...validateLabelSelector(term.namespaceSelector, path.child('namespaceSelector')));
  for (const name of term.namespaces ?? []) addFaults(errors, path.child('namespace'), name, dns1123LabelFaults(name));
  errors.push(...labelKeyErrors(term, path));
  if (isEmpty(term.topologyKey)) errors.push(required(path.child('topologyKey'), 'can not be empty'));
  addFaults(errors, path.child('topologyKey'), term.topologyKey ?? '', qualifiedNameFaults(term.topologyKey ?? ''));
  return errors;
}

type LabelKeys = Pick<core.PodAffinityTerm, 'labelSelector' | 'matchLabelKeys' | 'mismatchLabelKeys'>;

function labelKeyErrors({ labelSelector, matchLabelKeys = [], mismatchLabelKeys = [] }: LabelKeys, path: FieldPath): Errors {
  const errors: Errors = [];
  for (const [field, keys] of [
    ['matchLabelKeys', matchLabelKeys],
    ['mismatchLabelKeys', mismatchLabelKeys],
  ] as const) {
    const at = path.child(field);
    if (keys.length > 0 && labelSelector === undefined) errors.push(forbidden(at, 'must not be specified when labelSelector is not set'));
    else for (const [i, key] of keys.entries()) addFaults(errors, at.index(i), key, qualifiedNameFaults(key));
  }
  // The path is the one that Kubernetes gives.
  for (const key of repeatedKeys(labelSelector))
    if (matchLabelKeys.includes(key)) errors.push(invalid(path.index(matchLabelKeys.lastIndexOf(key)), key, 'exists in both matchLabelKeys and labelSelector'));
  for (const [i, key] of matchLabelKeys.entries())
    if (mismatchLabelKeys.includes(key))
      errors.push(invalid(path.child('matchLabelKeys').index(i), key, 'exists in both matchLabelKeys and mismatchLabelKeys'));
  return errors;
}

/** Of a pod: the requirement that its label keys stand for is in the selector already, so a key of its own is there twice. */
function repeatedKeys(selector: core.PodAffinityTerm['labelSelector']): readonly string[] {
  const keys = [...Object.keys(selector?.matchLabels ?? {}), ...(selector?.matchExpressions ?? []).map(({ key }) => key)];
  return keys.filter((key, at) => keys.indexOf(key) !== at);
}

const TAINT_EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

/** `allowEmpty`: a toleration without an effect tolerates all of them. */
export function checkTaintEffect(errors: Errors, path: FieldPath, effect: string | undefined, allowEmpty: boolean): void {
  if (isEmpty(effect)) {
    if (!allowEmpty) errors.push(required(path));
  } else if (!TAINT_EFFECTS.includes(effect)) {
    errors.push(notSupported(path, effect, TAINT_EFFECTS));
  }
}

export function validateTolerations(tolerations: readonly core.Toleration[] | undefined, path: FieldPath): Errors {
  const errors: Errors = [];
  for (const [i, { key, operator, value, effect, tolerationSeconds }] of (tolerations ?? []).entries()) {
    const at = path.index(i);
    if (!isEmpty(key)) addFaults(errors, at.child('key'), key, qualifiedNameFaults(key));
    if (isEmpty(key) && operator !== 'Exists')
      errors.push(invalid(at.child('operator'), operator ?? '', 'operator must be Exists when `key` is empty, which means "match all values and all keys"'));
    if (tolerationSeconds !== undefined && effect !== 'NoExecute')
      errors.push(invalid(at.child('effect'), effect ?? '', "effect must be 'NoExecute' when `tolerationSeconds` is set"));
    if (isEmpty(operator) || operator === 'Equal') {
      const faults = labelValueFaults(value ?? '');
      if (faults.length > 0) errors.push(invalid(at.child('operator'), value ?? '', faults.join(';')));
    } else if (operator === 'Exists') {
      if (!isEmpty(value)) errors.push(invalid(at.child('operator'), value, "value must be empty when `operator` is 'Exists'"));
    } else {
      // The gate for comparisons, TaintTolerationComparisonOperators, is shut in 1.36; its message names them all the same.
      const compares = operator === 'Lt' || operator === 'Gt';
      errors.push(notSupported(at.child('operator'), operator, compares ? ['Equal', 'Exists', 'Lt', 'Gt'] : ['Equal', 'Exists']));
    }
    if (!isEmpty(effect)) checkTaintEffect(errors, at.child('effect'), effect, true);
  }
  return errors;
}

const WHEN_UNSATISFIABLE = ['DoNotSchedule', 'ScheduleAnyway'];
const POLICIES = ['Honor', 'Ignore'];

const pairOf = (c: core.TopologySpreadConstraint): string => `{${c.topologyKey}, ${c.whenUnsatisfiable}}`;

export function validateSpread(constraints: readonly core.TopologySpreadConstraint[] | undefined, path: FieldPath): Errors {
  const errors: Errors = [];
  for (const [i, c] of (constraints ?? []).entries()) {
    const at = path.index(i);
    if (c.maxSkew <= 0) errors.push(invalid(at.child('maxSkew'), c.maxSkew, 'must be greater than zero'));
    if (isEmpty(c.topologyKey)) errors.push(required(at.child('topologyKey'), 'can not be empty'));
    if (!WHEN_UNSATISFIABLE.includes(c.whenUnsatisfiable)) errors.push(notSupported(at.child('whenUnsatisfiable'), c.whenUnsatisfiable, WHEN_UNSATISFIABLE));
    // Told of the first, not of the one that repeats it.
    if ((constraints ?? []).slice(i + 1).some((later) => pairOf(later) === pairOf(c)))
      errors.push(duplicate(at.child('{topologyKey, whenUnsatisfiable}'), pairOf(c)));
    if (c.minDomains !== undefined && c.minDomains <= 0) errors.push(invalid(at.child('minDomains'), c.minDomains, 'must be greater than zero'));
    if (c.minDomains !== undefined && c.whenUnsatisfiable !== 'DoNotSchedule') {
      errors.push(invalid(at.child('minDomains'), c.minDomains, `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${c.whenUnsatisfiable}`));
    }
    for (const field of ['nodeAffinityPolicy', 'nodeTaintsPolicy'] as const) {
      const policy = c[field];
      if (policy !== undefined && !POLICIES.includes(policy)) errors.push(notSupported(at.child(field), policy, POLICIES));
    }
    errors.push(...labelKeyErrors(c, at));
    errors.push(...validateLabelSelector(c.labelSelector, at.child('labelSelector')));
  }
  return errors;
}
