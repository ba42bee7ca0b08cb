import { StatusError } from '../../machinery/status-error.ts';

export interface BodyBudgetSettings {
  /** Bytes of bodies that have come and are still worked on, of all requests over all connections. */
  readonly bytes: number;
  /** And of one user's: nobody keeps the others from sending. */
  readonly bytesOfOne: number;
}

export const defaultBodyBudget: BodyBudgetSettings = { bytes: 128 * 1024 * 1024, bytesOfOne: 64 * 1024 * 1024 };

/** What one request has taken of the budget. Given back once, when it is over. */
export interface Share extends Disposable {
  /** Throws 429 when there is no room. */
  take(bytes: number): void;
}

/** Keeps the memory of bodies bounded, however many streams and connections they come on. */
export class BodyBudget {
  readonly #settings: BodyBudgetSettings;
  readonly #users = new Map<string, number>();
  #bytes = 0;

  constructor(settings: BodyBudgetSettings = defaultBodyBudget) {
    this.#settings = settings;
  }

  get bytes(): number {
    return this.#bytes;
  }

  share(user: string): Share {
    let mine = 0;
    return {
      take: (bytes) => {
        const all = this.#users.get(user) ?? 0;
        if (this.#bytes + bytes > this.#settings.bytes || all + bytes > this.#settings.bytesOfOne) throw full();
        mine += bytes;
        this.#bytes += bytes;
        this.#users.set(user, all + bytes);
      },
      [Symbol.dispose]: () => {
        const left = (this.#users.get(user) ?? 0) - mine;
        this.#bytes -= mine;
        mine = 0;
        if (left > 0) this.#users.set(user, left);
        else this.#users.delete(user);
      },
    };
  }
}

const full = (): StatusError => new StatusError('TooManyRequests', 'Too many requests, please try again later.', { details: { retryAfterSeconds: 1 } });
