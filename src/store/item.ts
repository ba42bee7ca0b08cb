import { assert } from '../base/assert.ts';
import type { RecoveredRow } from './journal.ts';
import type { Entry, Operation, StoreEvent } from './store.ts';

/** An entry with what only the store knows of it. */
export interface Item<P> extends Entry<P> {
  /** The id of its row in the journal. */
  readonly rowId: number;
  /** Wall time, ms; 0: it does not expire. */
  readonly expiresAtMs: number;
}

/** An event with the wall time (ms) at which it was written. */
export interface Change<P> extends StoreEvent<P> {
  readonly entry: Item<P>;
  readonly previous: Item<P> | undefined;
  readonly timeMs: number;
}

export interface Stamp {
  readonly revision: number;
  readonly rowId: number;
  readonly timeMs: number;
}

/** What an operation makes of the state before it. A deletion needs one. */
export function changeOf<P>(operation: Operation<P>, previous: Item<P> | undefined, { revision, rowId, timeMs }: Stamp): Change<P> {
  const { key } = operation;
  if (operation.do === 'put') {
    const { value, projection, expiresAtMs = 0 } = operation;
    const entry: Item<P> = { key, value, projection, createRevision: previous?.createRevision ?? revision, modRevision: revision, rowId, expiresAtMs };
    return { type: 'put', key, entry, previous, revision, timeMs };
  }
  assert(previous !== undefined, 'only what is there is deleted');
  const entry: Item<P> = {
    key,
    value: operation.value ?? previous.value,
    projection: operation.projection ?? previous.projection,
    createRevision: previous.createRevision,
    modRevision: revision,
    rowId,
    expiresAtMs: 0,
  };
  return { type: 'delete', key, entry, previous, revision, timeMs };
}

export function recoveredChange<P>({ row, projection }: RecoveredRow<P>, previous: Item<P> | undefined): Change<P> {
  const { key, value, createRevision, revision, id, expiresAtMs, timeMs } = row;
  const entry: Item<P> = { key, value, projection, createRevision, modRevision: revision, rowId: id, expiresAtMs };
  return { type: row.deleted ? 'delete' : 'put', key, entry, previous, revision, timeMs };
}
