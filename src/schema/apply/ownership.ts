import type { JsonObject } from '../../machinery/object.ts';
import { zeroObject } from '../decode.ts';
import type { Facts } from '../facts.ts';
import { type Atom, atomOf } from './atom.ts';
import { changed, type Comparison, compare, exclude } from './compare.ts';
import { difference, EMPTY, type FieldSet, intersection, isEmpty, isWide, setOf, union } from './field-set.ts';
import { encodeFieldsText, intern } from './fields-v1.ts';
import type { Manager, Managers } from './managed-fields.ts';
import { fieldElement } from './path-element.ts';
import { Shapes } from './shape.ts';

/** Whose fields an API type's are: the rules of ownership that updates and applies share. */
export interface Ground {
  readonly facts: Facts;
  readonly typeName: string;
  readonly atom: Atom;
  /** What a new object is compared with. */
  readonly zero: JsonObject;
}

const grounds = new WeakMap<Facts, Map<string, Ground>>();

export function groundOf(facts: Facts, typeName: string): Ground {
  let cache = grounds.get(facts);
  if (cache === undefined) grounds.set(facts, (cache = new Map()));
  let ground = cache.get(typeName);
  if (ground === undefined) {
    ground = { facts, typeName, atom: atomOf(facts, typeName), zero: zeroObject(facts, typeName) };
    cache.set(typeName, ground);
  }
  return ground;
}

/** Bookkeeping that nobody owns. */
const NOBODYS = setOf([
  ...['apiVersion', 'kind', 'metadata'].map((name) => [fieldElement(name)]),
  ...['name', 'namespace', 'creationTimestamp', 'selfLink', 'uid', 'clusterName', 'generation', 'managedFields', 'resourceVersion'].map((name) => [
    fieldElement('metadata'),
    fieldElement(name),
  ]),
]);

export const stripped = (set: FieldSet): FieldSet => difference(set, NOBODYS);

/** `[['status']]` → the set that writes of this path neither own nor take. */
const ignoredSets = new Map<string, FieldSet>();

export function ignoredSet(paths: readonly (readonly string[])[]): FieldSet {
  if (paths.length === 0) return EMPTY;
  const key = JSON.stringify(paths);
  let set = ignoredSets.get(key);
  if (set === undefined) {
    set = setOf(paths.map((path) => path.map(fieldElement)));
    if (ignoredSets.size < 1000) ignoredSets.set(key, set);
  }
  return set;
}

/** What the creator of an object comes to own, once for each shape of object; by what it ignores. */
const created = new WeakMap<Ground, WeakMap<FieldSet, Shapes<FieldSet>>>();

export function createdFields(ground: Ground, object: JsonObject, ignored: FieldSet): FieldSet {
  let known = created.get(ground);
  if (known === undefined) created.set(ground, (known = new WeakMap()));
  let shapes = known.get(ignored);
  if (shapes === undefined) known.set(ignored, (shapes = new Shapes(ground.atom, ground.zero)));
  return shapes.of(object, () => {
    const { added, modified } = exclude(compare(ground.atom, ground.zero, object), ignored);
    return intern(stripped(union(added, modified)));
  });
}

/** Results of set operations, by the very sets: objects of one shape go through the same ones. */
const results = new WeakMap<FieldSet, Map<string, FieldSet>>();
const MAX_RESULTS = 64;

export function remembered(operation: 'u' | 'd', a: FieldSet, b: FieldSet): FieldSet {
  if (isEmpty(b)) return a;
  if (isEmpty(a)) return operation === 'u' ? b : a;
  if (isWide(a) || isWide(b)) return operation === 'u' ? union(a, b) : difference(a, b);
  let mine = results.get(a);
  if (mine === undefined) results.set(a, (mine = new Map()));
  const key = operation + encodeFieldsText(b);
  const known = mine.get(key);
  if (known !== undefined) return known;
  const computed = operation === 'u' ? union(a, b) : difference(a, b);
  const result = computed === a ? a : intern(computed);
  if (mine.size >= MAX_RESULTS) mine.clear();
  mine.set(key, result);
  return result;
}

/** Fields of another manager that a write changes. */
export interface Taken {
  readonly manager: Manager;
  readonly fields: FieldSet;
}

/** What a write changes, in a version; undefined where that is not served. */
type ChangesIn = (apiVersion: string) => Comparison | undefined;

export function takenFields(managers: Managers, self: string, changes: ChangesIn): readonly Taken[] {
  const out: Taken[] = [];
  for (const [id, manager] of managers) {
    const comparison = id === self ? undefined : changes(manager.apiVersion);
    if (comparison === undefined) continue;
    const common = intersection(manager.fields, changed(comparison));
    if (!isEmpty(common)) out.push({ manager, fields: common });
  }
  return out;
}

/** Everybody but `self` loses what was changed and what is gone. */
export function afterChange(managers: Managers, self: string, changes: ChangesIn): Map<string, Manager> {
  const lost = new Map<Comparison, FieldSet>();
  const out = new Map<string, Manager>();
  for (const [id, manager] of managers) {
    const comparison = changes(manager.apiVersion);
    if (id === self || comparison === undefined) {
      if (id === self) out.set(id, manager);
      continue;
    }
    let gone = lost.get(comparison);
    if (gone === undefined) lost.set(comparison, (gone = union(changed(comparison), comparison.removed)));
    const fields = remembered('d', manager.fields, gone);
    if (!isEmpty(fields)) out.set(id, fields === manager.fields ? manager : { ...manager, fields });
  }
  return out;
}
