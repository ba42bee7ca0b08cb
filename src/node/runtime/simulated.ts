import { type Clock, sleep, type Timer } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import { invalidImageName, normalizeImageName } from './image-name.ts';
import {
  type Container,
  type ContainerSpec,
  type ContainerStats,
  CriError,
  type ExecResult,
  type Image,
  type Images,
  type LinuxResources,
  type Runtime,
  type RuntimeEvent,
  type RuntimeStreams,
  type Sandbox,
  type SandboxSpec,
} from './runtime.ts';

/** How a container behaves. */
export interface SimulatedBehaviour {
  /** After so long it ends by itself; absent: it runs until it is stopped. */
  readonly exitsAfterMs?: number;
  readonly exitCode?: number;
  /** How long it takes to end after SIGTERM; longer than the grace period: it is killed. */
  readonly stopsInMs?: number;
  /** After SIGTERM; absent: 143, as of a program that does not handle it. */
  readonly stopExitCode?: number;
}

export interface SimulatedRuntimeOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Times of the steps; 0 for at once. */
  readonly latency: { readonly sandboxMs: number; readonly startMs: number; readonly pullMs: number };
  /** The first address given to a pod: `10.244.0.2`; the following ones count up. */
  readonly firstPodIp: string;
  readonly behave?: (spec: ContainerSpec) => SimulatedBehaviour;
  /** An image that a pull can't find. Default: every image is there. */
  readonly pullFault?: (image: string) => string | undefined;
}

interface Running {
  container: Container;
  readonly behaviour: SimulatedBehaviour;
  timer: Timer | undefined;
}

/**
 * A container runtime in memory, on the given clock: containers run by what a script says, nothing is executed. Deterministic: ids and
 * times come from the given chance and clock. One instance may outlive several nodes, as containerd outlives the kubelet.
 */
export class SimulatedRuntime implements Runtime {
  readonly name = 'simulated';
  readonly streams: RuntimeStreams;
  readonly images: Images;
  readonly #options: SimulatedRuntimeOptions;
  readonly #sandboxes = new Map<string, Sandbox>();
  /** By id of the sandbox. */
  readonly #logDirectories = new Map<string, string>();
  readonly #containers = new Map<string, Running>();
  readonly #listeners = new Set<(event: RuntimeEvent) => void>();
  #nextIp = 0;

  constructor(options: SimulatedRuntimeOptions) {
    this.#options = options;
    this.images = new SimulatedImages(options);
    const refuse = (): Promise<never> => Promise.reject(new CriError('unsupported', 'a simulated container has no streams'));
    this.streams = { exec: refuse, attach: refuse, portForward: refuse };
  }

  async version(): Promise<string> {
    return '1.36.0';
  }

