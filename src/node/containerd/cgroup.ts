import { mkdir, readdir, readFile, realpath, rmdir } from 'node:fs/promises';
import { join } from 'node:path';

const ROOT = '/sys/fs/cgroup';
/** Its cgroups take processes only after cpus and memory nodes were set; the daemon needs no place in it. */
const LEFT_OUT = new Set(['cpuset']);

/** The mounts of the cgroup hierarchies: one on v2, one for each set of controllers on v1 (a unified one beside them too). */
async function hierarchies(): Promise<readonly string[]> {
  const found = new Set<string>();
  const hasProcs = (path: string): Promise<boolean> =>
    readFile(join(path, 'cgroup.procs')).then(
      () => true,
      () => false,
    );
  if (await hasProcs(ROOT)) return [ROOT];
  for (const name of await readdir(ROOT).catch((): string[] => [])) {
    const path = join(ROOT, name);
    if (await hasProcs(path)) found.add(await realpath(path));
  }
  return [...found];
}

/** Makes `<cgroup>/runtime` in every hierarchy; gives the `cgroup.procs` files to write a pid to. */
export async function makeDaemonCgroups(cgroup: string): Promise<readonly string[]> {
  const files: string[] = [];
  for (const hierarchy of await hierarchies()) {
    if (LEFT_OUT.has(hierarchy.slice(ROOT.length + 1))) continue;
    const path = join(hierarchy, cgroup, 'runtime');
    const made = await mkdir(path, { recursive: true }).then(
      () => true,
      () => false,
    );
    if (made) files.push(join(path, 'cgroup.procs'));
  }
  return files;
}

/** Removes the cluster's empty cgroups, from the leaves up; those that still hold a process stay. */
export async function removeCgroups(cgroup: string): Promise<void> {
  for (const hierarchy of await hierarchies()) await removeTree(join(hierarchy, cgroup));
}

async function removeTree(path: string): Promise<void> {
  const children = await readdir(path, { withFileTypes: true }).catch(() => []);
  for (const child of children) if (child.isDirectory()) await removeTree(join(path, child.name));
  await rmdir(path).catch((thrown: NodeJS.ErrnoException) => {
    // In use (EBUSY) or gone already: either is no fault.
    if (thrown.code !== 'EBUSY' && thrown.code !== 'ENOENT') throw thrown;
  });
}
