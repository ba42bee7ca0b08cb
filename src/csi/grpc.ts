import type { Client as GrpcClient, Server, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import type { INamespace, Root, Type } from 'protobufjs';
import { CsiError, type CsiErrorCode } from './driver.ts';
import type { ControllerMethods, IdentityMethods, NodeMethods } from './gen/csi.types.ts';
import type { RegistrationMethods } from './gen/registration.types.ts';

/** The services that are called and served, by their full names. */
export interface Services {
  readonly 'csi.v1.Identity': IdentityMethods;
  readonly 'csi.v1.Controller': ControllerMethods;
  readonly 'csi.v1.Node': NodeMethods;
  readonly 'pluginregistration.Registration': RegistrationMethods;
}

export type ServiceName = keyof Services;
type Shape = { readonly request: unknown; readonly response: unknown };
export type RequestOf<S extends ServiceName, M extends keyof Services[S]> = Services[S][M] extends Shape ? Services[S][M]['request'] : never;
export type ResponseOf<S extends ServiceName, M extends keyof Services[S]> = Services[S][M] extends Shape ? Services[S][M]['response'] : never;
/** What serves a service: some of its methods; the others answer UNIMPLEMENTED. */
export type Implementation<S extends ServiceName> = { readonly [M in keyof Services[S]]?: (request: RequestOf<S, M>) => Promise<Answer<S, M>> };
/** Answers are written like requests: what is absent is zero. */
export type Answer<S extends ServiceName, M extends keyof Services[S]> = Loose<ResponseOf<S, M>>;
type Loose<T> = T extends readonly (infer I)[] ? readonly Loose<I>[] : T extends object ? { readonly [K in keyof T]?: Loose<T[K]> | undefined } : T;

const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

/** gRPC's numbers. */
const NUMBERS: Readonly<Record<CsiErrorCode, number>> = {
  'invalid-argument': 3,
  'deadline-exceeded': 4,
  'not-found': 5,
  'already-exists': 6,
  'permission-denied': 7,
  'resource-exhausted': 8,
  'failed-precondition': 9,
  aborted: 10,
  'out-of-range': 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
};
const CODES = new Map(Object.entries(NUMBERS).map(([code, number]) => [number, code as CsiErrorCode]));

interface Loaded {
  readonly grpc: typeof import('@grpc/grpc-js');
  readonly roots: readonly Root[];
}

let loading: Promise<Loaded> | undefined;

/** The library and the tables, when the first socket is used: they cost 30 ms and 6 MB. */
function load(): Promise<Loaded> {
  loading ??= (async () => {
    const [grpc, { default: protobuf }, csi, registration] = await Promise.all([
      import('@grpc/grpc-js'),
      import('protobufjs'),
      import('./gen/csi.json', { with: { type: 'json' } }),
      import('./gen/registration.json', { with: { type: 'json' } }),
    ]);
    return { grpc, roots: [csi.default, registration.default].map((table) => protobuf.Root.fromJSON(table as unknown as INamespace)) };
  })();
  return loading;
}

function methodsOf({ roots }: Loaded, service: ServiceName): ServiceDefinition {
  for (const root of roots) {
    const found = root.lookup(service);
    if (found === null || !('methods' in found)) continue;
    const definition: Record<string, ServiceDefinition[string]> = {};
    for (const method of root.lookupService(service).methodsArray) {
      method.resolve();
      const { resolvedRequestType: request, resolvedResponseType: response } = method;
      if (request === null || response === null) throw new CsiError('internal', `${service}.${method.name} has no types`);
      definition[method.name] = {
        path: `/${service}/${method.name}`,
        requestStream: false,
        responseStream: false,
        requestSerialize: encoder(request),
        requestDeserialize: decoder(request),
        responseSerialize: encoder(response),
        responseDeserialize: decoder(response),
      };
    }
    return definition;
  }
  throw new CsiError('internal', `there is no table of ${service}`);
}

function encoder(type: Type): (message: unknown) => Buffer {
  return (message) => Buffer.from(type.encode(type.fromObject(message as Record<string, unknown>)).finish());
}
function decoder(type: Type): (bytes: Buffer) => unknown {
  return (bytes) => type.toObject(type.decode(bytes), { longs: Number, enums: String, defaults: true, arrays: true, objects: true });
}

/** One connection to a unix socket; connects by itself, again too. Rejects with CsiError. */
export class CsiChannel implements Disposable {
  readonly #loaded: Loaded;
  readonly #client: GrpcClient;
  readonly #now: () => number;

  private constructor(loaded: Loaded, client: GrpcClient, now: () => number) {
    this.#loaded = loaded;
    this.#client = client;
    this.#now = now;
  }

  /** `now`: wall time in ms, for deadlines. */
  static async open(socket: string, now: () => number): Promise<CsiChannel> {
    const loaded = await load();
    const client = new loaded.grpc.Client(`unix://${socket}`, loaded.grpc.credentials.createInsecure(), {
      'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
      'grpc.initial_reconnect_backoff_ms': 50,
      'grpc.max_reconnect_backoff_ms': 1000,
      'grpc.enable_http_proxy': 0,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.service_config_disable_resolution': 1,
    });
    return new CsiChannel(loaded, client, now);
  }

  call<S extends ServiceName, M extends keyof Services[S] & string>(
    service: S,
    method: M,
    request: RequestOf<S, M>,
    timeoutMs: number,
  ): Promise<ResponseOf<S, M>> {
    const definition = methodsOf(this.#loaded, service)[method];
    if (definition === undefined) return Promise.reject(new CsiError('unimplemented', `${service} has no ${method}`));
    const { path, requestSerialize, responseDeserialize } = definition;
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, { deadline: this.#now() + timeoutMs }, (error, value) => {
        if (error === null) resolve(value as ResponseOf<S, M>);
        else reject(new CsiError(CODES.get(error.code) ?? 'internal', error.details, error));
      });
    });
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

/** Serves on a unix socket, which must not be there yet. Disposing lets running calls end. */
export class CsiServer implements AsyncDisposable {
  readonly #loaded: Loaded;
  readonly #server: Server;

  private constructor(loaded: Loaded) {
    this.#loaded = loaded;
    this.#server = new loaded.grpc.Server({ 'grpc.max_receive_message_length': MAX_MESSAGE_BYTES });
  }

  static async open(): Promise<CsiServer> {
    return new CsiServer(await load());
  }

  serve<S extends ServiceName>(service: S, implementation: Implementation<S>): void {
    const handlers: UntypedServiceImplementation = {};
    for (const [name, perform] of Object.entries(implementation) as [string, (request: unknown) => Promise<unknown>][]) {
      handlers[name] = (call: { readonly request: unknown }, done: (error: object | null, value?: unknown) => void): void => {
        perform(call.request).then(
          (value) => done(null, value),
          (thrown: unknown) => done(statusOf(thrown)),
        );
      };
    }
    this.#server.addService(methodsOf(this.#loaded, service), handlers);
  }

  listen(socket: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(`unix://${socket}`, this.#loaded.grpc.ServerCredentials.createInsecure(), (error) => {
        if (error === null) resolve();
        else reject(new CsiError('unavailable', `can't listen on ${socket}: ${error.message}`, error));
      });
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return new Promise((resolve) => this.#server.tryShutdown(() => resolve()));
  }
}

function statusOf(thrown: unknown): { readonly code: number; readonly details: string } {
  if (thrown instanceof CsiError) return { code: NUMBERS[thrown.code], details: thrown.message };
  return { code: NUMBERS.internal, details: thrown instanceof Error ? thrown.message : String(thrown) };
}
