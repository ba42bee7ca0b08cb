import type { Json, JsonObject } from '../../machinery/object.ts';
import { getOwn, hasOwn, setOwn } from '../../machinery/record.ts';
import { type Atom, childAtom, isEmptyContainer, isList, isMap, itemElement, type ListAtom, type MapAtom, resolve } from './atom.ts';
import { below, type FieldSet, isEmpty } from './field-set.ts';
import { fieldElement, type PathElement } from './path-element.ts';

/** The live value with the applied one laid over it. Shares what it does not change; the result is for reading only. */
export function merge(atom: Atom, live: Json | undefined, applied: Json | undefined): Json | undefined {
  if (applied === undefined) return live;
  if (live === undefined) return applied;
  const shape = resolve(atom, applied ?? live);
  if (shape.kind === 'map' && !shape.atomic && (isMap(applied) || applied === null) && (isMap(live) || live === null)) {
    if (isEmptyContainer(live) && isEmptyContainer(applied)) return applied;
    return mergeFields(shape, live ?? {}, applied ?? {});
  }
  if (shape.kind === 'list' && shape.relation !== 'atomic' && (isList(applied) || applied === null) && (isList(live) || live === null)) {
    if (isEmptyContainer(live) && isEmptyContainer(applied)) return applied;
    return mergeItems(shape, live ?? [], applied ?? []);
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
 * Applied items come in the applier's order. Items that only the live list has keep their place, before what the applier adds there; the
 * two orders are walked abreast as long as they agree. Live items that share a key are not merged: the applied one replaces them.
 */
function mergeItems(atom: ListAtom, live: readonly Json[], applied: readonly Json[]): readonly Json[] {
  const element = atom.element();
  const liveKeys = live.map((item) => itemElement(atom, item));
  const appliedKeys = applied.map((item) => itemElement(atom, item));
  const wanted = new Map(appliedKeys.map((key, at) => [key, applied[at] as Json]));
  const single = singles(liveKeys, live);
  const shared = appliedKeys.filter((key) => single.has(key));
  const out: Json[] = [];
  const done = new Set<PathElement>();
  let nextShared = 0;
  const take = (key: PathElement): void => {
    done.add(key);
    if (shared[nextShared] === key) nextShared++;
    const merged = merge(element, single.get(key), wanted.get(key));
    if (merged !== undefined) out.push(merged);
  };
  for (let left = 0, right = 0; left < liveKeys.length || right < appliedKeys.length; ) {
    const key = liveKeys[left];
    const other = appliedKeys[right];
    if (key !== undefined && other !== undefined) {
      if (key === other) {
        take(key);
        left++;
        right++;
        continue;
      }
      // Known to both, but not the next of those.
      if (wanted.has(key) && nextShared < shared.length && shared[nextShared] !== key) {
        left++;
        continue;
      }
    }
    if (key !== undefined && !wanted.has(key)) {
      out.push(live[left++] as Json);
      continue;
    }
    if (key !== undefined && done.has(key)) left++;
    if (other !== undefined) {
      take(other);
      right++;
    }
  }
  return out;
}

/** Items by their keys; of those that share one, undefined. */
function singles(keys: readonly PathElement[], items: readonly Json[]): ReadonlyMap<PathElement, Json | undefined> {
  const out = new Map<PathElement, Json | undefined>();
  keys.forEach((key, at) => out.set(key, out.has(key) ? undefined : items[at]));
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
