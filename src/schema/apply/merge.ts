import type { Json, JsonObject } from '../../machinery/object.ts';
import { getOwn, hasOwn, setOwn } from '../../machinery/record.ts';
import { type Atom, childAtom, isEmptyContainer, isList, isMap, itemElement, type ListAtom, type MapAtom, resolve } from './atom.ts';
import { below, type FieldSet, isEmpty } from './field-set.ts';
import { fieldElement, type PathElement } from './path-element.ts';

/** The live value with the applied one laid over it. Shares what it does not change; the result is for reading only. */
export function merge(atom: Atom, live: Json | undefined, applied: Json | undefined): Json | undefined {
  if (applied === undefined) return live;
  if (live === undefined) return applied;
  const shape = resolve(atom, applied);
  if (shape.kind === 'map' && !shape.atomic && isMap(applied) && (isMap(live) || live === null)) {
    if (isEmptyContainer(live) && isEmptyContainer(applied)) return applied;
    return mergeFields(shape, live ?? {}, applied);
  }
  if (shape.kind === 'list' && shape.relation !== 'atomic' && isList(applied) && (isList(live) || live === null)) {
    if (isEmptyContainer(live) && isEmptyContainer(applied)) return applied;
    return mergeItems(shape, live ?? [], applied);
  }
  return applied;
}

function mergeFields(atom: MapAtom, live: JsonObject, applied: JsonObject): JsonObject {
  const out: Record<string, Json> = {};
  for (const key of Object.keys(live)) {
    const value = merge(childAtom(atom, key), live[key], getOwn(applied, key));
    if (value !== undefined) setOwn(out, key, value);
  }
  for (const key of Object.keys(applied)) {
    const value = applied[key];
    if (!hasOwn(live, key) && value !== undefined) setOwn(out, key, value);
  }
  return out;
}

/**
 * Applied items come in the applier's order; items that only the live list has keep their place before the next item that both
 * have, as long as the two orders agree.
 */
function mergeItems(atom: ListAtom, live: readonly Json[], applied: readonly Json[]): readonly Json[] {
  const element = atom.element();
  const liveKeys = live.map((item) => itemElement(atom, item));
  const appliedKeys = applied.map((item) => itemElement(atom, item));
  const wanted = new Map(appliedKeys.map((key, i) => [key, applied[i] as Json]));
  const found = new Map<PathElement, Json>();
  const twice = new Set<PathElement>();
  liveKeys.forEach((key, i) => {
    if (found.has(key)) twice.add(key);
    found.set(key, live[i] as Json);
  });
  const out: Json[] = [];
  const places = new Map(liveKeys.map((key, i) => [key, i]));
  let next = 0;
  const liveBefore = (key: PathElement): void => {
    const end = places.get(key) ?? -1;
    for (; next < end; next++) if (!wanted.has(liveKeys[next] as string)) out.push(live[next] as Json);
    next = end + 1;
  };
  for (const key of appliedKeys) {
    if (found.has(key)) liveBefore(key);
    const old = twice.has(key) ? undefined : found.get(key);
    const merged = merge(element, old, wanted.get(key));
    if (merged !== undefined) out.push(merged);
  }
  for (; next < live.length; next++) if (!wanted.has(liveKeys[next] as string)) out.push(live[next] as Json);
  return out;
}

/**
 * The value without the members of `gone`. A container whose last part goes becomes null: decoding drops it then, and whoever
 * asks for its fields before that still sees it.
 */
export function removeItems(atom: Atom, value: Json, gone: FieldSet): Json {
  if (isEmpty(gone)) return value;
  const shape = resolve(atom, value);
  if (shape.kind === 'map' && isMap(value)) return shape.atomic || isEmptyContainer(value) ? null : removeFields(shape, value, gone);
  if (shape.kind === 'list' && isList(value)) return shape.relation === 'atomic' || value.length === 0 ? null : removeFromList(shape, value, gone);
  return value;
}

function removeFields(atom: MapAtom, value: JsonObject, gone: FieldSet): Json {
  const out: Record<string, Json> = {};
  let left = 0;
  for (const key of Object.keys(value)) {
    const child = value[key];
    if (child === undefined) continue;
    const here = below(gone, fieldElement(key));
    if (here?.own === true) continue;
    left++;
    setOwn(out, key, here === undefined ? child : removeItems(childAtom(atom, key), child, here));
  }
  return left === 0 ? null : out;
}

function removeFromList(atom: ListAtom, value: readonly Json[], gone: FieldSet): Json {
  const element = atom.element();
  const out: Json[] = [];
  for (const item of value) {
    const here = below(gone, itemElement(atom, item));
    if (here?.own === true) continue;
    out.push(here === undefined ? item : removeItems(element, item, here));
  }
  return out.length === 0 ? null : out;
}
