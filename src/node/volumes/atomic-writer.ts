import { type Host, HostError } from '../../host/host.ts';
import type { Payload } from './payload.ts';

const DATA = '..data';
const NEXT = '..data_tmp';

export interface AtomicWrite {
  readonly directory: string;
  readonly payload: Payload;
  /** Given to every file and directory, read-only for it. */
  readonly fsGroup?: number | undefined;
  /** Names the new version; later is greater. */
  readonly nowMs: number;
}

/**
 * Shows a payload in a directory so that a reader sees either all of the old or all of the new: files lie in a directory of their
 * version, `..data` points at it, and what users see are links through `..data`. The layout is the one that the API reference
 * documents for ConfigMap volumes. Answers whether anything was changed.
 */
export async function writeAtomically(host: Host, { directory, payload, fsGroup, nowMs }: AtomicWrite): Promise<boolean> {
  const { files } = host;
  const current = await files.readLink(`${directory}/${DATA}`);
  if (current !== undefined && (await same(host, `${directory}/${current}`, payload))) {
    await link(host, directory, payload);
    return false;
  }
  const version = await freshName(host, directory, nowMs);
  await writeVersion(host, `${directory}/${version}`, payload);
  if (fsGroup !== undefined) await files.ownTree(directory, { gid: fsGroup, policy: 'Always', readOnly: true });
  await files.removeFile(`${directory}/${NEXT}`);
  await files.symlink(version, `${directory}/${NEXT}`);
  await files.rename(`${directory}/${NEXT}`, `${directory}/${DATA}`);
  await link(host, directory, payload);
  await sweep(host, directory, version, payload);
  return true;
}

async function freshName(host: Host, directory: string, nowMs: number): Promise<string> {
  const stamp = new Date(nowMs).toISOString().replaceAll(/[-:T]/g, '_').replace('Z', '');
  for (let i = 0; ; i++) {
    const name = `..${stamp}${i === 0 ? '' : `_${i}`}`;
    if ((await host.files.stat(`${directory}/${name}`)) === undefined) return name;
  }
}

async function writeVersion(host: Host, directory: string, payload: Payload): Promise<void> {
  const { files } = host;
  await files.makeDirectory(directory, { mode: 0o755 });
  for (const [path, { bytes, mode, uid }] of payload) {
    const at = path.lastIndexOf('/');
    if (at > 0) await files.makeDirectory(`${directory}/${path.slice(0, at)}`);
    await files.writeFileAtomic(`${directory}/${path}`, bytes, { mode, ...(uid === undefined ? {} : { uid, gid: -1 }) });
  }
}

/** Links for the first part of every path. */
async function link(host: Host, directory: string, payload: Payload): Promise<void> {
  const { files } = host;
  const have = new Set((await files.readDirectory(directory)).map((e) => e.name));
  for (const name of names(payload)) if (!have.has(name)) await files.symlink(`${DATA}/${name}`, `${directory}/${name}`);
}

/** Removes links to what is gone, and versions that nobody points at. */
async function sweep(host: Host, directory: string, version: string, payload: Payload): Promise<void> {
  const wanted = names(payload);
  for (const { name, type } of await host.files.readDirectory(directory)) {
    if (name === DATA || name === version || wanted.has(name)) continue;
    if (type === 'symlink') await host.files.removeFile(`${directory}/${name}`);
    else if (type === 'directory' && name.startsWith('..')) await host.files.removeTree(`${directory}/${name}`);
  }
}

function names(payload: Payload): ReadonlySet<string> {
  return new Set([...payload.keys()].map((path) => path.split('/', 1)[0] ?? path));
}

async function same(host: Host, directory: string, payload: Payload): Promise<boolean> {
  if ((await host.files.stat(directory))?.type !== 'directory') return false;
  const there = await walk(host, directory, '');
  if (there.length !== payload.size) return false;
  for (const path of there) {
    const wanted = payload.get(path);
    if (wanted === undefined || !(await sameFile(host, `${directory}/${path}`, wanted.bytes))) return false;
  }
  return true;
}

async function sameFile(host: Host, path: string, bytes: Uint8Array): Promise<boolean> {
  try {
    const there = await host.files.readFile(path);
    return there.length === bytes.length && there.every((byte, i) => byte === bytes[i]);
  } catch (thrown) {
    if (thrown instanceof HostError && (thrown.code === 'missing' || thrown.code === 'too-large')) return false;
    throw thrown;
  }
}

async function walk(host: Host, directory: string, prefix: string): Promise<readonly string[]> {
  const paths: string[] = [];
  for (const { name, type } of await host.files.readDirectory(directory)) {
    if (type === 'directory') paths.push(...(await walk(host, `${directory}/${name}`, `${prefix}${name}/`)));
    else paths.push(`${prefix}${name}`);
  }
  return paths;
}
