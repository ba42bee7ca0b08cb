import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { RecoveredRow } from './journal.ts';
import { MvccStore } from './mvcc.ts';
import { SqliteJournal } from './sqlite-journal.ts';
import type { Seal } from './seal.ts';
import type { Projector, Store, StoreSettings } from './store.ts';

export interface SqliteStoreOptions<P> {
  /** Made (0700) when it is not there. One process at a time. */
  readonly directory: string;
  readonly clock: Clock;
  readonly project: Projector<P>;
  readonly settings: StoreSettings;
  readonly log: Log;
  /** Kept free for the day when the disk is full. Default 16 MiB; 0: none. */
  readonly ballastBytes?: number;
  /** When it is made, after the start. Default 5 s. */
  readonly ballastDelayMs?: number;
  /** `off` loses acknowledged writes at a power cut: only for the suite that must catch it. */
  readonly synchronous?: 'full' | 'off';
  /** Encryption at rest; what is deleted is then overwritten too. Absent: none. */
  readonly seal?: Seal | undefined;
}

const DEFAULT_BALLAST_BYTES = 16 * 1024 * 1024;
const WAL_CAP_BYTES = 64 * 1024 * 1024;

/**
 * Opens the store of a data directory. Throws StoreError `locked` (another process has it; the message names it), `newer-format`,
 * `damaged` (what a stop or a reservation promised is not there, or SQLite can't read it), `sealed` (no key decrypts a value; nothing is changed)
 * or `unavailable`.
 */
export async function openSqliteStore<P>(options: SqliteStoreOptions<P>): Promise<Store<P>> {
  const { directory, clock, project, settings, ballastBytes = DEFAULT_BALLAST_BYTES, ballastDelayMs = 5000, synchronous = 'full', seal } = options;
  const log = options.log.child('store');
  const data = { directory, synchronous, ballastBytes, walCapBytes: WAL_CAP_BYTES, eraseDeleted: seal !== undefined };
  const { journal, recovered, clean } = await SqliteJournal.open({ data, log, clock, ballastDelayMs, seal }, project);
  const readRows = async (ids: readonly number[]): Promise<readonly RecoveredRow<P>[]> =>
    (await journal.read(ids)).map((row) => ({ row, projection: project(row.key, row.value) }));
  const store = new MvccStore<P>({ journal, clock, settings, log, recovered, readRows });
  log.info('the store is open', { revision: store.revision, entries: store.count(''), clean });
  return store;
}
