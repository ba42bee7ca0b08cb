import type { Kind } from '../../api/kind.ts';
import { resourcePath } from '../../api/resource.ts';
import type { GroupVersionKind, JsonObject } from '../../machinery/object.ts';
import { type Dialect, reference } from './definitions.ts';

/** The paths of one kind with their operations, as clients read them: which verbs, which kind, which parameters. */
export function pathsOf(kind: Kind, dialect: Dialect, typeNameOf: (kind: GroupVersionKind) => string | undefined): Readonly<Record<string, JsonObject>> {
  const writer = new PathWriter(kind, dialect, typeNameOf);
  return writer.paths();
}

interface Operation {
  readonly verb: string;
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  readonly kind: GroupVersionKind;
  /** Of the body and of the answer; absent: none that the tables know. */
  readonly type: string | undefined;
}

const METHODS: Readonly<Record<string, Operation['method']>> = {
  get: 'get',
  list: 'get',
  create: 'post',
  update: 'put',
  patch: 'patch',
  delete: 'delete',
  deletecollection: 'delete',
};

const ACTIONS: Readonly<Record<string, string>> = { create: 'post', update: 'put' };

class PathWriter {
  readonly #kind: Kind;
  readonly #dialect: Dialect;
  readonly #typeNameOf: (kind: GroupVersionKind) => string | undefined;

  constructor(kind: Kind, dialect: Dialect, typeNameOf: (kind: GroupVersionKind) => string | undefined) {
    this.#kind = kind;
    this.#dialect = dialect;
    this.#typeNameOf = typeNameOf;
  }

