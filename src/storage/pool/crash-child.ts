/**
 * Works on a pool until it is killed: `node crash-child.ts ROOT KIND SEED LOG`. Each finished operation is one line in LOG, written
 * after the pool has answered; a line that begins an operation comes before it is asked for.
 */
import { appendFileSync, openSync, writeSync } from 'node:fs';
import { SeededRandom, SystemRandom } from '../../base/random.ts';
import { SystemClock } from '../../base/system-clock.ts';
import { openSystemHost } from '../../host/system.ts';
import { openPool } from './open.ts';
import type { Pool } from './pool.ts';

const [root = '', kind = 'plain', seed = '1', log = ''] = process.argv.slice(2);
const random = new SeededRandom(Number(seed));
const MiB = 2 ** 20;
const pick = <T>(all: readonly T[]): T | undefined => all[Math.floor(random.float() * all.length)];
const say = (line: string): void => appendFileSync(log, `${line}\n`);

const host = openSystemHost({ clock: new SystemClock(), random: new SystemRandom() });
const pool = await openPool({ host, clock: new SystemClock(), root, mark: 'crash', kind: kind as Pool['kind'] });
let number = 0;
const freeze = <T>(work: () => Promise<T>): Promise<T> => work();

async function create(): Promise<void> {
  const id = `v-${seed}-${number++}`;
  const source = random.float() < 0.5 ? undefined : random.float() < 0.5 ? pick(pool.volumes()) : pick(pool.snapshots());
  const sizeBytes = source?.sizeBytes ?? (1 + Math.floor(random.float() * 8)) * MiB;
  say(`begin create ${id}`);
  const from = source === undefined ? undefined : 'sourceId' in source ? { snapshotId: source.id } : { volumeId: source.id, freeze };
  await pool.create({ id, name: id, sizeBytes, mode: 'block', ...(from === undefined ? {} : { from }) });
  if (source === undefined) writeSync(openSync(pool.path(id), 'r+'), id.padEnd(64), 0);
  const origin = source === undefined ? id : 'sourceId' in source ? origins.get(`snapshot ${source.id}`) : origins.get(source.id);
  origins.set(id, origin ?? '?');
  say(`done create ${id} ${sizeBytes} ${origin ?? '?'}`);
}

/** Whose first bytes an image carries; `?` when made by a predecessor. */
const origins = new Map<string, string>();

const operations: readonly (() => Promise<void>)[] = [
  create,
  create,
  async () => {
    const volume = pick(pool.volumes());
    if (volume === undefined) return;
    say(`begin remove ${volume.id}`);
    await pool.remove(volume.id);
    say(`done remove ${volume.id}`);
  },
  async () => {
    const volume = pick(pool.volumes());
    if (volume === undefined) return;
    const sizeBytes = volume.sizeBytes + MiB;
    say(`begin resize ${volume.id} ${sizeBytes}`);
    await pool.resize(volume.id, sizeBytes);
    say(`done resize ${volume.id} ${sizeBytes}`);
  },
  async () => {
    const volume = pick(pool.volumes());
    if (volume === undefined) return;
    const id = `s-${seed}-${number++}`;
    origins.set(`snapshot ${id}`, origins.get(volume.id) ?? '?');
    say(`begin snapshot ${id}`);
    await pool.createSnapshot({ id, sourceId: volume.id }, freeze);
    say(`done snapshot ${id}`);
  },
  async () => {
    const snapshot = pick(pool.snapshots());
    if (snapshot === undefined) return;
    say(`begin unsnapshot ${snapshot.id}`);
    await pool.removeSnapshot(snapshot.id);
    say(`done unsnapshot ${snapshot.id}`);
  },
  async () => {
    const trash = pick(pool.trash());
    if (trash === undefined || pool.volume(trash.volume.id) !== undefined) return;
    say(`begin restore ${trash.volume.id}`);
    await pool.restore(trash.trashId);
    say(`done restore ${trash.volume.id}`);
  },
];

say('ready');
for (;;) await pick(operations)?.();
