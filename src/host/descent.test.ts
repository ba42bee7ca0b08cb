/** Somebody swaps a directory of a volume for a link out of it, again and again, while we work in the volume. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { bindWithin } from './bind-within.ts';
import { ownTree } from './own-tree.ts';
import { removeTree } from './remove-tree.ts';

const root = process.getuid?.() === 0;
const NAMES = Array.from({ length: 10 }, (_, i) => `file-${i}`);
const SWAPPER = `
  const { renameSync } = require('node:fs');
  const [dir, link, spare] = process.argv.slice(1);
  const move = (from, to) => { try { renameSync(from, to); } catch {} };
  process.stdout.write('swaps');
  for (;;) { move(dir, spare); move(link, dir); move(dir, link); move(spare, dir); }
`;

/** `volume/dir` turns into a link to `outside` and back, all the time. */
class Swapped implements AsyncDisposable {
  readonly #directory: string;
  readonly #child: ChildProcess;
  readonly volume: string;
  readonly outside: string;

  private constructor(directory: string, child: ChildProcess) {
    this.#directory = directory;
    this.#child = child;
    this.volume = join(directory, 'volume');
    this.outside = join(directory, 'outside');
  }

  static async start(): Promise<Swapped> {
    const directory = await fs.mkdtemp('/var/tmp/berth-swapped-');
    const at = (name: string): string => join(directory, name);
    for (const name of ['volume', 'volume/dir', 'outside', 'spare']) await fs.mkdir(at(name));
    await fs.symlink(at('outside'), at('spare/link'));
    for (const name of NAMES) await fs.writeFile(at(`outside/${name}`), 'precious', { mode: 0o600 });
    const child = spawn(process.execPath, ['-e', SWAPPER, at('volume/dir'), at('spare/link'), at('spare/dir')], { stdio: ['ignore', 'pipe', 'inherit'] });
    if (child.stdout !== null) await once(child.stdout, 'data');
    return new Swapped(directory, child);
  }

  /** After a removal: what the swaps need. */
  async refill(): Promise<void> {
    await fs.symlink(this.outside, join(this.#directory, 'spare/link')).catch(() => {});
    await fs.mkdir(join(this.volume, 'dir')).catch(() => {});
  }

  async outsideIsWhole(): Promise<void> {
    assert.deepEqual((await fs.readdir(this.outside)).sort(), NAMES);
    for (const name of [...NAMES, '.']) {
      const { gid, mode } = await fs.stat(join(this.outside, name));
      assert.deepEqual([gid, mode & 0o2777], [0, name === '.' ? 0o755 : 0o600], name);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
    await fs.rm(this.#directory, { recursive: true });
  }
}

test('fsGroup changes nothing outside of the volume', { skip: root ? false : 'needs root' }, async () => {
  await using swapped = await Swapped.start();
  for (let i = 0; i < 2_000; i++) await ownTree(swapped.volume, { gid: 2000 + (i % 2), policy: 'Always' });
  await swapped.outsideIsWhole();
});

test('what is removed lies in the volume', { skip: root ? false : 'needs root' }, async () => {
  await using swapped = await Swapped.start();
  for (let i = 0; i < 2_000; i++) {
    await swapped.refill();
    // What comes in behind us leaves the directory not empty, or is a link by now; the caller tries again.
    await removeTree(join(swapped.volume, 'dir')).catch((thrown: unknown) => assert.match(String(thrown), /ENOTEMPTY/));
  }
  await swapped.outsideIsWhole();
});

test('a subPath is made and bound within the volume', { skip: root ? false : 'needs root' }, async () => {
  await using swapped = await Swapped.start();
  const target = join(swapped.volume, '..', 'target');
  let bound = 0;
  for (let i = 0; i < 100; i++) {
    try {
      await bindWithin(swapped.volume, `dir/made-${i}`, target, true);
    } catch (thrown) {
      assert.match(String(thrown), /not within|ENOTDIR|ELOOP|ENOENT|EEXIST|EINVAL/);
      continue;
    }
    bound++;
    await unmount(target);
  }
  assert.ok(bound > 0, 'sometimes nobody is in between');
  await swapped.outsideIsWhole();
});

test('names that are no text, and paths longer than a path may be, are removed and owned', { skip: root ? false : 'needs root' }, async () => {
  const directory = await fs.mkdtemp('/var/tmp/berth-names-');
  await fs.writeFile(Buffer.concat([Buffer.from(`${directory}/`), Buffer.from([0xff, 0xe4, 0x80])]), '');
  // Moved below one another: Linux takes any depth, but no path of more than 4096 bytes.
  const name = 'n'.repeat(250);
  await fs.mkdir(`${directory}/${name}`);
  for (let depth = 0; depth < 30; depth++) {
    await fs.mkdir(`${directory}/next`);
    await fs.rename(`${directory}/${name}`, `${directory}/next/${name}`);
    await fs.rename(`${directory}/next`, `${directory}/${name}`);
  }
  assert.equal(await ownTree(directory, { gid: 2000, policy: 'Always' }), 33);
  await removeTree(directory);
  await assert.rejects(fs.lstat(directory), /ENOENT/);
});

async function unmount(target: string): Promise<void> {
  const child = spawn('umount', [target], { stdio: 'inherit' });
  const [code] = await once(child, 'exit');
  assert.equal(code, 0);
}
