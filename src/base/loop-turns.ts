/**
 * Turns of the event loop, one for each who waits, in the order of asking: a hundred long answers at once hold the loop no longer
 * than one of them does. `nextTurn` calls later, in a turn of its own (`setImmediate`).
 */
export function loopTurns(nextTurn: (fn: () => void) => void): () => Promise<void> {
  let waiting: (() => void)[] = [];
  let at = 0;
  const give = (): void => {
    const first = waiting[at];
    at++;
    if (at < waiting.length) nextTurn(give);
    else {
      waiting = [];
      at = 0;
    }
    first?.();
  };
  return () =>
    new Promise((resolve) => {
      if (waiting.push(resolve) === 1) nextTurn(give);
      if (at > 1024) {
        waiting = waiting.slice(at);
        at = 0;
      }
    });
}

/** Work that is cut into pieces: what each costs is said, and when a turn's worth has been done the next waits for a turn. */
export class Slices {
  readonly #yieldToLoop: () => Promise<void>;
  readonly #most: number;
  #spent = 0;

  /** `most`: what one turn may cost, in the unit of `spend`. */
  constructor(yieldToLoop: () => Promise<void>, most: number) {
    this.#yieldToLoop = yieldToLoop;
    this.#most = most;
  }

  /** Undefined as long as this turn goes on: then nothing need be waited for. */
  spend(cost: number): Promise<void> | undefined {
    this.#spent += cost;
    if (this.#spent < this.#most) return undefined;
    this.#spent = 0;
    return this.#yieldToLoop();
  }
}
