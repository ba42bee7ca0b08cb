import type { Resource } from '../api/resource.ts';
import type { WatchEvent, WatchHandle } from '../machinery/exchange.ts';
import type { DraftObject, Json, JsonObject, KubeObject, Stored } from '../machinery/object.ts';
import type { StatusError } from '../machinery/status-error.ts';

/** Typed requests, the same over HTTPS and in process. Every method throws StatusError; what it returns is frozen. */
export interface Client {
  get<T extends KubeObject>(resource: Resource<T>, name: string, namespace?: string, options?: RequestOptions): Promise<Stored<T>>;
  list<T extends KubeObject>(resource: Resource<T>, options?: ListRequest): Promise<List<T>>;
  watch<T extends KubeObject>(resource: Resource<T>, options: WatchRequest, sink: ClientSink<T>): Promise<WatchHandle>;
  create<T extends KubeObject>(resource: Resource<T>, object: T, options?: WriteOptions): Promise<Stored<T>>;
  update<T extends KubeObject>(resource: Resource<T>, object: T, options?: WriteOptions): Promise<Stored<T>>;
  updateStatus<T extends KubeObject>(resource: Resource<T>, object: T, options?: WriteOptions): Promise<Stored<T>>;
  patch<T extends KubeObject>(resource: Resource<T>, name: string, patch: Patch, options?: PatchOptions): Promise<Stored<T>>;
  delete<T extends KubeObject>(resource: Resource<T>, name: string, namespace?: string, options?: DeleteOptions): Promise<JsonObject>;
  /** A subresource by name: `binding`, `eviction`, `token`, `scale`. */
  createSubresource<T extends KubeObject>(
    resource: Resource<T>,
    name: string,
    namespace: string | undefined,
    subresource: string,
    body: JsonObject,
  ): Promise<JsonObject>;
  /** Anything else: discovery, `/version`, `/readyz` is not among it (plain text). */
  raw(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: JsonObject): Promise<JsonObject>;
}

export interface List<T extends KubeObject> {
  readonly resourceVersion: string;
  readonly continue?: string | undefined;
  readonly items: readonly Stored<T>[];
}

export interface RequestOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface Selection {
  /** Absent: all namespaces. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

export interface ListRequest extends Selection, RequestOptions {
  /** What comes back may lack metadata.managedFields (in process it does: informers keep half the memory). */
  readonly omitManagedFields?: boolean;
  readonly limit?: number;
  readonly continue?: string;
  readonly resourceVersion?: string;
}

export interface WatchRequest extends Selection {
  /** As in `ListRequest`. */
  readonly omitManagedFields?: boolean;
  readonly resourceVersion?: string;
  readonly sendInitialEvents?: boolean;
  readonly allowBookmarks?: boolean;
}

/** As `WatchSink` of machinery/exchange.ts. */
export interface ClientSink<T extends KubeObject> {
  events(batch: readonly WatchEvent<Stored<T>>[]): void;
  closed(error?: StatusError): void;
}

export interface WriteOptions extends RequestOptions {
  readonly fieldManager?: string;
  readonly dryRun?: boolean;
}

export type Patch =
  | { readonly type: 'json'; readonly body: readonly Json[] }
  | { readonly type: 'merge' | 'strategic'; readonly body: JsonObject | DraftObject }
  | { readonly type: 'apply'; readonly body: JsonObject; readonly force?: boolean };

export interface PatchOptions extends WriteOptions {
  readonly namespace?: string | undefined;
  readonly subresource?: string;
}

export interface DeleteOptions extends RequestOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
}
