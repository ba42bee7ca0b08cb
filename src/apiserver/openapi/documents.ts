import type { Kind } from '../../api/kind.ts';
import { formatApiVersion, type GroupVersionKind, type JsonObject } from '../../machinery/object.ts';
import type { Facts } from '../../schema/facts.ts';
import { definition, definitionName, type Descriptions, type Dialect, reachable } from './definitions.ts';
import { pathsOf } from './paths.ts';

export interface DocumentOptions {
  readonly kinds: readonly Kind[];
  readonly facts: Facts;
  readonly descriptions: Descriptions;
  /** `v1.36.0` */
  readonly version: string;
}

/** `api/v1`, `apis/apps/v1`: the names of OpenAPI 3 documents. */
export function documentName({ group, version }: { readonly group: string; readonly version: string }): string {
  return group === '' ? `api/${version}` : `apis/${group}/${version}`;
}

/** OpenAPI 3 for one group and version: its paths, and every type that they lead to. */
export function documentV3({ kinds, facts, descriptions, version }: DocumentOptions): JsonObject {
  const { paths, definitions } = contents(kinds, facts, descriptions, 'v3');
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version },
    paths,
    components: { schemas: definitions, securitySchemes: { BearerToken: { type: 'apiKey', description: 'Bearer Token authentication', name: 'authorization', in: 'header' } } },
  };
}

/** OpenAPI 2: everything in one document. */
export function documentV2({ kinds, facts, descriptions, version }: DocumentOptions): JsonObject {
  const { paths, definitions } = contents(kinds, facts, descriptions, 'v2');
  return {
    swagger: '2.0',
    info: { title: 'Kubernetes', version },
    paths,
    definitions,
    securityDefinitions: { BearerToken: { type: 'apiKey', description: 'Bearer Token authentication', name: 'authorization', in: 'header' } },
    security: [{ BearerToken: [] }],
  };
}

function contents(kinds: readonly Kind[], facts: Facts, descriptions: Descriptions, dialect: Dialect): { readonly paths: JsonObject; readonly definitions: JsonObject } {
  const byKind = new Map(kinds.map((kind) => [`${formatApiVersion(kind)}/${kind.kind}`, kind.typeName]));
  const typeNameOf = (kind: GroupVersionKind): string | undefined => byKind.get(`${formatApiVersion(kind)}/${kind.kind}`) ?? guess(facts, kind);
  const paths: Record<string, JsonObject> = {};
  const roots = new Set<string>(['machinery.meta.v1.Status', 'machinery.meta.v1.Patch', 'machinery.meta.v1.DeleteOptions']);
  for (const kind of kinds) {
    Object.assign(paths, pathsOf(kind, dialect, typeNameOf));
    roots.add(kind.typeName);
    roots.add(`${kind.typeName.slice(0, kind.typeName.lastIndexOf('.') + 1)}${kind.listKind}`);
    for (const { kind: body } of Object.values(kind.subresources)) {
      const type = typeNameOf(body);
      if (type !== undefined) roots.add(type);
    }
  }
  const definitions: Record<string, JsonObject> = {};
  for (const name of reachable(facts, roots)) {
    const type = facts.type(name);
    if (type !== undefined) definitions[definitionName(name)] = definition(facts, type, dialect, descriptions);
  }
  return { paths, definitions };
}

/** Kinds that only subresources have: Scale, Eviction, TokenRequest. */
function guess(facts: Facts, { group, version, kind }: GroupVersionKind): string | undefined {
  const name = `${group === '' ? 'core' : (group.split('.')[0] ?? '')}.${version}.${kind}`;
  return facts.type(name) === undefined ? undefined : name;
}
