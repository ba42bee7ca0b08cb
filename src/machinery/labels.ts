import { type FieldError, FieldPath, forbidden, invalid, notSupported, required } from './field-error.ts';
import { labelValueFaults, qualifiedNameFaults } from './names.ts';
import { getOwn, hasOwn } from './record.ts';

/** Label selectors in both their forms: the text of a query parameter, and the LabelSelector object (API reference, "Labels and Selectors"). */
export type Labels = Readonly<Record<string, string>>;

export type Operator = 'in' | 'notin' | '=' | '!=' | 'exists' | '!' | 'gt' | 'lt';

export interface Requirement {
  readonly key: string;
  readonly operator: Operator;
  /** Sorted. One for `=`, `!=`, `gt`, `lt`; none for `exists` and `!`. */
  readonly values: readonly string[];
}

/** All requirements must hold. `EVERYTHING` has none; `NOTHING` matches no labels at all. */
export interface Selector {
  readonly requirements: readonly Requirement[];
  readonly nothing?: boolean;
}

export const EVERYTHING: Selector = { requirements: [] };
export const NOTHING: Selector = { requirements: [], nothing: true };

/** meta/v1 LabelSelector. */
export interface LabelSelector {
  readonly matchLabels?: Labels | undefined;
  readonly matchExpressions?: readonly LabelSelectorRequirement[] | undefined;
}

export interface LabelSelectorRequirement {
  readonly key: string;
  /** In, NotIn, Exists, DoesNotExist. */
  readonly operator: string;
  readonly values?: readonly string[] | undefined;
}

export function matchesSelector(selector: Selector, labels: Labels | undefined): boolean {
  if (selector.nothing === true) return false;
  for (const requirement of selector.requirements) if (!matchesRequirement(requirement, labels)) return false;
  return true;
}

function matchesRequirement({ key, operator, values }: Requirement, labels: Labels | undefined): boolean {
  const has = hasOwn(labels, key);
  if (operator === 'exists') return has;
  if (operator === '!') return !has;
  const value = getOwn(labels, key);
  if (operator === 'in' || operator === '=') return value !== undefined && values.includes(value);
  if (operator === 'notin' || operator === '!=') return value === undefined || !values.includes(value);
  if (value === undefined || !INTEGER.test(value)) return false;
  const bound = BigInt(values[0] ?? '0');
  return operator === 'gt' ? BigInt(value) > bound : BigInt(value) < bound;
}

const INTEGER = /^[+-]?\d{1,19}$/;

/** All that the requirements say of one key. */
interface KeyRule {
  readonly key: string;
  present: boolean;
  absent: boolean;
  in: Set<string> | undefined;
  readonly notIn: Set<string>;
  above: bigint | undefined;
  below: bigint | undefined;
}

/** Up to here a look at each key costs less than one at each label. */
const FEW_KEYS = 8;

/** The same question for many objects: what it costs depends on the labels of each, not on how many requirements or values there are. */
export function labelMatcher({ requirements, nothing }: Selector): (labels: Labels | undefined) => boolean {
  const rules = new Map<string, KeyRule>();
  for (const requirement of requirements) addRequirement(rules, requirement);
  const all = [...rules.values()];
  if (nothing === true || all.some(({ present, absent }) => present && absent)) return () => false;
  if (all.length <= FEW_KEYS) return (labels) => all.every((rule) => (hasOwn(labels, rule.key) ? keeps(rule, getOwn(labels, rule.key) ?? '') : !rule.present));
  const needed = all.filter(({ present }) => present).length;
  return (labels = {}) => {
    let found = 0;
    for (const key of Object.keys(labels)) {
      const rule = rules.get(key);
      if (rule === undefined) continue;
      if (!keeps(rule, labels[key] ?? '')) return false;
      if (rule.present) found++;
    }
    return found === needed;
  };
}

function addRequirement(rules: Map<string, KeyRule>, { key, operator, values }: Requirement): void {
  let rule = rules.get(key);
  if (rule === undefined) rules.set(key, (rule = { key, present: false, absent: false, in: undefined, notIn: new Set(), above: undefined, below: undefined }));
  if (operator === '!') rule.absent = true;
  else if (operator === 'notin' || operator === '!=') for (const value of values) rule.notIn.add(value);
  else rule.present = true;
  if (operator === 'in' || operator === '=') rule.in = rule.in === undefined ? new Set(values) : rule.in.intersection(new Set(values));
  if (operator !== 'gt' && operator !== 'lt') return;
  const bound = BigInt(values[0] ?? '0');
  if (operator === 'gt' && (rule.above === undefined || bound > rule.above)) rule.above = bound;
  if (operator === 'lt' && (rule.below === undefined || bound < rule.below)) rule.below = bound;
}

/** Whether a label with this value is what the rule wants. */
function keeps({ absent, in: wanted, notIn, above, below }: KeyRule, value: string): boolean {
  if (absent || (wanted !== undefined && !wanted.has(value)) || notIn.has(value)) return false;
  if (above === undefined && below === undefined) return true;
  if (!INTEGER.test(value)) return false;
  const number = BigInt(value);
  return (above === undefined || number > above) && (below === undefined || number < below);
}

/** Absent selects nothing, empty selects everything: the rule of every LabelSelector field. */
export function selectorOf(selector: LabelSelector | undefined | null): Selector {
  if (selector === undefined || selector === null) return NOTHING;
  const requirements: Requirement[] = [];
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) requirements.push({ key, operator: '=', values: [value] });
  for (const { key, operator, values } of selector.matchExpressions ?? []) {
    const known = OPERATORS.get(operator);
    if (known === undefined) return NOTHING;
    requirements.push({ key, operator: known, values: [...(values ?? [])].sort() });
  }
  return requirements.length === 0 ? EVERYTHING : { requirements: requirements.sort(byKey) };
}

