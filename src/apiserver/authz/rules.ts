import type { PolicyRule } from '../../api/gen/types/rbac.v1.ts';
import type { AuthorizeAttributes } from '../stages.ts';

const ALL = '*';

/** Whether one rule of a role allows it. */
export function ruleAllows(rule: PolicyRule, attributes: AuthorizeAttributes): boolean {
  if (!has(rule.verbs, attributes.verb)) return false;
  if (!attributes.resourceRequest) return (rule.nonResourceURLs ?? []).some((spec) => pathMatches(spec, attributes.path));
  return has(rule.apiGroups, attributes.group) && resourceMatches(rule, attributes) && nameMatches(rule, attributes.name);
}

function has(list: readonly string[] | undefined, wanted: string): boolean {
  if (list === undefined) return false;
  for (const item of list) if (item === wanted || item === ALL) return true;
  return false;
}

/** `pods`, `pods/log`, `*`, and a star, slash, `scale` for a subresource of anything. */
function resourceMatches(rule: PolicyRule, { resource, subresource }: { readonly resource: string; readonly subresource: string }): boolean {
  if (rule.resources === undefined) return false;
  for (const item of rule.resources) {
    if (item === ALL) return true;
    if (subresource === '') {
      if (item === resource) return true;
    } else if (item.length === resource.length + subresource.length + 1 && item.startsWith(resource) && item === `${resource}/${subresource}`) return true;
    else if (item.startsWith('*/') && item.slice(2) === subresource) return true;
  }
  return false;
}

function nameMatches({ resourceNames }: PolicyRule, name: string): boolean {
  return resourceNames === undefined || resourceNames.length === 0 || resourceNames.includes(name);
}

/** `*`, an exact path, or a prefix that ends in `*`. */
export function pathMatches(spec: string, path: string): boolean {
  if (spec === ALL || spec === path) return true;
  return spec.endsWith('*') && path.startsWith(spec.replace(/\*+$/, ''));
}

/** Whether `owned` together allow all that `wanted` allow; what is missing is returned, compacted. */
export function missingRules(owned: readonly PolicyRule[], wanted: readonly PolicyRule[]): readonly PolicyRule[] {
  const missing: PolicyRule[] = [];
  for (const rule of wanted) for (const piece of breakdown(rule)) if (!owned.some((own) => covers(own, piece))) missing.push(piece);
  return missing;
}

/** A rule cut into rules of one verb, one group, one resource and at most one name each. */
function breakdown(rule: PolicyRule): PolicyRule[] {
  const out: PolicyRule[] = [];
  for (const verb of rule.verbs) {
    for (const apiGroup of rule.apiGroups ?? []) {
      for (const resource of rule.resources ?? []) {
        const names = rule.resourceNames ?? [];
        if (names.length === 0) out.push({ verbs: [verb], apiGroups: [apiGroup], resources: [resource] });
        for (const name of names) out.push({ verbs: [verb], apiGroups: [apiGroup], resources: [resource], resourceNames: [name] });
      }
    }
    for (const url of rule.nonResourceURLs ?? []) out.push({ verbs: [verb], nonResourceURLs: [url] });
  }
  return out;
}

function covers(owner: PolicyRule, piece: PolicyRule): boolean {
  if (!hasAll(owner.verbs, piece.verbs)) return false;
  if (piece.nonResourceURLs !== undefined) {
    return piece.nonResourceURLs.every((url) => (owner.nonResourceURLs ?? []).some((spec) => spec === url || pathMatches(spec, url)));
  }
  const resources = owner.resources ?? [];
  return (
    hasAll(owner.apiGroups, piece.apiGroups ?? []) &&
    (piece.resources ?? []).every(
      (resource) => resources.includes(ALL) || resources.includes(resource) || resources.includes(`*/${resource.split('/')[1] ?? ''}`),
    ) &&
    ((owner.resourceNames ?? []).length === 0 ||
      ((piece.resourceNames ?? []).length > 0 && (piece.resourceNames ?? []).every((name) => owner.resourceNames?.includes(name) === true)))
  );
}

function hasAll(list: readonly string[] | undefined, wanted: readonly string[]): boolean {
  return wanted.every((item) => has(list, item));
}

/** Rules that differ in their verbs only are joined, as messages and reviews show them. */
export function compactRules(rules: readonly PolicyRule[]): readonly PolicyRule[] {
  const byShape = new Map<string, PolicyRule>();
  for (const { verbs, ...shape } of rules) {
    const key = JSON.stringify(shape);
    const found = byShape.get(key);
    byShape.set(key, { ...shape, verbs: [...new Set([...(found?.verbs ?? []), ...verbs])] });
  }
  return [...byShape.values()];
}

/** `{APIGroups:[""], Resources:["pods"], Verbs:["get"]}` */
export function formatRule(rule: PolicyRule): string {
  const parts: string[] = [];
  const add = (name: string, values: readonly string[] | undefined): void => {
    if (values !== undefined && values.length > 0) parts.push(`${name}:[${values.map((value) => JSON.stringify(value)).join(' ')}]`);
  };
  add('APIGroups', rule.apiGroups);
  add('Resources', rule.resources);
  add('ResourceNames', rule.resourceNames);
  add('NonResourceURLs', rule.nonResourceURLs);
  add('Verbs', rule.verbs);
  return `{${parts.join(', ')}}`;
}
