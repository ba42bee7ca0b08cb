import type { Clock } from '../../base/clock.ts';
import { failure, type Log } from '../../base/log.ts';
import type { Host } from '../../host/host.ts';
import { PluginChannel, type Registered, serveRegistration } from './plugin-grpc.ts';
import { type DeviceEdits, DeviceError, type DeviceSource } from './source.ts';

const VERSION = 'v1beta1';
const ALLOCATE_MS = 30_000;
/** A unix socket's path ends here (unix(7)). */
const LONGEST_PATH = 107;
const RESOURCE = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?\/[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/;

export interface DevicePluginsOptions {
  /** The kubelet root: sockets lie in `device-plugins/`. */
  readonly rootDirectory: string;
  readonly host: Host;
  readonly clock: Clock;
  readonly log: Log;
}

interface Plugin {
  readonly channel: PluginChannel;
  healthy: readonly string[];
}

/** Device plugins (Kubernetes documentation, "Device Plugins"): they register at `device-plugins/kubelet.sock` and tell their devices. */
export class DevicePlugins implements DeviceSource, AsyncDisposable {
  readonly #options: DevicePluginsOptions;
  readonly #plugins = new Map<string, Plugin>();
  readonly #listeners = new Set<() => void>();
  #server: AsyncDisposable | undefined;

  private constructor(options: DevicePluginsOptions) {
    this.#options = options;
  }

  /** Where the socket's path would be too long, plugins can't register: that is logged, and the rest goes on. */
  static async open(options: DevicePluginsOptions): Promise<DevicePlugins> {
    const plugins = new DevicePlugins(options);
    await plugins.#listen();
    return plugins;
  }

  devices(): ReadonlyMap<string, readonly string[]> {
    return new Map([...this.#plugins].map(([resource, { healthy }]) => [resource, healthy]));
  }

  onChange(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  async edits(resource: string, ids: readonly string[]): Promise<DeviceEdits> {
    const plugin = this.#plugins.get(resource);
    if (plugin === undefined) throw new DeviceError(`no device plugin is registered for ${resource}`);
    const { container_responses } = await plugin.channel.allocate({ container_requests: [{ devices_ids: ids }] }, this.#options.clock.now() + ALLOCATE_MS);
    const answer = container_responses[0];
    if (answer === undefined) throw new DeviceError(`the device plugin of ${resource} gave no answer`);
    if (answer.cdi_devices.length > 0) this.#options.log.warn('CDI devices are not supported by this node', { resource });
    return {
      env: answer.envs,
      mounts: answer.mounts.map((m) => ({ hostPath: m.host_path, containerPath: m.container_path, readOnly: m.read_only })),
      devices: answer.devices.map((d) => ({ hostPath: d.host_path, containerPath: d.container_path, permissions: d.permissions })),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]();
    for (const { channel } of this.#plugins.values()) channel[Symbol.dispose]();
    this.#plugins.clear();
  }

  get #directory(): string {
    return `${this.#options.rootDirectory}/device-plugins`;
  }

  async #listen(): Promise<void> {
    const { host, log } = this.#options;
    const socket = `${this.#directory}/kubelet.sock`;
    if (Buffer.byteLength(socket) > LONGEST_PATH) return log.warn('device plugins cannot register: the path of the socket is too long', { path: socket });
    await host.files.makeDirectory(this.#directory, { mode: 0o750 });
    // Plugins watch for a new socket: that is how they learn to register again.
    await host.files.removeFile(socket);
    this.#server = await serveRegistration(socket, (plugin) => this.#register(plugin));
  }

  async #register({ version, endpoint, resource_name: resource }: Registered): Promise<void> {
    if (version !== VERSION)
      throw new DeviceError(`requested API version ${JSON.stringify(version)} is not supported by kubelet. Supported version is ${JSON.stringify(VERSION)}`);
    if (!RESOURCE.test(resource)) throw new DeviceError(`the ResourceName ${JSON.stringify(resource)} is invalid`);
    if (endpoint === '' || endpoint.includes('/') || endpoint === '..')
      throw new DeviceError(`the endpoint ${JSON.stringify(endpoint)} is not the name of a socket in ${this.#directory}`);
    const plugin: Plugin = { channel: await PluginChannel.open(`${this.#directory}/${endpoint}`), healthy: [] };
    this.#plugins.get(resource)?.channel[Symbol.dispose]();
    this.#plugins.set(resource, plugin);
    this.#options.log.info('device plugin registered', { resource });
    plugin.channel.watch(
      ({ devices }) => {
        plugin.healthy = devices.filter((d) => d.health === 'Healthy').map((d) => d.ID);
        this.#tell();
      },
      () => {
        if (this.#plugins.get(resource) !== plugin) return;
        this.#options.log.info('device plugin has gone', { resource });
        plugin.healthy = [];
        this.#tell();
      },
    );
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener();
      } catch (thrown) {
        this.#options.log.error('telling of devices failed', failure(thrown));
      }
    }
  }
}
