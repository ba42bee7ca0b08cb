import { mkdir, readFile, writeFile, rename } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Random } from '../base/random.ts';
import { uuid } from '../base/random.ts';
import { takeLock } from '../store/sqlite-directory.ts';

/** The format of the whole directory. A directory of a newer one is refused, never guessed at. */
export const FORMAT = 1;

/** What a cluster remembers of itself between starts (`cluster.json`). */
export interface ClusterIdentity {
  readonly format: number;
  /** Marks everything that the cluster makes on the machine: 8 hexadecimal digits. */
  readonly id: string;
  /** Ports and networks stay the same over restarts, since kubeconfigs and pods remember them. 0 or empty: not chosen yet. */
  readonly apiPort: number;
  readonly nodePort: number;
  readonly podCidr: string;
  readonly kubeletRoot: string;
  /** What the cluster's pods have run on; absent before the first node. */
  readonly runtime?: 'containerd' | 'simulated';
}

/** Where things lie below the data directory. */
export interface Layout {
  readonly directory: string;
  readonly identityFile: string;
  readonly store: string;
  readonly certificates: string;
  readonly kubeconfig: string;
  readonly pool: string;
  readonly podLogs: string;
  readonly runningFile: string;
}

export function layoutOf(directory: string): Layout {
  return {
    directory,
    identityFile: join(directory, 'cluster.json'),
    store: join(directory, 'store'),
    certificates: join(directory, 'pki'),
    kubeconfig: join(directory, 'kubeconfig'),
    pool: join(directory, 'pool'),
    podLogs: join(directory, 'logs', 'pods'),
    runningFile: join(directory, 'running.json'),
  };
}

export class DataDirectoryError extends Error {
  override readonly name = 'DataDirectoryError';
}

/** What is remembered; undefined for a directory that no cluster has used. Throws DataDirectoryError in one line. */
export async function readIdentity(layout: Layout): Promise<ClusterIdentity | undefined> {
  let text: string;
  try {
    text = await readFile(layout.identityFile, 'utf8');
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return undefined;
    throw new DataDirectoryError(`${layout.identityFile} can't be read: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  }
  const found = parseIdentity(text);
  if (found === undefined)
    throw new DataDirectoryError(`${layout.identityFile} is damaged; restore it from a copy (it holds the cluster's id and ports, nothing else)`);
  if (found.format > FORMAT)
    throw new DataDirectoryError(
      `${layout.directory} was written by a newer Berth (format ${found.format}, this one knows ${FORMAT}); upgrade Berth, nothing was changed`,
    );
  return found;
}

function parseIdentity(text: string): ClusterIdentity | undefined {
  try {
    const found = JSON.parse(text) as ClusterIdentity;
    return typeof found.format === 'number' && typeof found.id === 'string' && found.id !== '' ? found : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Makes the directory (0700) and keeps it for this process until disposed: before anything in it is read, so that of two starts one
 * writes nothing. Throws DataDirectoryError.
 */
export async function holdDataDirectory({ directory }: Layout): Promise<Disposable> {
  let taken: ReturnType<typeof takeLock>;
  try {
    await makeDirectory(directory);
    taken = takeLock(directory);
  } catch (thrown) {
    throw new DataDirectoryError(`${directory} can't be used as data directory: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  }
  if ('heldBy' in taken) throw new DataDirectoryError(`${directory} is in use by process ${taken.heldBy}`);
  const { lock } = taken;
  return { [Symbol.dispose]: () => lock.close() };
}

/** Not Node's recursive one: below /proc it never ends. */
async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT' || existsSync(dirname(path))) throw thrown;
    await makeDirectory(dirname(path));
    await mkdir(path, { mode: 0o700 });
  }
}

/** Reads the identity or makes one. */
export async function openDataDirectory(layout: Layout, random: Random, defaultDirectory: string): Promise<ClusterIdentity> {
  const found = await readIdentity(layout);
  if (found !== undefined) return found;
  const fresh: ClusterIdentity = {
    format: FORMAT,
    id: uuid(random).slice(0, 8),
    apiPort: 0,
    nodePort: 0,
    podCidr: '',
    kubeletRoot: chooseKubeletRoot(layout, defaultDirectory),
  };
  await writeIdentity(layout, fresh);
  return fresh;
}

export async function writeIdentity(layout: Layout, identity: ClusterIdentity): Promise<void> {
  await replaceFile(layout.identityFile, `${JSON.stringify(identity, undefined, 2)}\n`);
}

/** Written beside and renamed over, so that no reader and no crash meets half a file. 0600. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const beside = `${path}.new`;
  await writeFile(beside, text, { mode: 0o600, flush: true });
  await rename(beside, path);
}

const STANDARD_ROOT = '/var/lib/kubelet';

/**
 * `/var/lib/kubelet`, where CSI drivers and people expect it, only for the default data directory and only when nobody has used it;
 * else below the data directory. A foreign kubelet's pods would look like orphans to us, and ours to it.
 */
function chooseKubeletRoot(layout: Layout, defaultDirectory: string): string {
  const free = !existsSync(STANDARD_ROOT);
  return layout.directory === defaultDirectory && process.getuid?.() === 0 && free ? STANDARD_ROOT : join(layout.directory, 'kubelet');
}
