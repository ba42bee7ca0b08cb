import { StatusError } from '../../machinery/status-error.ts';

export interface SeatSettings {
  /** Requests that are worked on at a time; those that stream have left by then. */
  readonly seats: number;
  /** At most so many of them for one user. */
  readonly seatsOfOne: number;
  /** Requests of one user that wait for a seat; more are told to come back. */
  readonly waitingOfOne: number;
  readonly waiting: number;
}

export const defaultSeats: SeatSettings = { seats: 256, seatsOfOne: 192, waitingOfOne: 1024, waiting: 8192 };

interface User {
  seated: number;
  readonly waiting: (() => void)[];
}

/**
 * Fair sharing: users take turns, whatever the number of their requests, so that the flood of one does not starve another.
 * `enter` gives undefined when there is a seat at once, else a promise of one; every entry is followed by one `leave`.
 */
export class Seats {
  readonly #settings: SeatSettings;
  readonly #users = new Map<string, User>();
  #seated = 0;
  #waiting = 0;

  constructor(settings: SeatSettings = defaultSeats) {
    this.#settings = settings;
  }

  /** Throws 429. */
  enter(name: string): Promise<void> | undefined {
    const { seats, seatsOfOne, waitingOfOne, waiting } = this.#settings;
    let user = this.#users.get(name);
    if (user === undefined) {
      // Nothing is remembered of who gets neither a seat nor a place to wait.
      if (this.#seated >= seats && this.#waiting >= waiting) throw full();
      user = { seated: 0, waiting: [] };
      this.#users.set(name, user);
    }
    if (this.#seated < seats && user.seated < seatsOfOne && user.waiting.length === 0) {
      this.#seated++;
      user.seated++;
      return undefined;
    }
    if (user.waiting.length >= waitingOfOne || this.#waiting >= waiting) throw full();
    this.#waiting++;
    const { promise, resolve } = Promise.withResolvers<void>();
    user.waiting.push(resolve);
    return promise;
  }

  leave(name: string): void {
    const user = this.#users.get(name);
    if (user === undefined) return;
    this.#seated--;
    user.seated--;
    if (user.seated === 0 && user.waiting.length === 0) this.#users.delete(name);
    if (this.#waiting > 0) this.#seatNext();
  }

  /** The first user in turn who waits and may; then it is the others' turn. */
  #seatNext(): void {
    for (const [name, user] of this.#users) {
      if (user.waiting.length === 0 || user.seated >= this.#settings.seatsOfOne) continue;
      this.#users.delete(name);
      this.#users.set(name, user);
      this.#waiting--;
      this.#seated++;
      user.seated++;
      user.waiting.shift()?.();
      return;
    }
  }
}

const full = (): StatusError => new StatusError('TooManyRequests', 'too many requests, please try again later', { details: { retryAfterSeconds: 1 } });
