import { builtinFacts } from '../api/facts.ts';
import { builtinKinds } from '../api/registry.ts';
import type { Clock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import { SeededRandom } from '../base/random.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import type { ApiRequest, ApiResponse, UserInfo, WatchEvent } from '../machinery/exchange.ts';
import type { Json, JsonObject } from '../machinery/object.ts';
import { StatusError } from '../machinery/status-error.ts';
import { openMemoryStore } from '../store/memory.ts';
import { defaultStoreSettings } from '../store/settings.ts';
import type { Store, StoreSettings } from '../store/store.ts';
import type { Projection } from './codec/projection.ts';
import type { BodyBudgetSettings } from './http/body-budget.ts';
import { type ApiServer, createApiServer, createRegistry } from './server.ts';
import { openStages, type Stages, type StoredReader } from './stages.ts';

/** An API server in a test: memory store, virtual clock, everybody may do everything unless stages are given. */
export interface TestServer extends AsyncDisposable {
  readonly api: ApiServer;
  readonly store: Store<Projection>;
  readonly clock: Clock;
  /** In process. Failures are thrown. */
  ask(method: ApiRequest['method'], path: string, body?: Json, more?: Partial<ApiRequest>): Promise<ApiResponse>;
  /** The refusal; fails when there is none. */
  refusal(method: ApiRequest['method'], path: string, body?: Json, more?: Partial<ApiRequest>): Promise<StatusError>;
  watch(path: string, more?: Partial<ApiRequest>): Promise<Recorded>;
}

export interface Recorded {
  readonly events: WatchEvent[];
  closed: { readonly error: StatusError | undefined } | undefined;
  close(): void;
}

export interface TestServerOptions {
  readonly clock?: Clock;
  readonly stages?: (reader: StoredReader) => Stages;
  readonly settings?: Partial<StoreSettings>;
  readonly store?: Store<Projection>;
  readonly yieldToLoop?: () => Promise<void>;
  readonly requestTimeoutMs?: number;
  readonly bodyBudget?: BodyBudgetSettings;
}

export const ADMIN: UserInfo = { name: 'admin', groups: ['system:masters'] };

export function startTestServer(options: TestServerOptions = {}): TestServer {
  const clock = options.clock ?? new VirtualClock();
  const registry = createRegistry(builtinKinds().filter(({ servedByDefault }) => servedByDefault));
  const store = options.store ?? openMemoryStore<Projection>({ clock, settings: { ...defaultStoreSettings, ...options.settings } });
  const api = createApiServer({
    store,
    registry,
    facts: builtinFacts,
    clock,
    random: new SeededRandom(7),
    log: silentLog,
    stages: options.stages ?? (() => openStages),
    services: { cidr: '10.96.0.0/24' },
    yieldToLoop: options.yieldToLoop ?? (() => Promise.resolve()),
    requestTimeoutMs: options.requestTimeoutMs,
    bodyBudget: options.bodyBudget,
  });
  const request = (method: ApiRequest['method'], path: string, body: Json | undefined, more: Partial<ApiRequest>): ApiRequest => {
    const [plain = path, search = ''] = path.split('?', 2);
    const query = [...new URLSearchParams(search)].map(([name, value]) => [name, value] as const);
    return { method, path: plain, query, user: ADMIN, userAgent: 'test/1', ...(body === undefined ? {} : { body: body as JsonObject }), ...more };
  };
  return {
    api,
    store,
    clock,
    ask: (method, path, body, more = {}) => api.handler.request(request(method, path, body, more)),
    refusal: async (method, path, body, more = {}) => {
      try {
        await api.handler.request(request(method, path, body, more));
      } catch (thrown) {
        if (thrown instanceof StatusError) return thrown;
        throw thrown;
      }
      throw new Error(`${method} ${path} was not refused`);
    },
    watch: async (path, more = {}) => {
      const recorded: Recorded = { events: [], closed: undefined, close: () => handle.close() };
      const handle = await api.handler.watch(request('GET', `${path}${path.includes('?') ? '&' : '?'}watch=true`, undefined, more), {
        events: (batch) => recorded.events.push(...batch),
        closed: (error) => {
          recorded.closed = { error };
        },
      });
      return recorded;
    },
    [Symbol.asyncDispose]: async () => {
      await api[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}

export const configMap = (name: string, data: Readonly<Record<string, string>> = {}, more: object = {}): JsonObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...more },
  data,
});
