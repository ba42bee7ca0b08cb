import { existsSync } from 'node:fs';
import { SystemClock } from '../base/system-clock.ts';
import { SystemRandom } from '../base/random.ts';
import { silentLog } from '../base/log.ts';
import { runCommand } from '../node/containerd/commands.ts';
import { containerdLayout } from '../node/containerd/layout.ts';
import { connectContainerd } from '../node/containerd/start.ts';
import { hasOverlay } from '../node/runtime/probe.ts';
import type { Images } from '../node/runtime/runtime.ts';
import { layoutOf, readIdentity } from './data-directory.ts';

const KEEP_ALIVE_MS = 60_000;

/** The images of a cluster's node, for a command beside the running cluster. Throws one line when there is none. */
export async function openImages(dataDirectory: string): Promise<Images & AsyncDisposable> {
  const layout = layoutOf(dataDirectory);
  const identity = await readIdentity(layout);
  if (identity === undefined) throw new Error(`no cluster has been started in ${dataDirectory}; start one with \`berth up\``);
  if (!existsSync(containerdLayout(dataDirectory, identity.id).socket)) {
    throw new Error(`no containerd of the cluster in ${dataDirectory} runs; start it with \`berth up\` (a simulated node has no images)`);
  }
  const log = silentLog;
  const overlayfs = await hasOverlay(runCommand, true);
  const runtime = await connectContainerd({
    dataDirectory,
    clusterId: identity.id,
    probe: { overlayfs },
    clock: new SystemClock(),
    random: new SystemRandom(),
    log,
  });
  // The clock's timers do not keep a process alive, and a command has to wait until containerd shows what it was given.
  const alive = setInterval(() => {}, KEEP_ALIVE_MS);
  const { images } = runtime;
  return {
    find: (image) => images.find(image),
    list: () => images.list(),
    pull: (image, auth) => images.pull(image, auth),
    load: (path) => images.load(path),
    remove: (image) => images.remove(image),
    usage: () => images.usage(),
    [Symbol.asyncDispose]: () => {
      clearInterval(alive);
      return runtime[Symbol.asyncDispose]();
    },
  };
}
