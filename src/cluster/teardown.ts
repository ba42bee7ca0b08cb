import { existsSync } from 'node:fs';
import { sleep } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import { SystemRandom } from '../base/random.ts';
import { SystemClock } from '../base/system-clock.ts';
import { type Host, HostError } from '../host/host.ts';
import { openSystemHost } from '../host/system.ts';
import { containerdLayout } from '../node/containerd/layout.ts';
import { parseMark } from '../node/volumes/mark.ts';
import { VolumePaths } from '../node/volumes/paths.ts';
import { openContainerd } from './containerd.ts';
import { type ClusterIdentity, type Layout, layoutOf, readIdentity } from './data-directory.ts';
import { forgetRunning, isRunning, readRunning } from './running.ts';

const STOP_TIMEOUT_MS = 120_000;
const LOOK_EVERY_MS = 50;

/**
 * Ends everything of a cluster that runs on this machine: the server, its pods, its containerd, its mounts and loop devices. No data is
 * touched. Says whether there was anything. Safe to repeat, and after any crash.
 */
export async function takeDown(dataDirectory: string, say: (text: string) => void): Promise<boolean> {
  const layout = layoutOf(dataDirectory);
  const identity = await readIdentity(layout);
  if (identity === undefined) return false;
  const clock = new SystemClock();
  const served = await stopServer(layout, clock, say);
  await using host = openSystemHost({ clock, random: new SystemRandom() });
  const contained = await stopPods(layout, identity, clock, say);
  const mounted = await releaseVolumes(host, layout, identity, say);
  return served || contained || mounted;
}

async function stopServer(layout: Layout, clock: SystemClock, say: (text: string) => void): Promise<boolean> {
  const running = await readRunning(layout);
  if (running === undefined) return false;
  say(`stopping the server (process ${running.pid}) ...`);
  process.kill(running.pid, 'SIGTERM');
  const givenUpMs = clock.monotonic() + STOP_TIMEOUT_MS;
  while (await isRunning(running)) {
    if (clock.monotonic() > givenUpMs)
      throw new Error(
        `the server (process ${running.pid}) has not stopped after ${STOP_TIMEOUT_MS / 1000} s; end it with kill -9 ${running.pid}, nothing acknowledged is lost`,
      );
    await sleep(clock, LOOK_EVERY_MS);
  }
  await forgetRunning(layout);
  return true;
}

async function stopPods(layout: Layout, identity: ClusterIdentity, clock: SystemClock, say: (text: string) => void): Promise<boolean> {
  if (process.getuid?.() !== 0 || !existsSync(containerdLayout(layout.directory, identity.id).pidFile)) return false;
  say('stopping the pods and their containerd ...');
  const containerd = await openContainerd({ layout, identity, clock, random: new SystemRandom(), log: silentLog });
  await containerd.stop({ pods: true });
  return true;
}

/** What pods had mounted, deepest first, and the loop devices below it. Only in what carries this cluster's mark. */
export async function releaseVolumes(host: Host, layout: Layout, identity: ClusterIdentity, say: (text: string) => void): Promise<boolean> {
  if (process.getuid?.() !== 0) return false;
  const roots = [`${identity.kubeletRoot}/pods`, `${identity.kubeletRoot}/plugins`, layout.pool];
  const paths = new VolumePaths(identity.kubeletRoot);
  const pods = `${paths.pods}/`;
  const foreign = await foreignPods(host, paths, identity);
  const all = (await Promise.all(roots.map((root) => host.mounts.below(root)))).flat();
  const mounts = all.filter(({ target }) => !target.startsWith(pods) || !foreign.has(target.slice(pods.length).split('/', 1)[0] ?? ''));
  const loops = (await host.loops.list()).filter(({ file }) => file.startsWith(`${layout.pool}/`));
  if (mounts.length > 0) say(`unmounting ${mounts.length} volumes ...`);
  for (const { target } of mounts) await host.mounts.unmount(target);
  for (const { device, file } of loops) await host.loops.detach(device, file);
  return mounts.length > 0 || loops.length > 0;
}

/** Directories of pods that another kubelet, which came later, keeps in the same place. */
async function foreignPods(host: Host, paths: VolumePaths, { id }: ClusterIdentity): Promise<ReadonlySet<string>> {
  const foreign = new Set<string>();
  if ((await host.files.stat(paths.pods))?.type !== 'directory') return foreign;
  for (const { name } of await host.files.readDirectory(paths.pods)) {
    try {
      if (parseMark(await host.files.readText(paths.mark(name), { maxBytes: 65_536 }), id) === undefined) foreign.add(name);
    } catch (thrown) {
      if (!(thrown instanceof HostError)) throw thrown;
      foreign.add(name);
    }
  }
  return foreign;
}
