import type { DraftJson, DraftObject, GroupVersionKind } from '../machinery/object.ts';
import type { Facts } from './facts.ts';
import { definitionName, type Flavour, reference } from './openapi-definitions.ts';
import { byName, type Parameter, parameterJson } from './openapi-parameters.ts';

export interface PathContext {
  readonly facts: Facts;
  readonly flavour: Flavour;
}

export const META = 'machinery.meta.v1';
export const JSON_TYPES: readonly string[] = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];
export const WATCH_TYPES: readonly string[] = [...JSON_TYPES, 'application/json;stream=watch', 'application/vnd.kubernetes.protobuf;stream=watch'];
export const PATCH_TYPES: readonly string[] = [
  'application/apply-patch+yaml',
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
];

/** What an operation is, before it is put into one of the two forms. */
export interface Operation {
  readonly description: string;
  readonly operationId: string;
  readonly tag: string;
  readonly consumes?: readonly string[] | undefined;
  readonly produces: readonly string[];
  readonly parameters?: readonly Parameter[] | undefined;
  /** Type of what is sent. */
  readonly body?: { readonly typeName: string; readonly optional: boolean } | undefined;
  /** Type of the answer, by how the tables name types; `text`: no object; undefined: nothing is said of it. */
  readonly answer?: string | undefined;
  /** Beside 200. */
  readonly codes?: readonly (201 | 202)[] | undefined;
  readonly action?: string | undefined;
  readonly gvk?: GroupVersionKind | undefined;
}

/** Methods of a path in the document's words: what all of them take stands beside them. */
export function pathItem(context: PathContext, operations: Readonly<Record<string, Operation>>, shared: readonly Parameter[] = []): DraftObject {
  const all = Object.values(operations);
  const common = new Set(all[0]?.parameters?.filter((parameter) => all.every(({ parameters = [] }) => parameters.includes(parameter))));
  const item: DraftObject = {};
  for (const [method, operation] of Object.entries(operations)) item[method] = operationJson(context, operation, common);
  const beside = [...common, ...shared].sort(byName);
  if (beside.length > 0) item.parameters = beside.map((parameter) => parameterJson(context.flavour, parameter));
  return item;
}

function operationJson(context: PathContext, operation: Operation, common: ReadonlySet<Parameter>): DraftObject {
  const { flavour } = context;
  const { description, operationId, tag, consumes, produces, action, gvk } = operation;
  return {
    description,
    operationId,
    tags: [tag],
    ...(flavour === 2 ? { schemes: ['https'], ...(consumes === undefined ? {} : { consumes: [...consumes] }), produces: [...produces] } : {}),
    ...parametersAndBody(context, operation, common),
    responses: responses(context, operation),
    ...(action === undefined ? {} : { 'x-kubernetes-action': action }),
    ...(gvk === undefined ? {} : { 'x-kubernetes-group-version-kind': { group: gvk.group, kind: gvk.kind, version: gvk.version } }),
  };
}

function parametersAndBody({ flavour, facts }: PathContext, { parameters = [], body, consumes = [] }: Operation, common: ReadonlySet<Parameter>): DraftObject {
  const own = parameters
    .filter((each) => !common.has(each))
    .sort(byName)
    .map((each) => parameterJson(flavour, each));
  const required = body?.optional === true ? {} : { required: true };
  if (body === undefined || facts.type(body.typeName) === undefined) return own.length === 0 ? {} : { parameters: own };
  const schema = { $ref: reference(flavour, definitionName(body.typeName)) };
  if (flavour === 2) return { parameters: [{ name: 'body', in: 'body', ...required, schema }, ...own] };
  const content: DraftObject = Object.fromEntries(consumes.map((type) => [type, { schema }]));
  return { ...(own.length === 0 ? {} : { parameters: own }), requestBody: { content, ...required } };
}

const WORDS = { 200: 'OK', 201: 'Created', 202: 'Accepted' } as const;

function responses({ flavour, facts }: PathContext, { answer, codes = [], produces }: Operation): DraftObject {
  const schema = answer === 'text' ? { type: 'string' } : answerSchema(facts, flavour, answer);
  const out: DraftObject = {};
  for (const code of [200, ...codes] as const) {
    const described: DraftObject = { description: WORDS[code] };
    if (schema !== undefined) {
      if (flavour === 2) described.schema = schema;
      else described.content = Object.fromEntries(produces.map((type) => [type, { schema }]));
    }
    out[String(code)] = described;
  }
  return { ...out, '401': { description: 'Unauthorized' } };
}

const answerSchema = (facts: Facts, flavour: Flavour, typeName: string | undefined): Record<string, DraftJson> | undefined =>
  typeName === undefined || facts.type(typeName) === undefined ? undefined : { $ref: reference(flavour, definitionName(typeName)) };
