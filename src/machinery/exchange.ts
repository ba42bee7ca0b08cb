import type { Json, JsonObject, KubeObject } from './object.ts';
import type { StatusError } from './status-error.ts';

/**
 * The seam between whoever asks and the API server: one request, one answer, without sockets. The HTTPS front of the server
 * and the in-process client both speak it, so that no component can tell which way it is connected (law 1).
 */
export interface ApiRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Absolute, percent-decoded by segment only where used: `/api/v1/namespaces/default/pods/x`. No query. */
  readonly path: string;
  /** Every parameter in order of arrival; a name may come twice. */
  readonly query: readonly (readonly [name: string, value: string])[];
  /** A patch's content type (`application/apply-patch+yaml` …); for other bodies `application/json`. */
  readonly contentType?: string | undefined;
  /** An object: handed over, never kept nor changed by the callee; normalised like parsed bytes. */
  readonly body?: JsonObject | readonly Json[] | undefined;
  /** Who asks. */
  readonly user: UserInfo;
  /** The product part becomes the default field manager: `kubectl/v1.36` gives `kubectl`. */
  readonly userAgent?: string | undefined;
  /** Objects of the answer (get, list, watch) come without metadata.managedFields: one frozen object a revision, shared by all who ask so. */
  readonly omitManagedFields?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface UserInfo {
  readonly name: string;
  readonly uid?: string | undefined;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>> | undefined;
}

/** The answer to anything but a watch. Failures are thrown as StatusError. */
export interface ApiResponse {
  readonly code: number;
  /** Frozen. A single object, a list, a Status. */
  readonly body: JsonObject;
  /** Texts of `Warning: 299` headers. */
  readonly warnings: readonly string[];
}

export type WatchEventType = 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';

export interface WatchEvent<T extends KubeObject = KubeObject> {
  readonly type: WatchEventType;
  /** Frozen and shared by all receivers. Carries kind, apiVersion and resourceVersion. */
  readonly object: T;
}

export interface WatchSink<T extends KubeObject = KubeObject> {
  /** All events of one group commit that this watch selects, in order; never empty. Must not throw. */
  events(batch: readonly WatchEvent<T>[]): void;
  /** The watch has ended: without an error by `close`, timeout or shutdown; with 410 Expired when it is too old. Called once. */
  closed(error?: StatusError): void;
}

export interface WatchHandle {
  /** No call reaches the sink afterwards, `closed` included. */
  close(): void;
}

/** The API server as a function. */
export interface ApiHandler {
  /** Throws StatusError. */
  request(request: ApiRequest): Promise<ApiResponse>;
  /** `request` is a GET with `watch=true`. Throws StatusError when the watch can't start. */
  watch(request: ApiRequest, sink: WatchSink): Promise<WatchHandle>;
}
