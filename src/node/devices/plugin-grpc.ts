import type * as GrpcLibrary from '@grpc/grpc-js';
import type { Client as GrpcClient, Server, ServiceDefinition } from '@grpc/grpc-js';
import type { INamespace, Root, Type } from 'protobufjs';
import type { AllocateRequestInput, AllocateResponse, ListAndWatchResponse } from './gen/device-plugin.types.ts';
import { DeviceError } from './source.ts';

/** As decoded, with absent scalars zero. */
export interface Registered {
  readonly version: string;
  readonly endpoint: string;
  readonly resource_name: string;
}

const INVALID_ARGUMENT = 3;

interface Loaded {
  readonly grpc: typeof GrpcLibrary;
  readonly root: Root;
}

let loading: Promise<Loaded> | undefined;

/** When the first plugin is served: a node without devices does without the library. */
function load(): Promise<Loaded> {
  loading ??= (async () => {
    const [grpc, { default: protobuf }, table] = await Promise.all([
      import('@grpc/grpc-js'),
      import('protobufjs'),
      import('./gen/device-plugin.json', { with: { type: 'json' } }),
    ]);
    return { grpc, root: protobuf.Root.fromJSON(table.default as unknown as INamespace) };
  })();
  return loading;
}

function definitionOf({ root }: Loaded, service: string): ServiceDefinition {
  const definition: Record<string, ServiceDefinition[string]> = {};
  for (const method of root.lookupService(service).methodsArray) {
    method.resolve();
    const { resolvedRequestType: request, resolvedResponseType: response } = method;
    if (request === null || response === null) throw new DeviceError(`${service}.${method.name} has no types`);
    definition[method.name] = {
      path: `/${service}/${method.name}`,
      requestStream: false,
      responseStream: method.responseStream === true,
      requestSerialize: encoder(request),
      requestDeserialize: decoder(request),
      responseSerialize: encoder(response),
      responseDeserialize: decoder(response),
    };
  }
  return definition;
}

function encoder(type: Type): (message: unknown) => Buffer {
  return (message) => Buffer.from(type.encode(type.fromObject(message as Record<string, unknown>)).finish());
}

function decoder(type: Type): (bytes: Buffer) => unknown {
  return (bytes) => type.toObject(type.decode(bytes), { longs: Number, enums: String, defaults: true, arrays: true, objects: true });
}

/** The kubelet's end: plugins register here. `register` rejects with what the plugin is to be told. */
export async function serveRegistration(socket: string, register: (plugin: Registered) => Promise<void>): Promise<AsyncDisposable> {
  const loaded = await load();
  const server: Server = new loaded.grpc.Server();
  server.addService(definitionOf(loaded, 'v1beta1.Registration'), {
    Register: (call: { readonly request: Registered }, done: (error: object | null, value?: unknown) => void): void => {
      void answer(register(call.request), done);
    },
  });
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix://${socket}`, loaded.grpc.ServerCredentials.createInsecure(), (error) =>
      error === null ? resolve() : reject(new DeviceError(`can't listen on ${socket}: ${error.message}`, error)),
    );
  });
  return { [Symbol.asyncDispose]: async () => server.forceShutdown() };
}

async function answer(registered: Promise<void>, done: (error: object | null, value?: unknown) => void): Promise<void> {
  try {
    await registered;
    done(null, {});
  } catch (thrown) {
    done({ code: INVALID_ARGUMENT, details: thrown instanceof Error ? thrown.message : String(thrown) });
  }
}

/** A plugin's end. Disposing it ends the watch. */
export class PluginChannel implements Disposable {
  readonly #client: GrpcClient;
  readonly #definition: ServiceDefinition;

  private constructor(client: GrpcClient, definition: ServiceDefinition) {
    this.#client = client;
    this.#definition = definition;
  }

  static async open(socket: string): Promise<PluginChannel> {
    const loaded = await load();
    const client = new loaded.grpc.Client(`unix://${socket}`, loaded.grpc.credentials.createInsecure(), {
      'grpc.enable_http_proxy': 0,
      'grpc.use_local_subchannel_pool': 1,
    });
    return new PluginChannel(client, definitionOf(loaded, 'v1beta1.DevicePlugin'));
  }

  /** `ended` is called once, whatever ended it. */
  watch(devices: (list: ListAndWatchResponse) => void, ended: () => void): void {
    const { path, requestSerialize, responseDeserialize } = this.#method('ListAndWatch');
    const stream = this.#client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, {});
    let over = false;
    const end = (): void => {
      if (!over) ended();
      over = true;
    };
    stream.on('data', (list: ListAndWatchResponse) => devices(list));
    stream.on('error', end);
    stream.on('end', end);
  }

  /** Rejects with DeviceError after `deadlineMs` (wall time) too. */
  allocate(request: AllocateRequestInput, deadlineMs: number): Promise<AllocateResponse> {
    const { path, requestSerialize, responseDeserialize } = this.#method('Allocate');
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, { deadline: deadlineMs }, (error, value) => {
        if (error === null) resolve(value as AllocateResponse);
        else reject(new DeviceError(error.details, error));
      });
    });
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }

  #method(name: string): ServiceDefinition[string] {
    const found = this.#definition[name];
    if (found === undefined) throw new DeviceError(`the table has no ${name}`);
    return found;
  }
}
