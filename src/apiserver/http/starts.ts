/** Requests that are begun in one turn of the loop: some ten milliseconds. */
const AT_ONCE = 32;

/**
 * A connection of HTTP/2 may bring hundreds of requests in one piece of bytes, and take them back in the next breath (a rapid reset). Few are
 * begun in a turn, so that others come to theirs, and those that have been taken back meanwhile are not begun at all.
 */
export class Starts {
  readonly #yieldToLoop: () => Promise<void>;
  readonly #waiting: (() => void)[] = [];
  #begun = 0;
  #counting = false;

  constructor(yieldToLoop: () => Promise<void>) {
    this.#yieldToLoop = yieldToLoop;
  }

  /** At once, or when its turn comes: in order. */
  begin(start: () => void): void {
    if (!this.#counting) {
      this.#counting = true;
      void this.#count();
    }
    if (this.#waiting.length > 0 || this.#begun >= AT_ONCE) this.#waiting.push(start);
    else {
      this.#begun++;
      start();
    }
  }

  async #count(): Promise<void> {
    do {
      await this.#yieldToLoop();
      const next = this.#waiting.splice(0, AT_ONCE);
      this.#begun = next.length;
      for (const start of next) start();
    } while (this.#waiting.length > 0);
    this.#counting = false;
    this.#begun = 0;
  }
}
