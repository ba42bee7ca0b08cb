import type { Json, JsonObject } from '../../machinery/object.ts';

/**
 * What autoscaling/v1 carries in annotations, in the forms that Kubernetes writes there: metrics flat, as v1 and v2beta1 had them
 * (k8s.io/api autoscaling/v1 MetricSpec, MetricStatus), the behavior as Go prints its internal type: capital letters, null for what is not set.
 */

const asObject = (value: Json | undefined): JsonObject => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {});
const asList = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? (value as readonly Json[]) : []);

type Fields = Readonly<Record<string, Json | undefined>>;

/** Only what is there. */
const present = (fields: Fields): JsonObject =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== null)) as JsonObject;

/** The words of a target, and those of what was measured. */
interface Words {
  readonly nested: 'target' | 'current';
  readonly value: string;
  readonly averageValue: string;
  readonly averageUtilization: string;
}

const TARGET: Words = { nested: 'target', value: 'targetValue', averageValue: 'targetAverageValue', averageUtilization: 'targetAverageUtilization' };
const CURRENT: Words = { nested: 'current', value: 'currentValue', averageValue: 'currentAverageValue', averageUtilization: 'currentAverageUtilization' };

const SOURCES = ['object', 'pods', 'resource', 'containerResource', 'external'] as const;
type Source = (typeof SOURCES)[number];

export const flatMetric = (metric: Json): Json => eachSource(metric, (source, value) => flat(source, value, TARGET));
export const flatStatus = (metric: Json): Json => eachSource(metric, (source, value) => flat(source, value, CURRENT));
export const nestedMetric = (metric: Json): Json => eachSource(metric, (source, value) => nested(source, value, TARGET));
export const nestedStatus = (metric: Json): Json => eachSource(metric, (source, value) => nested(source, value, CURRENT));

function eachSource(metric: Json, change: (source: Source, value: JsonObject) => JsonObject): Json {
  const given = asObject(metric);
  return present({ type: given['type'], ...Object.fromEntries(SOURCES.map((source) => [source, given[source] && change(source, asObject(given[source]))])) });
}

/** A quantity that Go has by value, not by pointer: absent is zero. */
const orZero = (quantity: Json | undefined): Json => quantity ?? '0';

function flat(source: Source, given: JsonObject, words: Words): JsonObject {
  const { value, averageValue, averageUtilization } = asObject(given[words.nested]);
  const { name, selector } = asObject(given['metric']);
  const isTarget = words === TARGET;
  switch (source) {
    case 'object':
      return present({ target: given['describedObject'], metricName: name, [words.value]: orZero(value), selector, averageValue });
    case 'pods':
      return present({ metricName: name, [words.averageValue]: orZero(averageValue), selector });
    case 'external':
      return present({
        metricName: name,
        metricSelector: selector,
        [words.value]: isTarget ? value : orZero(value),
        [words.averageValue]: averageValue,
      });
    default:
      return present({
        name: given['name'],
        [words.averageUtilization]: averageUtilization,
        [words.averageValue]: isTarget ? averageValue : orZero(averageValue),
        container: given['container'],
      });
  }
}

function nested(source: Source, given: JsonObject, words: Words): JsonObject {
  const of = (fields: Fields, type: string): JsonObject => present({ ...(words === TARGET ? { type } : {}), ...fields });
  const metric = present({ name: given['metricName'] ?? '', selector: given['selector'] ?? given['metricSelector'] });
  const value = given[words.value] ?? undefined;
  const averageValue = given[words.averageValue] ?? undefined;
  switch (source) {
    case 'object': {
      const average = given['averageValue'] ?? undefined;
      // Beside an average, zero is no target: the flat form can not leave it out.
      const own = average !== undefined && value === '0' ? undefined : value;
      return present({
        describedObject: given['target'],
        metric,
        [words.nested]: of({ value: own, averageValue: average }, average === undefined ? 'Value' : 'AverageValue'),
      });
    }
    case 'pods':
      return { metric, [words.nested]: of({ averageValue }, 'AverageValue') };
    case 'external':
      return { metric, [words.nested]: of({ value, averageValue }, value === undefined ? 'AverageValue' : 'Value') };
    default: {
      const averageUtilization = given[words.averageUtilization] ?? undefined;
      const type = averageUtilization === undefined ? 'AverageValue' : 'Utilization';
      return present({ name: given['name'], container: given['container'], [words.nested]: of({ averageUtilization, averageValue }, type) });
    }
  }
}

const RULES = ['stabilizationWindowSeconds', 'selectPolicy', 'policies', 'tolerance'] as const;
const POLICY = ['type', 'value', 'periodSeconds'] as const;
const capital = (field: string): string => field.slice(0, 1).toUpperCase() + field.slice(1);

export function internalBehavior(behavior: Json): Json {
  const rulesOf = (rules: Json | undefined): Json => {
    if (rules === undefined || rules === null) return null;
    const given = asObject(rules);
    const policies = given['policies'] === undefined ? null : asList(given['policies']).map((policy) => capitalised(asObject(policy), POLICY));
    return capitalised({ ...given, policies }, RULES);
  };
  return { ScaleUp: rulesOf(asObject(behavior)['scaleUp']), ScaleDown: rulesOf(asObject(behavior)['scaleDown']) };
}

const capitalised = (given: JsonObject, fields: readonly string[]): JsonObject =>
  Object.fromEntries(fields.map((field) => [capital(field), given[field] ?? null])) as JsonObject;

/** Undefined for one that says nothing. Go reads names in any case. */
export function behaviorOf(internal: Json): Json | undefined {
  const rulesOf = (rules: Json | undefined): JsonObject | undefined => {
    if (rules === undefined || rules === null) return undefined;
    const named = uncapitalised(asObject(rules), RULES);
    const { policies } = named;
    return policies === undefined ? named : { ...named, policies: asList(policies).map((policy) => uncapitalised(asObject(policy), POLICY)) };
  };
  const sides = uncapitalised(asObject(internal), ['scaleUp', 'scaleDown']);
  const behavior = present({ scaleUp: rulesOf(sides['scaleUp']), scaleDown: rulesOf(sides['scaleDown']) });
  return Object.keys(behavior).length === 0 ? undefined : behavior;
}

function uncapitalised(given: JsonObject, fields: readonly string[]): JsonObject {
  const lower = new Map(Object.entries(given).map(([field, value]) => [field.toLowerCase(), value]));
  return present(Object.fromEntries(fields.map((field) => [field, lower.get(field.toLowerCase())])));
}
