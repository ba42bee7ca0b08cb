import { mkdir, readdir, readFile, realpath, rmdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type Clock, sleep } from '../../base/clock.ts';

const ROOT = '/sys/fs/cgroup';
/** Its cgroups take processes only after cpus and memory nodes were set; the daemon needs no place in it. */
const LEFT_OUT = new Set(['cpuset']);

/** The mounts of the cgroup hierarchies: one on v2, one for each set of controllers on v1 (a unified one beside them too). */
async function hierarchies(root: string): Promise<readonly string[]> {
  const found = new Set<string>();
  const hasProcs = (path: string): Promise<boolean> =>
    readFile(join(path, 'cgroup.procs')).then(
      () => true,
      () => false,
    );
  if (await hasProcs(root)) return [root];
  for (const name of await readdir(root).catch((): string[] => [])) {
    const path = join(root, name);
    if (await hasProcs(path)) found.add(await realpath(path));
  }
  return [...found];
}

/** Makes `<cgroup>/runtime` in every hierarchy; gives the `cgroup.procs` files to write a pid to. */
export async function makeDaemonCgroups(cgroup: string, root = ROOT): Promise<readonly string[]> {
  const files: string[] = [];
  for (const hierarchy of await hierarchies(root)) {
    if (LEFT_OUT.has(basename(hierarchy))) continue;
    const path = join(hierarchy, cgroup, 'runtime');
    const made = await mkdir(path, { recursive: true }).then(
      () => true,
      () => false,
    );
    if (made) files.push(join(path, 'cgroup.procs'));
  }
  return files;
}

/** A process that has ended holds its cgroup until the kernel is done with it. */
const PATIENCE_MS = 2_000;
const RETRY_MS = 10;

/** Removes the cluster's empty cgroups, from the leaves up; those that still hold a process stay. */
export async function removeCgroups(cgroup: string, clock: Clock, root = ROOT): Promise<void> {
  const deadlineMs = clock.monotonic() + PATIENCE_MS;
  for (const hierarchy of await hierarchies(root)) {
    while (!(await removeTree(join(hierarchy, cgroup))) && clock.monotonic() < deadlineMs) await sleep(clock, RETRY_MS);
  }
}

/** False when it is still in use. */
async function removeTree(path: string): Promise<boolean> {
  const children = await readdir(path, { withFileTypes: true }).catch(() => []);
  for (const child of children) if (child.isDirectory()) await removeTree(join(path, child.name));
  try {
    await rmdir(path);
    return true;
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
    if (code === 'ENOENT') return true;
    if (code === 'EBUSY' || code === 'ENOTEMPTY') return false;
    throw thrown;
  }
}
