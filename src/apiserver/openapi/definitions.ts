import type { JsonObject } from '../../machinery/object.ts';
import { setOwn } from '../../machinery/record.ts';
import type { Facts, FieldFacts, TypeFacts, TypeRef } from '../../schema/facts.ts';

/** OpenAPI 2 and 3 write some things differently. */
export type Dialect = 'v2' | 'v3';

/** What explains a type or a field in words; undefined where nothing does. */
export interface Descriptions {
  type(name: string): string | undefined;
  field(type: string, field: string): string | undefined;
}

export const noDescriptions: Descriptions = { type: () => undefined, field: () => undefined };

const PREFIXES: Readonly<Record<string, string>> = {
  machinery: 'io.k8s.apimachinery.pkg.',
  apiextensions: 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.',
  apiregistration: 'io.k8s.kube-aggregator.pkg.apis.apiregistration.',
};

/** `core.v1.Pod` → `io.k8s.api.core.v1.Pod`: the names that clients know. */
export function definitionName(type: string): string {
  const at = type.indexOf('.');
  const root = type.slice(0, at);
  const rest = type.slice(at + 1);
  const prefix = PREFIXES[root];
  if (prefix === undefined) return `io.k8s.api.${type}`;
  return root === 'machinery' && rest.startsWith('meta.') ? `${prefix}apis.${rest}` : `${prefix}${rest}`;
}

export function reference(type: string, dialect: Dialect): string {
  return `${dialect === 'v2' ? '#/definitions/' : '#/components/schemas/'}${definitionName(type)}`;
}

/** Every type that can be reached from these, by name; the start included. */
export function reachable(facts: Facts, from: Iterable<string>): readonly string[] {
  const found = new Set<string>();
  const open = [...from];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (found.has(name)) continue;
    const type = facts.type(name);
    if (type === undefined) continue;
    found.add(name);
    for (const { type: field } of Object.values(type.fields)) open.push(innermost(field));
  }
  return [...found].sort();
}

function innermost(type: TypeRef): string {
  if (typeof type === 'string') return type;
  return innermost('list' in type ? type.list : type.map);
}

const SCALARS: Readonly<Record<string, JsonObject>> = {
  any: {},
  object: { type: 'object' },
  string: { type: 'string' },
  'string:date-time': { type: 'string', format: 'date-time' },
};

/** One type as a schema. */
export function definition(facts: Facts, type: TypeFacts, dialect: Dialect, descriptions: Descriptions): JsonObject {
  const description = descriptions.type(type.name);
  const described = description === undefined ? {} : { description };
  if (type.scalar !== undefined) return { ...described, ...scalar(type.scalar, dialect) };
  const properties: Record<string, JsonObject> = {};
  const required: string[] = [];
  for (const [name, field] of Object.entries(type.fields)) {
    setOwn(properties, name, property(facts, field, dialect, descriptions.field(type.name, name)));
    if (field.required === true) required.push(name);
  }
  return {
    ...described,
    type: 'object',
    ...(required.length === 0 ? {} : { required: required.sort() }),
    ...(Object.keys(properties).length === 0 ? {} : { properties }),
    ...(type.gvk === undefined ? {} : { 'x-kubernetes-group-version-kind': [{ ...type.gvk }] }),
    ...(type.mapType === undefined ? {} : { 'x-kubernetes-map-type': type.mapType }),
    ...(type.unions === undefined ? {} : { 'x-kubernetes-unions': type.unions as unknown as readonly JsonObject[] }),
  };
}

function scalar(name: string, dialect: Dialect): JsonObject {
  if (name !== 'string:int-or-string') return SCALARS[name] ?? { type: 'string' };
  return dialect === 'v2' ? { type: 'string', format: 'int-or-string' } : { format: 'int-or-string', oneOf: [{ type: 'integer' }, { type: 'string' }] };
}

function property(facts: Facts, field: FieldFacts, dialect: Dialect, description: string | undefined): JsonObject {
  const extras = extensions(field);
  const shape = shapeOf(facts, field.type, dialect);
  const more = {
    ...(description === undefined ? {} : { description }),
    ...(field.default === undefined ? {} : { default: field.default }),
    ...(field.values === undefined || field.values.length === 0 || field.closed !== true ? {} : { enum: field.values }),
    ...extras,
  };
  // In OpenAPI 3.0 nothing may stand beside a reference.
  if (dialect === 'v3' && '$ref' in shape && Object.keys(more).length > 0) return { allOf: [shape], ...more };
  return { ...shape, ...more };
}

function shapeOf(facts: Facts, type: TypeRef, dialect: Dialect): JsonObject {
  if (typeof type !== 'string') {
    if ('list' in type) return { type: 'array', items: shapeOf(facts, type.list, dialect) };
    return { type: 'object', additionalProperties: shapeOf(facts, type.map, dialect) };
  }
  if (facts.type(type) !== undefined) return { $ref: reference(type, dialect) };
  const [name = 'object', format] = type.split(':');
  if (name === 'any') return {};
  return format === undefined ? { type: name } : { type: name, format };
}

function extensions({ listType, listMapKeys, mapType, patchMergeKey, patchStrategy }: FieldFacts): JsonObject {
  return {
    ...(listMapKeys === undefined ? {} : { 'x-kubernetes-list-map-keys': listMapKeys }),
    ...(listType === undefined ? {} : { 'x-kubernetes-list-type': listType }),
    ...(mapType === undefined ? {} : { 'x-kubernetes-map-type': mapType }),
    ...(patchMergeKey === undefined ? {} : { 'x-kubernetes-patch-merge-key': patchMergeKey }),
    ...(patchStrategy === undefined ? {} : { 'x-kubernetes-patch-strategy': patchStrategy }),
  };
}
