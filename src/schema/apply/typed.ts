import type { Json, JsonObject } from '../../machinery/object.ts';
import { printSyntax, printType, printValue } from '../go-print.ts';
import { type Atom, childAtom, isList, isMap, itemElement, type ListAtom, type MapAtom, missingKey, resolve, type ScalarAtom } from './atom.ts';
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
    else faults.push(`${path}: expected map, got &{${printValue(value)}}`);
  } else if (shape.kind === 'list') {
    if (isList(value)) checkItems(shape, value, path, faults, depth);
    else faults.push(`${path}: expected list, got &{${printValue(value)}}`);
  }
}

/** What was there instead is shown as Go shows what structured merge holds it in. */
function scalarFault(of: ScalarAtom['of'], value: Json): string | undefined {
  if (of === undefined) return typeof value === 'object' ? `expected any scalar, got &{${printValue(value)}}` : undefined;
  if (typeof value === of) return undefined;
  if (of === 'number') return `expected numeric (int or float), got ${printType(value)}`;
  if (of === 'string') return `expected string, got &value.valueUnstructured{Value:${printSyntax(value)}}`;
  return `expected boolean, got &{${printValue(value)}}`;
}

/** The first field that is not known ends the search in its map. */
function checkFields(atom: MapAtom, value: JsonObject, path: string, faults: string[], depth: number): void {
  for (const key of Object.keys(value)) {
    const at = `${path}${formatElement(fieldElement(key))}`;
    if (atom.fields !== undefined && !atom.fields.has(key)) {
      faults.push(`${at}: field not declared in schema`);
      return;
    }
    check(childAtom(atom, key), value[key], at, faults, depth + 1);
  }
}

/** So does the first item that has no place in its list. */
function checkItems(atom: ListAtom, value: readonly Json[], path: string, faults: string[], depth: number): void {
  const seen = new Set<string>();
  const element = atom.element();
  for (const [at, item] of value.entries()) {
    if (atom.relation === 'atomic') {
      check(element, item, `${path}[${at}]`, faults, depth + 1);
      continue;
    }
    const fault = atom.relation === 'set' ? setItemFault(item) : keyedItemFault(atom, item);
    if (fault !== undefined) {
      faults.push(`${path}: element ${at}: ${fault}`);
      return;
    }
    const key = itemElement(atom, item);
    if (seen.has(key)) faults.push(`${path}: duplicate entries for key ${formatElement(key)}`);
    seen.add(key);
    check(element, item, `${path}${formatElement(key)}`, faults, depth + 1);
  }
}

function setItemFault(item: Json): string | undefined {
  if (item === null) return "associative list without keys has an element that's an explicit null";
  if (isMap(item)) return "associative list without keys has an element that's a map type";
  return isList(item) ? 'not supported: associative list with lists as elements' : undefined;
}

function keyedItemFault(atom: ListAtom, item: Json): string | undefined {
  if (item === null) return 'associative list with keys may not have a null element';
  if (!isMap(item)) return 'associative list with keys may not have non-map elements';
  const missing = missingKey(atom, item);
  return missing === undefined
    ? undefined
    : `associative list with keys has an element that omits key field ${JSON.stringify(missing)} (and doesn't have default value)`;
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
