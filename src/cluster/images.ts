import { existsSync } from 'node:fs';
import { SystemClock } from '../base/system-clock.ts';
import { SystemRandom } from '../base/random.ts';
import { silentLog } from '../base/log.ts';
import { containerdLayout } from '../node/containerd/layout.ts';
import type { Images } from '../node/runtime/runtime.ts';
import { openContainerd } from './containerd.ts';
import { layoutOf, readIdentity } from './data-directory.ts';

/** The images of a cluster's node, for a command beside the running cluster. Throws one line when there is none. */
export async function openImages(dataDirectory: string): Promise<Images & AsyncDisposable> {
  const layout = layoutOf(dataDirectory);
  const identity = await readIdentity(layout);
  if (identity === undefined) throw new Error(`no cluster has been started in ${dataDirectory}; start one with \`berth up\``);
  if (!existsSync(containerdLayout(dataDirectory, identity.id).socket)) {
    throw new Error(`no containerd of the cluster in ${dataDirectory} runs; start it with \`berth up\` (a simulated node has no images)`);
  }
  const containerd = await openContainerd({ layout, identity, clock: new SystemClock(), random: new SystemRandom(), log: silentLog });
  const { images } = containerd.runtime;
  return {
    find: (image) => images.find(image),
    list: () => images.list(),
    pull: (image, auth) => images.pull(image, auth),
    load: (path) => images.load(path),
    remove: (image) => images.remove(image),
    usage: () => images.usage(),
    [Symbol.asyncDispose]: () => containerd[Symbol.asyncDispose](),
  };
}
