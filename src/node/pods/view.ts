import type { Pod } from '../../api/gen/types/core.v1.ts';
import type { Container, Sandbox } from '../runtime/runtime.ts';
import type { BackOff } from './back-off.ts';

/** Everything that deciding about one pod, and telling its status, may look at. */
export interface PodView {
  /** The newest known from the API. */
  readonly pod: Pod;
  /** Newest first. */
  readonly sandboxes: readonly Sandbox[];
  /** Of this pod, newest first; of all sandboxes. */
  readonly containers: readonly Container[];
  readonly memory: PodMemory;
  readonly nowMs: number;
}

/** What the node remembers of a pod beyond the runtime's and the API's knowledge. Lost with the process; rebuilt by trying again. */
export interface PodMemory {
  /** Volumes are mounted, and still what the spec wants. */
  readonly volumesReady: boolean;
  /** The hand is busy with the sandbox, or with starting this container. One at a time, in order. */
  readonly starting: string | undefined;
  readonly sandboxBusy: boolean;
  /** The last attempt to make a sandbox failed; not before this time again. */
  readonly sandboxRetryAtMs: number;
  /** By container id: the time by which it is to be dead. */
  readonly killing: ReadonlyMap<string, number>;
  /** By container name: why the last start did not come to a container, until it did. */
  readonly startErrors: ReadonlyMap<string, StartError>;
  readonly backOffs: ReadonlyMap<string, BackOff>;
  /** By container id: results of probes. Absent: none yet. */
  readonly probes: ReadonlyMap<string, ProbeResults>;
  /** By container id: the message read from its termination log, when it has been read. */
  readonly terminationMessages: ReadonlyMap<string, string>;
  /** By container id: the resources that it has now (see `resources.ts`), where they were changed in this run. */
  readonly resized: ReadonlyMap<string, string>;
  /** Ids of containers whose resources are being changed, or can't be for now. */
  readonly resizing: ReadonlySet<string>;
  /** The pod is to end, whatever its spec says. */
  readonly ending: Ending | undefined;
}

/** Why a pod ends. `deleted`: by its owner; status keeps the containers' own words. Others set phase Failed. */
export interface Ending {
  readonly cause: 'deleted' | 'finished' | 'failed';
  /** For `failed`: pod status reason and message (`DeadlineExceeded`, `Evicted` …). */
  readonly reason?: string;
  readonly message?: string;
  /** When it began. */
  readonly atMs: number;
  /** For all of its containers together, from then on. May be shortened later. */
  readonly graceSeconds: number;
}

export interface StartError {
  /** A waiting reason: ErrImagePull, ImagePullBackOff, CreateContainerConfigError … */
  readonly reason: string;
  readonly message: string;
  /** Not before this time again. */
  readonly retryAtMs: number;
}

/** Undefined: not known yet. A container without a probe of a sort has the answer that lets it run on. */
export interface ProbeResults {
  readonly startup?: boolean | undefined;
  readonly liveness?: boolean | undefined;
  readonly readiness?: boolean | undefined;
}

/** A pod of which nothing is known yet. */
export const NOTHING_REMEMBERED: PodMemory = {
  volumesReady: false,
  starting: undefined,
  sandboxBusy: false,
  sandboxRetryAtMs: 0,
  killing: new Map(),
  startErrors: new Map(),
  backOffs: new Map(),
  probes: new Map(),
  terminationMessages: new Map(),
  resized: new Map(),
  resizing: new Set(),
  ending: undefined,
};

/** The newest container of this name; in the given sandbox only, when one is given. */
export function latest(view: Pick<PodView, 'containers'>, name: string, sandboxId?: string): Container | undefined {
  return view.containers.find((c) => c.name === name && (sandboxId === undefined || c.sandboxId === sandboxId));
}
