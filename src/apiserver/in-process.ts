import { Slices } from '../base/loop-turns.ts';
import { uuid } from '../base/random.ts';
import type { ApiHandler, ApiRequest, ApiResponse, WatchHandle, WatchSink } from '../machinery/exchange.ts';
import type { Json, JsonObject } from '../machinery/object.ts';
import { badRequest, StatusError } from '../machinery/status-error.ts';
import type { AuditTrail } from './audit/trail.ts';
import { ObjectBody } from './codec/body.ts';
import { isLarge, listMetadata } from './codec/representation.ts';
import type { Core } from './core.ts';
import { type Answer, type Call, type ListAnswer, Warnings } from './handlers/call.ts';
import { inTurns } from './handlers/in-turns.ts';
import { asStatusError } from './handlers/failures.ts';
import { noQuery, Query } from './handlers/query.ts';
import type { Outcome, Router } from './handlers/router.ts';
import { pathNotFound } from './handlers/target.ts';
import type { AuthorizeAttributes, RawResponse } from './stages.ts';
import { InProcessOutput } from './watch/in-process.ts';
import type { Watchers } from './watch/watchers.ts';

/** What is read in one turn of the loop, in bytes of stored objects; an item counts as so many more. */
const SLICE_BYTES = 256 * 1024;
const ITEM_BYTES = 512;

/** Its audit trail is known after routing. */
type InProcessCall = Call & { audit?: AuditTrail | undefined };

/** The API server as a function: the same handlers without sockets; objects are handed over frozen. */
export class InProcessApi implements ApiHandler {
  readonly #core: Core;
  readonly #router: Router;
  readonly #watchers: Watchers;

  constructor(core: Core, router: Router, watchers: Watchers) {
    this.#core = core;
    this.#router = router;
    this.#watchers = watchers;
  }

  async request(request: ApiRequest): Promise<ApiResponse> {
    const call = this.#call(request);
    if (this.#core.stages.audit !== undefined) return this.#audited(call, request);
    try {
      return await this.#answer(request, call, await this.#router.route(call).run());
    } catch (thrown) {
      throw asStatusError(thrown);
    }
  }

  async #answer(request: ApiRequest, call: Call, outcome: Outcome): Promise<ApiResponse> {
    if (outcome.do === 'raw') return rawResponse(outcome.response, call);
    if (outcome.do !== 'answer') throw badRequest('this path streams: it is served over HTTPS only');
    return { code: outcome.answer.as === 'list' ? 200 : outcome.answer.code, body: await this.#body(outcome.answer, request), warnings: call.warnings.texts };
  }

  async #audited(call: InProcessCall, request: ApiRequest): Promise<ApiResponse> {
    try {
      const routed = this.#router.route(call);
      call.audit = this.#trail(call, request, routed.attributes);
      const outcome = await routed.run();
      call.audit?.decided(outcome);
      const response = await this.#answer(request, call, outcome);
      call.audit?.completed(response.code);
      return response;
    } catch (thrown) {
      call.audit?.failed(thrown);
      throw asStatusError(thrown);
    }
  }

  #trail(call: Call, { query, user }: ApiRequest, attributes: AuthorizeAttributes): AuditTrail | undefined {
    const parameters = query.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&');
    const requestUri = parameters === '' ? call.path : `${call.path}?${parameters}`;
    return this.#core.stages.audit?.(this.#core, { call, attributes, auditId: uuid(this.#core.random), requestUri, sourceIps: ['127.0.0.1'], identity: user });
  }

  async watch(request: ApiRequest, sink: WatchSink): Promise<WatchHandle> {
    const call = this.#call(request);
    try {
      const routed = this.#router.route(call);
      call.audit = this.#trail(call, request, routed.attributes);
      const outcome = await routed.run();
      call.audit?.decided(outcome);
      if (outcome.do !== 'watch') throw badRequest('the request is no watch');
      if (outcome.plan.refusal !== undefined) throw outcome.plan.refusal;
      const output = new InProcessOutput(
        this.#core,
        outcome.plan.binding,
        call.audit === undefined ? sink : auditedSink(sink, call.audit),
        request.omitManagedFields === true,
      );
      const watcher = this.#watchers.start(outcome.plan, output);
      return {
        close: () => {
          output.close();
          watcher.close();
          call.audit?.completed(200);
        },
      };
    } catch (thrown) {
      call.audit?.failed(thrown);
      throw asStatusError(thrown);
    }
  }

  #call(request: ApiRequest): InProcessCall {
    return {
      method: request.method,
      path: request.path,
      query: request.query.length === 0 ? noQuery : new Query(request.query),
      user: request.user,
      userAgent: request.userAgent ?? '',
      headers: {},
      body: new ObjectBody(request.contentType, request.body as Json | undefined),
      signal: request.signal,
      startedMs: this.#core.clock.now(),
      warnings: new Warnings(),
    };
  }

  async #body(answer: Answer, { omitManagedFields }: ApiRequest): Promise<JsonObject> {
    const { objects } = this.#core;
    if (answer.as === 'object') return answer.body;
    if (answer.as === 'list') return this.#list(answer, omitManagedFields === true);
    const { entry, binding } = answer;
    return (omitManagedFields === true ? objects.as(entry, binding) : objects.full(entry, binding)) as unknown as JsonObject;
  }

  async #list(answer: ListAnswer, bare: boolean): Promise<JsonObject> {
    const { objects, yieldToLoop } = this.#core;
    const { binding, entries } = answer;
    const items: Json[] = [];
    const slices = new Slices(yieldToLoop, SLICE_BYTES);
    for (const entry of entries) {
      const turn = slices.spend(entry.value.byteLength + ITEM_BYTES);
      if (turn !== undefined) await turn;
      if (isLarge(entry)) await inTurns(this.#core, true, objects.readSteps(entry));
      items.push((bare ? objects.as(entry, binding) : objects.full(entry, binding)) as unknown as JsonObject);
    }
    return Object.freeze({
      kind: binding.kind.listKind,
      apiVersion: binding.apiVersion,
      metadata: Object.freeze(listMetadata(answer)),
      items: Object.freeze(items),
    });
  }
}

/** A watch that the server ends is complete as well. */
function auditedSink(sink: WatchSink, audit: AuditTrail): WatchSink {
  return {
    events: (batch) => sink.events(batch),
    closed: (error) => {
      audit.completed(200);
      sink.closed(error);
    },
  };
}

/** Health checks and metrics are plain text; everything else that has no resource is JSON. */
function rawResponse({ code, body }: RawResponse, call: Call): ApiResponse {
  const json = typeof body === 'string' || body instanceof Uint8Array ? parse(body) : body;
  if (code === 404 && json === undefined) throw pathNotFound();
  if (code >= 400) throw json?.kind === 'Status' ? StatusError.fromStatus(json as never, code) : new StatusError('', String(body), { code });
  if (json === undefined) throw new StatusError('NotAcceptable', 'the answer is no JSON');
  return { code, body: json, warnings: call.warnings.texts };
}

function parse(body: string | Uint8Array): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(typeof body === 'string' ? body : Buffer.from(body).toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}
