/**
 * Kills a writing process at random points and looks at what its successor finds: every acknowledged write, no revision twice, and
 * watchers that go on from where they were, without a gap or a repetition. `--purge`: in the middle of giving pages back. `node test/store-crash.ts --kills 300 [--seed N]`. It proves nothing about power: see `store-power.ts`.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { SeededRandom } from '../src/base/random.ts';
import { Followers } from './contract/store-followers.ts';
import { Promises } from './contract/store-promises.ts';

const CHILD = fileURLToPath(new URL('./store-crash-child.ts', import.meta.url));

export interface Crashes {
  readonly kills: number;
  readonly acknowledged: number;
  readonly lastRevision: number;
  /** Watches that went on, those that had to list again, and what they were told. */
  readonly resumed: number;
  readonly refused: number;
  readonly heard: number;
}

const FOLLOWERS = 3;

export interface CrashOptions {
  readonly kills: number;
  /** More kills, if need be, until so many writes have been acknowledged: how many there are in a life is up to the machine. */
  readonly writes?: number;
  readonly seed: number;
  /** Few keys, whose pages are filled, emptied and given back; without watchers, since everything is compacted. */
  readonly purge?: boolean;
}

export async function crash(options: CrashOptions): Promise<Crashes> {
  const directory = mkdtempSync(join(tmpdir(), 'berth-crash-'));
  const random = new SeededRandom(options.seed);
  const promises = new Promises();
  const followers = new Followers(FOLLOWERS);
  const life = (seed: number, afterMs: Moment): Promise<void> => {
    const points = followers.life((below) => Math.floor(random.float() * below));
    return runChild([directory, String(seed), 'full', ...(options.purge === true ? ['purge'] : ['delete', points.join(',')])], afterMs, promises, followers);
  };
  try {
    let kills = 0;
    while (kills < options.kills || promises.acknowledged < (options.writes ?? 0)) {
      const from = MOMENTS[kills % MOMENTS.length] ?? 'write';
      await life(options.seed + kills++, { from, ms: random.float() * (options.purge === true ? 600 : 120) });
    }
    await life(0, { from: 'open', ms: 0 });
    const { resumed, refused, heard } = followers;
    return { kills, acknowledged: promises.acknowledged, lastRevision: promises.newest, resumed, refused, heard };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** The kill comes some time after the start, after the store is open, or after the first write that was acknowledged. */
interface Moment {
  readonly from: 'start' | 'open' | 'write';
  readonly ms: number;
}

const MOMENTS: readonly Moment['from'][] = ['write', 'open', 'write', 'write', 'open', 'write', 'write', 'open', 'write', 'start'];
const FIRST_LINE = { open: /^open /, write: /^(?:done|gone) /, start: undefined };

/** Runs one life of the child, hands its lines over, and resolves when it is dead and all it said has been read. */
async function runChild(args: readonly string[], { from, ms }: Moment, promises: Promises, followers: Followers): Promise<void> {
  const child = spawn(process.execPath, [CHILD, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<NodeJS.Signals | null>((resolve) => child.on('exit', (_, signal) => resolve(signal)));
  let doomed = false;
  const killSoon = (): void => {
    if (!doomed) setTimeout(() => child.kill('SIGKILL'), ms);
    doomed = true;
  };
  if (from === 'start') killSoon();
  promises.life();
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      promises.hear(line);
      followers.hear(line);
      if (FIRST_LINE[from]?.test(line) === true) killSoon();
    }
  } finally {
    child.kill('SIGKILL');
  }
  assert.equal(await ended, 'SIGKILL', 'the child did not end by itself');
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      kills: { type: 'string', default: '300' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 1e6)) },
      purge: { type: 'boolean', default: false },
    },
  });
  console.log(`seed ${values.seed}`);
  console.log(JSON.stringify(await crash({ kills: Number(values.kills), seed: Number(values.seed), purge: values.purge })));
}
