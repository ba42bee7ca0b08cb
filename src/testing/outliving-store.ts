import type { Store } from '../store/store.ts';

/** The same store, which does not end with whoever uses it: as a disk outlives a server. */
export function outliving<P>(store: Store<P>): Store<P> {
  return {
    get revision() {
      return store.revision;
    },
    get compactedRevision() {
      return store.compactedRevision;
    },
    wholeFrom: (revision) => store.wholeFrom(revision),
    get health() {
      return store.health;
    },
    get: (key) => store.get(key),
    settled: (key) => store.settled(key),
    list: (prefix, options) => store.list(prefix, options),
    listAt: (prefix, revision, options) => store.listAt(prefix, revision, options),
    count: (prefix) => store.count(prefix),
    commit: (operations, guards, options) => store.commit(operations, guards, options),
    watch: (prefix, options, sink) => store.watch(prefix, options, sink),
    fresh: () => store.fresh(),
    compact: (revision) => store.compact(revision),
    tombstones: (prefix) => store.tombstones(prefix),
    onHealth: (listener) => store.onHealth(listener),
    [Symbol.asyncDispose]: async () => {},
  };
}
