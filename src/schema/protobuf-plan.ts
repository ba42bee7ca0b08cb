import { defined } from '../base/assert.ts';
import type { Facts, FieldFacts } from './facts.ts';
import { ProtobufError } from './protobuf-wire.ts';

export const MAGIC = [0x6b, 0x38, 0x73, 0x00] as const;
/** The one type that the special types of apiextensions refer to. */
export const SCHEMA = 'apiextensions.v1.JSONSchemaProps';
/** As deep as messages may nest; a CRD's schema is the deepest that occurs. */
export const MAX_DEPTH = 200;

/** A message as the codec walks it, worked out once per type. */
export interface MessagePlan {
  readonly byNumber: ReadonlyMap<number, Part>;
  /** From the highest number to the lowest: the writer writes backwards. */
  readonly descending: readonly (readonly [number: number, part: Part])[];
}

/** A field of the JSON object, or a message whose fields stand flattened in it. */
export type Part = { readonly field: string; readonly pointer: boolean; readonly shape: Shape } | { readonly inner: MessagePlan };

export type Shape = ItemShape | { readonly list: ItemShape } | { readonly map: ItemShape };

/** A scalar's wire type, a type with an encoding of its own, or a message by name. */
export type ItemShape = { readonly scalar: Scalar } | { readonly special: Special } | { readonly message: string };

export type Scalar = 'string' | 'bool' | 'int32' | 'int64' | 'double' | 'bytes';

export type Special =
  | 'quantity'
  | 'time'
  | 'microTime'
  | 'duration'
  | 'intOrString'
  | 'rawJson'
  | 'strings'
  | 'schemaOrArray'
  | 'schemaOrBool'
  | 'schemaOrStrings';

const SCALARS: ReadonlySet<string> = new Set(['string', 'bool', 'int32', 'int64', 'double', 'bytes']);

const SPECIALS: ReadonlyMap<string, Special> = new Map([
  ['machinery.api.resource.Quantity', 'quantity'],
  ['machinery.meta.v1.Time', 'time'],
  ['machinery.meta.v1.MicroTime', 'microTime'],
  ['machinery.meta.v1.Duration', 'duration'],
  ['machinery.util.intstr.IntOrString', 'intOrString'],
  ['machinery.runtime.RawExtension', 'rawJson'],
  ['machinery.meta.v1.FieldsV1', 'rawJson'],
  ['apiextensions.v1.JSON', 'rawJson'],
  ['machinery.meta.v1.Verbs', 'strings'],
  ['authentication.v1.ExtraValue', 'strings'],
  ['authorization.v1.ExtraValue', 'strings'],
  ['certificates.v1.ExtraValue', 'strings'],
  ['apiextensions.v1.JSONSchemaPropsOrArray', 'schemaOrArray'],
  ['apiextensions.v1.JSONSchemaPropsOrBool', 'schemaOrBool'],
  ['apiextensions.v1.JSONSchemaPropsOrStringArray', 'schemaOrStrings'],
]);

const plans = new WeakMap<Facts, Map<string, MessagePlan>>();

/** Throws ProtobufError for a type that has no message. */
export function messagePlan(facts: Facts, typeName: string): MessagePlan {
  let known = plans.get(facts);
  if (known === undefined) plans.set(facts, (known = new Map()));
  const found = known.get(typeName);
  if (found !== undefined) return found;
  const type = facts.type(typeName);
  if (type === undefined) throw new ProtobufError(`no message is known for ${typeName}`);
  const plan = compile(Object.entries(type.fields), 0);
  known.set(typeName, plan);
  return plan;
}

/** Fields that share the message around them at this depth. */
function compile(fields: readonly (readonly [string, FieldFacts])[], depth: number): MessagePlan {
  const parts = new Map<number, Part>();
  const inner = new Map<number, (readonly [string, FieldFacts])[]>();
  for (const entry of fields) {
    const [field, facts] = entry;
    if (facts.protobuf === undefined) continue;
    const around = facts.embedded?.[depth];
    if (around === undefined) {
      parts.set(facts.protobuf.number, { field, pointer: facts.pointer === true, shape: shapeOf(facts.protobuf.type) });
    } else {
      const group = inner.get(around.number);
      if (group === undefined) inner.set(around.number, [entry]);
      else group.push(entry);
    }
  }
  for (const [number, group] of inner) parts.set(number, { inner: compile(group, depth + 1) });
  return { byNumber: parts, descending: [...parts].sort(([a], [b]) => b - a) };
}

function shapeOf(wireType: string): Shape {
  if (wireType.startsWith('[]')) return { list: itemOf(wireType.slice(2)) };
  const map = /^map<string,(.*)>$/.exec(wireType);
  return map === null ? itemOf(wireType) : { map: itemOf(defined(map[1], 'the value type of a map')) };
}

function itemOf(name: string): ItemShape {
  // A map of lists is written as a map of messages that hold the list; a plain list of bytes elsewhere never occurs.
  if (SCALARS.has(name)) return { scalar: name as Scalar };
  const special = SPECIALS.get(name);
  return special === undefined ? { message: name } : { special };
}