  paths(): Readonly<Record<string, JsonObject>> {
    const kind = this.#kind;
    const base = resourcePath(kind, kind.namespaced ? '{namespace}' : undefined).replace('%7Bnamespace%7D', '{namespace}');
    const paths: Record<string, JsonObject> = {};
    const add = (path: string, operations: readonly Operation[]): void => {
      if (operations.length > 0) paths[path] = this.#item(path, operations);
    };
    add(base, this.#operations(kind, kind.verbs, ['list', 'create', 'deletecollection'], kind.typeName));
    if (kind.namespaced) add(resourcePath(kind), this.#operations(kind, kind.verbs, ['list'], kind.typeName));
    add(`${base}/{name}`, this.#operations(kind, kind.verbs, ['get', 'update', 'patch', 'delete'], kind.typeName));
    for (const [name, { kind: body, verbs }] of Object.entries(kind.subresources)) {
      add(`${base}/{name}/${name}`, this.#operations(body, verbs, ['get', 'create', 'update', 'patch', 'delete'], this.#typeNameOf(body)));
    }
    return paths;
  }

  #operations(kind: GroupVersionKind, served: readonly string[], wanted: readonly string[], type: string | undefined): readonly Operation[] {
    return wanted
      .filter((verb) => served.includes(verb))
      .map((verb) => ({ verb, method: METHODS[verb] ?? 'get', kind: { group: kind.group, version: kind.version, kind: kind.kind }, type }));
  }

  #item(path: string, operations: readonly Operation[]): JsonObject {
    const parameters: JsonObject[] = [];
    if (path.includes('{name}')) parameters.push(this.#parameter('name', 'path', 'string', true));
    if (path.includes('{namespace}')) parameters.push(this.#parameter('namespace', 'path', 'string', true));
    const entries = operations.map((operation) => [operation.method, this.#operation(path, operation)] as const);
    return { ...Object.fromEntries(entries), ...(parameters.length === 0 ? {} : { parameters }) };
  }

  #operation(path: string, { verb, kind, type }: Operation): JsonObject {
    const { version, group } = this.#kind;
    const tag = `${(group === '' ? 'core' : group.split('.')[0]) ?? ''}_${version}`;
    const common = {
      tags: [tag],
      operationId: operationId(verb, path, kind.kind),
      'x-kubernetes-action': ACTIONS[verb] ?? verb,
      'x-kubernetes-group-version-kind': kind as unknown as JsonObject,
    };
    const result = verb === 'list' ? listType(type, this.#kind) : verb === 'delete' || verb === 'deletecollection' ? 'machinery.meta.v1.Status' : type;
    const responses = { '200': this.#response(result), '401': { description: 'Unauthorized' } };
    const query = PARAMETERS[verb] ?? [];
    const parameters = query.map(([name, of]) => this.#parameter(name, 'query', of, false));
    const body = verb === 'patch' ? 'machinery.meta.v1.Patch' : verb === 'create' || verb === 'update' ? type : verb === 'delete' ? 'machinery.meta.v1.DeleteOptions' : undefined;
    return this.#dialect === 'v2' ? this.#v2(common, parameters, body, responses, verb) : this.#v3(common, parameters, body, responses, verb);
  }

  #v2(common: JsonObject, parameters: JsonObject[], body: string | undefined, responses: JsonObject, verb: string): JsonObject {
    const inBody = body === undefined ? [] : [{ name: 'body', in: 'body', required: verb !== 'delete', schema: { $ref: reference(body, 'v2') } }];
    return { ...common, consumes: verb === 'patch' ? PATCH_TYPES : ['*/*'], produces: PRODUCES, schemes: ['https'], parameters: [...inBody, ...parameters], responses };
  }

  #v3(common: JsonObject, parameters: JsonObject[], body: string | undefined, responses: JsonObject, verb: string): JsonObject {
    const types = verb === 'patch' ? PATCH_TYPES : ['*/*'];
    const schema = body === undefined ? undefined : { $ref: reference(body, 'v3') };
    const requestBody = schema === undefined ? {} : { requestBody: { content: Object.fromEntries(types.map((type) => [type, { schema }])), ...(verb === 'delete' ? {} : { required: true }) } };
    return { ...common, ...(parameters.length === 0 ? {} : { parameters }), ...requestBody, responses };
  }

  #response(type: string | undefined): JsonObject {
    if (type === undefined) return { description: 'OK' };
    const schema = { $ref: reference(type, this.#dialect) };
    return this.#dialect === 'v2' ? { description: 'OK', schema } : { description: 'OK', content: { 'application/json': { schema } } };
  }

  #parameter(name: string, where: 'path' | 'query', type: string, required: boolean): JsonObject {
    const head = { name, in: where, ...(required ? { required } : {}) };
    return this.#dialect === 'v2' ? { ...head, uniqueItems: true, type } : { ...head, schema: { type, uniqueItems: true } };
  }
}

const PRODUCES = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];
const PATCH_TYPES = ['application/json-patch+json', 'application/merge-patch+json', 'application/strategic-merge-patch+json', 'application/apply-patch+yaml', 'application/apply-patch+cbor'];

type Parameter = readonly [name: string, type: string];
const WRITE: readonly Parameter[] = [['dryRun', 'string'], ['fieldManager', 'string'], ['fieldValidation', 'string']];
const DELETE: readonly Parameter[] = [['dryRun', 'string'], ['gracePeriodSeconds', 'integer'], ['orphanDependents', 'boolean'], ['propagationPolicy', 'string']];
const LIST: readonly Parameter[] = [
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
const PARAMETERS: Readonly<Record<string, readonly Parameter[]>> = {
  create: WRITE,
  update: WRITE,
  patch: [...WRITE, ['force', 'boolean']],
  delete: DELETE,
  deletecollection: [...DELETE, ...LIST],
  list: LIST,
};

const VERB_WORDS: Readonly<Record<string, string>> = { get: 'read', create: 'create', update: 'replace', patch: 'patch', delete: 'delete', deletecollection: 'deleteCollection', list: 'list' };

/** Unique by verb and path: `readCoreV1NamespacedPodStatus`. */
function operationId(verb: string, path: string, kind: string): string {
  const words = path
    .split('/')
    .filter((part) => part !== '' && part !== 'api' && part !== 'apis')
    .map((part) => (part === '{namespace}' ? 'Namespaced' : part === '{name}' ? 'Named' : pascal(part)));
  return `${VERB_WORDS[verb] ?? verb}${words.join('')}${kind}`;
}

function pascal(text: string): string {
  return text.split(/[^A-Za-z0-9]+/).map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join('');
}

function listType(type: string | undefined, kind: Kind): string | undefined {
  return type === kind.typeName ? `${type.slice(0, type.lastIndexOf('.') + 1)}${kind.listKind}` : type;
}
