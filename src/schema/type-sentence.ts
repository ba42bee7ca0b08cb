import { scalarKind, type ScalarKind } from './decode-scalar.ts';
import type { Facts, FieldFacts, TypeRef } from './facts.ts';
import { shortTypeName } from './go-type.ts';

/** What a field is when nobody has written about it: a sentence made from its type. */
export function fieldSentence(facts: Facts, { type, values, closed, listType, listMapKeys }: FieldFacts): string {
  if (values !== undefined && closed === true) return `One of: ${[...values].sort().join(', ')}.`;
  if (typeof type !== 'string' && 'list' in type) {
    const of = many(facts, type.list);
    if (listType === 'map' && listMapKeys !== undefined) return `A list of ${of}, no two with the same ${listMapKeys.join(' and ')}.`;
    return `A ${listType === 'set' ? 'set' : 'list'} of ${of}.`;
  }
  return `${capital(one(facts, type))}.`;
}

/** The same about a type. */
export function typeSentence(facts: Facts, typeName: string): string {
  return `${capital(one(facts, typeName))}.`;
}

const ONE: Readonly<Record<ScalarKind, readonly [one: string, many: string]>> = {
  string: ['a string', 'strings'],
  boolean: ['true or false', 'booleans'],
  int32: ['a whole number of 32 bits', 'whole numbers of 32 bits'],
  int64: ['a whole number of 64 bits', 'whole numbers of 64 bits'],
  double: ['a number', 'numbers'],
  bytes: ['bytes in base64', 'byte strings in base64'],
  quantity: ['a quantity: a number with or without a suffix, such as 500m, 1.5 or 10Gi', 'quantities such as 500m, 1.5 or 10Gi'],
  time: ['a time such as 2006-01-02T15:04:05Z (RFC 3339)', 'times such as 2006-01-02T15:04:05Z (RFC 3339)'],
  microTime: ['a time with microseconds, such as 2006-01-02T15:04:05.000000Z (RFC 3339)', 'times with microseconds (RFC 3339)'],
  duration: ['a duration such as 1h30m', 'durations such as 1h30m'],
  intOrString: ['a whole number or a string', 'whole numbers or strings'],
  free: ['any value', 'values of any type'],
};

function one(facts: Facts, ref: TypeRef): string {
  if (typeof ref !== 'string') return 'list' in ref ? `a list of ${many(facts, ref.list)}` : `a map from strings to ${many(facts, ref.map)}`;
  const scalar = scalarKind(facts, ref);
  if (scalar !== undefined) return ONE[scalar][0];
  const name = shortTypeName(ref);
  return `${/^[AEIOU]/.test(name) ? 'an' : 'a'} ${name}`;
}

function many(facts: Facts, ref: TypeRef): string {
  if (typeof ref !== 'string') return 'list' in ref ? `lists of ${many(facts, ref.list)}` : `maps from strings to ${many(facts, ref.map)}`;
  const scalar = scalarKind(facts, ref);
  return scalar === undefined ? `${shortTypeName(ref)} objects` : ONE[scalar][1];
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
