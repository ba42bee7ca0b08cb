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

/** `purge`: few keys, whose pages are filled, emptied and given back; without watchers, since everything is compacted. */
export async function crash(options: { readonly kills: number; readonly seed: number; readonly purge?: boolean }): Promise<Crashes> {
  const directory = mkdtempSync(join(tmpdir(), 'berth-crash-'));
  const random = new SeededRandom(options.seed);
  const promises = new Promises();
  const followers = new Followers(FOLLOWERS);
  const life = (seed: number, afterMs: Moment): Promise<void> => {
    const points = followers.life((below) => Math.floor(random.float() * below));
    return runChild([directory, String(seed), 'full', ...(options.purge === true ? ['purge'] : ['delete', points.join(',')])], afterMs, promises, followers);
  };
  try {
    for (let kill = 0; kill < options.kills; kill++) {
      // Now and then while it is still opening.
      await life(options.seed + kill, { from: kill % 10 === 9 ? 'start' : 'open', ms: random.float() * (options.purge === true ? 600 : 120) });
    }
    await life(0, { from: 'open', ms: 0 });
  } finally {
    rmSync(directory, { recursive: true });
  }
  const { resumed, refused, heard } = followers;
  return { kills: options.kills, acknowledged: promises.acknowledged, lastRevision: promises.newest, resumed, refused, heard };
}

interface Moment {
  readonly from: 'start' | 'open';
  readonly ms: number;
}

/** Runs one life of the child, hands its lines over, and resolves when it is dead and all it said has been read. */
async function runChild(args: readonly string[], { from, ms }: Moment, promises: Promises, followers: Followers): Promise<void> {
  const child = spawn(process.execPath, [CHILD, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<NodeJS.Signals | null>((resolve) => child.on('exit', (_, signal) => resolve(signal)));
  const killSoon = (): void => void setTimeout(() => child.kill('SIGKILL'), ms);
  if (from === 'start') killSoon();
  promises.life();
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      promises.hear(line);
      followers.hear(line);
      if (from === 'open' && line.startsWith('open ')) killSoon();
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
