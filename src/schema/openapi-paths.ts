import type { DraftObject, GroupVersionKind } from '../machinery/object.ts';
import type { Facts } from './facts.ts';
import { JSON_TYPES, META, type Operation, PATCH_TYPES, type PathContext, pathItem, WATCH_TYPES } from './openapi-operations.ts';
import {
  DELETE_COLLECTION_PARAMETERS,
  DELETE_PARAMETERS,
  LIST_PARAMETERS,
  OPTIONS_PARAMETERS,
  type Parameter,
  PATCH_PARAMETERS,
  pathParameter,
  PRETTY,
  WRITE_PARAMETERS,
} from './openapi-parameters.ts';

/** A served kind, as the registry of the API server has it. */
export interface OpenApiKind extends GroupVersionKind {
  readonly resource: string;
  readonly namespaced: boolean;
  readonly typeName: string;
  readonly verbs: readonly string[];
  readonly subresources: Readonly<Record<string, { readonly kind: GroupVersionKind; readonly verbs: readonly string[] }>>;
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

/** Whether a deletion answers with the object, by kind; else it is a Status. */
export type ReturnsObject = (kind: OpenApiKind) => boolean;

/** All paths of some kinds. Made in short steps. */
export function* kindPaths(
  context: PathContext,
  kinds: readonly OpenApiKind[],
  returnsObject: ReturnsObject,
): Generator<undefined, readonly (readonly [string, DraftObject])[]> {
  const out: (readonly [string, DraftObject])[] = [];
  for (const kind of kinds) {
    for (const entry of pathsOfKind(context, kind, returnsObject(kind))) {
      out.push(entry);
      yield undefined;
    }
  }
  return out;
}

const NAMESPACE = pathParameter('namespace', 'The namespace.');

function* pathsOfKind(context: PathContext, kind: OpenApiKind, returnsObject: boolean): Generator<readonly [string, DraftObject]> {
  const names = new Names(kind);
  const scope = kind.namespaced ? '/namespaces/{namespace}' : '';
  const collection = `${rootOf(kind)}${scope}/${kind.resource}`;
  const shared = kind.namespaced ? [NAMESPACE] : [];
  const named = [pathParameter('name', `The name of the ${kind.kind}.`), ...shared];
  const pick = (all: Readonly<Record<string, readonly [string, Operation]>>): Readonly<Record<string, Operation>> =>
    Object.fromEntries(Object.entries(all).flatMap(([verb, [method, operation]]) => (kind.verbs.includes(verb) ? [[method, operation]] : [])));
  const whole = pick({
    list: ['get', names.list()],
    create: ['post', names.write('post')],
    deletecollection: ['delete', names.deleteCollection()],
  });
  if (Object.keys(whole).length > 0) yield [collection, pathItem(context, whole, shared)];
  const one = pick({
    get: ['get', names.read()],
    update: ['put', names.write('put')],
    delete: ['delete', names.delete(returnsObject)],
    patch: ['patch', names.write('patch')],
  });
  if (Object.keys(one).length > 0) yield [`${collection}/{name}`, pathItem(context, one, named)];
  if (kind.namespaced && kind.verbs.includes('list')) yield [`${rootOf(kind)}/${kind.resource}`, pathItem(context, { get: names.list(EVERYWHERE) })];
  for (const [subresource, { kind: body, verbs }] of Object.entries(kind.subresources)) {
    yield* subresourcePaths(context, names, `${collection}/{name}/${subresource}`, named, { subresource, body, verbs });
  }
  if (!kind.verbs.includes('watch')) return;
  const watched = `${rootOf(kind)}/watch${scope}/${kind.resource}`;
  yield [watched, pathItem(context, { get: names.watchList() }, shared)];
  yield [`${watched}/{name}`, pathItem(context, { get: names.watch() }, named)];
  if (kind.namespaced) yield [`${rootOf(kind)}/watch/${kind.resource}`, pathItem(context, { get: names.watchList(EVERYWHERE) })];
}

interface Subresource {
  readonly subresource: string;
  readonly body: GroupVersionKind;
  readonly verbs: readonly string[];
}

const EVERYWHERE = 'ForAllNamespaces';
const SUBRESOURCE_METHODS = [
  ['get', 'get'],
  ['create', 'post'],
  ['update', 'put'],
  ['patch', 'patch'],
] as const;
/** Proxies pass these on as well. */
const PROXY_METHODS = ['delete', 'get', 'head', 'options', 'patch', 'post', 'put'];

function* subresourcePaths(
  context: PathContext,
  names: Names,
  path: string,
  named: readonly Parameter[],
  { subresource, body, verbs }: Subresource,
): Generator<readonly [string, DraftObject]> {
  const of = names.of(subresource, body, typeNameOf(context.facts, body));
  if (subresource === 'log') return yield [path, pathItem(context, { get: of.log() }, named)];
  if (!body.kind.endsWith('Options')) {
    const item: Record<string, Operation> = {};
    for (const [verb, method] of SUBRESOURCE_METHODS) if (verbs.includes(verb)) item[method] = method === 'get' ? of.read() : of.write(method);
    return yield [path, pathItem(context, item, named)];
  }
  const proxy = subresource === 'proxy';
  const methods = proxy ? PROXY_METHODS : SUBRESOURCE_METHODS.flatMap(([verb, method]) => (verbs.includes(verb) ? [method] : []));
  const item = (tail: string): Readonly<Record<string, Operation>> => Object.fromEntries(methods.map((method) => [method, of.connect(method, tail)]));
  yield [path, pathItem(context, item(''), named)];
  if (proxy) yield [`${path}/{path}`, pathItem(context, item('WithPath'), [...named, pathParameter('path', 'The path asked for behind the proxy.')])];
}

const ANY: readonly string[] = ['*/*'];

/** The operations of a kind or of a subresource, by how Kubernetes' own documents name them. */
class Names {
  readonly #kind: OpenApiKind;
  readonly #subresource: string | undefined;
  readonly #gvk: GroupVersionKind;
  readonly #typeName: string | undefined;

