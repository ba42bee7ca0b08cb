import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { Kind } from '../api/kind.ts';
import type { UserInfo } from '../machinery/exchange.ts';
import type { Audit } from './audit/trail.ts';
import type { FairShare } from './fairness/share.ts';
import type { Draft, DraftObject, Json, JsonObject, KubeObject } from '../machinery/object.ts';

/**
 * The seams between the core of the API server (`http`, `handlers`, `watch`) and the stages around it (`authn`, `authz`,
 * `admission`, `discovery`, `openapi`, `subresources`, `bootstrap`). `cluster/` composes them in `server.ts`'s options.
 *
 * Every stage may answer at once or later; refusals are thrown as StatusError.
 */
export type Awaitable<T> = T | Promise<T>;

// ---------------------------------------------------------------------------------------------- who is it?

/** What a connection and its headers prove. Worked out once per connection where it belongs to the connection. */
export interface Credentials {
  /**
   * A client certificate whose chain the TLS layer has verified against the client CA. `bad`: one was shown, but the client CA did not sign
   * it, or not for clients, or it is not valid now.
   */
  readonly certificate?: ClientCertificate | 'bad' | undefined;
  /** `Authorization: Bearer …`, or the WebSocket protocol `base64url.bearer.authorization.k8s.io.…`. */
  readonly bearerToken?: string | undefined;
  /** Of the peer; for the audit log and rate limits. */
  readonly remoteAddress?: string | undefined;
  /** What is asked for, without the query: some paths may be open to everybody. */
  readonly path?: string | undefined;
}

export interface ClientCertificate {
  /** Subject CN. */
  readonly commonName: string;
  /** Subject O, in order. */
  readonly organizations: readonly string[];
  /** Subject 1.3.6.1.4.1.57683.2, where it has one. */
  readonly uid?: string | undefined;
  /** DER. */
  readonly raw: Uint8Array;
}

/** Undefined: credentials that prove nothing were sent (401). No credentials at all: the stage decides (anonymous or undefined). */
export type Authenticate = (credentials: Credentials) => Awaitable<UserInfo | undefined>;

/**
 * Applies `Impersonate-User`, `-Group`, `-Uid`, `-Extra-…`; returns the same user when none is there. Throws 403. Header names in lower case.
 * `attributes`: what the request asks for, of the user who makes it.
 */
export type Impersonate = (user: UserInfo, headers: RequestHeaders, attributes: () => AuthorizeAttributes) => Awaitable<Impersonated>;

export interface Impersonated {
  readonly user: UserInfo;
  /** The verb that allowed it, for the audit log; absent: the old one, or nobody is impersonated. */
  readonly constraint?: string | undefined;
}

export type RequestHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

// ---------------------------------------------------------------------------------------------- may they?

