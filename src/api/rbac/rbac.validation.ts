import { type FieldError, type FieldPath, invalid, notSupported, required } from '../../machinery/field-error.ts';
import { validateLabelSelector } from '../../machinery/labels.ts';
import { dns1123SubdomainFaults, pathSegmentNameFaults } from '../../machinery/names.ts';
import { addFaults, asJson, type Errors, isEmpty, root } from '../checks.ts';
import { semanticEqual } from '../equal.ts';
import type * as rbac from '../gen/types/rbac.v1.ts';
import { withoutSelectorValues } from '../old-selectors.ts';

const GROUP = 'rbac.authorization.k8s.io';

function validateRule(rule: rbac.PolicyRule, path: FieldPath, namespaced: boolean): Errors {
  const errors: Errors = [];
  const urls = rule.nonResourceURLs ?? [];
  if ((rule.verbs ?? []).length === 0) errors.push(required(path.child('verbs'), 'verbs must contain at least one value'));
  if (urls.length > 0) {
    const at = path.child('nonResourceURLs');
    if (namespaced) errors.push(invalid(at, [...urls], 'namespaced rules cannot apply to non-resource URLs'));
    if ((rule.apiGroups ?? []).length + (rule.resources ?? []).length + (rule.resourceNames ?? []).length > 0)
      errors.push(invalid(at, [...urls], 'rules cannot apply to both regular resources and non-resource URLs'));
    return errors;
  }
  if ((rule.apiGroups ?? []).length === 0) errors.push(required(path.child('apiGroups'), 'resource rules must supply at least one api group'));
  if ((rule.resources ?? []).length === 0) errors.push(required(path.child('resources'), 'resource rules must supply at least one resource'));
  return errors;
}

export const validateRole = ({ rules }: rbac.Role): readonly FieldError[] =>
  (rules ?? []).flatMap((rule, i) => validateRule(rule, root('rules').index(i), true));

export function validateClusterRole({ rules, aggregationRule }: rbac.ClusterRole): readonly FieldError[] {
  const errors: Errors = (rules ?? []).flatMap((rule, i) => validateRule(rule, root('rules').index(i), false));
  if (aggregationRule === undefined) return errors;
  const selectors = aggregationRule.clusterRoleSelectors ?? [];
  const at = root('aggregationRule').child('clusterRoleSelectors');
  if (selectors.length === 0) errors.push(required(at, 'at least one clusterRoleSelector required if aggregationRule is non-nil'));
  for (const [i, selector] of selectors.entries()) errors.push(...validateLabelSelector(selector, at.index(i)));
  return errors;
}

/** A role whose selectors were taken with values that are none may have such values. */
export function validateClusterRoleUpdate(role: rbac.ClusterRole, old: rbac.ClusterRole): readonly FieldError[] {
  const errors = validateClusterRole(role);
  const before = old.aggregationRule?.clusterRoleSelectors ?? [];
  return before.some((selector) => validateLabelSelector(selector, root('')).length > 0) ? withoutSelectorValues(errors) : errors;
}

type Binding = Pick<rbac.RoleBinding, 'roleRef' | 'subjects'>;

const validateBinding = ({ roleRef, subjects }: Binding, namespaced: boolean): readonly FieldError[] => {
  const errors: Errors = [];
  const path = root('roleRef');
  if (roleRef.apiGroup !== GROUP) errors.push(notSupported(path.child('apiGroup'), roleRef.apiGroup ?? '', [GROUP]));
  const kinds = namespaced ? ['Role', 'ClusterRole'] : ['ClusterRole'];
  if (!kinds.includes(roleRef.kind)) errors.push(notSupported(path.child('kind'), roleRef.kind, kinds));
  if (isEmpty(roleRef.name)) errors.push(required(path.child('name')));
  else addFaults(errors, path.child('name'), roleRef.name, pathSegmentNameFaults(roleRef.name));
  for (const [i, subject] of (subjects ?? []).entries()) errors.push(...validateSubject(subject, root('subjects').index(i), namespaced));
  return errors;
};

function validateSubject(subject: rbac.Subject, path: FieldPath, namespaced: boolean): Errors {
  const errors: Errors = [];
  if (isEmpty(subject.name)) errors.push(required(path.child('name')));
  switch (subject.kind) {
    case 'ServiceAccount':
      if (!isEmpty(subject.name)) addFaults(errors, path.child('name'), subject.name, dns1123SubdomainFaults(subject.name));
      if (!isEmpty(subject.apiGroup)) errors.push(notSupported(path.child('apiGroup'), subject.apiGroup, ['']));
      if (!namespaced && isEmpty(subject.namespace)) errors.push(required(path.child('namespace')));
      return errors;
    case 'User':
    case 'Group':
      if (isEmpty(subject.name)) errors.push(invalid(path.child('name'), '', `${subject.kind.toLowerCase()} name cannot be empty`));
      if (subject.apiGroup !== GROUP) errors.push(notSupported(path.child('apiGroup'), subject.apiGroup ?? '', [GROUP]));
      return errors;
    default:
      return [...errors, notSupported(path.child('kind'), subject.kind, ['ServiceAccount', 'User', 'Group'])];
  }
}

const validateBindingUpdate = (binding: Binding, old: Binding): readonly FieldError[] =>
  semanticEqual(binding.roleRef, old.roleRef) ? [] : [invalid(root('roleRef'), asJson(binding.roleRef), 'cannot change roleRef')];

export const validateRoleBinding = (binding: rbac.RoleBinding): readonly FieldError[] => validateBinding(binding, true);
export const validateClusterRoleBinding = (binding: rbac.ClusterRoleBinding): readonly FieldError[] => validateBinding(binding, false);
export const validateRoleBindingUpdate = (binding: rbac.RoleBinding, old: rbac.RoleBinding): readonly FieldError[] => [
  ...validateRoleBinding(binding),
  ...validateBindingUpdate(binding, old),
];
export const validateClusterRoleBindingUpdate = (binding: rbac.ClusterRoleBinding, old: rbac.ClusterRoleBinding): readonly FieldError[] => [
  ...validateClusterRoleBinding(binding),
  ...validateBindingUpdate(binding, old),
];
