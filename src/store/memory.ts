import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Journal } from './journal.ts';
import { MvccStore } from './mvcc.ts';
import type { Store, StoreSettings } from './store.ts';

export interface MemoryStoreOptions {
  readonly clock: Clock;
  readonly settings: StoreSettings;
  readonly log?: Log;
}

/** A store that keeps nothing and promises nothing: for tests and simulation. A commit still takes a microtask or more. */
export function openMemoryStore<P>(options: MemoryStoreOptions): Store<P> {
  return new MvccStore<P>({ ...options, journal: noJournal });
}

const noJournal: Journal = {
  reservedRevision: Number.POSITIVE_INFINITY,
  lazyMs: 0,
  append: async () => {},
  remove: async () => {},
  probe: async () => {},
  close: async () => {},
};
