import type { Pod } from '../../api/gen/types/core.v1.ts';
import { failure, type Log } from '../../base/log.ts';
import { linuxResources } from '../containers/resources.ts';
import type { NodeParts } from './parts.ts';
import { findContainer } from './pod.ts';
import { resourceText } from './resources.ts';

const RETRY_MS = 30_000;

/** Changes of resources of a pod's running containers. */
export class Resizes {
  /** By container id: what it has now. */
  readonly done = new Map<string, string>();
  /** Ids whose change is under way, or has failed and is tried again later. */
  readonly busy = new Set<string>();
  readonly #parts: NodeParts;
  readonly #log: Log;
  readonly #changed: () => void;

  constructor(parts: NodeParts, log: Log, changed: () => void) {
    this.#parts = parts;
    this.#log = log;
    this.#changed = changed;
  }

  /** To what the pod's spec says of the container now. */
  start(pod: Pod, id: string, name: string): void {
    const { runtime, recorder, clock, machine } = this.#parts.options;
    const container = findContainer(pod, name)?.spec;
    if (container === undefined) return;
    const wanted = resourceText(container);
    this.busy.add(id);
    void runtime.updateResources(id, linuxResources(pod, container, machine.memoryBytes)).then(
      () => {
        this.done.set(id, wanted);
        this.busy.delete(id);
        recorder.event(pod, 'Normal', 'ResizeCompleted', `Pod resize completed: ${wanted}`);
        this.#changed();
      },
      (thrown: unknown) => {
        this.#log.warn('the resources of a container could not be changed, trying again', { container: name, ...failure(thrown) });
        recorder.event(pod, 'Warning', 'ResizeError', `Error resizing container ${name}: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
        clock.setTimer(RETRY_MS, () => {
          this.busy.delete(id);
          this.#changed();
        });
      },
    );
  }
}
