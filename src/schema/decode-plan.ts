import { defined } from '../base/assert.ts';
import type { DraftJson, DraftObject, JsonObject } from '../machinery/object.ts';
import { setOwn } from '../machinery/record.ts';
import { copyFree, DecodeFault, decodeScalar, type ScalarKind, scalarKind, zeroScalar } from './decode-scalar.ts';
import type { Facts, FieldFacts, TypeFacts, TypeRef } from './facts.ts';
import { goKindName, goTypeName, goValueName, shortTypeName } from './go-type.ts';

/** Where the decoder stands: field names, indices of lists, keys of maps. */
type Step = string | number | { readonly key: string };

export interface Cursor {
  readonly path: Step[];
  depth: number;
  /** The Go struct around the current value. */
  struct: string;
  readonly unknown: string[];
}

export const newCursor = (): Cursor => ({ path: [], depth: 0, struct: '', unknown: [] });

/** Deeper objects are refused: no type of Kubernetes comes near, and recursion stays far from the end of the stack. */
const MAX_DEPTH = 1000;
/** Many more than are ever told: which those are depends on their order. */
const MAX_UNKNOWN = 10_000;

/** How a type is decoded, worked out once per type and kept. */
export interface StructPlan {
  readonly decode: (input: unknown, cursor: Cursor) => DraftObject;
  readonly zero: () => DraftObject;
  readonly fields: readonly FieldPlan[];
}

type Decode = (input: unknown, cursor: Cursor) => DraftJson;

interface FieldPlan {
  readonly name: string;
  readonly decode: Decode;
  /** What stands when the field is absent or null; undefined: nothing. */
  readonly absent: (() => DraftJson) | undefined;
  /** The value vanishes when it is zero. */
  readonly dropZero: boolean;
}

const plans = new WeakMap<Facts, Map<string, StructPlan>>();

export function structPlan(facts: Facts, typeName: string): StructPlan {
  let known = plans.get(facts);
  if (known === undefined) plans.set(facts, (known = new Map()));
  const found = known.get(typeName);
  if (found !== undefined) return found;
  const plan = compileStruct(facts, defined(facts.type(typeName), `type ${typeName}`));
  known.set(typeName, plan);
  return plan;
}

function compileStruct(facts: Facts, type: TypeFacts): StructPlan {
  // Fields are compiled at the first use: types are recursive.
  let layout: Layout | undefined;
  const goName = shortTypeName(type.name);
  const compiled = (): Layout => (layout ??= layoutOf(fieldOrder(type).map((name) => compileField(facts, type, name))));
  return {
    get fields() {
      return compiled().fields;
    },
    zero: () => zeroOf((layout ?? compiled()).fields),
    decode: (input, cursor) => {
      if (typeof input !== 'object' || input === null || Array.isArray(input)) throw mismatch(input, type.name, cursor);
      if (++cursor.depth > MAX_DEPTH) throw new DecodeFault('exceeded max depth');
      const around = cursor.struct;
      cursor.struct = goName;
      const out = decodeFields(input as JsonObject, layout ?? compiled(), cursor);
      cursor.struct = around;
      cursor.depth--;
      return out;
    },
  };
}

/** The fields of a struct in the order in which they stand. */
interface Layout {
  readonly fields: readonly FieldPlan[];
  readonly places: ReadonlyMap<string, number>;
  /** Places of those that stand also when they are absent, ascending. */
  readonly always: readonly number[];
}

function layoutOf(fields: readonly FieldPlan[]): Layout {
  return {
    fields,
    places: new Map(fields.map(({ name }, place) => [name, place])),
    always: fields.flatMap(({ absent }, place) => (absent === undefined ? [] : [place])),
  };
}

/** kind, apiVersion and metadata come first, as Go prints them; the rest as in the table. */
function fieldOrder(type: TypeFacts): readonly string[] {
  const first = ['kind', 'apiVersion', 'metadata'].filter((name) => Object.hasOwn(type.fields, name));
  return [...first, ...Object.keys(type.fields).filter((name) => !first.includes(name))];
}

function zeroOf(fields: readonly FieldPlan[]): DraftObject {
  const out: DraftObject = {};
  for (const { name, absent } of fields) if (absent !== undefined) setOwn(out, name, absent());
  return out;
}

