import { duplicate, type FieldPath, invalid, notSupported, required } from '../../machinery/field-error.ts';
import { pathSegmentNameFaults } from '../../machinery/names.ts';
import { addFaults, checkSupported, type Errors } from '../checks.ts';
import type * as v1 from '../gen/types/admissionregistration.v1.ts';

/** Which requests webhooks and policies are about. */
const OPERATIONS = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];
/** There is nothing to change of what is deleted. */
const MUTATING_OPERATIONS = ['*', 'CONNECT', 'CREATE', 'UPDATE'];

export function ruleErrors(rule: v1.RuleWithOperations, path: FieldPath): Errors {
  const operations = rule.operations ?? [];
  const at = path.child('operations');
  const errors = listErrors(operations, at, 'operations');
  for (const [i, operation] of operations.entries()) if (!OPERATIONS.includes(operation)) errors.push(notSupported(at.index(i), operation, OPERATIONS));
  errors.push(...listErrors(rule.apiGroups, path.child('apiGroups'), 'API groups'), ...listErrors(rule.apiVersions, path.child('apiVersions'), 'API versions'));
  for (const [i, version] of (rule.apiVersions ?? []).entries()) if (version === '') errors.push(required(path.child('apiVersions').index(i)));
  errors.push(...resourceErrors(rule.resources ?? [], path.child('resources')));
  checkSupported(errors, path.child('scope'), rule.scope, ['*', 'Cluster', 'Namespaced']);
  return errors;
}

/** Not empty; the star stands alone. */
function listErrors(list: readonly string[] | undefined, path: FieldPath, what: string): Errors {
  if ((list ?? []).length === 0) return [required(path)];
  return (list ?? []).length > 1 && (list ?? []).includes('*') ? [invalid(path, [...(list ?? [])], `if '*' is present, must not specify other ${what}`)] : [];
}

/** `pods`, `pods/status`, and stars for either part: nothing twice. */
function resourceErrors(resources: readonly string[], path: FieldPath): Errors {
  if (resources.length === 0) return [required(path)];
  const errors: Errors = [];
  const [ofAnySubresource, ofAnyResource] = [new Set<string>(), new Set<string>()];
  let lastIsPlain = false;
  for (const [i, resource] of resources.entries()) {
    if (resource === '') {
      errors.push(required(path.index(i)));
      continue;
    }
    const slash = resource.indexOf('/');
    if (slash < 0) {
      // Kubernetes looks at the last one only.
      lastIsPlain = resource !== '*';
      continue;
    }
    const [name, sub] = [resource.slice(0, slash), resource.slice(slash + 1)];
    if (ofAnySubresource.has(name)) errors.push(invalid(path.index(i), resource, `if '${name}/*' is present, must not specify ${resource}`));
    if (ofAnyResource.has(sub)) errors.push(invalid(path.index(i), resource, `if '*/${sub}' is present, must not specify ${resource}`));
    if (sub === '*') ofAnySubresource.add(name);
    if (name === '*') ofAnyResource.add(sub);
  }
  if (resources.length > 1 && resources.includes('*/*')) errors.push(invalid(path, [...resources], "if '*/*' is present, must not specify other resources"));
  if (resources.includes('*') && lastIsPlain)
    errors.push(invalid(path, [...resources], "if '*' is present, must not specify other resources without subresources"));
  return errors;
}

/** Of policies: about objects of some names only. */
export function namedRuleErrors(rule: v1.NamedRuleWithOperations, path: FieldPath): Errors {
  const errors: Errors = [];
  const names = rule.resourceNames ?? [];
  for (const [i, name] of names.entries()) {
    const at = path.child('resourceNames').index(i);
    addFaults(errors, at, name, pathSegmentNameFaults(name));
    if (names.indexOf(name) !== i) errors.push(duplicate(at, name));
  }
  return [...errors, ...ruleErrors(rule, path)];
}

/** `path`: of what holds the rules. */
export function mutatingRuleErrors(rules: readonly v1.NamedRuleWithOperations[] | undefined, path: FieldPath): Errors {
  const at = path.child('resourceRules', 'operations');
  return (rules ?? []).flatMap(({ operations }) =>
    (operations ?? []).filter((operation) => !MUTATING_OPERATIONS.includes(operation)).map((operation) => notSupported(at, operation, MUTATING_OPERATIONS)),
  );
}