  async list(): Promise<{ readonly sandboxes: readonly Sandbox[]; readonly containers: readonly Container[] }> {
    return { sandboxes: [...this.#sandboxes.values()], containers: [...this.#containers.values()].map((r) => r.container) };
  }

  async container(id: string): Promise<Container | undefined> {
    return this.#containers.get(id)?.container;
  }

  async sandbox(id: string): Promise<Sandbox | undefined> {
    return this.#sandboxes.get(id);
  }

  async runSandbox(spec: SandboxSpec): Promise<{ readonly id: string; readonly ips: readonly string[] }> {
    await this.#wait(this.#options.latency.sandboxMs);
    const { podUid, podName, podNamespace, attempt, logDirectory, labels, annotations } = spec;
    const ips = spec.hostNetwork ? [] : [this.#address()];
    const id = this.#id();
    this.#logDirectories.set(id, logDirectory);
    this.#sandboxes.set(id, { id, podUid, podName, podNamespace, attempt, ready: true, createdAtMs: this.#options.clock.now(), ips, labels, annotations });
    return { id, ips };
  }

  async stopSandbox(id: string): Promise<void> {
    for (const running of this.#containers.values()) if (running.container.sandboxId === id) this.#exit(running, 137);
    const sandbox = this.#sandboxes.get(id);
    if (sandbox?.ready === true) this.#sandboxes.set(id, { ...sandbox, ready: false, ips: [] });
  }

  async removeSandbox(id: string): Promise<void> {
    await this.stopSandbox(id);
    for (const { container } of [...this.#containers.values()]) if (container.sandboxId === id) await this.removeContainer(container.id);
    this.#sandboxes.delete(id);
    this.#logDirectories.delete(id);
  }

  async createContainer(sandboxId: string, spec: ContainerSpec): Promise<string> {
    const sandbox = this.#sandboxes.get(sandboxId);
    if (sandbox?.ready !== true) throw new CriError('not-found', `sandbox ${sandboxId} is not ready`);
    const { podUid, name, attempt, imageRef, imageName, labels, annotations, logPath } = spec;
    if ((await this.images.find(imageRef)) === undefined) throw new CriError('image-missing', `image ${imageRef} is not there`);
    for (const { container } of this.#containers.values()) {
      const same = container.sandboxId === sandboxId && container.name === name && container.attempt === attempt;
      if (same) throw new CriError('name-reserved', `name ${name}_${attempt} is reserved for ${container.id}`);
    }
    const id = this.#id();
    const container: Container = {
      id,
      sandboxId,
      podUid,
      name,
      attempt,
      state: 'created',
      imageRef,
      imageName,
      createdAtMs: this.#options.clock.now(),
      startedAtMs: 0,
      finishedAtMs: 0,
      exitCode: 0,
      reason: '',
      message: '',
      logPath: `${this.#logDirectories.get(sandboxId)}/${logPath}`,
      labels,
      annotations,
    };
    this.#containers.set(id, { container, behaviour: this.#options.behave?.(spec) ?? {}, timer: undefined });
    return id;
  }

  async startContainer(id: string): Promise<void> {
    const running = this.#find(id);
    await this.#wait(this.#options.latency.startMs);
    if (running.container.state !== 'created') throw new CriError('invalid', `container ${id} is ${running.container.state}`);
    running.container = { ...running.container, state: 'running', startedAtMs: this.#options.clock.now() };
    const { exitsAfterMs, exitCode = 0 } = running.behaviour;
    if (exitsAfterMs !== undefined) running.timer = this.#options.clock.setTimer(exitsAfterMs, () => this.#exit(running, exitCode));
    this.#tell({ type: 'started', containerId: id });
  }

  async stopContainer(id: string, graceSeconds: number): Promise<void> {
    const running = this.#containers.get(id);
    if (running === undefined || running.container.state === 'exited') return;
    const { stopsInMs = 0, stopExitCode = 143 } = running.behaviour;
    const graceMs = graceSeconds * 1_000;
    await this.#wait(Math.min(stopsInMs, graceMs));
    this.#exit(running, stopsInMs > graceMs ? 137 : stopExitCode);
  }

  async removeContainer(id: string): Promise<void> {
    const running = this.#containers.get(id);
    if (running === undefined) return;
    running.timer?.[Symbol.dispose]();
    this.#containers.delete(id);
    this.#tell({ type: 'deleted', containerId: id });
  }

  async updateResources(id: string, _resources: LinuxResources): Promise<void> {
    this.#find(id);
  }

  async reopenLog(id: string): Promise<void> {
    this.#find(id);
  }

  async execSync(id: string, _command: readonly string[], _timeoutMs: number): Promise<ExecResult> {
    if (this.#find(id).container.state !== 'running') throw new CriError('invalid', `container ${id} does not run`);
    return { exitCode: 0, stdout: '', stderr: '' };
  }

  async stats(id: string): Promise<ContainerStats | undefined> {
    return this.#containers.has(id) ? { cpuUsageNanos: 0, memoryWorkingSetBytes: 0, writableLayerBytes: 0 } : undefined;
  }

  events(listener: (event: RuntimeEvent) => void): Disposable {
    this.#listeners.add(listener);
    queueMicrotask(() => {
      if (this.#listeners.has(listener)) listener({ type: 'lost' });
    });
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** For tests: the container ends by itself, as a crash would have it. */
  crash(id: string, exitCode: number): void {
    this.#exit(this.#find(id), exitCode);
  }

  /** The machine has gone down and comes up again: nothing runs, and nobody was told (containerd then reports the code 255). */
  reboot(): void {
    this.#listeners.clear();
    for (const running of this.#containers.values()) this.#exit(running, 255);
    for (const [id, sandbox] of this.#sandboxes) this.#sandboxes.set(id, { ...sandbox, ready: false, ips: [] });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { timer } of this.#containers.values()) timer?.[Symbol.dispose]();
    this.#listeners.clear();
  }

  #exit(running: Running, exitCode: number): void {
    running.timer?.[Symbol.dispose]();
    if (running.container.state === 'exited') return;
    const reason = exitCode === 0 ? 'Completed' : 'Error';
    running.container = { ...running.container, state: 'exited', exitCode, reason, finishedAtMs: this.#options.clock.now() };
    this.#tell({ type: 'exited', containerId: running.container.id });
  }

  #find(id: string): Running {
    const running = this.#containers.get(id);
    if (running === undefined) throw new CriError('not-found', `container ${id} is not there`);
    return running;
  }

  #tell(event: RuntimeEvent): void {
    for (const listener of [...this.#listeners]) listener(event);
  }

  async #wait(ms: number): Promise<void> {
    if (ms > 0) await sleep(this.#options.clock, ms);
  }

  #id(): string {
    return Buffer.from(this.#options.random.bytes(32)).toString('hex');
  }

  #address(): string {
    const [a = 0, b = 0, c = 0, d = 0] = this.#options.firstPodIp.split('.').map(Number);
    const n = ((a << 24) | (b << 16) | (c << 8) | d) + this.#nextIp++;
    return [24, 16, 8, 0].map((shift) => (n >>> shift) & 0xff).join('.');
  }
}

/** Every image is there as soon as it is pulled. */
class SimulatedImages implements Images {
  readonly #options: SimulatedRuntimeOptions;
  readonly #there = new Map<string, Image>();

  constructor(options: SimulatedRuntimeOptions) {
    this.#options = options;
  }

  async find(image: string): Promise<Image | undefined> {
    const byId = [...this.#there.values()].find(({ id }) => id === image);
    return byId ?? (image.startsWith('sha256:') ? undefined : this.#there.get(nameOf(image)));
  }

  async list(): Promise<readonly Image[]> {
    return [...this.#there.values()];
  }

  async pull(image: string): Promise<string> {
    const name = nameOf(image);
    const { clock, latency, pullFault } = this.#options;
    if (latency.pullMs > 0) await sleep(clock, latency.pullMs);
    const fault = pullFault?.(image);
    if (fault !== undefined) throw new CriError('image-pull', fault);
    const id = `sha256:${Buffer.from(name).toString('hex').padEnd(64, '0').slice(0, 64)}`;
    this.#there.set(name, { id, names: [name], digests: [], sizeBytes: 1_000_000, user: { uid: 0 } });
    return id;
  }

  load(): Promise<readonly string[]> {
    return Promise.reject(new CriError('unsupported', 'a simulated node loads no archives'));
  }

  async remove(image: string): Promise<void> {
    const found = await this.find(image);
    for (const name of found?.names ?? []) this.#there.delete(name);
  }

  async usage(): Promise<{ readonly usedBytes: number; readonly availableBytes: number }> {
    return { usedBytes: this.#there.size * 1_000_000, availableBytes: 100_000_000_000 };
  }
}

function nameOf(image: string): string {
  const name = normalizeImageName(image);
  if (name === undefined) throw new CriError('invalid', invalidImageName(image));
  return name;
}
