import type { DraftJson, Json, JsonObject } from '../machinery/object.ts';
import { getOwn, hasOwn } from '../machinery/record.ts';
import { StatusError } from '../machinery/status-error.ts';
import { copyJson } from './copy.ts';
import type { Facts, TypeRef } from './facts.ts';
import { printType, printValue } from './go-print.ts';
import { goTypeName } from './go-type.ts';
import { rejected } from './json-patch.ts';
import { isObject, mergeMaps, PATCH, unknownDirective, withoutDirectives } from './strategic-merge.ts';

/** How a list is merged: objects by a key, anything else as a set. */
export interface ListRules {
  readonly element: TypeRef | undefined;
  readonly mergeKey: string | undefined;
}

/**
 * The merged list. Items of the patch stand in its order (or in `order`, the value of `$setElementOrder`); items that only the
 * server has keep their places relative to those that both have.
 */
export function mergeLists(facts: Facts, rules: ListRules, original: readonly Json[], patch: readonly Json[], order?: readonly Json[]): DraftJson[] {
  checkSameTypes(original, patch);
  if (!isObject(original[0] ?? patch[0])) return arrange([...new Set([...original, ...patch])], original, order ?? patch, (item) => item).map(copyJson);
  const { mergeKey } = rules;
  if (mergeKey === undefined) throw new StatusError('', `cannot merge lists without merge key for type ${kindOf(facts, rules.element)}`);
  const keyOf = (item: Json): Json => keyValue(item, mergeKey);
  const { kept, changes, replaced } = applySpecial(original, patch, mergeKey);
  if (replaced) return changes.map((change) => withoutDirectives(change));
  const merged = mergeByKey(facts, rules, kept, changes, keyOf);
  const wanted = order?.map((item) => (isObject(item) ? keyOf(item) : item));
  return arrange(merged, original, wanted ?? changes.map(keyOf), keyOf) as DraftJson[];
}

function checkSameTypes(original: readonly Json[], patch: readonly Json[]): void {
  const types = new Set([...original, ...patch].map(printType));
  if (types.has('[]interface {}')) throw rejected('lists of lists are not supported');
  if (types.size > 1) throw new StatusError('', `list element types are not identical: ${printValue([original, patch])}`);
}

/** As Go's reflection names the kind of a type. */
function kindOf(facts: Facts, element: TypeRef | undefined): string {
  if (typeof element !== 'string') return element !== undefined && 'list' in element ? 'slice' : 'map';
  return facts.type(element) === undefined ? goTypeName(element) : 'struct';
}

/** What a patch says of items, deletions apart, must come in the order that it asks for. */
export function checkOrder({ mergeKey }: ListRules, patch: readonly Json[], order: readonly Json[]): void {
  if (patch.length === 0 || order.length === 0) return;
  const keyOf = (item: Json): Json => (mergeKey === undefined ? item : keyValue(item, mergeKey));
  const items = patch.filter((item) => !(isObject(item) && hasOwn(item, PATCH)));
  let next = 0;
  for (const wanted of order) if (next < items.length && keyOf(items[next] as Json) === keyOf(wanted)) next++;
  if (next === items.length) return;
  throw new StatusError('', `The order in patch list:\n${printValue(patch)}\n doesn't match $setElementOrder list:\n${printValue(order)}\n`);
}

function keyValue(item: Json, mergeKey: string): Json {
  const value = isObject(item) ? getOwn(item, mergeKey) : undefined;
  if (value === undefined) throw new StatusError('', `map: ${printValue(item)} does not contain declared merge key: ${mergeKey}`);
  return value;
}

interface Special {
  readonly kept: readonly Json[];
  readonly changes: readonly JsonObject[];
  readonly replaced: boolean;
}

/** Items that carry `$patch` are orders, not items. */
function applySpecial(original: readonly Json[], patch: readonly Json[], mergeKey: string): Special {
  const gone = new Set<string>();
  let replaced = false;
  const changes: JsonObject[] = [];
  for (const item of patch) {
    if (!isObject(item)) continue;
    const directive = hasOwn(item, PATCH) ? (item[PATCH] ?? null) : undefined;
    if (directive === undefined) changes.push(item);
    else if (directive === 'replace') replaced = true;
    else if (directive === 'delete') gone.add(JSON.stringify(keyValue(item, mergeKey)));
    else if (directive === 'merge') throw new StatusError('', 'merging lists cannot yet be specified in the patch');
    else throw unknownDirective(directive, item);
  }
  const kept = gone.size === 0 ? original : original.filter((old) => !(isObject(old) && gone.has(JSON.stringify(getOwn(old, mergeKey)))));
  return { kept, changes, replaced };
}

function mergeByKey(facts: Facts, { element }: ListRules, kept: readonly Json[], changes: readonly JsonObject[], keyOf: (item: Json) => Json): Json[] {
  const merged: Json[] = [...kept];
  const places = new Map<Json, number>();
  merged.forEach((item, i) => {
    if (isObject(item) && !places.has(keyOf(item))) places.set(keyOf(item), i);
  });
  for (const change of changes) {
    const key = keyOf(change);
    const at = places.get(key);
    const old = at === undefined ? undefined : merged[at];
    if (at !== undefined && isObject(old)) merged[at] = mergeMaps(facts, element, old, change);
    else {
      places.set(key, merged.length);
      merged.push(withoutDirectives(change));
    }
  }
  return merged;
}

/**
 * Two ordered runs, interleaved: items named in `wanted` in that order, the others in the order of the original. Where both are
 * known to the original, an item of the second run goes before the first of the first run that stood after it.
 */
function arrange(items: readonly Json[], original: readonly Json[], wanted: readonly Json[], keyOf: (item: Json) => Json): Json[] {
  const rank = new Map(wanted.map((key, i) => [key, i]));
  const place = new Map<Json, number>();
  original.forEach((item, i) => {
    const key = keyOf(item);
    if (!place.has(key)) place.set(key, i);
  });
  const named = items.filter((item) => rank.has(keyOf(item))).sort((a, b) => (rank.get(keyOf(a)) ?? 0) - (rank.get(keyOf(b)) ?? 0));
  const others = items.filter((item) => !rank.has(keyOf(item)));
  const out: Json[] = [];
  let next = 0;
  for (const item of named) {
    const at = place.get(keyOf(item));
    for (; at !== undefined && next < others.length; next++) {
      const other = place.get(keyOf(others[next] as Json));
      if (other === undefined || other > at) break;
      out.push(others[next] as Json);
    }
    out.push(item);
  }
  return [...out, ...others.slice(next)];
}
