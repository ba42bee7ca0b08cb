import type { UserInfo } from '../../machinery/exchange.ts';
import type { Json, JsonObject } from '../../machinery/object.ts';
import { setOwn } from '../../machinery/record.ts';
import { StatusError } from '../../machinery/status-error.ts';
import { formatMicroTime } from '../../machinery/time.ts';
import { StoreError } from '../../store/store.ts';
import { JSON_TYPE } from '../codec/body.ts';
import { objectRefusal } from '../codec/body-words.ts';
import type { Core } from '../core.ts';
import type { Call } from '../handlers/call.ts';
import { asStatusError } from '../handlers/failures.ts';
import type { Outcome } from '../handlers/router.ts';
import type { AuthorizeAttributes } from '../stages.ts';
import { answerBody, requestBody, withoutManagedFields } from './bodies.ts';
import { type AuditPolicy, type AuditScope, type AuditStage, auditScope } from './policy.ts';

/** Where events go, in order. Must not throw and must not block: what is too much is dropped and counted there. */
export interface AuditSink {
  write(event: JsonObject): void;
}

export interface AuditAbout {
  readonly call: Call;
  readonly attributes: AuthorizeAttributes;
  readonly auditId: string;
  /** Path and query, as sent. */
  readonly requestUri: string;
  readonly sourceIps: readonly string[];
  /** Who was authenticated, undefined for nobody; `attributes.user` is who they act as. */
  readonly identity: UserInfo | undefined;
  /** The verb that lets the one act as the other (KEP-5284). */
  readonly constraint?: string | undefined;
}

/** Begins the record of a request; undefined when nothing of it is to be recorded. */
export type Audit = (core: Core, about: AuditAbout) => AuditTrail | undefined;

export function auditing(policy: AuditPolicy, sink: AuditSink): Audit {
  const scopeFor = auditScope(policy);
  return (core, about) => {
    const scope = scopeFor(about.identity ?? NOBODY, about.attributes);
    return scope.level === 'None' ? undefined : new AuditTrail(core, about, scope, sink);
  };
}

/** The events of one request (audit.k8s.io/v1 Event), one for each stage that it reaches. */
export class AuditTrail {
  readonly #core: Core;
  readonly #about: AuditAbout;
  readonly #scope: AuditScope;
  readonly #sink: AuditSink;
  readonly #annotations: Record<string, string> = {};
  #outcome: Outcome | undefined;
  #ended = false;

  constructor(core: Core, about: AuditAbout, scope: AuditScope, sink: AuditSink) {
    this.#core = core;
    this.#about = about;
    this.#scope = scope;
    this.#sink = sink;
    if (about.identity !== undefined) this.#emit('RequestReceived', {});
  }

