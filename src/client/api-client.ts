import { type Resource, resourcePath } from '../api/resource.ts';
import type { Json, JsonObject, KubeObject, Stored } from '../machinery/object.ts';
import { setOwn } from '../machinery/record.ts';
import { badRequest } from '../machinery/status-error.ts';
import type { WatchHandle } from '../machinery/exchange.ts';
import type {
  Client,
  ClientSink,
  DeleteOptions,
  List,
  ListRequest,
  Patch,
  PatchOptions,
  RequestOptions,
  Selection,
  WatchRequest,
  WriteOptions,
} from './client.ts';
import type { Transport, TransportRequest } from './transport.ts';

type Query = [string, string][];

const PATCH_TYPES: Readonly<Record<Patch['type'], string>> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};

/** Typed requests over any transport. `fieldManager` is sent with every write that names no other. */
export function createClient(transport: Transport, fieldManager?: string): Client {
  return new ApiClient(transport, fieldManager);
}

class ApiClient implements Client {
  readonly #transport: Transport;
  readonly #fieldManager: string | undefined;

  constructor(transport: Transport, fieldManager: string | undefined) {
    this.#transport = transport;
    this.#fieldManager = fieldManager;
  }

  get<T extends KubeObject>(resource: Resource<T>, name: string, namespace?: string, options?: RequestOptions): Promise<Stored<T>> {
    return this.#object<T>({ method: 'GET', path: resourcePath(resource, namespace, name), query: [], signal: options?.signal });
  }