/** Equality on a plain map, as Services and replication controllers select. Empty selects everything. */
export function selectorOfMap(labels: Labels | undefined): Selector {
  return selectorOf({ matchLabels: labels ?? {} });
}

export function matchesLabelSelector(selector: LabelSelector | undefined | null, labels: Labels | undefined): boolean {
  return matchesSelector(selectorOf(selector), labels);
}

const OPERATORS: ReadonlyMap<string, Operator> = new Map([
  ['In', 'in'],
  ['NotIn', 'notin'],
  ['Exists', 'exists'],
  ['DoesNotExist', '!'],
]);

const byKey = (a: Requirement, b: Requirement): number => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);

/** `app=web,tier in (a,b),!old`; sorted by key. Parsing it gives the same selector. */
export function formatSelector({ requirements }: Selector): string {
  return [...requirements].sort(byKey).map(formatRequirement).join(',');
}

function formatRequirement({ key, operator, values }: Requirement): string {
  switch (operator) {
    case 'exists':
      return key;
    case '!':
      return `!${key}`;
    case '=':
    case '!=':
      return `${key}${operator}${values[0] ?? ''}`;
    case 'gt':
      return `${key}>${values[0] ?? ''}`;
    case 'lt':
      return `${key}<${values[0] ?? ''}`;
    default:
      return `${key} ${operator} (${values.join(',')})`;
  }
}

/** Kubernetes' form of a LabelSelector object as text; `<none>` when it selects everything, `<error>` when nothing can be said. */
export function formatLabelSelector(selector: LabelSelector | undefined): string {
  const parsed = selectorOf(selector);
  const text = formatSelector(parsed);
  return text === '' ? '<none>' : text;
}

/** Faults of a LabelSelector in a spec. */
export function validateLabelSelector(selector: LabelSelector | undefined | null, path: FieldPath): readonly FieldError[] {
  if (selector === undefined || selector === null) return [];
  const errors = validateLabels(selector.matchLabels, path.child('matchLabels'));
  const expressions = path.child('matchExpressions');
  return [...errors, ...(selector.matchExpressions ?? []).flatMap((e, i) => validateLabelRequirement(e, expressions.index(i)))];
}

/** Faults of one term of it. */
export function validateLabelRequirement({ key, operator, values = [] }: LabelSelectorRequirement, path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  if (operator === 'In' || operator === 'NotIn') {
    if (values.length === 0) errors.push(required(path.child('values'), "must be specified when `operator` is 'In' or 'NotIn'"));
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    if (values.length > 0) errors.push(forbidden(path.child('values'), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
  } else {
    errors.push(invalid(path.child('operator'), operator, 'not a valid selector operator'));
  }
  for (const fault of qualifiedNameFaults(key)) errors.push(invalid(path.child('key'), key, fault));
  values.forEach((value, i) => {
    for (const fault of labelValueFaults(value)) errors.push(invalid(path.child('values').index(i), value, fault));
  });
  return errors;
}

/** Faults of a map of labels: of keys and of values, all on the map's own path (as Kubernetes reports them). */
export function validateLabels(labels: Labels | undefined, path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  if (labels === undefined) return errors;
  for (const key of Object.keys(labels)) {
    const value = labels[key] ?? '';
    for (const fault of qualifiedNameFaults(key)) errors.push(invalid(path, key, fault));
    for (const fault of labelValueFaults(value)) errors.push(invalid(path, value, fault));
  }
  return errors;
}

/** The fault of a key that was given as text, if it has one. */
export function keyFaults(key: string): readonly FieldError[] {
  const faults = qualifiedNameFaults(key);
  return faults.length === 0 ? [] : [invalid(new FieldPath().child('key'), key, faults.join('; '))];
}

/** The faults of one requirement that was given as text. */
export function requirementFaults({ key, operator, values }: Requirement): readonly FieldError[] {
  const root = new FieldPath();
  const errors: FieldError[] = [...keyFaults(key)];
  const at = root.child('values');
  if ((operator === 'in' || operator === 'notin') && values.length === 0) {
    errors.push(invalid(at, [...values], "for 'in', 'notin' operators, values set can't be empty"));
  } else if ((operator === '=' || operator === '!=') && values.length !== 1) {
    errors.push(invalid(at, [...values], 'exact-match compatibility requires one single value'));
  } else if ((operator === 'exists' || operator === '!') && values.length !== 0) {
    errors.push(invalid(at, [...values], 'values set must be empty for exists and does not exist'));
  } else if (operator === 'gt' || operator === 'lt') {
    if (values.length !== 1) errors.push(invalid(at, [...values], "for 'Gt', 'Lt' operators, exactly one value is required"));
    values.forEach((v, i) => {
      if (!INTEGER.test(v)) errors.push(invalid(at.index(i), v, "for 'Gt', 'Lt' operators, the value must be an integer"));
    });
  } else if (!['in', 'notin', '=', '!=', 'exists', '!'].includes(operator)) {
    errors.push(notSupported(root.child('operator'), operator, ['in', 'notin', '=', '==', '!=', 'gt', 'lt', 'exists', '!']));
  }
  values.forEach((v, i) => {
    const faults = labelValueFaults(v);
    if (faults.length > 0) errors.push(invalid(at.index(i).key(key), v, faults.join('; ')));
  });
  return errors;
}