  /** The first value of a key counts. */
  annotate(key: string, value: string): void {
    if (!Object.hasOwn(this.#annotations, key)) setOwn(this.#annotations, key, value);
  }

  /** What will be answered. A watch or stream has begun with it. */
  decided(outcome: Outcome): void {
    this.#outcome = outcome;
    if (outcome.do === 'watch' || outcome.do === 'stream') this.#emit('ResponseStarted', { responseStatus: { metadata: {}, code: 200 } });
  }

  /** Everything has been answered. */
  completed(code: number): void {
    this.#end('ResponseComplete', { metadata: {}, code });
  }

  /** Nobody knows who asks: kube-apiserver's one event about it is that the answer has begun, with what was tried (a certificate as well). */
  unauthenticated(thrown: unknown, byCertificate: boolean): void {
    this.#end('ResponseStarted', { metadata: {}, message: attempted(this.#about.call, byCertificate), code: asStatusError(thrown).code });
  }

  /** Answered with a refusal, or with what went wrong within the server. */
  failed(thrown: unknown): void {
    const error = asStatusError(thrown);
    const { status, message, reason, details } = error.toStatus() as unknown as JsonObject;
    const expected = thrown instanceof StatusError || thrown instanceof StoreError;
    this.#end(expected ? 'ResponseComplete' : 'Panic', { metadata: {}, status, message, reason, details, code: error.code } as JsonObject);
  }

  #end(stage: AuditStage, responseStatus: JsonObject): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#scope.omitStages.has(stage)) return;
    if (this.#scope.level === 'Metadata') return this.#emit(stage, { responseStatus });
    this.#bodies(responseStatus).then(
      (bodies) => this.#emit(stage, { ...bodies, responseStatus }),
      () => this.#emit(stage, { responseStatus }),
    );
  }

  async #bodies(responseStatus: JsonObject): Promise<JsonObject> {
    const { level, omitManagedFields } = this.#scope;
    const shown = (object: Json | undefined): Json | undefined => (omitManagedFields ? withoutManagedFields(object) : object);
    const requestObject = shown(await this.#requestObject());
    if (level === 'Request') return { requestObject } as JsonObject;
    const outcome = this.#outcome;
    if (outcome?.do !== 'answer')
      return {
        requestObject,
        ...(responseStatus['status'] === 'Failure' ? { responseObject: { kind: 'Status', apiVersion: 'v1', ...responseStatus } } : {}),
      } as JsonObject;
    const body = answerBody(this.#core, outcome.answer);
    if (body === undefined) this.annotate('audit.k8s.io/truncated', 'true');
    return { requestObject, responseObject: shown(body) } as JsonObject;
  }

  async #requestObject(): Promise<Json | undefined> {
    const { call, attributes } = this.#about;
    const { body } = call;
    if (this.#outcome?.do === 'stream') return undefined;
    const sent = (await body.read([body.contentType === '' ? JSON_TYPE : body.contentType], objectRefusal('')))?.value;
    if (body.heavy) await this.#core.yieldToLoop();
    return requestBody(this.#core, attributes.verb, sent);
  }

  #emit(stage: AuditStage, more: JsonObject): void {
    if (this.#scope.omitStages.has(stage)) return;
    const { call, attributes, auditId, requestUri, sourceIps, identity, constraint } = this.#about;
    const acting = attributes.user;
    // What is undefined is not printed.
    this.#sink.write({
      kind: 'Event',
      apiVersion: 'audit.k8s.io/v1',
      level: this.#scope.level,
      auditID: auditId,
      stage,
      requestURI: requestUri,
      verb: attributes.verb,
      user: identity === undefined ? {} : userOf(identity),
      impersonatedUser: acting === identity || acting.name === '' ? undefined : userOf(acting),
      authenticationMetadata: constraint === undefined ? undefined : { impersonationConstraint: constraint },
      sourceIPs: sourceIps,
      userAgent: call.userAgent === '' ? undefined : call.userAgent,
      objectRef: attributes.resourceRequest ? this.#objectRef() : undefined,
      ...more,
      requestReceivedTimestamp: formatMicroTime(call.startedMs),
      stageTimestamp: formatMicroTime(this.#core.clock.now()),
      annotations: Object.keys(this.#annotations).length === 0 ? undefined : { ...this.#annotations },
    } as unknown as JsonObject);
  }

  #objectRef(): JsonObject {
    const { resource, namespace, name, group, version, subresource } = this.#about.attributes;
    const answer = this.#outcome?.do === 'answer' ? this.#outcome.answer : undefined;
    const made = answer?.as === 'entry' ? answer.entry : undefined;
    const known = name === '' ? (made?.projection.name ?? '') : name;
    return {
      resource,
      namespace: orNothing(namespace),
      name: orNothing(known),
      uid: orNothing(made?.projection.uid ?? ''),
      apiGroup: orNothing(group),
      apiVersion: version,
      resourceVersion: made === undefined ? undefined : String(made.modRevision),
      subresource: orNothing(subresource),
    } as unknown as JsonObject;
  }
}

/** By what somebody tried to prove themselves, without what they showed. */
function attempted({ headers, query }: Call, byCertificate: boolean): string {
  const { authorization = '' } = headers;
  const scheme = (typeof authorization === 'string' ? authorization : (authorization[0] ?? '')).trim().split(' ', 1)[0]?.toLowerCase();
  const ways = ['basic', 'bearer'].filter((way) => way === scheme);
  if ((query.get('access_token') ?? '') !== '') ways.push('access_token');
  if (byCertificate) ways.push('x509');
  return ways.length === 0 ? 'Authentication failed, no credentials provided' : `Authentication failed, attempted: ${ways.join(', ')}`;
}

const NOBODY: UserInfo = { name: '', groups: [] };

const orNothing = (text: string): string | undefined => (text === '' ? undefined : text);

const userOf = ({ name, uid, groups, extra }: UserInfo): JsonObject => ({ username: name, uid, groups, extra }) as unknown as JsonObject;
