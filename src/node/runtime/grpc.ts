import type { CallOptions, Client as GrpcClient, ClientDuplexStream, ClientReadableStream, Metadata, ServiceError } from '@grpc/grpc-js';
import type * as GrpcLibrary from '@grpc/grpc-js';
import type { INamespace, Type } from 'protobufjs';
import { CriError } from './runtime.ts';

/** Names a service of a table; its type parameter carries the methods' requests and responses. */
export interface GrpcService<Methods> {
  readonly table: 'cri' | 'containerd';
  readonly name: string;
  readonly methods?: Methods;
}

export interface CallSettings {
  /** Absent: no deadline. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

type Shape = { readonly request: unknown; readonly response: unknown };
type Request<M, K extends keyof M> = M[K] extends Shape ? M[K]['request'] : never;
type Response<M, K extends keyof M> = M[K] extends Shape ? M[K]['response'] : never;

export interface GrpcDuplex<Req, Res> extends Disposable {
  /** Resolves when more may be written. */
  write(message: Req): Promise<void>;
  end(): void;
  readonly messages: AsyncIterator<Res>;
}

/** Long lists of containers pass gRPC's usual 4 MiB. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

/** The gRPC status codes that callers decide by. */
export const GRPC = {
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  failedPrecondition: 9,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
} as const;

export function isGrpcError(thrown: unknown): thrown is ServiceError {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'number' && 'details' in thrown;
}

/** What is loaded once per process, when the first channel is opened: the library and the tables. */
interface Loaded {
  readonly grpc: typeof GrpcLibrary;
  readonly method: (service: GrpcService<unknown>, method: string) => Codec;
  readonly type: (table: 'cri' | 'containerd', name: string) => Type;
}

interface Codec {
  readonly path: string;
  readonly serialize: (message: unknown) => Buffer;
  readonly deserialize: (bytes: Buffer) => unknown;
}

let loading: Promise<Loaded> | undefined;

function load(): Promise<Loaded> {
  loading ??= (async () => {
    const [grpc, protobuf, cri, containerd] = await Promise.all([
      import('@grpc/grpc-js'),
      import('protobufjs'),
      import('./gen/cri.json', { with: { type: 'json' } }),
      import('./gen/containerd.json', { with: { type: 'json' } }),
    ]);
    const roots = {
      cri: protobuf.default.Root.fromJSON(cri.default as unknown as INamespace),
      containerd: protobuf.default.Root.fromJSON(containerd.default as unknown as INamespace),
    };
    const codecs = new Map<string, Codec>();
    const method = (service: GrpcService<unknown>, name: string): Codec => {
      const path = `/${service.name}/${name}`;
      let codec = codecs.get(path);
      if (codec === undefined) {
        const found = roots[service.table].lookupService(service.name).methods[name];
        if (found === undefined) throw new Error(`no method ${path}`);
        found.resolve();
        const { resolvedRequestType: request, resolvedResponseType: response } = found;
        if (request === null || response === null) throw new Error(`method ${path} has no types`);
        codec = {
          path,
          serialize: (message) => asBuffer(request.encode(request.fromObject(message as Record<string, unknown>)).finish()),
          deserialize: (bytes) => decodeMessage(response, bytes),
        };
        codecs.set(path, codec);
      }
      return codec;
    };
    return { grpc, method, type: (table, name) => roots[table].lookupType(name) };
  })();
  return loading;
}

/** The same bytes, not a copy. */
function asBuffer({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length);
}

function decodeMessage(type: Type, bytes: Uint8Array): unknown {
  return type.toObject(type.decode(bytes), { longs: Number, enums: String, defaults: true, arrays: true, objects: true });
}

/** One HTTP/2 connection to a unix socket. Connects by itself, again too; errors are grpc-js' own (see `isGrpcError`). */
export class GrpcChannel implements Disposable {
  readonly #loaded: Loaded;
  readonly #client: GrpcClient;
  readonly #now: () => number;
  readonly #metadata: Readonly<Record<string, string>>;
  #closed = false;

