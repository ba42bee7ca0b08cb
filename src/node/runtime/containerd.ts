import type { Clock } from '../../base/clock.ts';
import { deadline } from '../../base/clock.ts';
import { Disposals } from '../../base/disposal.ts';
import { failure, type Log } from '../../base/log.ts';
import type { Random } from '../../base/random.ts';
import { followEvents } from './containerd-events.ts';
import { ContainerdImages } from './containerd-images.ts';
import { ContainerdStreams } from './containerd-streams.ts';
import { cri, criOrGone } from './cri-error.ts';
import { CLUSTER_LABEL, containerConfig, linuxResources, readContainer, readSandbox, sandboxConfig, sandboxIps } from './cri-messages.ts';
import type { Container as CriContainer, PodSandboxConfigInput } from './gen/cri.types.ts';
import { GrpcChannel } from './grpc.ts';
import {
  type Container,
  type ContainerSpec,
  type ContainerStats,
  CriError,
  type ExecResult,
  type Images,
  type LinuxResources,
  type Runtime,
  type RuntimeEvent,
  type RuntimeStreams,
  type Sandbox,
  type SandboxSpec,
} from './runtime.ts';
import { CRI_NAMESPACE, RUNTIME } from './services.ts';

export interface ContainerdRuntimeOptions {
  readonly socket: string;
  readonly clusterId: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly snapshotter: string;
  /** In OCI's words: `amd64`. */
  readonly architecture: string;
  readonly temporaryDirectory: string;
  readonly sandboxImage: string;
  /** For sandboxes that name none. */
  readonly cgroupParent: string;
}

const CALL_TIMEOUT_MS = 30_000;
/** Making a sandbox runs CNI plugins, making a container may unpack its image. */
const LONG_CALL_TIMEOUT_MS = 4 * 60_000;
const EXEC_PATIENCE_MS = 5_000;
const MOST_ABREAST = 16;
const LONGEST_OUTPUT_BYTES = 16 * 1024;

/** Containers by containerd: its CRI for pods and containers, its own services for events and image archives. */
export class ContainerdRuntime implements Runtime {
  readonly name = 'containerd';
  readonly images: Images;
  readonly streams: RuntimeStreams;
  readonly #options: ContainerdRuntimeOptions;
  readonly #channel: GrpcChannel;
  readonly #own: GrpcChannel;
  readonly #disposals = new Disposals();
  readonly #following = new Set<() => void>();

  private constructor(options: ContainerdRuntimeOptions, channel: GrpcChannel, own: GrpcChannel) {
    this.#options = options;
    this.#channel = this.#disposals.use(channel);
    this.#own = this.#disposals.use(own);
    this.images = new ContainerdImages({ ...options, cri: channel, own });
    this.streams = new ContainerdStreams(channel, options.clock);
  }

  static async open(options: ContainerdRuntimeOptions): Promise<ContainerdRuntime> {
    const now = (): number => options.clock.now();
    const [channel, own] = await Promise.all([
      GrpcChannel.open(options.socket, now),
      GrpcChannel.open(options.socket, now, { 'containerd-namespace': CRI_NAMESPACE }),
    ]);
    return new ContainerdRuntime(options, channel, own);
  }

