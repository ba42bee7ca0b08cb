import { ADMIN, CONTROLLERS } from '../../src/apiserver/bootstrap/identities.ts';
import { Disposals } from '../../src/base/disposal.ts';
import { VirtualClock } from '../../src/base/virtual-clock.ts';
import type { ControlPlane, ControlPlaneOptions } from '../../src/cluster/control-plane.ts';
import { startControllers, type ControllersOptions } from '../../src/controllers/controllers.ts';
import type { ApiRequest, ApiResponse, UserInfo, WatchEvent } from '../../src/machinery/exchange.ts';
import type { Json, JsonObject } from '../../src/machinery/object.ts';
import { StatusError } from '../../src/machinery/status-error.ts';
import { openControlPlane } from '../fixtures/control-plane.ts';

/** A cluster without nodes on virtual time: the API server with everything around it, and the controllers. */
export interface Cluster extends AsyncDisposable {
  readonly plane: ControlPlane;
  readonly clock: VirtualClock;
  /** As the administrator, unless `more` says otherwise. Refusals are thrown. */
  ask(method: ApiRequest['method'], path: string, body?: Json, more?: Partial<ApiRequest>): Promise<ApiResponse>;
  /** Fails when there is no refusal. */
  refusal(method: ApiRequest['method'], path: string, body?: Json, more?: Partial<ApiRequest>): Promise<StatusError>;
  get(path: string): Promise<JsonObject>;
  items(path: string): Promise<readonly JsonObject[]>;
  watch(path: string): Promise<{ readonly events: readonly WatchEvent[]; close(): void }>;
  /** Until the controllers have nothing to do, and seconds more. */
  settle(seconds?: number): Promise<void>;
}

export const meta = (object: Json | undefined): Record<string, Json> => ((object as JsonObject | undefined)?.['metadata'] ?? {}) as Record<string, Json>;
export const specOf = (object: Json): Record<string, Json> => ((object as JsonObject)['spec'] ?? {}) as Record<string, Json>;
export const statusOf = (object: Json): Record<string, Json> => ((object as JsonObject)['status'] ?? {}) as Record<string, Json>;
export const namesOf = (items: readonly JsonObject[]): readonly string[] => items.map((item) => String(meta(item)['name'])).toSorted();

export const POD_SPEC: JsonObject = { containers: [{ name: 'c', image: 'i' }] };

const drain = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export async function openCluster(given: Partial<ControlPlaneOptions> & Pick<Partial<ControllersOptions>, 'signer'> = {}): Promise<Cluster> {
  const { signer, ...options } = given;
  const ends = new Disposals();
  const clock = new VirtualClock();
  const plane = ends.use(await openControlPlane({ clock, caPem: 'CA', ...options }));
  ends.use(startControllers({ ...plane.controllerOptions(CONTROLLERS, 'kube-controller-manager'), caPem: 'CA', signer }));
  const request = (method: ApiRequest['method'], path: string, body: Json | undefined, more: Partial<ApiRequest>): ApiRequest => {
    const [plain = path, search = ''] = path.split('?', 2);
    const query = [...new URLSearchParams(search)].map(([name, value]) => [name, value] as const);
    return { method, path: plain, query, user: ADMIN, userAgent: 'test/1', ...(body === undefined ? {} : { body: body as JsonObject }), ...more };
  };
  const { handler } = plane.api;
  const ask: Cluster['ask'] = (method, path, body, more = {}) => handler.request(request(method, path, body, more));
  const settle: Cluster['settle'] = async (seconds = 2) => {
    for (let i = 0; i < 40; i++) await drain();
    for (let i = 0; i < seconds; i++) {
      await clock.advance(1000, drain);
      for (let j = 0; j < 20; j++) await drain();
    }
  };
  await settle();
  return {
    plane,
    clock,
    ask,
    settle,
    refusal: async (method, path, body, more = {}) => {
      try {
        await handler.request(request(method, path, body, more));
      } catch (thrown) {
        if (thrown instanceof StatusError) return thrown;
        throw thrown;
      }
      throw new Error(`${method} ${path} was not refused`);
    },
    get: async (path) => (await ask('GET', path)).body,
    items: async (path) => (await ask('GET', path)).body['items'] as readonly JsonObject[],
    watch: async (path) => {
      const events: WatchEvent[] = [];
      const about = request('GET', `${path}${path.includes('?') ? '&' : '?'}watch=true`, undefined, {});
      const handle = await handler.watch(about, { events: (batch) => events.push(...batch), closed: () => {} });
      return { events, close: () => handle.close() };
    },
    [Symbol.asyncDispose]: () => ends[Symbol.asyncDispose](),
  };
}

export const as = (name: string, ...groups: readonly string[]): { readonly user: UserInfo } => ({
  user: { name, groups: [...groups, 'system:authenticated'] },
});

/** A namespace with its service account, as a suite waits for it. */
export async function makeNamespace(cluster: Cluster, name: string): Promise<void> {
  await cluster.ask('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  await cluster.settle(1);
}
