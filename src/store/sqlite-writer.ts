import { existsSync, rmSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { assertRoom, Ballast, errcodeOf, filesOf, isDamage, takeLock, wantsRoom } from './sqlite-directory.ts';
import { FORMAT, type Marks, MarksFile, syncDirectory } from './sqlite-marks.ts';
import { type Answer, type Opened, packRows, type Request, RESERVE, unpackRows, type WriterData } from './sqlite-wire.ts';
import type { Gap, Row } from './journal.ts';

/** Why the data directory is not opened. */
export class Refusal extends Error {
  readonly code: 'locked' | 'damaged' | 'newer-format' | 'unavailable';

  constructor(code: 'locked' | 'damaged' | 'newer-format' | 'unavailable', message: string) {
    super(message);
    this.code = code;
  }
}

const PAGE = 4096;
const LOAD_CHUNK_BYTES = 1024 * 1024;
const VACUUM_PAGES = 128;
/** A slot of the marks has room for more. */
const MOST_GAPS = 50;
/** The WAL is looked at after about so many bytes. */
const LOOK_BYTES = 1024 * 1024;

/** The rows of one data directory in SQLite. Everything is synchronous: it lives on a thread of its own. */
export class SqliteWriter {
  readonly opened: Opened;
  readonly #data: WriterData;
  readonly #lock: DatabaseSync;
  readonly #marks: MarksFile;
  readonly #database: DatabaseSync;
  readonly #ballast: Ballast;
  readonly #insert: StatementSync;
  readonly #delete: StatementSync;
  readonly #select: StatementSync;
  readonly #setMeta: StatementSync;
  readonly #walState: StatementSync;
  #lastRowId: number;
  #bytesSinceLook = 0;

  private constructor(data: WriterData, lock: DatabaseSync, marks: MarksFile, database: DatabaseSync, ballast: Ballast, loaded: Loaded) {
    this.#data = data;
    this.#lock = lock;
    this.#marks = marks;
    this.#database = database;
    this.#ballast = ballast;
    this.#insert = database.prepare('INSERT INTO log (id, revision, created, deleted, key, expires, time, value) VALUES (?, ?, ?, ?, ?, ?, ?, ?)');
    this.#delete = database.prepare('DELETE FROM log WHERE id = ?');
    this.#select = database.prepare('SELECT id, revision, created, deleted, key, expires, time, value FROM log WHERE id = ?');
    this.#setMeta = database.prepare('INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)');
    this.#walState = database.prepare('PRAGMA wal_checkpoint(NOOP)');
    this.#lastRowId = loaded.lastRowId;
    this.opened = startOf(marks.marks, loaded);
    marks.write({
      format: FORMAT,
      reserved: this.opened.reservedRevision,
      durableRowId: loaded.lastRowId,
      floor: this.opened.compactedRevision,
      started: this.opened.revision,
      gaps: this.opened.gaps,
    });
  }

  /** `give` gets all rows in order, packed, and owns the buffers. Throws `Refusal`. */
  static open(data: WriterData, give: (rows: Uint8Array) => void): SqliteWriter {
    const files = filesOf(data.directory);
    const locked = takeLock(data.directory);
    if ('heldBy' in locked) throw new Refusal('locked', `${data.directory} is in use by process ${locked.heldBy}`);
    const isNew = !existsSync(files.marks) && !existsSync(files.database);
    const marks = MarksFile.open(files.marks);
    assertMarks(marks.marks, data.directory, isNew || !existsSync(files.database));
    if (isNew) marks.write({ format: FORMAT, reserved: 0, durableRowId: 0, floor: 0 });
    const ballast = new Ballast(files.ballast, data.ballastBytes);
    const opening = (): SqliteWriter => {
      assertRoom(data.directory);
      const database = openDatabase(files.database, data);
      return new SqliteWriter(data, locked.lock, marks, database, ballast, load(database, give));
    };
    try {
      return opening();
    } catch (thrown) {
      if (isDamage(thrown)) throw new Refusal('damaged', `${files.database} is damaged: ${(thrown as Error).message}`);
      if (!wantsRoom(thrown) || !ballast.giveUp()) throw thrown;
      return opening();
    } finally {
      syncDirectory(data.directory);
    }
  }

  answer(request: Request): Answer {
    try {
      return this.#do(request);
    } catch (thrown) {
      // SQLite has rolled back by itself after most errors; an explicit rollback would then throw.
      if (request.do !== 'close' && this.#database.isTransaction) this.#database.exec('ROLLBACK');
      if (wantsRoom(thrown)) this.#makeRoom();
      return { is: 'failed', message: thrown instanceof Error ? thrown.message : String(thrown), errcode: errcodeOf(thrown) };
    }
  }

  #do(request: Request): Answer {
    switch (request.do) {
      case 'append':
        if (request.reserve !== undefined) this.#reserve(request.reserve);
        try {
          return this.#append(request.rows);
        } finally {
          // Given back at once: this thread collects its garbage too seldom for what passes through it.
          (request.rows.buffer as ArrayBuffer).transfer(0);
        }
      case 'remove':
        return this.#remove(request.ids, request.compactedRevision);
      case 'read':
        return { is: 'done', rows: this.#read(request.ids) };
      case 'replace':
        return this.#replace(request.rows, request.last);
      case 'vacuum':
        this.#database.exec(`PRAGMA incremental_vacuum(${VACUUM_PAGES})`);
        return this.#look();
      case 'probe':
        this.#ballast.take();
        this.#setMeta.run('probed', this.#lastRowId);
        return { is: 'done' };
      case 'close':
        this.#close(request.revision);
        return { is: 'done' };
    }
  }

  #append(packed: Uint8Array): Answer {
    this.#database.exec('BEGIN IMMEDIATE');
    let last: Row | undefined;
    for (const row of unpackRows(packed)) {
      this.#insert.run(row.id, row.revision, row.createRevision, row.deleted ? 1 : 0, row.key, row.expiresAtMs, row.timeMs, row.value);
      last = row;
    }
    this.#database.exec('COMMIT');
    this.#lastRowId = last?.id ?? this.#lastRowId;
    this.#bytesSinceLook += packed.byteLength + PAGE;
    return this.#bytesSinceLook > LOOK_BYTES ? this.#lookAfterCommit() : { is: 'done' };
  }

  #read(ids: readonly number[]): Uint8Array {
    const rows: Row[] = [];
    for (const id of ids) {
      const found = this.#select.get(id);
      if (found !== undefined) rows.push(rowOf(found as unknown as Stored));
    }
    const packed = packRows(rows);
    // As after an append: garbage of this thread is collected too seldom.
    for (const { value } of rows) (value.buffer as ArrayBuffer).transfer(0);
    return packed;
  }

  #replace(packed: Uint8Array, last: boolean): Answer {
    const update = this.#database.prepare('UPDATE log SET value = ? WHERE id = ?');
    this.#database.exec('BEGIN IMMEDIATE');
    for (const { id, value } of unpackRows(packed)) update.run(value, id);
    this.#database.exec('COMMIT');
    if (last) this.#database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    return { is: 'done' };
  }

  #remove(ids: readonly number[], compactedRevision: number): Answer {
    this.#database.exec('BEGIN IMMEDIATE');
    for (const id of ids) this.#delete.run(id);
    this.#setMeta.run('compacted', compactedRevision);
    this.#database.exec('COMMIT');
    return this.#lookAfterCommit();
  }

  /** What has been committed stays acknowledged: a WAL that can't be moved is tried again at the next look. */
  #lookAfterCommit(): Answer {
    try {
      return this.#look();
    } catch (thrown) {
      if (errcodeOf(thrown) === undefined) throw thrown;
      if (wantsRoom(thrown)) this.#makeRoom();
      return { is: 'done' };
    }
  }

  /** How much waits in the WAL; over the cap the writer itself moves it, since the other thread may never catch up. */
  #look(): Answer {
    this.#bytesSinceLook = 0;
    const { log, checkpointed } = this.#walState.get() as { log: number; checkpointed: number };
    if (log * PAGE > this.#data.walCapBytes) this.#database.exec('PRAGMA wal_checkpoint(RESTART)');
    return { is: 'done', walBytes: Math.max(0, log - Math.max(0, checkpointed)) * PAGE, sparePages: this.#sparePages() };
  }

  /** Free pages beyond what new rows will soon take. */
  #sparePages(): number {
    const { freelist_count: free } = this.#database.prepare('PRAGMA freelist_count').get() as { freelist_count: number };
    const { page_count: all } = this.#database.prepare('PRAGMA page_count').get() as { page_count: number };
    return Math.max(0, free - Math.max(1024, Math.floor(all / 4)));
  }

  #reserve(revision: number): void {
    const now = this.#marks.marks as Marks;
    this.#marks.write({ ...now, reserved: revision, durableRowId: this.#lastRowId, clean: undefined });
  }

  /** The ballast goes, and with its room the WAL into the database: compaction can then make more. */
  #makeRoom(): void {
    if (!this.#ballast.giveUp()) return;
    try {
      this.#database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    } catch (thrown) {
      if (errcodeOf(thrown) === undefined) throw thrown;
      // Still no room: the next probe tries again.
    }
  }

  /** On a disk that takes no writes the next start finds an unclean end, and loses nothing by it. */
  #markClean(revision: number | undefined): void {
    const now = this.#marks.marks as Marks;
    try {
      if (revision !== undefined) this.#marks.write({ ...now, durableRowId: this.#lastRowId, clean: { revision, rowId: this.#lastRowId } });
      rmSync(filesOf(this.#data.directory).pid, { force: true });
    } catch (thrown) {
      if (!(thrown instanceof Error && 'syscall' in thrown)) throw thrown;
    }
  }

  #close(revision: number | undefined): void {
    try {
      this.#database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    } catch (thrown) {
      if (errcodeOf(thrown) === undefined) throw thrown;
      // The WAL stays, and is read at the next start.
    }
    this.#database.close();
    this.#markClean(revision);
    this.#marks[Symbol.dispose]();
    this.#lock.close();
  }
}

