import type { Pod, Volume } from '../../api/gen/types/core.v1.ts';
import type { Timer } from '../../base/clock.ts';
import { containersOf, type PodIdentity, spec } from '../pods/pod.ts';
import { type Follow, type MountedVolume, VolumeError, type VolumePlugin, type VolumeTools } from './volume.ts';

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 122_000;
/** A volume that only waits is asked for again soon, then less often; an event tells of it when it has waited for so long. */
const WAITING_FIRST_RETRY_MS = 50;
const WAITING_LONGEST_RETRY_MS = 2_000;
const TELL_WAITING_AFTER_MS = 30_000;

interface State {
  mounted: MountedVolume | undefined;
  error: VolumeError | undefined;
  failures: number;
  waitingSinceMs: number | undefined;
  toldMs: number;
  running: boolean;
  /** Asked for again while it was running. */
  again: boolean;
  timer: Timer | undefined;
}

export interface PodVolumesOptions {
  readonly tools: VolumeTools;
  readonly plugins: readonly VolumePlugin[];
  readonly id: PodIdentity;
  /** `changed` is called when an object that the volume follows has changed. */
  readonly follow: (volume: string, changed: () => void) => Follow;
  /** Something may go on: a volume has become ready, or has failed. */
  readonly changed: () => void;
  readonly prepare: () => Promise<void>;
}

/** The volumes of one pod: mounted each by itself, tried again, and kept up to date until disposed. */
export class PodVolumes implements Disposable {
  readonly #options: PodVolumesOptions;
  readonly #states = new Map<string, State>();
  #pod: Pod | undefined;
  #prepared: Promise<void> | undefined;
  #ended = false;
  #active = 0;
  #idle: (() => void)[] = [];

  constructor(options: PodVolumesOptions) {
    this.#options = options;
  }

  /** Starts what is missing; what shows the pod itself is brought up to date. Cheap when there is nothing to do. */
  update(pod: Pod): void {
    const before = this.#pod;
    this.#pod = pod;
    for (const volume of neededVolumes(pod)) {
      const state = this.#states.get(volume.name);
      if (state === undefined) this.#setUp(volume.name);
      else if (before !== undefined && showsPod(volume) && !sameMetadata(before, pod)) this.#setUp(volume.name);
    }
  }

  /** Every volume that a container uses can be used. */
  get ready(): boolean {
    const pod = this.#pod;
    return pod !== undefined && neededVolumes(pod).every((v) => this.#states.get(v.name)?.mounted !== undefined);
  }

  get(name: string): MountedVolume | undefined {
    return this.#states.get(name)?.mounted;
  }

  mounted(): readonly MountedVolume[] {
    return [...this.#states.values()].flatMap((s) => s.mounted ?? []);
  }

  /** A driver has come or gone: what is missing is tried at once. */
  retry(): void {
    for (const [name, state] of this.#states) if (state.mounted === undefined) this.#setUp(name);
  }

  /** Nothing is started any more; resolves when nothing is under way. */
  async stop(): Promise<void> {
    this[Symbol.dispose]();
    if (this.#active > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  [Symbol.dispose](): void {
    this.#ended = true;
    for (const state of this.#states.values()) state.timer?.[Symbol.dispose]();
  }

  #setUp(name: string): void {
    if (this.#ended) return;
    const state = this.#states.get(name) ?? {
      mounted: undefined,
      error: undefined,
      failures: 0,
      waitingSinceMs: undefined,
      toldMs: 0,
      running: false,
      again: false,
      timer: undefined,
    };
    this.#states.set(name, state);
    state.timer?.[Symbol.dispose]();
    if (state.running) {
      state.again = true;
      return;
    }
    state.running = true;
    this.#active++;
    void this.#run(name, state).finally(() => {
      state.running = false;
      this.#active--;
      if (this.#active === 0) for (const resolve of this.#idle.splice(0)) resolve();
      if (state.again) {
        state.again = false;
        this.#setUp(name);
      }
    });
  }

  /** Never rejects. */
  async #run(name: string, state: State): Promise<void> {
    const { tools, plugins, id, follow, changed } = this.#options;
    const pod = this.#pod;
    const volume = pod === undefined ? undefined : neededVolumes(pod).find((v) => v.name === name);
    if (pod === undefined || volume === undefined) return;
    try {
      await this.#prepare();
      const plugin = plugins.find((p) => p.supports(volume));
      if (plugin === undefined) throw new VolumeError('refused', `no volume plugin matched the type of volume ${JSON.stringify(name)} on this node`);
      const mounted = await plugin.setUp({ pod, id, volume, follow: follow(name, () => this.#setUp(name)), before: state.mounted, nowMs: tools.clock.now() });
      const first = state.mounted === undefined;
      state.mounted = mounted;
      state.error = undefined;
      state.failures = 0;
      state.waitingSinceMs = undefined;
      if (mounted.againAtMs !== undefined) this.#later(name, state, mounted.againAtMs - tools.clock.now());
      if (first) changed();
    } catch (thrown) {
      this.#failed(
        name,
        state,
        pod,
        thrown instanceof VolumeError ? thrown : new VolumeError('failed', thrown instanceof Error ? thrown.message : String(thrown), { cause: thrown }),
      );
    }
  }

  /** Once for all volumes; after a failure the next one tries again. */
  async #prepare(): Promise<void> {
    this.#prepared ??= this.#options.prepare();
    const mine = this.#prepared;
    try {
      await mine;
    } catch (thrown) {
      if (this.#prepared === mine) this.#prepared = undefined;
      throw thrown;
    }
  }

  #failed(name: string, state: State, pod: Pod, error: VolumeError): void {
    const { tools } = this.#options;
    const nowMs = tools.clock.now();
    state.error = error;
    state.failures++;
    if (error.code === 'waiting') {
      state.waitingSinceMs ??= nowMs;
      this.#later(name, state, Math.min(WAITING_FIRST_RETRY_MS * 2 ** Math.min(state.failures - 1, 10), WAITING_LONGEST_RETRY_MS));
      if (nowMs - state.waitingSinceMs < TELL_WAITING_AFTER_MS || nowMs - state.toldMs < LONGEST_RETRY_MS) return;
    } else this.#later(name, state, Math.min(FIRST_RETRY_MS * 2 ** Math.min(state.failures - 1, 10), LONGEST_RETRY_MS));
    state.toldMs = nowMs;
    tools.recorder.event(pod, 'Warning', error.reason, `${error.step} failed for volume ${JSON.stringify(error.volumeName ?? name)} : ${error.message}`);
  }

  #later(name: string, state: State, delayMs: number): void {
    if (!this.#ended) state.timer = this.#options.tools.clock.setTimer(delayMs, () => this.#setUp(name));
  }
}

/** Volumes that no container uses are neither mounted nor mapped. */
export function neededVolumes(pod: Pod): readonly Volume[] {
  const used = new Set(containersOf(pod).flatMap((c) => [...(c.spec.volumeMounts ?? []), ...(c.spec.volumeDevices ?? [])].map((m) => m.name)));
  return (spec(pod).volumes ?? []).filter((v) => used.has(v.name));
}

function showsPod({ downwardAPI, projected }: Volume): boolean {
  return downwardAPI !== undefined || (projected?.sources ?? []).some((s) => s.downwardAPI !== undefined);
}

function sameMetadata(a: Pod, b: Pod): boolean {
  return (
    a.metadata === b.metadata ||
    (JSON.stringify(a.metadata?.labels) === JSON.stringify(b.metadata?.labels) &&
      JSON.stringify(a.metadata?.annotations) === JSON.stringify(b.metadata?.annotations))
  );
}
