import type { DraftJson, DraftObject, GroupVersionKind } from '../machinery/object.ts';
import type { Facts } from './facts.ts';
import { definitionName, type Flavour, reference } from './openapi-definitions.ts';

/** A served kind, as the registry of the API server has it. */
export interface OpenApiKind extends GroupVersionKind {
  readonly resource: string;
  readonly namespaced: boolean;
  readonly typeName: string;
  readonly verbs: readonly string[];
  readonly subresources: Readonly<Record<string, { readonly kind: GroupVersionKind; readonly verbs: readonly string[] }>>;
}

const META = 'machinery.meta.v1';
const JSON_TYPES = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];
const WATCH_TYPES = ['application/json;stream=watch', 'application/vnd.kubernetes.protobuf;stream=watch'];
const PATCH_TYPES = ['application/apply-patch+yaml', 'application/json-patch+json', 'application/merge-patch+json', 'application/strategic-merge-patch+json'];

export interface PathContext {
  readonly facts: Facts;
  readonly flavour: Flavour;
}

/** `/api/v1`, `/apis/apps/v1`. */
export const rootOf = ({ group, version }: { readonly group: string; readonly version: string }): string =>
  group === '' ? `/api/${version}` : `/apis/${group}/${version}`;

/** The type of a kind, by how the tables name types; undefined when there is none. */
export function typeNameOf(facts: Facts, { group, version, kind }: GroupVersionKind): string | undefined {
  const prefix = group === '' ? 'core' : group === 'internal.apiserver.k8s.io' ? 'apiserverinternal' : (group.split('.')[0] ?? group);
  const name = `${prefix}.${version}.${kind}`;
  return facts.type(name) === undefined ? undefined : name;
}

/** Names of the types that the paths of these kinds refer to. */
export function typesOfKinds(facts: Facts, kinds: readonly OpenApiKind[]): ReadonlySet<string> {
  const out = new Set(['DeleteOptions', 'Status', 'Patch', 'APIResourceList', 'WatchEvent'].map((name) => `${META}.${name}`));
  for (const kind of kinds) {
    out.add(kind.typeName);
    if (facts.type(`${kind.typeName}List`) !== undefined) out.add(`${kind.typeName}List`);
    for (const { kind: body } of Object.values(kind.subresources)) {
      const name = typeNameOf(facts, body);
      if (name !== undefined) out.add(name);
    }
  }
  return out;
}

