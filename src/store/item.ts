import { assert } from '../base/assert.ts';
import type { RecoveredRow } from './journal.ts';
import type { Slab, Tenant } from './slabs.ts';
import type { Entry, Operation, StoreEvent } from './store.ts';

interface ItemFacts<P> {
  readonly key: string;
  readonly value: Uint8Array;
  readonly projection: P;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly rowId: number;
  readonly expiresAtMs: number;
}

/** A value by its row in the journal: all that is known in memory of one that has left it. */
export interface Away {
  readonly key: string;
  readonly rowId: number;
  readonly sizeBytes: number;
}

/** An entry with what only the store knows of it. Its value is a view made when it is asked for: who needs it often keeps it. */
export class Item<P> implements Entry<P>, Tenant, Away {
  readonly key: string;
  readonly projection: P;
  readonly createRevision: number;
  readonly modRevision: number;
  /** The id of its row in the journal. */
  readonly rowId: number;
  /** Wall time, ms; 0: it does not expire. */
  readonly expiresAtMs: number;
  home: Slab | Uint8Array;
  at = 0;
  readonly sizeBytes: number;
  slot = -1;

  constructor({ key, value, projection, createRevision, modRevision, rowId, expiresAtMs }: ItemFacts<P>) {
    this.key = key;
    this.projection = projection;
    this.createRevision = createRevision;
    this.modRevision = modRevision;
    this.rowId = rowId;
    this.expiresAtMs = expiresAtMs;
    this.home = value;
    this.sizeBytes = value.byteLength;
  }

  get value(): Uint8Array {
    const { home, at, sizeBytes } = this;
    return home instanceof Uint8Array ? home : home.bytes.subarray(at, at + sizeBytes);
  }
}

/** A change by the rows of its values. */
export interface Noted {
  readonly type: StoreEvent<unknown>['type'];
  readonly key: string;
  readonly revision: number;
  /** Wall time at which it was written, ms. */
  readonly timeMs: number;
  readonly entry: Away;
  /** The entry before it; undefined: there was none. */
  readonly previous: Away | undefined;
}

/** A change with its values: an event. */
export interface Change<P> extends StoreEvent<P>, Noted {
  readonly entry: Item<P>;
  readonly previous: Item<P> | undefined;
}

export function isItem<P>(value: Away): value is Item<P> {
  return value instanceof Item;
}

export function isWhole<P>(change: Noted): change is Change<P> {
  return change.entry instanceof Item;
}

export interface Stamp {
  readonly revision: number;
  readonly rowId: number;
  readonly timeMs: number;
}

/** What an operation makes of the state before it. A deletion needs one. */
export function changeOf<P>(operation: Operation<P>, previous: Item<P> | undefined, { revision, rowId, timeMs }: Stamp): Change<P> {
  // Of equal keys one text is kept.
  const { key } = previous ?? operation;
  if (operation.do === 'put') {
    const { value, projection, expiresAtMs = 0 } = operation;
    const createRevision = previous?.createRevision ?? revision;
    const entry = new Item({ key, value, projection, createRevision, modRevision: revision, rowId, expiresAtMs });
    return { type: 'put', key, entry, previous, revision, timeMs };
  }
  assert(previous !== undefined, 'only what is there is deleted');
  const entry = new Item({
    key,
    value: operation.value ?? previous.value,
    projection: operation.projection ?? previous.projection,
    createRevision: previous.createRevision,
    modRevision: revision,
    rowId,
    expiresAtMs: 0,
  });
  return { type: 'delete', key, entry, previous, revision, timeMs };
}

export function recoveredChange<P>(recovered: RecoveredRow<P>, previous: Item<P> | undefined): Change<P> {
  const { key, deleted, revision, timeMs } = recovered.row;
  const entry = recoveredItem(recovered, previous?.key ?? key);
  return { type: deleted ? 'delete' : 'put', key: entry.key, entry, previous, revision, timeMs };
}

/** `key`: the same text as the row's, which others hold already. */
export function recoveredItem<P>({ row, projection }: RecoveredRow<P>, key: string): Item<P> {
  const { value, createRevision, revision, id, expiresAtMs } = row;
  return new Item({ key, value, projection, createRevision, modRevision: revision, rowId: id, expiresAtMs });
}