export interface AuthorizeAttributes {
  readonly user: UserInfo;
  /** get, list, watch, create, update, patch, delete, deletecollection; for other paths the HTTP method in lower case. */
  readonly verb: string;
  /** Whether it is about a resource; then `group` … `name` are set (empty strings where they do not apply), else only `path`. */
  readonly resourceRequest: boolean;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  readonly path: string;
  /** As sent with list, watch and deletecollection. */
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

export interface AuthorizeDecision {
  readonly allowed: boolean;
  /** Why; ends up in the 403 message after a colon when it is not empty and not allowed. */
  readonly reason: string;
  /** Rules that could not be evaluated; for the SubjectAccessReview family. */
  readonly evaluationError?: string | undefined;
  /** An explicit no, which later authorizers can't turn into a yes. */
  readonly denied?: boolean | undefined;
}

export type Authorize = (attributes: AuthorizeAttributes) => Awaitable<AuthorizeDecision>;

// ---------------------------------------------------------------------------------------------- reading what is stored

/** Synchronous sight of what is durable, in the storage version. Objects are frozen, shared, and without managedFields. */
export interface StoredReader {
  /** `namespace` empty for cluster-scoped kinds. */
  get(group: string, resource: string, namespace: string, name: string): KubeObject | undefined;
  /** All of them, or those of one namespace, by namespace and name. Parses what is not cached: keep results, follow with `watch`. */
  list(group: string, resource: string, namespace?: string): readonly KubeObject[];
  /** The value of one selectable field of each of them (`spec.nodeName` of pods), '' where it is not set. Parses nothing. */
  fieldValues(group: string, resource: string, field: string): readonly FieldValue[];
  /** Called after every visible change, in order, never during the call. `after` is undefined for a deletion. */
  watch(group: string, resource: string, listener: (after: KubeObject | undefined, before: KubeObject | undefined) => void): Disposable;
}

export interface FieldValue {
  readonly namespace: string;
  readonly name: string;
  readonly value: string;
}

// ---------------------------------------------------------------------------------------------- admission

export type AdmissionOperation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';

export interface AdmissionRequest {
  readonly operation: AdmissionOperation;
  /** As requested (not the storage version). For subresources the parent's. */
  readonly kind: Kind;
  /** The plural. */
  readonly resource: string;
  /** Empty for the object itself. */
  readonly subresource: string;
  /** Empty for cluster-scoped kinds. For kind Namespace: its own name, as upstream. */
  readonly namespace: string;
  /** May be empty on a create with generateName, until the name is made. */
  readonly name: string;
  readonly user: UserInfo;
  /** CREATE and UPDATE: the draft that `admit` may change, in the requested version. DELETE: undefined. CONNECT: the options, if any. */
  readonly object: DraftObject | undefined;
  /** UPDATE and DELETE: what is stored, frozen. */
  readonly old: KubeObject | undefined;
  /** CreateOptions, UpdateOptions, PatchOptions, DeleteOptions, as given. */
  readonly options: JsonObject;
  readonly dryRun: boolean;
  readonly reader: StoredReader;
  readonly nowMs: number;
  /** Adds the text of a `Warning: 299` header. */
  warn(text: string): void;
  /** Adds to the audit event of the request. */
  annotate(key: string, value: string): void;
  /**
   * In the same commit, guarded by the version that was read: a change to another object (quota usage). When the guard fails,
   * admission runs again from the start. `object` keeps its kind's storage version; nothing else is checked. Not called on dry run's commit.
   */
  alsoUpdate(write: { readonly group: string; readonly resource: string; readonly read: KubeObject; readonly object: Draft<KubeObject> }): void;
}

/** One plugin, one file. All `admit` run in order, then schema and strategy validation, then all `validate`. */
export interface AdmissionPlugin {
  readonly name: string;
  /** A cheap test before either is called. Absent: all requests. */
  readonly handles?: (request: AdmissionRequest) => boolean;
  readonly admit?: (request: AdmissionRequest) => Awaitable<void>;
  readonly validate?: (request: AdmissionRequest) => Awaitable<void>;
}

export type AdmissionStep = 'admit' | 'validate';

/** Is told how long plugins take, each and all of a step together. Must not throw. */
export interface AdmissionTimes {
  /** Monotonic. */
  readonly nowMs: number;
  plugin(name: string, step: AdmissionStep, operation: AdmissionOperation, rejected: boolean, ms: number): void;
  step(step: AdmissionStep, operation: AdmissionOperation, rejected: boolean, ms: number): void;
}

// ---------------------------------------------------------------------------------------------- what is kept

export type StoreWrite = 'create' | 'update' | 'delete';

/** Is told how long the store takes to have an object on the disk. Must not throw. */
export interface StoreTimes {
  /** `failed`: the store could not; one whose guard was not met is as good as any. */
  written(key: string, operation: StoreWrite, ms: number, failed: boolean): void;
}

// ---------------------------------------------------------------------------------------------- paths that are not resources

export interface RawRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: readonly (readonly [name: string, value: string])[];
  readonly headers: RequestHeaders;
  readonly user: UserInfo;
  readonly signal: AbortSignal | undefined;
  /** The whole body, bounded. */
  body(): Awaitable<Uint8Array>;
}

export interface RawResponse {
  readonly code: number;
  /** Lower-case names. `content-type` is application/json when absent. */
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is sent as JSON (and handed over as it stands in process). */
  readonly body: Uint8Array | string | JsonObject;
  /** JSON that goes out indented: always, or (`json`) for people; or as YAML. Absent: as it stands. */
  readonly shownAs?: 'indented' | 'json' | 'yaml';
}

/** /healthz, /livez, /readyz, /version, /metrics, /api, /apis, /apis/GROUP, /apis/GROUP/VERSION, /openapi/… Before resources. */
export interface Route {
  /**
   * `exact`: the path only. `prefix`: the path and everything below it. The longest match wins. `restful`: as go-restful has it, a trailing slash
   * is forgiven and what is below is a Status.
   */
  readonly match: 'exact' | 'prefix' | 'restful';
  readonly path: string;
  readonly handle: (request: RawRequest) => Awaitable<RawResponse>;
}

// ---------------------------------------------------------------------------------------------- subresources and virtual kinds

