import type { StoreSettings } from './store.ts';

/** What a cluster takes when it is told nothing else. */
export const defaultStoreSettings: StoreSettings = {
  maxValueBytes: 1.5 * 1024 * 1024,
  maxPending: 10_000,
  watchWindowMs: 5 * 60_000,
  // A thousand a second.
  watchWindowEvents: 300_000,
  watchWindowBytes: 32 * 1024 * 1024,
  tombstoneMs: () => 0,
};