/** All paths of some kinds, sorted. Made in short steps. */
export function* paths(context: PathContext, kinds: readonly OpenApiKind[]): Generator<undefined, DraftObject> {
  const out = new Map<string, DraftObject>();
  for (const kind of kinds) {
    out.set(`${rootOf(kind)}/`, resourceList(context, kind));
    for (const [path, item] of pathsOfKind(context, kind)) out.set(path, item);
    yield undefined;
  }
  return Object.fromEntries([...out].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function resourceList(context: PathContext, kind: OpenApiKind): DraftObject {
  const responses = response(context, `${META}.APIResourceList`);
  return {
    get: {
      description: 'get available resources',
      operationId: `get${idGroup(kind)}APIResources`,
      tags: [tag(kind)],
      schemes: ['https'],
      ...produces(context, JSON_TYPES),
      responses,
    },
  };
}

function* pathsOfKind(context: PathContext, kind: OpenApiKind): Generator<readonly [string, DraftObject]> {
  const scope = kind.namespaced ? '/namespaces/{namespace}' : '';
  const collection = `${rootOf(kind)}${scope}/${kind.resource}`;
  const shared = kind.namespaced ? [pathParameter(context, 'namespace', 'object name and auth scope, such as for teams and projects')] : [];
  const named = [pathParameter(context, 'name', `name of the ${kind.kind}`), ...shared];
  const ops = (verbs: readonly (readonly [string, string, string])[]): DraftObject =>
    Object.fromEntries(verbs.filter(([verb]) => kind.verbs.includes(verb)).map(([, method, action]) => [method, operation(context, kind, action)]));
  const whole = ops([
    ['list', 'get', 'list'],
    ['create', 'post', 'post'],
    ['deletecollection', 'delete', 'deletecollection'],
  ]);
  if (Object.keys(whole).length > 0) yield [collection, withParameters(whole, shared)];
  const one = ops([
    ['get', 'get', 'get'],
    ['update', 'put', 'put'],
    ['delete', 'delete', 'delete'],
    ['patch', 'patch', 'patch'],
  ]);
  if (Object.keys(one).length > 0) yield [`${collection}/{name}`, withParameters(one, named)];
  if (kind.namespaced && kind.verbs.includes('list')) {
    yield [`${rootOf(kind)}/${kind.resource}`, { get: operation(context, kind, 'list', { everywhere: true }) }];
  }
  for (const [subresource, { kind: body, verbs }] of Object.entries(kind.subresources)) {
    const item: DraftObject = {};
    for (const [verb, method] of SUBRESOURCE_METHODS) if (verbs.includes(verb)) item[method] = operation(context, kind, method, { subresource, body });
    yield [`${collection}/{name}/${subresource}`, withParameters(item, named)];
  }
}

const SUBRESOURCE_METHODS = [
  ['get', 'get'],
  ['create', 'post'],
  ['update', 'put'],
  ['patch', 'patch'],
  ['delete', 'delete'],
] as const;

const withParameters = (item: DraftObject, parameters: DraftObject[]): DraftObject => (parameters.length === 0 ? item : { ...item, parameters });

interface OperationDetail {
  readonly subresource?: string;
  readonly body?: GroupVersionKind;
  readonly everywhere?: boolean;
}

function operation(context: PathContext, kind: OpenApiKind, action: string, detail: OperationDetail = {}): DraftObject {
  const { flavour, facts } = context;
  const gvk = detail.body ?? { group: kind.group, version: kind.version, kind: kind.kind };
  const bodyType = detail.body === undefined ? kind.typeName : typeNameOf(facts, detail.body);
  const answers = action === 'list' ? `${kind.typeName}List` : action === 'delete' || action === 'deletecollection' ? `${META}.Status` : bodyType;
  const accepts =
    action === 'patch' ? `${META}.Patch` : action.startsWith('delete') ? `${META}.DeleteOptions` : action === 'post' || action === 'put' ? bodyType : undefined;
  const consumed = action === 'patch' ? PATCH_TYPES : JSON_TYPES;
  const query = (QUERY[action] ?? []).map(([name, type]) => queryParameter(flavour, name, type));
  return {
    description: describe(action, kind.kind, detail.subresource),
    operationId: operationId(kind, action, detail),
    tags: [tag(kind)],
    ...(flavour === 2 ? { schemes: ['https'], consumes: action === 'get' || action === 'list' ? ['*/*'] : [...consumed] } : {}),
    ...produces(context, action === 'list' ? [...JSON_TYPES, ...WATCH_TYPES] : JSON_TYPES),
    ...parametersAndBody(context, query, accepts, consumed, action.startsWith('delete')),
    responses: response(context, answers),
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': { group: gvk.group, kind: gvk.kind, version: gvk.version },
  };
}

const describe = (action: string, kind: string, subresource: string | undefined): string =>
  `${WORDS[action] ?? action} ${subresource === undefined ? '' : `${subresource} of `}${kind}`;

const WORDS: Readonly<Record<string, string>> = {
  list: 'list or watch objects of kind',
  get: 'read the specified',
  post: 'create a',
  put: 'replace the specified',
  patch: 'partially update the specified',
  delete: 'delete a',
  deletecollection: 'delete collection of',
};

type QueryType = 'string' | 'integer' | 'boolean';
const WRITE: readonly (readonly [string, QueryType])[] = [
  ['pretty', 'string'],
  ['dryRun', 'string'],
  ['fieldManager', 'string'],
  ['fieldValidation', 'string'],
];
const LIST: readonly (readonly [string, QueryType])[] = [
  ['pretty', 'string'],
  ['allowWatchBookmarks', 'boolean'],
  ['continue', 'string'],
  ['fieldSelector', 'string'],
  ['labelSelector', 'string'],
  ['limit', 'integer'],
  ['resourceVersion', 'string'],
  ['resourceVersionMatch', 'string'],
  ['sendInitialEvents', 'boolean'],
  ['timeoutSeconds', 'integer'],
  ['watch', 'boolean'],
];
const DELETE: readonly (readonly [string, QueryType])[] = [
  ['pretty', 'string'],
  ['dryRun', 'string'],
  ['gracePeriodSeconds', 'integer'],
  ['ignoreStoreReadErrorWithClusterBreakingPotential', 'boolean'],
  ['orphanDependents', 'boolean'],
  ['propagationPolicy', 'string'],
];
const QUERY: Readonly<Record<string, readonly (readonly [string, QueryType])[]>> = {
  get: [['pretty', 'string']],
  list: LIST,
  post: WRITE,
  put: WRITE,
  patch: [...WRITE, ['force', 'boolean']],
  delete: DELETE,
  deletecollection: [...DELETE, ...LIST.filter(([name]) => !['pretty', 'watch', 'allowWatchBookmarks'].includes(name))],
};

const queryParameter = (flavour: Flavour, name: string, type: QueryType): DraftObject =>
  flavour === 2 ? { name, in: 'query', type, uniqueItems: true } : { name, in: 'query', schema: { type, uniqueItems: true } };

function pathParameter({ flavour }: PathContext, name: string, description: string): DraftObject {
  const head = { name, in: 'path', description, required: true };
  return flavour === 2 ? { ...head, type: 'string', uniqueItems: true } : { ...head, schema: { type: 'string', uniqueItems: true } };
}

const produces = ({ flavour }: PathContext, types: readonly string[]): DraftObject => (flavour === 2 ? { produces: [...types] } : {});

function parametersAndBody(
  { flavour, facts }: PathContext,
  query: DraftObject[],
  accepts: string | undefined,
  consumed: readonly string[],
  optional: boolean,
): DraftObject {
  if (accepts === undefined || facts.type(accepts) === undefined) return query.length === 0 ? {} : { parameters: query };
  const schema = { $ref: reference(flavour, definitionName(accepts)) };
  if (flavour === 2) return { parameters: [{ name: 'body', in: 'body', ...(optional ? {} : { required: true }), schema }, ...query] };
  const types = consumed === PATCH_TYPES ? PATCH_TYPES : ['*/*'];
  const content: DraftObject = Object.fromEntries(types.map((type) => [type, { schema }]));
  return { parameters: query, requestBody: { content, ...(optional ? {} : { required: true }) } };
}

function response({ flavour, facts }: PathContext, typeName: string | undefined): DraftObject {
  const ok: DraftObject = { description: 'OK' };
  if (typeName !== undefined && facts.type(typeName) !== undefined) {
    const schema: DraftJson = { $ref: reference(flavour, definitionName(typeName)) };
    if (flavour === 2) ok.schema = schema;
    else ok.content = Object.fromEntries(JSON_TYPES.map((type) => [type, { schema }]));
  }
  return { '200': ok, '401': { description: 'Unauthorized' } };
}

/** `core_v1`, `rbacAuthorization_v1`: how the documents call a group version. */
function tag(kind: OpenApiKind): string {
  const words = groupWords(kind);
  return `${[words[0]?.toLowerCase(), ...words.slice(1)].join('')}_${kind.version}`;
}

const groupWords = ({ group }: { readonly group: string }): readonly string[] =>
  group === ''
    ? ['Core']
    : group
        .replace(/\.k8s\.io$/, '')
        .split(/[.-]/)
        .map(capital);
const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);
const idGroup = (kind: OpenApiKind): string => `${groupWords(kind).join('')}${capital(kind.version)}`;

const VERB_OF_ACTION: Readonly<Record<string, string>> = {
  list: 'list',
  get: 'read',
  post: 'create',
  put: 'replace',
  patch: 'patch',
  delete: 'delete',
  deletecollection: 'delete',
};

function operationId(kind: OpenApiKind, action: string, { subresource, everywhere }: OperationDetail): string {
  const scope = kind.namespaced && everywhere !== true ? 'Namespaced' : '';
  const collection = action === 'deletecollection' ? 'Collection' : '';
  const tail = `${subresource === undefined ? '' : subresource.split('/').map(capital).join('')}${everywhere === true ? 'ForAllNamespaces' : ''}`;
  return `${VERB_OF_ACTION[action] ?? action}${idGroup(kind)}${collection}${scope}${kind.kind}${tail}`;
}