interface Loaded {
  readonly lastRowId: number;
  readonly lastRevision: number;
  readonly compactedRevision: number;
}

function assertMarks(marks: Marks | undefined, directory: string, noDatabase: boolean): void {
  if (marks !== undefined && marks.format > FORMAT) {
    throw new Refusal(
      'newer-format',
      `${directory} has format ${marks.format}; this version reads formats up to ${FORMAT}. Use the version that wrote it, or a newer one`,
    );
  }
  if (marks === undefined && !noDatabase) throw new Refusal('damaged', `${directory} has a database, but its marks file is missing or broken`);
  if (marks !== undefined && marks.durableRowId > 0 && noDatabase) throw new Refusal('damaged', `the database of ${directory} is gone`);
}

function openDatabase(path: string, { synchronous, eraseDeleted = false }: WriterData): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: 5000 });
  try {
    // Before the first table, else the file can never shrink.
    database.exec('PRAGMA auto_vacuum=2');
    database.exec(
      `PRAGMA journal_mode=WAL; PRAGMA synchronous=${synchronous === 'off' ? 'OFF' : 'FULL'}; PRAGMA wal_autocheckpoint=0; PRAGMA secure_delete=${eraseDeleted ? 'ON' : 'OFF'}`,
    );
    database.exec(`
      CREATE TABLE IF NOT EXISTS log (
        id INTEGER PRIMARY KEY, revision INTEGER NOT NULL, created INTEGER NOT NULL, deleted INTEGER NOT NULL,
        key TEXT NOT NULL, expires INTEGER NOT NULL, time INTEGER NOT NULL, value BLOB NOT NULL
      ) STRICT;
      CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;`);
  } catch (thrown) {
    database.close();
    throw thrown;
  }
  return database;
}

