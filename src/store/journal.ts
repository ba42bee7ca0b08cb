/**
 * The seam between the MVCC core and what keeps its rows. The core calls `append` one at a time, and only it gives out
 * revisions and row ids, both strictly increasing in the order of `append`.
 */
export interface Journal {
  /** Revisions up to this one may be shown before their row is on disk: after any end, the next start begins above them. */
  readonly reservedRevision: number;
  /** How long lazy rows may wait for company, ms. */
  readonly lazyMs: number;
  /** Resolves when all rows are durable. Rejects when none is: nothing may then be shown of them. */
  append(rows: readonly Row[]): Promise<void>;
  /**
   * Forgets rows, and remembers with them that versions below `compactedRevision` are no longer whole. Either all of it or
   * nothing. Bounded: the caller sends chunks.
   */
  remove(ids: readonly number[], compactedRevision: number): Promise<void>;
  /** After a failed `append`: resolves when rows are taken again, rejects with the reason while they are not. */
  probe(): Promise<void>;
  /** Called once, after everything else. `revision`: what the next start begins with; undefined: not all that was shown is on disk. */
  close(revision: number | undefined): Promise<void>;
}

/** One change of one key. */
export interface Row {
  readonly id: number;
  readonly revision: number;
  readonly createRevision: number;
  readonly deleted: boolean;
  readonly key: string;
  /** Of a deletion: the last state. */
  readonly value: Uint8Array;
  /** Wall time, ms; 0: never. */
  readonly expiresAtMs: number;
  /** Wall time of writing, ms. */
  readonly timeMs: number;
}

/** An unclean end: versions strictly between may have been shown, and are not on disk. Nobody can go on from one of them. */
export interface Gap {
  /** The last version that is on disk. */
  readonly after: number;
  /** Where revisions went on. */
  readonly before: number;
}

/** What a journal knew when it was opened. */
export interface Recovered<P> {
  /** Where revisions go on; not below the revision of any row. */
  readonly revision: number;
  /** Versions below it are not whole. */
  readonly compactedRevision: number;
  /** In ascending order, apart from each other. */
  readonly gaps: readonly Gap[];
  /** In the order of writing. */
  readonly rows: Iterable<RecoveredRow<P>>;
}

export interface RecoveredRow<P> {
  readonly row: Row;
  readonly projection: P;
}

/** Those of the rows that are there, in no order. Rows that are removed meanwhile are there or not. */
export type ReadRows<P> = (ids: readonly number[]) => Promise<readonly RecoveredRow<P>[]>;