/** A request to `…/NAME/SUBRESOURCE`, after authorization and, for the writing ones, CONNECT or CREATE admission. */
export interface SubresourceCall {
  readonly user: UserInfo;
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
  readonly subresource: string;
  /** HTTP method. */
  readonly method: string;
  /** What follows the subresource in the path, `/` included (`proxy`); empty otherwise. */
  readonly rest: string;
  readonly query: readonly (readonly [name: string, value: string])[];
  /** The parent, as stored. 404 was answered already when it is not there (proxy of `http:NAME:PORT` apart: then undefined). */
  readonly parent: KubeObject | undefined;
  readonly reader: StoredReader;
  readonly nowMs: number;
  readonly dryRun: boolean;
  readonly signal: AbortSignal | undefined;
  warn(text: string): void;
}

/** One whose body and answer are objects: serviceaccounts/token. Works over both transports. */
export interface ObjectSubresource {
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  /** `body`: decoded and normalised as the subresource's kind; frozen. */
  readonly handle: (call: SubresourceCall, body: JsonObject | undefined) => Awaitable<{ readonly code: number; readonly body: JsonObject }>;
}

/** The raw request of Node: HTTP/1.1 or HTTP/2, or an upgrade with its socket. */
export type RawExchange =
  | {
      readonly upgrade: false;
      readonly request: IncomingMessage | Http2ServerRequest;
      readonly response: ServerResponse | Http2ServerResponse;
    }
  | { readonly upgrade: true; readonly request: IncomingMessage; readonly socket: Duplex; readonly head: Uint8Array };

/** One that streams: pods/log, exec, attach, portforward, proxy; nodes/proxy; services/proxy. HTTPS only. */
export interface StreamSubresource {
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  /** A StatusError thrown before the answer has begun is written as a Status. Resolves when the stream has ended. */
  readonly handle: (call: SubresourceCall, exchange: RawExchange) => Promise<void>;
}

/** A kind that is not stored: the review family, componentstatuses. Absent verbs answer 405. */
export interface VirtualResource {
  readonly group: string;
  readonly resource: string;
  /** `body`: decoded, defaulted, frozen. The answer is sent with 201. */
  readonly create?: (call: VirtualCall, body: JsonObject) => Awaitable<JsonObject>;
  readonly get?: (call: VirtualCall, name: string) => Awaitable<JsonObject>;
  readonly list?: (call: VirtualCall) => Awaitable<readonly Json[]>;
}

export interface VirtualCall {
  readonly user: UserInfo;
  readonly kind: Kind;
  readonly namespace: string;
  readonly nowMs: number;
  readonly reader: StoredReader;
}

/** One finished request; for the audit log and metrics. Must not throw. */
export interface RequestRecord {
  readonly user: UserInfo | undefined;
  readonly attributes: AuthorizeAttributes | undefined;
  readonly method: string;
  readonly path: string;
  readonly code: number;
  readonly startedMs: number;
  readonly elapsedMs: number;
  readonly watch: boolean;
  /** Of the answer's body, before it is packed; about so many where a list is written as it is made. Absent: nobody knows. */
  readonly bytes?: number | undefined;
}

/** Everything around the core. */
export interface Stages {
  readonly authenticate: Authenticate;
  readonly impersonate?: Impersonate | undefined;
  readonly authorize: Authorize;
  readonly admission: readonly AdmissionPlugin[];
  /** Absent: nobody measures it. */
  readonly admissionTimes?: AdmissionTimes | undefined;
  /** Absent: nobody measures it. */
  readonly storeTimes?: StoreTimes | undefined;
  readonly routes: readonly Route[];
  readonly objectSubresources: readonly ObjectSubresource[];
  readonly streamSubresources: readonly StreamSubresource[];
  readonly virtualResources: readonly VirtualResource[];
  /** Who may be worked on now. Absent: users take turns (`http/seats.ts`). In-process components are exempt. */
  readonly share?: FairShare | undefined;
  /** Absent: nothing is recorded. */
  readonly audit?: Audit | undefined;
  /** A request is being worked on, from now until the function that is returned is called. Must not throw. */
  readonly onBegin?: ((attributes: AuthorizeAttributes, takesLong: boolean) => () => void) | undefined;
  readonly onRequest?: ((record: RequestRecord) => void) | undefined;
}

/** Everybody may do everything, nothing is changed: for tests and for the first steps of a composition. */
export const openStages: Stages = {
  authenticate: ({ certificate: shown }) => {
    const certificate = shown === 'bad' ? undefined : shown;
    const groups = [...(certificate?.organizations ?? []), certificate === undefined ? 'system:unauthenticated' : 'system:authenticated'];
    return { name: certificate?.commonName ?? 'system:anonymous', groups };
  },
  authorize: () => ({ allowed: true, reason: '' }),
  admission: [],
  routes: [],
  objectSubresources: [],
  streamSubresources: [],
  virtualResources: [],
};
