import type { DraftJson, DraftObject } from '../machinery/object.ts';
import { scalarKind } from './decode-scalar.ts';
import type { Facts, FieldFacts, TypeFacts, TypeRef } from './facts.ts';
import { fieldSentence, typeSentence } from './type-sentence.ts';

/** `2`: Swagger 2.0 definitions; `3`: OpenAPI 3.0 component schemas. They differ in references, enums and number-or-text values. */
export type Flavour = 2 | 3;

/** What is written about a type or field, for `kubectl explain`; undefined where nothing is. `field` absent: about the type itself. */
export type Describe = (typeName: string, field?: string) => string | undefined;

export interface DefinitionOptions {
  readonly facts: Facts;
  readonly flavour: Flavour;
  readonly describe?: Describe | undefined;
}

/** Kubernetes' own name of a type in its documents: `io.k8s.api.core.v1.Pod`. */
export function definitionName(typeName: string): string {
  const prefix = PREFIXES.find(([from]) => typeName.startsWith(from));
  return prefix === undefined ? `io.k8s.api.${typeName}` : prefix[1] + typeName.slice(prefix[0].length);
}

const PREFIXES: readonly (readonly [string, string])[] = [
  ['machinery.meta.', 'io.k8s.apimachinery.pkg.apis.meta.'],
  ['machinery.', 'io.k8s.apimachinery.pkg.'],
  ['apiextensions.', 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.'],
  ['apiregistration.', 'io.k8s.kube-aggregator.pkg.apis.apiregistration.'],
];

/** The definitions of the types named and of everything that they refer to, sorted by name. Made in short steps. */
export function* definitions(options: DefinitionOptions, typeNames: Iterable<string>): Generator<undefined, DraftObject> {
  const out = new Map<string, DraftObject>();
  const waiting = [...typeNames];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const at = definitionName(name);
    const type = options.facts.type(name);
    if (out.has(at) || type === undefined) continue;
    out.set(at, typeDefinition(options, type));
    for (const field of Object.values(type.fields)) waiting.push(...named(field.type));
    yield undefined;
  }
  return Object.fromEntries([...out].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function named(ref: TypeRef): readonly string[] {
  if (typeof ref !== 'string') return named('list' in ref ? ref.list : ref.map);
  return ref.includes('.') ? [ref] : [];
}

function typeDefinition(options: DefinitionOptions, type: TypeFacts): DraftObject {
  const description = { description: options.describe?.(type.name) ?? typeSentence(options.facts, type.name) };
  const scalar = scalarDefinition(options, type.name);
  if (scalar !== undefined) return { ...description, ...scalar };
  const properties: DraftObject = {};
  for (const [name, field] of Object.entries(type.fields)) properties[name] = property(options, type, name, field);
  const required = Object.keys(type.fields).filter((name) => type.fields[name]?.required === true);
  return {
    ...description,
    type: 'object',
    ...(required.length === 0 ? {} : { required }),
    ...(Object.keys(properties).length === 0 ? {} : { properties }),
    ...(type.gvk === undefined ? {} : { 'x-kubernetes-group-version-kind': [{ ...type.gvk }] }),
    ...(type.mapType === undefined ? {} : { 'x-kubernetes-map-type': type.mapType }),
    ...(type.unions === undefined ? {} : { 'x-kubernetes-unions': JSON.parse(JSON.stringify(type.unions)) as DraftJson }),
  };
}

/** Of types that have an encoding of their own. */
function scalarDefinition({ facts, flavour }: DefinitionOptions, name: string): DraftObject | undefined {
  switch (scalarKind(facts, name)) {
    case undefined:
      return undefined;
    case 'quantity':
      return flavour === 2 ? { type: 'string' } : { oneOf: [{ type: 'string' }, { type: 'number' }] };
    case 'intOrString':
      return flavour === 2 ? { type: 'string', format: 'int-or-string' } : { oneOf: [{ type: 'integer' }, { type: 'string' }], format: 'int-or-string' };
    case 'time':
    case 'microTime':
      return { type: 'string', format: 'date-time' };
    case 'free':
      return facts.type(name)?.scalar === 'object' ? { type: 'object' } : {};
    default:
      return { type: 'string' };
  }
}

function property(options: DefinitionOptions, owner: TypeFacts, name: string, field: FieldFacts): DraftObject {
  const more: DraftObject = {
    description: options.describe?.(owner.name, name) ?? byType(options, field),
    ...(field.default === undefined ? {} : { default: field.default }),
    ...(options.flavour === 3 && field.values !== undefined && field.closed === true ? { enum: [...field.values].sort() } : {}),
    ...(field.listMapKeys === undefined ? {} : { 'x-kubernetes-list-map-keys': [...field.listMapKeys] }),
    ...(field.listType === undefined ? {} : { 'x-kubernetes-list-type': field.listType }),
    ...(field.mapType === undefined ? {} : { 'x-kubernetes-map-type': field.mapType }),
    ...(field.patchMergeKey === undefined ? {} : { 'x-kubernetes-patch-merge-key': field.patchMergeKey }),
    ...(field.patchStrategy === undefined ? {} : { 'x-kubernetes-patch-strategy': field.patchStrategy }),
  };
  return withMore(options.flavour, refSchema(options.flavour, field.type), more);
}

/** A field that nobody has written about is explained by its type: by what is written about that, else by a sentence made from it. */
function byType({ facts, describe }: DefinitionOptions, field: FieldFacts): string {
  const prose = typeof field.type === 'string' && field.type.includes('.') ? describe?.(field.type) : undefined;
  return prose ?? fieldSentence(facts, field);
}

/** OpenAPI 3 forgets what stands beside a reference, so the reference goes into allOf. */
function withMore(flavour: Flavour, schema: DraftObject, more: DraftObject): DraftObject {
  const alone = flavour === 2 || schema.$ref === undefined || Object.keys(more).length === 0;
  return alone ? { ...schema, ...more } : { allOf: [schema], ...more };
}

function refSchema(flavour: Flavour, ref: TypeRef): DraftObject {
  if (typeof ref !== 'string') {
    if ('list' in ref) return { type: 'array', items: refSchema(flavour, ref.list) };
    return { type: 'object', additionalProperties: refSchema(flavour, ref.map) };
  }
  if (ref.includes('.')) return { $ref: reference(flavour, definitionName(ref)) };
  const [type = 'string', format] = ref.split(':');
  return format === undefined ? { type } : { type, format };
}

export const reference = (flavour: Flavour, name: string): string => `#/${flavour === 2 ? 'definitions' : 'components/schemas'}/${name}`;
