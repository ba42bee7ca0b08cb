import * as fs from 'node:fs/promises';
import { dirname } from 'node:path';
import { SystemClock } from '../base/system-clock.ts';
import { type Directory, entryOf, openChild, openTop, pinChild } from './descent.ts';
import { commandError } from './errno.ts';
import { HostError } from './host.ts';
import { COMMAND_ENV, runCommand } from './run-command.ts';

const MAX_LINKS = 40;
const MOUNT_MS = 60_000;

/** See `Mounts.bindWithin`. The mount command finds the source by this process's descriptor: nobody can swap it any more. */
export async function bindWithin(root: string, path: string, target: string, make: boolean): Promise<void> {
  const found = await descend(root, path, make);
  try {
    if ((await found.stat()).isDirectory()) await makeDirectory(target);
    else {
      await makeDirectory(dirname(target));
      await (await fs.open(target, 'a', 0o640)).close();
    }
    const args = ['--no-canonicalize', '--bind', '--', `/proc/${process.pid}/fd/${found.fd}`, target];
    const command = { command: 'mount', args, stdin: undefined, timeoutMs: MOUNT_MS, maxOutputBytes: 64 * 1024, env: COMMAND_ENV, cwd: '/' };
    const { code, stderr } = await runCommand(command, new SystemClock());
    if (code !== 0) throw commandError('mount', args, code, stderr);
  } finally {
    await found.close();
  }
}

async function makeDirectory(path: string): Promise<void> {
  await fs.mkdir(path, { recursive: true, mode: 0o750 });
}

/** What lies there, pinned. Links are read and followed by hand, so that none leads out of the root. */
async function descend(root: string, path: string, make: boolean): Promise<fs.FileHandle> {
  const top = await fs.realpath(root);
  const outside = (): HostError => new HostError('not-permitted', `${JSON.stringify(path)} is not within ${JSON.stringify(top)}`);
  const trail: Directory[] = [await openTop(top)];
  const mode = ((await trail[0]?.stat())?.mode ?? 0o755) & 0o7777;
  const parts = path.split('/').reverse();
  let links = 0;
  try {
    for (;;) {
      const at = trail.at(-1);
      if (at === undefined) throw outside();
      const part = parts.pop();
      if (part === undefined) return await pinChild(at, Buffer.from('.'));
      if (part === '' || part === '.') continue;
      if (part === '..') {
        await trail.pop()?.close();
        continue;
      }
      const name = Buffer.from(part);
      const pinned = await pinOrMake(at, name, make ? mode : undefined);
      const stat = await pinned.stat();
      if (!stat.isDirectory() && !stat.isSymbolicLink() && parts.every((rest) => rest === '' || rest === '.')) return pinned;
      await pinned.close();
      if (!stat.isSymbolicLink()) {
        trail.push(await openChild(at, name));
        continue;
      }
      if (++links > MAX_LINKS) throw new HostError('failed', `${JSON.stringify(path)}: too many links`);
      const leadsTo = await fs.readlink(entryOf(at, name));
      if (leadsTo.startsWith('/')) {
        if (leadsTo !== top && !leadsTo.startsWith(`${top}/`)) throw outside();
        for (const above of trail.splice(1)) await above.close();
      }
      parts.push(...(leadsTo.startsWith('/') ? leadsTo.slice(top.length) : leadsTo).split('/').reverse());
    }
  } finally {
    for (const directory of trail) await directory.close();
  }
}

async function pinOrMake(at: Directory, name: Uint8Array, mode: number | undefined): Promise<fs.FileHandle> {
  try {
    return await pinChild(at, name);
  } catch (thrown) {
    if (mode === undefined || !(thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT')) throw thrown;
  }
  await fs.mkdir(entryOf(at, name), { mode });
  const made = await openChild(at, name);
  try {
    await made.chmod(mode);
  } finally {
    await made.close();
  }
  return pinChild(at, name);
}
