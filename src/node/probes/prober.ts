import type { Probe } from '../../api/gen/types/core.v1.ts';
import type { Clock, Timer } from '../../base/clock.ts';
import { failure, type Log } from '../../base/log.ts';
import { type ActionTarget, tryProbe } from './action.ts';
import { afterOutcome, firstTryMs, NO_RESULT, periodMs, type ProbeOutcome, type ProbeState, timeoutMs } from './decide.ts';

export type ProbeKind = 'startup' | 'liveness' | 'readiness';

export interface ProberOptions {
  readonly kind: ProbeKind;
  readonly probe: Probe;
  readonly target: ActionTarget;
  readonly startedAtMs: number;
  /** In [0, 1): spreads the first tries of a node that restarts. */
  readonly share: number;
  readonly clock: Clock;
  readonly log: Log;
  /** While it says no, tries are left out: before the startup probe has passed, only that one is tried. */
  readonly wanted: () => boolean;
  /** The result that counts has changed. */
  readonly changed: (passed: boolean) => void;
  /** Each try that did not succeed. */
  readonly failed: (outcome: ProbeOutcome & { readonly message: string }) => void;
}

/** Tries one probe of one container again and again, until it is disposed. */
export class Prober implements Disposable {
  readonly #options: ProberOptions;
  #state: ProbeState = NO_RESULT;
  #timer: Timer | undefined;
  #ended = false;

  constructor(options: ProberOptions) {
    this.#options = options;
    const { clock, probe, startedAtMs, share } = options;
    this.#arm(firstTryMs(probe, startedAtMs, clock.now(), share));
  }

  [Symbol.dispose](): void {
    this.#ended = true;
    this.#timer?.[Symbol.dispose]();
  }

  #arm(delayMs: number): void {
    if (!this.#ended) this.#timer = this.#options.clock.setTimer(delayMs, () => void this.#try());
  }

  /** Never rejects. */
  async #try(): Promise<void> {
    const { probe, target, wanted, clock, log, kind } = this.#options;
    const begunMs = clock.monotonic();
    try {
      if (wanted()) this.#take(await tryProbe(probe, target, timeoutMs(probe)));
    } catch (thrown) {
      log.warn('a probe could not be tried', { probe: kind, container: target.container.name, ...failure(thrown) });
    }
    // A startup probe that passed is done; liveness and startup failures end the container, and this with it.
    if (kind === 'startup' && this.#state.passed !== undefined) return;
    this.#arm(Math.max(0, periodMs(probe) - (clock.monotonic() - begunMs)));
  }

  #take(outcome: ProbeOutcome): void {
    if (this.#ended) return;
    if ('message' in outcome) this.#options.failed(outcome);
    const before = this.#state.passed;
    this.#state = afterOutcome(this.#state, outcome, this.#options.probe);
    const { passed } = this.#state;
    if (passed !== undefined && passed !== before) this.#options.changed(passed);
  }
}
