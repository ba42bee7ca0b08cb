import type { Json, JsonObject } from '../../machinery/object.ts';
import { type Atom, childAtom, isList, isMap, itemElement, type ListAtom, type MapAtom, missingKey, resolve } from './atom.ts';
import { EMPTY, type FieldSet, setNode } from './field-set.ts';
import { fieldElement, formatElement } from './path-element.ts';

/** Whether an applied object has the shape of its type; faults in the words of structured merge: `.spec.foo: field not declared in schema`. */
export function typedFaults(atom: Atom, value: JsonObject): readonly string[] {
  const faults: string[] = [];
  check(atom, value, '', faults, 0);
  return faults;
}

const MAX_DEPTH = 1000;
const MAX_FAULTS = 100;

function check(atom: Atom, value: Json | undefined, path: string, faults: string[], depth: number): void {
  if (value === null || value === undefined || faults.length >= MAX_FAULTS) return;
  if (depth > MAX_DEPTH) {
    faults.push(`${path}: exceeded max depth`);
    return;
  }
  const shape = resolve(atom, value);
  if (shape.kind === 'scalar') {
    const fault = scalarFault(shape.of, value);
    if (fault !== undefined) faults.push(`${path}: ${fault}`);
  } else if (shape.kind === 'map') {
    if (isMap(value)) checkFields(shape, value, path, faults, depth);
    else faults.push(`${path}: expected map, got ${show(value)}`);
  } else if (shape.kind === 'list') {
    if (isList(value)) checkItems(shape, value, path, faults, depth);
    else faults.push(`${path}: expected list, got ${show(value)}`);
  }
}

function scalarFault(of: 'string' | 'number' | 'boolean' | undefined, value: Json): string | undefined {
  if (of === undefined) return typeof value === 'object' ? `expected scalar, got ${show(value)}` : undefined;
  if (typeof value === of) return undefined;
  return `expected ${of === 'number' ? 'numeric (int or float)' : of}, got ${show(value)}`;
}

const show = (value: Json): string => (Array.isArray(value) ? 'list' : typeof value === 'object' ? 'map' : JSON.stringify(value));

function checkFields(atom: MapAtom, value: JsonObject, path: string, faults: string[], depth: number): void {
  for (const key of Object.keys(value)) {
    const at = `${path}${formatElement(fieldElement(key))}`;
    if (atom.fields !== undefined && !atom.fields.has(key)) faults.push(`${at}: field not declared in schema`);
    else check(childAtom(atom, key), value[key], at, faults, depth + 1);
  }
}

function checkItems(atom: ListAtom, value: readonly Json[], path: string, faults: string[], depth: number): void {
  const seen = new Set<string>();
  value.forEach((item, i) => {
    let at = `${path}[${i}]`;
    if (atom.relation !== 'atomic') {
      const missing = missingKey(atom, item);
      if (missing !== undefined) {
        faults.push(
          `${at}: element ${i}: associative list with keys has an element that omits key field ${JSON.stringify(missing)} (and doesn't have default value)`,
        );
        return;
      }
      const key = itemElement(atom, item);
      at = `${path}${formatElement(key)}`;
      if (seen.has(key)) faults.push(`${path}: duplicate entries for key ${formatElement(key)}`);
      seen.add(key);
    }
    check(atom.element(), item, at, faults, depth + 1);
  });
}

/** With the fields of structs that lead to members: `a.b.c` also owns `a` and `a.b` where these are fields, not keys of maps. */
export function withNamedFields(set: FieldSet, atom: Atom): FieldSet {
  if (set.keys.length === 0) return set;
  const kids = set.keys.map((key, i) => {
    const kid = set.kids[i] ?? EMPTY;
    if (!key.startsWith('f:')) return withNamedFields(kid, atom.kind === 'list' ? atom.element() : UNTYPED);
    const name = key.slice(2);
    const below = atom.kind === 'map' ? childAtom(atom, name) : UNTYPED;
    const inner = withNamedFields(kid, below);
    const named = atom.kind === 'map' && atom.fields?.has(name) === true;
    return named && !inner.own ? setNode(true, inner.keys, inner.kids) : inner;
  });
  return setNode(set.own, set.keys, kids);
}

const UNTYPED: Atom = { kind: 'untyped' };
