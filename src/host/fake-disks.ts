import type { FakeFilesystem, FakeInode, FakeTree } from './fake-tree.ts';
import {
  type AttachLoop,
  type Filesystems,
  type FilesystemType,
  HostError,
  type LoopDevice,
  type Loops,
  type MakeFilesystem,
  type Mount,
  type MountRequest,
  type Mounts,
  type Propagation,
} from './host.ts';
import { FakeFiles } from './fake-files.ts';
import { isAtOrBelow, mountsBelow } from './mountinfo.ts';

interface FakeLoop extends LoopDevice {
  readonly inode: FakeInode;
}

export class FakeMounts implements Mounts {
  readonly #tree: FakeTree;

  constructor(tree: FakeTree) {
    this.#tree = tree;
  }

  async list(): Promise<readonly Mount[]> {
    return [...this.#tree.mounts];
  }
  async at(target: string): Promise<Mount | undefined> {
    return this.#tree.mountAt(this.#real(target));
  }
  async below(path: string): Promise<readonly Mount[]> {
    return mountsBelow(this.#tree.mounts, this.#real(path));
  }

  async mount({ source, target, type, options = [] }: MountRequest): Promise<void> {
    const { path } = this.#tree.find(target, true);
    const filesystem = type === 'tmpfs' ? this.#tree.makeFilesystem('tmpfs', tmpfsBytes(options)) : this.#tree.find(source, true).inode.disk;
    if (filesystem === undefined) throw new HostError('failed', `${source} holds no file system`);
    if (type !== undefined && type !== filesystem.type) throw new HostError('failed', `${source} holds ${filesystem.type}, not ${type}`);
    this.#tree.addMount({ target: path, source, root: '/', filesystem, rootInode: filesystem.root, options: access(options), propagation: 'private' });
  }

  async bind({
    source,
    target,
    readOnly,
    propagation,
  }: {
    readonly source: string;
    readonly target: string;
    readonly readOnly?: boolean;
    readonly recursive?: boolean;
    readonly propagation?: Propagation;
  }): Promise<void> {
    const from = this.#tree.find(source, true);
    const to = this.#tree.find(target, true);
    if ((from.inode.type === 'directory') !== (to.inode.type === 'directory'))
      throw new HostError('not-directory', `${source} and ${target} are of different sorts`);
    const options = readOnly === true || from.mount.options.includes('ro') ? ['ro'] : ['rw'];
    const root = from.path.slice(from.mount.target === '/' ? 0 : from.mount.target.length);
    const made = this.#tree.addMount({
      target: to.path,
      source: from.mount.source,
      root: root === '' ? '/' : root,
      filesystem: from.mount.filesystem,
      rootInode: from.inode,
      options,
      propagation: 'private',
    });
    if (propagation !== undefined) this.#replace(made, { propagation: plain(propagation) });
  }

  async bindWithin({ root, path, target, make }: Parameters<Mounts['bindWithin']>[0]): Promise<void> {
    const files = new FakeFiles(this.#tree);
    const top = this.#tree.find(root, true);
    let at = top.path;
    for (const part of path.split('/').filter((name) => name !== '')) {
      if (make && this.#tree.walk(`${at}/${part}`, true).inode === undefined) await files.makeDirectory(`${at}/${part}`, { mode: top.inode.mode });
      at = this.#tree.find(`${at}/${part}`, true).path;
      if (!isAtOrBelow(at, top.path)) throw new HostError('not-permitted', `${JSON.stringify(path)} is not within ${JSON.stringify(top.path)}`);
    }
    if (this.#tree.find(at, true).inode.type === 'directory') await files.makeDirectory(target, { mode: 0o750 });
    else {
      await files.makeDirectory(target.slice(0, target.lastIndexOf('/')), { mode: 0o750 });
      if ((await files.stat(target)) === undefined) await files.writeFileAtomic(target, '', { mode: 0o640 });
    }
    await this.bind({ source: at, target });
  }

  async remount(target: string, options: readonly string[]): Promise<void> {
    this.#replace(this.#required(target), { options: access(options) });
  }
  async setPropagation(target: string, propagation: Propagation): Promise<void> {
    this.#replace(this.#required(target), { propagation: plain(propagation) });
  }

  async unmount(target: string): Promise<void> {
    const mount = this.#tree.mountAt(this.#real(target));
    if (mount === undefined) return;
    if (mount.id === 1) throw new HostError('busy', 'the root is in use');
    if (this.#tree.mounts.some((other) => other !== mount && other.target.startsWith(`${mount.target}/`))) throw new HostError('busy', `${target} is in use`);
    this.#tree.mounts.splice(this.#tree.mounts.indexOf(mount), 1);
  }

  #real(path: string): string {
    try {
      return this.#tree.walk(path, false).path;
    } catch (thrown) {
      if (thrown instanceof HostError && (thrown.code === 'missing' || thrown.code === 'not-directory')) return path;
      throw thrown;
    }
  }

  #required(target: string): FakeTree['mounts'][number] {
    const mount = this.#tree.mountAt(this.#real(target));
    if (mount === undefined) throw new HostError('failed', `${target} is not mounted`);
    return mount;
  }
  #replace(mount: FakeTree['mounts'][number], change: Partial<Mount>): void {
    this.#tree.mounts[this.#tree.mounts.indexOf(mount)] = { ...mount, ...change };
  }
}

export class FakeLoops implements Loops {
  readonly #tree: FakeTree;
  readonly #attached = new Map<string, FakeLoop>();

  constructor(tree: FakeTree) {
    this.#tree = tree;
  }