  constructor(kind: OpenApiKind, subresource?: string, gvk: GroupVersionKind = kind, typeName: string | undefined = kind.typeName) {
    this.#kind = kind;
    this.#subresource = subresource;
    this.#gvk = gvk;
    this.#typeName = subresource === undefined ? kind.typeName : typeName;
  }

  of(subresource: string, gvk: GroupVersionKind, typeName: string | undefined): Names {
    return new Names(this.#kind, subresource, gvk, typeName ?? '');
  }

  list(everywhere = ''): Operation {
    const description = `list or watch objects of kind ${this.#kind.kind}`;
    return { ...this.#operation('list', 'list', description, everywhere), ...this.#many(`${this.#kind.typeName}List`) };
  }

  watchList(everywhere = ''): Operation {
    const description = `watch changes to objects of kind ${this.#kind.kind}; deprecated: use the watch parameter of a list`;
    return { ...this.#operation('watchlist', 'watch', description, `List${everywhere}`), ...this.#many(`${META}.WatchEvent`) };
  }

  watch(): Operation {
    const description = `watch changes to one ${this.#kind.kind}; deprecated: use the watch and fieldSelector parameters of a list`;
    return { ...this.#operation('watch', 'watch', description), ...this.#many(`${META}.WatchEvent`) };
  }

  read(): Operation {
    const what = this.#subresource === undefined ? 'the specified' : `${this.#subresource} of the specified`;
    return { ...this.#operation('get', 'read', `read ${what} ${this.#kind.kind}`), consumes: ANY, parameters: [PRETTY], answer: this.#typeName };
  }

  write(method: 'post' | 'put' | 'patch'): Operation {
    const [verb, words, ofOne] = WRITES[method];
    const what = this.#subresource === undefined ? ofOne : `${this.#subresource} of ${ofOne}`;
    const patch = method === 'patch';
    return {
      ...this.#operation(method, verb, `${words} ${what} ${this.#kind.kind}`),
      consumes: patch ? PATCH_TYPES : ANY,
      parameters: [PRETTY, ...(patch ? PATCH_PARAMETERS : WRITE_PARAMETERS)],
      body: { typeName: patch ? `${META}.Patch` : (this.#typeName ?? ''), optional: false },
      answer: this.#typeName,
      codes: method === 'post' ? [201, 202] : [201],
    };
  }

  delete(returnsObject: boolean): Operation {
    return {
      ...this.#operation('delete', 'delete', `delete a ${this.#kind.kind}`),
      ...DELETES,
      parameters: [PRETTY, ...DELETE_PARAMETERS],
      answer: returnsObject ? this.#typeName : `${META}.Status`,
      codes: [202],
    };
  }

  deleteCollection(): Operation {
    const operation = this.#operation('deletecollection', 'delete', `delete collection of ${this.#kind.kind}`, '', 'Collection');
    return { ...operation, ...DELETES, parameters: [PRETTY, ...DELETE_COLLECTION_PARAMETERS], answer: `${META}.Status` };
  }

  log(): Operation {
    const operation = this.#operation('get', 'read', `read log of the specified ${this.#kind.kind}`);
    return {
      ...operation,
      consumes: ANY,
      produces: ['text/plain', ...JSON_TYPES],
      parameters: [PRETTY, ...(OPTIONS_PARAMETERS['PodLogOptions'] ?? [])],
      answer: 'text',
    };
  }

  connect(method: string, tail: string): Operation {
    const description = `connect ${method.toUpperCase()} requests to ${this.#subresource} of ${this.#kind.kind}`;
    return {
      ...this.#operation('connect', 'connect', description, tail, capital(method)),
      consumes: ANY,
      produces: ANY,
      parameters: OPTIONS_PARAMETERS[this.#gvk.kind],
      answer: 'text',
    };
  }

  #operation(action: string, verb: string, description: string, tail = '', infix = ''): Operation {
    const kind = this.#kind;
    const scope = kind.namespaced && !tail.endsWith(EVERYWHERE) ? 'Namespaced' : '';
    const subresource = this.#subresource === undefined ? '' : this.#subresource.split('/').map(capital).join('');
    return {
      description,
      operationId: `${verb}${idGroup(kind)}${infix}${scope}${kind.kind}${subresource}${tail}`,
      tag: tagOf(kind),
      produces: JSON_TYPES,
      action,
      gvk: this.#gvk,
    };
  }

  #many(answer: string): Partial<Operation> {
    return { consumes: ANY, produces: WATCH_TYPES, parameters: [PRETTY, ...LIST_PARAMETERS], answer };
  }
}

const WRITES = {
  post: ['create', 'create', 'a'],
  put: ['replace', 'replace', 'the specified'],
  patch: ['patch', 'partially update', 'the specified'],
} as const;
const DELETES = { consumes: ANY, body: { typeName: `${META}.DeleteOptions`, optional: true } } as const;

/** `core_v1`, `rbacAuthorization_v1`: how the documents call a group version. */
const tagOf = (kind: OpenApiKind): string => `${groupTag(kind.group)}_${kind.version}`;

/** `core`, `rbacAuthorization`. */
export function groupTag(group: string): string {
  const words = groupWords(group);
  return [words[0]?.toLowerCase(), ...words.slice(1)].join('');
}

/** `Core`, `RbacAuthorization`: within names of operations. */
export const groupId = (group: string): string => groupWords(group).join('');

const groupWords = (group: string): readonly string[] =>
  group === ''
    ? ['Core']
    : group
        .replace(/\.k8s\.io$/, '')
        .split(/[.-]/)
        .map(capital);
const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);
export const idGroup = (kind: { readonly group: string; readonly version: string }): string => `${groupId(kind.group)}${capital(kind.version)}`;
