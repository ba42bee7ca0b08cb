import type { Random } from '../base/random.ts';
import { expired, StatusError } from '../machinery/status-error.ts';

/** How often what goes wrong on the way between a component and the API server; each a probability between 0 and 1. */
export interface FaultRates {
  /** A request never arrives. */
  readonly refused: number;
  /** A write is answered 409 though nothing was written: somebody else was faster. */
  readonly conflict: number;
  /** A write happens, and its answer is lost. */
  readonly lost: number;
  /** A request, or its answer, takes up to `longestDelayMs`. */
  readonly delayed: number;
  /** A batch of events takes up to `longestDelayMs`; what follows waits behind it. */
  readonly eventsDelayed: number;
  /** A watch ends instead of delivering a batch. */
  readonly watchDropped: number;
  /** A watch ends with 410, so that its informer has to list again. */
  readonly watchExpired: number;
  readonly longestDelayMs: number;
}

export const NO_FAULTS: FaultRates = { refused: 0, conflict: 0, lost: 0, delayed: 0, eventsDelayed: 0, watchDropped: 0, watchExpired: 0, longestDelayMs: 0 };

/** More than any cluster sees, and little enough for work to get done. */
export const MANY_FAULTS: FaultRates = {
  refused: 0.02,
  conflict: 0.03,
  lost: 0.02,
  delayed: 0.05,
  eventsDelayed: 0.05,
  watchDropped: 0.01,
  watchExpired: 0.005,
  longestDelayMs: 5_000,
};

/** What happens to the connections of one component, drawn request by request. One value for the component's whole life. */
export class Faults {
  readonly #random: Random;
  readonly #rates: () => FaultRates;

  /** `rates` is asked anew each time: a run ends without faults. */
  constructor(random: Random, rates: () => FaultRates) {
    this.#random = random;
    this.#rates = rates;
  }

  /** Whether it happens now. Always draws, so that one rate does not shift what is drawn for the others. */
  happens(what: Exclude<keyof FaultRates, 'longestDelayMs'>): boolean {
    return this.#random.float() < this.#rates()[what];
  }

  delayMs(what: 'delayed' | 'eventsDelayed'): number {
    const isDelayed = this.happens(what);
    const share = this.#random.float();
    return isDelayed ? Math.ceil(share * this.#rates().longestDelayMs) : 0;
  }

  /** Whether this request goes as bytes rather than as objects: what only one of the two ways does must not matter. */
  bytes(): boolean {
    return this.#random.float() < 0.5;
  }
}

/** As the HTTPS transport says it. */
export function unreachable(): StatusError {
  return new StatusError('ServiceUnavailable', "the API server can't be reached: a fault was injected");
}

export function tooOld(): StatusError {
  return expired('too old resource version: a fault was injected');
}

/** What becomes of a value on the way through a socket: `undefined`, -0 and shared parts do not survive it. */
export function throughBytes<T>(value: T): T {
  return value === undefined ? value : (JSON.parse(JSON.stringify(value)) as T);
}