  async attach(file: string, { readOnly = false, directIo = false }: AttachLoop = {}): Promise<LoopDevice> {
    const { inode, path } = this.#tree.find(file, true);
    let number = 0;
    while (this.#attached.has(`/dev/loop${number}`)) number++;
    const device = `/dev/loop${number}`;
    const node = this.#tree.makeInode('block-device', 0o660);
    node.disk = inode.disk;
    node.sizeBytes = inode.sizeBytes;
    this.#tree.find('/dev', true).inode.children.set(`loop${number}`, node);
    const loop: FakeLoop = { device, file: path, deleted: false, readOnly, directIo, inode };
    this.#attached.set(device, loop);
    return loop;
  }

  async detach(device: string, file: string): Promise<void> {
    const loop = this.#attached.get(device);
    if (loop === undefined || loop.file !== file) return;
    // The kernel lets a device go when its last user does; nothing here looks in between.
    this.#attached.delete(device);
    this.#tree.find('/dev', true).inode.children.delete(device.slice('/dev/'.length));
  }

  detachAll(): void {
    const { children } = this.#tree.find('/dev', true).inode;
    for (const device of this.#attached.keys()) children.delete(device.slice('/dev/'.length));
    this.#attached.clear();
  }

  async list(): Promise<readonly LoopDevice[]> {
    return [...this.#attached.values()].map(({ inode, ...device }) => ({ ...device, deleted: !this.#isThere(device.file, inode) }));
  }
  async find(file: string): Promise<readonly LoopDevice[]> {
    return (await this.list()).filter((device) => device.file === file && !device.deleted);
  }

  async refresh(device: string): Promise<void> {
    const loop = this.#attached.get(device);
    if (loop === undefined) throw new HostError('missing', `${device} is not attached`);
    this.#tree.find(device, true).inode.sizeBytes = loop.inode.sizeBytes;
  }

  /** A file system made on a device is on its file, and the other way round. */
  both(path: string): readonly FakeInode[] {
    const loop = this.#attached.get(path);
    const { inode } = this.#tree.find(path, true);
    if (loop !== undefined) return [inode, loop.inode];
    const devices = [...this.#attached.values()].filter((each) => each.inode === inode);
    return [inode, ...devices.map(({ device }) => this.#tree.find(device, true).inode)];
  }

  #isThere(file: string, inode: FakeInode): boolean {
    try {
      return this.#tree.walk(file, true).inode === inode;
    } catch (thrown) {
      if (thrown instanceof HostError) return false;
      throw thrown;
    }
  }
}

export class FakeFilesystems implements Filesystems {
  readonly #tree: FakeTree;
  readonly #loops: FakeLoops;
  readonly #growsOnline: (type: FilesystemType) => boolean;

  constructor(tree: FakeTree, loops: FakeLoops, growsOnline: (type: FilesystemType) => boolean) {
    this.#tree = tree;
    this.#loops = loops;
    this.#growsOnline = growsOnline;
  }

  async make(path: string, { type, label, uuid, force }: MakeFilesystem): Promise<void> {
    const inodes = this.#loops.both(path);
    const [first] = inodes;
    if (first?.disk !== undefined && force !== true) throw new HostError('exists', `${path} holds a file system already: ${first.disk.type}`);
    const made = this.#tree.makeFilesystem(type, Math.floor((first?.sizeBytes ?? 0) * 0.95), uuid, label);
    for (const inode of inodes) inode.disk = made;
  }

  async probe(path: string): Promise<{ readonly type: string; readonly uuid: string; readonly label: string } | undefined> {
    const { disk } = this.#tree.find(path, true).inode;
    return disk === undefined ? undefined : { type: disk.type, uuid: disk.uuid, label: disk.label };
  }

  async grow({ type, device, mountedAt }: { readonly type: FilesystemType; readonly device: string; readonly mountedAt?: string }): Promise<void> {
    if (mountedAt !== undefined && !this.#growsOnline(type)) throw new HostError('not-permitted', 'Permission denied to resize filesystem');
    const { disk, sizeBytes } = this.#tree.find(device, true).inode;
    if (disk !== undefined) disk.totalBytes = Math.max(disk.totalBytes, Math.floor(sizeBytes * 0.95));
  }

  async newUuid(device: string): Promise<void> {
    const { disk } = this.#tree.find(device, true).inode;
    if (disk !== undefined) disk.uuid = this.#tree.makeFilesystem(disk.type, 0).uuid;
  }

  async check(): Promise<void> {}

  async freeze(mountpoint: string): Promise<void> {
    const filesystem = this.#at(mountpoint);
    if (filesystem.frozen) throw new HostError('busy', `${mountpoint} is frozen already`);
    filesystem.frozen = true;
  }
  async thaw(mountpoint: string): Promise<void> {
    this.#at(mountpoint).frozen = false;
  }

  #at(mountpoint: string): FakeFilesystem {
    const mount = this.#tree.mountAt(mountpoint);
    if (mount === undefined) throw new HostError('missing', `${mountpoint} is not mounted`);
    return mount.filesystem;
  }
}

function access(options: readonly string[]): readonly string[] {
  return [options.includes('ro') ? 'ro' : 'rw', ...options.filter((option) => !['ro', 'rw', 'bind'].includes(option))];
}

function plain(propagation: Propagation): Mount['propagation'] {
  return (propagation.startsWith('r') ? propagation.slice(1) : propagation) as Mount['propagation'];
}

function tmpfsBytes(options: readonly string[]): number {
  const size = options.find((option) => option.startsWith('size='))?.slice('size='.length);
  return size === undefined ? 2 ** 34 : Number(size);
}