  private constructor(loaded: Loaded, client: GrpcClient, now: () => number, metadata: Readonly<Record<string, string>>) {
    this.#loaded = loaded;
    this.#client = client;
    this.#now = now;
    this.#metadata = metadata;
  }

  /** `now`: wall time, for deadlines. `metadata` goes with every call. */
  static async open(socket: string, now: () => number, metadata: Readonly<Record<string, string>> = {}): Promise<GrpcChannel> {
    const loaded = await load();
    const client = new loaded.grpc.Client(`unix://${socket}`, loaded.grpc.credentials.createInsecure(), {
      'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
      'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
      'grpc.initial_reconnect_backoff_ms': 50,
      'grpc.max_reconnect_backoff_ms': 1000,
      'grpc.enable_http_proxy': 0,
      // Each cluster's channel is its own: the global pool would share one between instances of a process.
      'grpc.use_local_subchannel_pool': 1,
      'grpc.service_config_disable_resolution': 1,
    });
    return new GrpcChannel(loaded, client, now, metadata);
  }

  unary<M, K extends keyof M & string>(service: GrpcService<M>, method: K, request: Request<M, K>, settings: CallSettings = {}): Promise<Response<M, K>> {
    const { path, serialize, deserialize } = this.#loaded.method(service, method);
    return new Promise((resolve, reject) => {
      const { signal } = settings;
      if (this.#closed) return reject(new CriError('unavailable', 'the connection to containerd was closed here'));
      if (signal?.aborted === true) return reject(signal.reason as Error);
      const call = this.#client.makeUnaryRequest(path, serialize, deserialize, request, this.#head(settings), this.#options(settings), (error, value) => {
        signal?.removeEventListener('abort', cancel);
        if (error !== null) reject(error);
        else resolve(value as Response<M, K>);
      });
      const cancel = (): void => call.cancel();
      signal?.addEventListener('abort', cancel, { once: true });
    });
  }

  /** Throws when the channel was closed here. */
  serverStream<M, K extends keyof M & string>(
    service: GrpcService<M>,
    method: K,
    request: Request<M, K>,
    settings: CallSettings = {},
  ): ClientReadableStream<Response<M, K>> {
    const { path, serialize, deserialize } = this.#loaded.method(service, method);
    return this.#client.makeServerStreamRequest(path, serialize, deserialize, request, this.#head(settings), this.#options(settings)) as ClientReadableStream<
      Response<M, K>
    >;
  }

  duplex<M, K extends keyof M & string>(service: GrpcService<M>, method: K, settings: CallSettings = {}): GrpcDuplex<Request<M, K>, Response<M, K>> {
    const { path, serialize, deserialize } = this.#loaded.method(service, method);
    const call = this.#client.makeBidiStreamRequest(path, serialize, deserialize, this.#head(settings), this.#options(settings)) as ClientDuplexStream<
      Request<M, K>,
      Response<M, K>
    >;
    // The iterator reports the error; without a listener of our own it would also be thrown when nobody is reading.
    call.on('error', () => {});
    return {
      write: (message) =>
        new Promise((resolve, reject) => {
          call.write(message, (error: Error | null | undefined) => (error === null || error === undefined ? resolve() : reject(error)));
        }),
      end: () => call.end(),
      messages: call[Symbol.asyncIterator]() as AsyncIterator<Response<M, K>>,
      [Symbol.dispose]: () => call.cancel(),
    };
  }

  /** The message inside an Any, if its type is one of the containerd table. */
  decode(typeName: string, bytes: Uint8Array): unknown {
    return decodeMessage(this.#loaded.type('containerd', typeName), bytes);
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#client.close();
  }

  #head(settings: CallSettings): Metadata {
    const metadata = new this.#loaded.grpc.Metadata();
    for (const [key, value] of Object.entries({ ...this.#metadata, ...settings.metadata })) metadata.set(key, value);
    return metadata;
  }

  #options(settings: CallSettings): CallOptions {
    return settings.timeoutMs === undefined ? {} : { deadline: this.#now() + settings.timeoutMs };
  }
}