/** Gives all rows in chunks of about a megabyte. */
function load(database: DatabaseSync, give: (rows: Uint8Array) => void): Loaded {
  const select = database.prepare('SELECT id, revision, created, deleted, key, expires, time, value FROM log ORDER BY id');
  let chunk: Row[] = [];
  let chunkBytes = 0;
  let last: Row | undefined;
  for (const found of select.iterate()) {
    const row = rowOf(found as unknown as Stored);
    chunk.push(row);
    chunkBytes += row.value.byteLength;
    last = row;
    if (chunkBytes < LOAD_CHUNK_BYTES) continue;
    give(packRows(chunk));
    chunk = [];
    chunkBytes = 0;
  }
  if (chunk.length > 0) give(packRows(chunk));
  const meta = database.prepare("SELECT value FROM meta WHERE name = 'compacted'").get() as { value: number } | undefined;
  return { lastRowId: last?.id ?? 0, lastRevision: last?.revision ?? 0, compactedRevision: meta?.value ?? 0 };
}

interface Stored {
  readonly id: number;
  readonly revision: number;
  readonly created: number;
  readonly deleted: number;
  readonly key: string;
  readonly expires: number;
  readonly time: number;
  readonly value: Uint8Array;
}

function rowOf(found: Stored): Row {
  const { id, revision, created, deleted, key, expires, time, value } = found;
  return { id, revision, createRevision: created, deleted: deleted === 1, key, value, expiresAtMs: expires, timeMs: time };
}

/** Where revisions go on, and which versions are whole, by what the marks promise and the database has. */
function startOf(marks: Marks | undefined, { lastRowId, lastRevision, compactedRevision }: Loaded): Opened {
  const promised = Math.max(marks?.durableRowId ?? 0, marks?.clean?.rowId ?? 0);
  if (lastRowId < promised) {
    throw new Refusal('damaged', `the database ends at row ${lastRowId}, but row ${promised} was on disk: what was acknowledged is lost. Restore a backup`);
  }
  const isFirst = marks === undefined || marks.reserved === 0;
  const clean = isFirst || marks.clean?.rowId === lastRowId;
  const revision = Math.max(lastRevision, clean ? (marks?.clean?.revision ?? 0) : marks.reserved);
  // Rows are written in the order of their revisions, so up to the last one nothing is missing. What was shown after it (lazy
  // updates) is lost: who has seen such a version can't go on from it.
  const lost = clean ? [] : [{ after: Math.max(lastRevision, marks.started ?? marks.floor), before: revision }];
  const floor = Math.max(compactedRevision, marks?.floor ?? 0);
  return { revision, ...bounded(floor, [...(marks?.gaps ?? []), ...lost]), reservedRevision: revision + RESERVE, clean };
}

/** Gaps below the floor say nothing; of too many the oldest become the floor. */
function bounded(floor: number, gaps: readonly Gap[]): { readonly compactedRevision: number; readonly gaps: readonly Gap[] } {
  const compactedRevision = Math.max(floor, gaps.at(-MOST_GAPS - 1)?.before ?? 0);
  return { compactedRevision, gaps: gaps.filter(({ before }) => before > compactedRevision) };
}