  async version(): Promise<string> {
    const { runtime_version } = await cri(this.#channel.unary(RUNTIME, 'Version', { version: 'v1' }, { timeoutMs: CALL_TIMEOUT_MS }));
    return runtime_version;
  }

  async list(): Promise<{ readonly sandboxes: readonly Sandbox[]; readonly containers: readonly Container[] }> {
    const filter = { label_selector: { [CLUSTER_LABEL]: this.#options.clusterId } };
    const [{ items }, { containers }] = await Promise.all([
      cri(this.#channel.unary(RUNTIME, 'ListPodSandbox', { filter }, { timeoutMs: CALL_TIMEOUT_MS })),
      cri(this.#channel.unary(RUNTIME, 'ListContainers', { filter }, { timeoutMs: CALL_TIMEOUT_MS })),
    ]);
    const sandboxes = await abreast(items, (item) => (item.state === 'SANDBOX_READY' ? this.sandbox(item.id) : Promise.resolve(readSandbox(item, []))));
    const looked = await abreast(containers, (listed) => this.#look(listed));
    return { sandboxes: sandboxes.filter(isPresent), containers: looked.filter(isPresent) };
  }

  async container(id: string): Promise<Container | undefined> {
    const { containers } = await cri(this.#channel.unary(RUNTIME, 'ListContainers', { filter: { id } }, { timeoutMs: CALL_TIMEOUT_MS }));
    const listed = containers.find((container) => container.id === id);
    return listed === undefined ? undefined : this.#look(listed);
  }

  async #look(listed: CriContainer): Promise<Container | undefined> {
    const answer = await criOrGone(this.#channel.unary(RUNTIME, 'ContainerStatus', { container_id: listed.id }, { timeoutMs: CALL_TIMEOUT_MS }));
    return answer?.status === undefined || answer.status === null ? undefined : readContainer(listed, answer.status);
  }

  async sandbox(id: string): Promise<Sandbox | undefined> {
    const answer = await criOrGone(this.#channel.unary(RUNTIME, 'PodSandboxStatus', { pod_sandbox_id: id }, { timeoutMs: CALL_TIMEOUT_MS }));
    const status = answer?.status;
    return status === undefined || status === null ? undefined : readSandbox(status, status.state === 'SANDBOX_READY' ? sandboxIps(status) : []);
  }

  async runSandbox(spec: SandboxSpec): Promise<{ readonly id: string; readonly ips: readonly string[] }> {
    const { clusterId, cgroupParent } = this.#options;
    const config = sandboxConfig(spec.cgroupParent === '' ? { ...spec, cgroupParent } : spec, clusterId);
    const request = { config, runtime_handler: spec.runtimeHandler };
    const { pod_sandbox_id: id } = await cri(this.#channel.unary(RUNTIME, 'RunPodSandbox', request, { timeoutMs: LONG_CALL_TIMEOUT_MS }));
    return { id, ips: (await this.sandbox(id))?.ips ?? [] };
  }

  async stopSandbox(id: string): Promise<void> {
    await criOrGone(this.#channel.unary(RUNTIME, 'StopPodSandbox', { pod_sandbox_id: id }, { timeoutMs: LONG_CALL_TIMEOUT_MS }));
  }

  async removeSandbox(id: string): Promise<void> {
    await criOrGone(this.#channel.unary(RUNTIME, 'RemovePodSandbox', { pod_sandbox_id: id }, { timeoutMs: LONG_CALL_TIMEOUT_MS }));
  }

  async createContainer(sandboxId: string, spec: ContainerSpec): Promise<string> {
    const request = { pod_sandbox_id: sandboxId, config: containerConfig(spec, this.#options.clusterId), sandbox_config: await this.#sandboxConfig(sandboxId) };
    const { container_id } = await cri(this.#channel.unary(RUNTIME, 'CreateContainer', request, { timeoutMs: LONG_CALL_TIMEOUT_MS }), 'image-missing');
    return container_id;
  }

  /** CRI wants the sandbox's configuration with every container; containerd gives back what it was made with. */
  async #sandboxConfig(id: string): Promise<PodSandboxConfigInput> {
    const { info } = await cri(this.#channel.unary(RUNTIME, 'PodSandboxStatus', { pod_sandbox_id: id, verbose: true }, { timeoutMs: CALL_TIMEOUT_MS }));
    const { config } = JSON.parse(info['info'] ?? '{}') as { readonly config?: PodSandboxConfigInput };
    if (config === undefined) throw new CriError('internal', `containerd does not tell the configuration of sandbox ${id}`);
    return config;
  }

  async startContainer(id: string): Promise<void> {
    await cri(this.#channel.unary(RUNTIME, 'StartContainer', { container_id: id }, { timeoutMs: LONG_CALL_TIMEOUT_MS }));
  }

  async stopContainer(id: string, graceSeconds: number): Promise<void> {
    const timeout = Math.max(0, Math.ceil(graceSeconds));
    await criOrGone(this.#channel.unary(RUNTIME, 'StopContainer', { container_id: id, timeout }, { timeoutMs: timeout * 1000 + LONG_CALL_TIMEOUT_MS }));
  }

  async removeContainer(id: string): Promise<void> {
    await criOrGone(this.#channel.unary(RUNTIME, 'RemoveContainer', { container_id: id }, { timeoutMs: LONG_CALL_TIMEOUT_MS }));
  }

  async updateResources(id: string, resources: LinuxResources): Promise<void> {
    const request = { container_id: id, linux: linuxResources(resources) };
    await cri(this.#channel.unary(RUNTIME, 'UpdateContainerResources', request, { timeoutMs: CALL_TIMEOUT_MS }));
  }

  async reopenLog(id: string): Promise<void> {
    await cri(this.#channel.unary(RUNTIME, 'ReopenContainerLog', { container_id: id }, { timeoutMs: CALL_TIMEOUT_MS }));
  }

  async execSync(id: string, command: readonly string[], timeoutMs: number): Promise<ExecResult> {
    // CRI counts whole seconds: then its own end is waited for, since a call that is cancelled while the command starts leaves its
    // pipes behind in containerd 1.6. Other limits are ours to keep.
    const whole = timeoutMs % 1000 === 0;
    const request = { container_id: id, cmd: command, timeout: Math.max(1, Math.ceil(timeoutMs / 1000)) };
    using limit = deadline(this.#options.clock, whole ? timeoutMs + EXEC_PATIENCE_MS : timeoutMs);
    try {
      const { exit_code, stdout, stderr } = await cri(this.#channel.unary(RUNTIME, 'ExecSync', request, { signal: limit.signal }));
      return { exitCode: exit_code, stdout: outputText(stdout), stderr: outputText(stderr) };
    } catch (thrown) {
      if (!limit.signal.aborted && !(thrown instanceof CriError && thrown.code === 'deadline')) throw thrown;
      throw new CriError('deadline', `command ${JSON.stringify(command.join(' '))} timed out after ${timeoutMs / 1000}s`, thrown);
    }
  }

  async stats(id: string): Promise<ContainerStats | undefined> {
    const answer = await criOrGone(this.#channel.unary(RUNTIME, 'ContainerStats', { container_id: id }, { timeoutMs: CALL_TIMEOUT_MS }));
    const stats = answer?.stats;
    if (stats === undefined || stats === null) return undefined;
    return {
      cpuUsageNanos: stats.cpu?.usage_core_nano_seconds?.value ?? 0,
      memoryWorkingSetBytes: stats.memory?.working_set_bytes?.value ?? 0,
      writableLayerBytes: stats.writable_layer?.used_bytes?.value ?? 0,
    };
  }

  events(listener: (event: RuntimeEvent) => void): Disposable {
    const ending = new AbortController();
    const { clock, log } = this.#options;
    const end = (): void => {
      ending.abort(new Error('ended'));
      this.#following.delete(end);
    };
    this.#following.add(end);
    followEvents({ channel: this.#own, clock, log, look: (id) => this.container(id), signal: ending.signal }, listener).catch((thrown: unknown) =>
      log.error('the event stream of containerd ended', failure(thrown)),
    );
    return { [Symbol.dispose]: end };
  }

  [Symbol.asyncDispose](): Promise<void> {
    for (const end of this.#following) end();
    return this.#disposals[Symbol.asyncDispose]();
  }
}

function outputText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, LONGEST_OUTPUT_BYTES)).toString('utf8');
}

function isPresent<T>(value: T | undefined): value is T {
  return value !== undefined;
}

/** In the order of `items`, a bounded number at a time. */
async function abreast<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const at = next++;
      results[at] = await work(items[at] as T);
    }
  };
  await Promise.all(Array.from({ length: Math.min(MOST_ABREAST, items.length) }, worker));
  return results;
}
