import type { Pod } from '../../api/gen/types/core.v1.ts';
import type { Clock, Timer } from '../../base/clock.ts';
import { failure, type Log } from '../../base/log.ts';
import type { Host } from '../../host/host.ts';
import { parseQuantity, quantityNumber } from '../../machinery/quantity.ts';
import type { PodVolumes } from './pod-volumes.ts';

const LOOK_MS = 10_000;
const LONGEST_LOOK_MS = 60_000;

interface Limited {
  readonly name: string;
  /** As the pod says it. */
  readonly limit: string;
  readonly limitBytes: number;
}

/** The emptyDirs of a pod that lie on the disk and have a limit: the kernel does not hold them to it. */
export function limitedEmptyDirs(pod: Pod): readonly Limited[] {
  return (pod.spec?.volumes ?? []).flatMap(({ name, emptyDir }) => {
    const limit = emptyDir?.sizeLimit;
    const quantity = limit === undefined || emptyDir?.medium === 'Memory' ? undefined : parseQuantity(limit);
    return limit === undefined || quantity === undefined || quantity.nanos <= 0n ? [] : [{ name, limit, limitBytes: quantityNumber(quantity) }];
  });
}

export interface EmptyDirLimitsOptions {
  readonly volumes: PodVolumes;
  readonly host: Host;
  readonly clock: Clock;
  readonly log: Log;
  /** With the words for the pod's status. */
  readonly exceeded: (message: string) => void;
}

/** Looks now and then how large they are, and says when one is too large. Costs nothing for pods that have none. */
export class EmptyDirLimits implements Disposable {
  readonly #options: EmptyDirLimitsOptions;
  readonly #limited: readonly Limited[];
  #timer: Timer | undefined;
  #ended = false;

  /** `pod` is not kept. */
  constructor(pod: Pod, options: EmptyDirLimitsOptions) {
    this.#options = options;
    this.#limited = limitedEmptyDirs(pod);
    this.#arm();
  }

  [Symbol.dispose](): void {
    this.#ended = true;
    this.#timer?.[Symbol.dispose]();
  }

  #arm(): void {
    if (this.#limited.length === 0 || this.#ended) return;
    this.#timer = this.#options.clock.setTimer(LOOK_MS, () => void this.#look().then(() => this.#arm()));
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    const { volumes, host, log, exceeded } = this.#options;
    for (const { name, limit, limitBytes } of this.#limited) {
      const path = volumes.get(name)?.path;
      if (path === undefined) continue;
      try {
        const { stdout } = await host.run('du', ['-s', '-x', '--block-size=1', path], { timeoutMs: LONGEST_LOOK_MS });
        const bytes = Number(/^(\d+)/.exec(stdout)?.[1] ?? 0);
        if (bytes > limitBytes && !this.#ended)
          return exceeded(`Usage of EmptyDir volume ${JSON.stringify(name)} exceeds the limit ${JSON.stringify(limit)}. `);
      } catch (thrown) {
        log.warn('measuring an emptyDir failed', { volume: name, ...failure(thrown) });
      }
    }
  }
}