/** Looks at what is there, not at what might be: types have dozens of fields, objects a few of them, mostly in order already. */
function decodeFields(input: JsonObject, { fields, places, always }: Layout, cursor: Cursor): DraftObject {
  const out: DraftObject = {};
  let last = -1;
  let inOrder = true;
  let unknown = false;
  let next = 0;
  for (const key in input) {
    const place = places.get(key);
    const value = input[key];
    if (place === undefined) {
      unknown ||= value !== undefined;
      continue;
    }
    if (place < last) inOrder = false;
    else last = place;
    for (; next < always.length && (always[next] as number) < place; next++) addAbsent(out, fields[always[next] as number] as FieldPlan);
    if (value === undefined || value === null) continue;
    const field = fields[place] as FieldPlan;
    cursor.path.push(key);
    const decoded = field.decode(value, cursor);
    cursor.path.pop();
    if (field.dropZero && isZero(decoded)) continue;
    if (always[next] === place) next++;
    if (key === '__proto__') setOwn(out, key, decoded);
    else out[key] = decoded;
  }
  for (; next < always.length; next++) addAbsent(out, fields[always[next] as number] as FieldPlan);
  if (unknown) noteUnknown(input, places, cursor);
  return inOrder ? out : sorted(out, fields);
}

function addAbsent(out: DraftObject, { name, absent }: FieldPlan): void {
  if (absent !== undefined && !Object.hasOwn(out, name)) setOwn(out, name, absent());
}

function sorted(object: DraftObject, fields: readonly FieldPlan[]): DraftObject {
  const out: DraftObject = {};
  for (const { name } of fields) if (Object.hasOwn(object, name)) setOwn(out, name, object[name] as DraftJson);
  return out;
}

function noteUnknown(input: JsonObject, known: ReadonlyMap<string, number>, cursor: Cursor): void {
  for (const key of Object.keys(input)) {
    if (known.has(key) || input[key] === undefined || cursor.unknown.length >= MAX_UNKNOWN) continue;
    cursor.unknown.push(formatPath([...cursor.path, key]));
  }
}

function isZero(value: DraftJson): boolean {
  if (value === '' || value === 0 || value === false || value === null) return true;
  if (typeof value !== 'object') return false;
  if (Array.isArray(value)) return value.length === 0;
  for (const _ in value) return false;
  return true;
}

function compileField(facts: Facts, owner: TypeFacts, name: string): FieldPlan {
  const field = owner.fields[name] as FieldFacts;
  const decode = compileRef(facts, field.type);
  if (field.pointer === true) return { name, decode, absent: undefined, dropZero: false };
  // TypeMeta has no number on the wire and is printed only when set; so are fields of types that have no message.
  const omitted = field.omitEmpty === true || field.protobuf === undefined;
  if (isStruct(facts, field.type)) {
    const zero = (): DraftJson => structPlan(facts, field.type as string).zero();
    const silent = field.omitZero === true || (field.protobuf === undefined && field.required !== true);
    return { name, decode, absent: silent ? undefined : zero, dropZero: false };
  }
  // An empty list of managedFields means "forget all managers": it must reach whoever tracks them.
  if (name === 'managedFields') return { name, decode, absent: undefined, dropZero: false };
  const scalar = typeof field.type === 'string' ? scalarKind(facts, field.type) : undefined;
  // Go's omitempty has no effect on values that are structs in Go.
  const printsZero = scalar !== undefined && STRUCT_SCALARS.has(scalar) && field.omitZero !== true && field.protobuf !== undefined;
  const zero = printsZero || !omitted ? zeroValue(field.type, scalar) : undefined;
  return { name, decode, absent: zero, dropZero: omitted && !printsZero && scalar !== 'free' };
}

const STRUCT_SCALARS: ReadonlySet<ScalarKind> = new Set(['quantity', 'time', 'microTime', 'intOrString']);

function zeroValue(ref: TypeRef, scalar: ScalarKind | undefined): (() => DraftJson) | undefined {
  if (typeof ref !== 'string') return 'list' in ref ? () => [] : () => ({});
  const zero = scalar === undefined ? undefined : zeroScalar(scalar);
  return zero === undefined ? undefined : () => zero;
}

function isStruct(facts: Facts, ref: TypeRef): boolean {
  return typeof ref === 'string' && scalarKind(facts, ref) === undefined;
}