  async list<T extends KubeObject>(resource: Resource<T>, options: ListRequest = {}): Promise<List<T>> {
    const query = selection(options);
    if (options.limit !== undefined) query.push(['limit', String(options.limit)]);
    if (options.continue !== undefined) query.push(['continue', options.continue]);
    if (options.resourceVersion !== undefined) query.push(['resourceVersion', options.resourceVersion]);
    const { body } = await this.#transport.request({
      method: 'GET',
      path: resourcePath(resource, options.namespace),
      query,
      signal: options.signal,
      omitManagedFields: options.omitManagedFields,
    });
    const metadata = body.metadata as { readonly resourceVersion?: string; readonly continue?: string } | undefined;
    return {
      resourceVersion: metadata?.resourceVersion ?? '',
      continue: metadata?.continue === '' ? undefined : metadata?.continue,
      items: (body.items ?? []) as unknown as readonly Stored<T>[],
    };
  }

  watch<T extends KubeObject>(resource: Resource<T>, options: WatchRequest, sink: ClientSink<T>): Promise<WatchHandle> {
    const query = selection(options);
    query.push(['watch', 'true']);
    if (options.allowBookmarks !== false) query.push(['allowWatchBookmarks', 'true']);
    if (options.resourceVersion !== undefined) query.push(['resourceVersion', options.resourceVersion]);
    if (options.sendInitialEvents === true) query.push(['sendInitialEvents', 'true'], ['resourceVersionMatch', 'NotOlderThan']);
    const request: TransportRequest = { method: 'GET', path: resourcePath(resource, options.namespace), query, omitManagedFields: options.omitManagedFields };
    return this.#transport.watch(request, sink as unknown as Parameters<Transport['watch']>[1]);
  }

  create<T extends KubeObject>(resource: Resource<T>, object: T, options: WriteOptions = {}): Promise<Stored<T>> {
    return this.#object<T>({
      method: 'POST',
      path: resourcePath(resource, object.metadata?.namespace),
      query: this.#writeQuery(options),
      body: withKind(resource, object),
      signal: options.signal,
    });
  }

  update<T extends KubeObject>(resource: Resource<T>, object: T, options: WriteOptions = {}): Promise<Stored<T>> {
    return this.#put(resource, object, undefined, options);
  }

  updateStatus<T extends KubeObject>(resource: Resource<T>, object: T, options: WriteOptions = {}): Promise<Stored<T>> {
    return this.#put(resource, object, 'status', options);
  }

  async patch<T extends KubeObject>(resource: Resource<T>, name: string, patch: Patch, options: PatchOptions = {}): Promise<Stored<T>> {
    const query = this.#writeQuery(options);
    if (patch.type === 'apply' && patch.force === true) query.push(['force', 'true']);
    return this.#object<T>({
      method: 'PATCH',
      path: resourcePath(resource, options.namespace, name, options.subresource),
      query,
      contentType: PATCH_TYPES[patch.type],
      body: patch.body as JsonObject | readonly Json[],
      signal: options.signal,
    });
  }

  async delete<T extends KubeObject>(resource: Resource<T>, name: string, namespace?: string, options: DeleteOptions = {}): Promise<JsonObject> {
    const body: Record<string, Json | undefined> = { kind: 'DeleteOptions', apiVersion: 'v1' };
    if (options.gracePeriodSeconds !== undefined) body.gracePeriodSeconds = options.gracePeriodSeconds;
    if (options.propagationPolicy !== undefined) body.propagationPolicy = options.propagationPolicy;
    if (options.preconditions !== undefined) body.preconditions = { ...options.preconditions };
    const answer = await this.#transport.request({
      method: 'DELETE',
      path: resourcePath(resource, namespace, name),
      query: [],
      body,
      signal: options.signal,
    });
    return answer.body;
  }

  async createSubresource<T extends KubeObject>(
    resource: Resource<T>,
    name: string,
    namespace: string | undefined,
    subresource: string,
    body: JsonObject,
  ): Promise<JsonObject> {
    const path = resourcePath(resource, namespace, name, subresource);
    const answer = await this.#transport.request({ method: 'POST', path, query: this.#writeQuery({}), body });
    return answer.body;
  }

  async raw(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: JsonObject): Promise<JsonObject> {
    const [plain = path, search = ''] = path.split('?', 2);
    const query = [...new URLSearchParams(search)].map(([name, value]): readonly [string, string] => [name, value]);
    const answer = await this.#transport.request({ method, path: plain, query, body });
    return answer.body;
  }

  #put<T extends KubeObject>(resource: Resource<T>, object: T, subresource: string | undefined, options: WriteOptions): Promise<Stored<T>> {
    const name = object.metadata?.name;
    if (name === undefined || name === '') throw badRequest('metadata.name: Required value: an update names its object');
    return this.#object<T>({
      method: 'PUT',
      path: resourcePath(resource, object.metadata?.namespace, name, subresource),
      query: this.#writeQuery(options),
      body: withKind(resource, object),
      signal: options.signal,
    });
  }

  #writeQuery(options: WriteOptions): Query {
    const query: Query = [];
    const manager = options.fieldManager ?? this.#fieldManager;
    if (manager !== undefined) query.push(['fieldManager', manager]);
    if (options.dryRun === true) query.push(['dryRun', 'All']);
    return query;
  }

  async #object<T extends KubeObject>(request: TransportRequest): Promise<Stored<T>> {
    const { body } = await this.#transport.request(request);
    return body as unknown as Stored<T>;
  }
}

function selection(options: Selection): Query {
  const query: Query = [];
  if (options.labelSelector !== undefined && options.labelSelector !== '') query.push(['labelSelector', options.labelSelector]);
  if (options.fieldSelector !== undefined && options.fieldSelector !== '') query.push(['fieldSelector', options.fieldSelector]);
  return query;
}

/** Items of lists carry no kind; a body must. */
function withKind<T extends KubeObject>(resource: Resource<T>, object: T): JsonObject {
  const apiVersion = resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
  const body: Record<string, Json | undefined> = { apiVersion, kind: resource.kind };
  for (const [key, value] of Object.entries(object as unknown as JsonObject)) {
    if (key !== 'apiVersion' && key !== 'kind') setOwn(body, key, value);
  }
  return body;
}
