/** Over trees as the kernel shows them: plain directories, but for what only a kernel does (files that come with a directory). */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { VirtualClock } from '../../base/virtual-clock.ts';
import { makeDaemonCgroups, removeCgroups } from './cgroup.ts';

interface Layout {
  readonly about: string;
  /** Hierarchies, relative to the root; '' is the root itself. */
  readonly hierarchies: readonly string[];
  readonly links?: Readonly<Record<string, string>>;
  /** Where the daemon's cgroup is made. */
  readonly expected: readonly string[];
}

const LAYOUTS: readonly Layout[] = [
  { about: 'v2: one hierarchy', hierarchies: [''], expected: [''] },
  { about: 'v1: one for each controller, but for cpuset', hierarchies: ['cpu', 'cpuset', 'memory', 'pids'], expected: ['cpu', 'memory', 'pids'] },
  {
    about: 'v1 with controllers together, and links by each name',
    hierarchies: ['cpu,cpuacct', 'memory'],
    links: { cpu: 'cpu,cpuacct', cpuacct: 'cpu,cpuacct' },
    expected: ['cpu,cpuacct', 'memory'],
  },
  { about: 'hybrid: the unified one too', hierarchies: ['memory', 'unified'], expected: ['memory', 'unified'] },
];

for (const { about, hierarchies, links = {}, expected } of LAYOUTS) {
  test(`${about}: the daemon has a leaf of its own, and all of it goes again`, async (t) => {
    const root = await mkdtemp('/var/tmp/berth-cgroup-');
    t.after(() => rm(root, { recursive: true }));
    for (const name of hierarchies) {
      await mkdir(join(root, name), { recursive: true });
      await writeFile(join(root, name, 'cgroup.procs'), '');
    }
    for (const [name, to] of Object.entries(links)) await symlink(to, join(root, name));
    const before = (await readdir(root, { recursive: true })).sort();
    const files = await makeDaemonCgroups('/berth-1', root);
    // Processes only in leaves: v2 allows none beside children.
    assert.deepEqual([...files].sort(), expected.map((name) => join(root, name, 'berth-1/runtime/cgroup.procs')).sort());
    for (const name of hierarchies) await mkdir(join(root, name, 'berth-1/pods/pod/container'), { recursive: true });
    await removeCgroups('/berth-1', new VirtualClock(), root);
    assert.deepEqual((await readdir(root, { recursive: true })).sort(), before);
  });
}