function compileRef(facts: Facts, ref: TypeRef): Decode {
  if (typeof ref !== 'string') return 'list' in ref ? compileList(facts, ref.list) : compileMap(facts, ref.map);
  const scalar = scalarKind(facts, ref);
  if (scalar === undefined) {
    let plan: StructPlan | undefined;
    return (input, cursor) => (plan ??= structPlan(facts, ref)).decode(input, cursor);
  }
  if (scalar === 'free') return (input) => copyFree(input, 0);
  return (input, cursor) => {
    const result = decodeScalar(scalar, input);
    if (typeof result === 'object' && result !== null) throw scalarFault(result.fault, input, ref, cursor);
    return result;
  };
}

/** What a null inside a list or a map becomes: Go's zero value. */
function elementZero(facts: Facts, ref: TypeRef): () => DraftJson {
  if (typeof ref !== 'string') return 'list' in ref ? () => [] : () => ({});
  const scalar = scalarKind(facts, ref);
  if (scalar === undefined) return () => structPlan(facts, ref).zero();
  const zero = zeroScalar(scalar) ?? null;
  return () => zero;
}

function compileList(facts: Facts, element: TypeRef): Decode {
  const decode = compileRef(facts, element);
  const zero = elementZero(facts, element);
  return (input, cursor) => {
    if (!Array.isArray(input)) throw mismatch(input, { list: element }, cursor);
    if (++cursor.depth > MAX_DEPTH) throw new DecodeFault('exceeded max depth');
    const out: DraftJson[] = [];
    for (let i = 0; i < input.length; i++) {
      const value: unknown = input[i];
      if (value === null || value === undefined) {
        out.push(zero());
        continue;
      }
      cursor.path.push(i);
      out.push(decode(value, cursor));
      cursor.path.pop();
    }
    cursor.depth--;
    return out;
  };
}

function compileMap(facts: Facts, element: TypeRef): Decode {
  const decode = compileRef(facts, element);
  const zero = elementZero(facts, element);
  const flat = element === 'string';
  return (input, cursor) => {
    if (typeof input !== 'object' || input === null || Array.isArray(input)) throw mismatch(input, { map: element }, cursor);
    if (++cursor.depth > MAX_DEPTH) throw new DecodeFault('exceeded max depth');
    const out: DraftObject = {};
    const keys = Object.keys(input);
    if (!areSorted(keys)) keys.sort();
    for (const key of keys) {
      const value: unknown = (input as JsonObject)[key];
      if (value === undefined) continue;
      // No path for plain strings: a fault names the map only.
      if (!flat) cursor.path.push({ key });
      const decoded = value === null ? zero() : decode(value, cursor);
      if (!flat) cursor.path.pop();
      setOwn(out, key.isWellFormed() ? key : key.toWellFormed(), decoded);
    }
    cursor.depth--;
    return out;
  };
}

function areSorted(keys: readonly string[]): boolean {
  for (let i = 1; i < keys.length; i++) if ((keys[i] as string) < (keys[i - 1] as string)) return false;
  return true;
}

function mismatch(value: unknown, type: TypeRef, cursor: Cursor): DecodeFault {
  const what = typeof type === 'string' ? 'struct from:' : 'list' in type ? 'slice from' : 'map from';
  return typeFault(goValueName(value), goTypeName(type), cursor, `cannot restore ${what} ${goKindName(value)}`);
}

function typeFault(value: string, type: string, cursor: Cursor, converting: string): DecodeFault {
  const fields = cursor.path.filter((step) => typeof step === 'string');
  const where = fields.length === 0 ? 'Go value' : `Go struct field ${cursor.struct}.${fields.join('.')}`;
  return new DecodeFault(`json: cannot unmarshal ${value} into ${where} of type ${type}`, converting);
}

/** A fault without a text is one of type; others say themselves what is wrong. */
function scalarFault(fault: string | undefined, value: unknown, ref: TypeRef, cursor: Cursor): DecodeFault {
  if (fault !== undefined) return new DecodeFault(fault);
  const word = typeof value === 'number' && ref !== 'string' && ref !== 'boolean' && ref !== 'string:byte' ? `number ${value}` : goValueName(value);
  const type = goTypeName(ref);
  // Go would turn one number into the other, and a number into a letter.
  const convertible = typeof value === 'number' && (type === 'string' ? Number.isInteger(value) : type !== 'bool');
  return typeFault(word, type, cursor, convertible ? `cannot convert ${goKindName(value)} to ${type}` : `unrecognized type: ${type}`);
}

/** `spec.containers[0].env[1].foo`. */
export function formatPath(path: readonly Step[]): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else {
      const name = typeof step === 'string' ? step : step.key;
      text += text === '' ? name : `.${name}`;
    }
  }
  return text;
}
