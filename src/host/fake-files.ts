import type { FakeInode, FakeTree, Place } from './fake-tree.ts';
import { type Files, type FileStat, type FilesystemStat, type FileType, HostError, type OwnTree, type WriteFileOptions } from './host.ts';
import { isAtOrBelow } from './mountinfo.ts';

const MAGIC: Readonly<Record<string, number>> = { btrfs: 0x9123683e, ext4: 0xef53, xfs: 0x58465342, tmpfs: 0x01021994 };

/** Files over a FakeTree. */
export class FakeFiles implements Files {
  readonly #tree: FakeTree;

  constructor(tree: FakeTree) {
    this.#tree = tree;
  }

  async stat(path: string, { follow = false }: { readonly follow?: boolean } = {}): Promise<FileStat | undefined> {
    try {
      const { inode, mount } = this.#tree.find(path, follow);
      const { type, mode, uid, gid, modifiedMs, sizeBytes, allocatedBytes, rdev } = inode;
      return { type, mode, uid, gid, modifiedMs, sizeBytes, allocatedBytes, rdev, inode: inode.inode, device: mount.filesystem.id };
    } catch (thrown) {
      if (thrown instanceof HostError && (thrown.code === 'missing' || thrown.code === 'not-directory')) return undefined;
      throw thrown;
    }
  }

  async statfs(path: string): Promise<FilesystemStat> {
    const { filesystem } = this.#tree.find(path, true).mount;
    const freeBytes = filesystem.totalBytes - filesystem.usedBytes;
    return {
      totalBytes: filesystem.totalBytes,
      freeBytes,
      availableBytes: freeBytes,
      totalInodes: 1_000_000,
      freeInodes: 999_000,
      magic: MAGIC[filesystem.type] ?? 0,
    };
  }

  async readDirectory(path: string): Promise<readonly { readonly name: string; readonly type: FileType }[]> {
    const { inode } = this.#tree.find(path, true);
    if (inode.type !== 'directory') throw new HostError('not-directory', `${path} is not a directory`);
    return [...inode.children].map(([name, { type }]) => ({ name, type })).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async readFile(path: string, { maxBytes = 16 * 1024 * 1024 }: { readonly maxBytes?: number } = {}): Promise<Uint8Array> {
    const { inode } = this.#tree.find(path, true);
    if (inode.type === 'directory') throw new HostError('failed', `${path} is a directory`);
    if (inode.sizeBytes > maxBytes) throw new HostError('too-large', `${path} is longer than ${maxBytes} bytes`);
    const bytes = new Uint8Array(inode.sizeBytes);
    bytes.set(inode.data.subarray(0, inode.sizeBytes));
    return bytes;
  }

  async readText(path: string, options?: { readonly maxBytes?: number }): Promise<string> {
    return new TextDecoder().decode(await this.readFile(path, options));
  }

  async writeFileAtomic(path: string, data: string | Uint8Array, { mode = 0o644, uid = 0, gid = 0 }: WriteFileOptions = {}): Promise<void> {
    const place = this.#forWriting(path, false);
    if (place.inode?.type === 'directory') throw new HostError('failed', `${path} is a directory`);
    const bytes = typeof data === 'string' ? this.#tree.contentOf(data) : data.slice();
    this.#tree.take(place.mount, bytes.length - (place.inode?.allocatedBytes ?? 0));
    const inode = this.#tree.makeInode('file', mode);
    Object.assign(inode, { uid, gid, data: bytes, sizeBytes: bytes.length, allocatedBytes: bytes.length });
    place.directory?.children.set(place.name, inode);
  }

  async write(path: string, data: string): Promise<void> {
    const place = this.#tree.find(path, true);
    this.#tree.refuseReadOnly(place);
    const bytes = new TextEncoder().encode(data);
    const merged = new Uint8Array(Math.max(bytes.length, place.inode.data.length));
    merged.set(place.inode.data);
    merged.set(bytes);
    this.#resize(place, place.inode, Math.max(place.inode.sizeBytes, bytes.length), merged);
  }

  async makeDirectory(
    path: string,
    { mode = 0o755, uid = 0, gid = 0 }: { readonly mode?: number; readonly uid?: number; readonly gid?: number } = {},
  ): Promise<void> {
    const there = await this.stat(path, { follow: true });
    if (there?.type === 'directory') return;
    if (there !== undefined) throw new HostError('exists', `${path} is not a directory`);
    const parent = path.slice(0, path.lastIndexOf('/'));
    if (parent !== '' && (await this.stat(parent, { follow: true })) === undefined) await this.makeDirectory(parent);
    const place = this.#forWriting(path, false);
    const inode = this.#tree.makeInode('directory', mode);
    Object.assign(inode, { uid, gid });
    place.directory?.children.set(place.name, inode);
  }

  async removeDirectory(path: string): Promise<void> {
    const place = this.#present(path);
    if (place === undefined) return;
    if (place.inode.type !== 'directory') throw new HostError('not-directory', `${path} is not a directory`);
    if (this.#tree.mountAt(place.path) !== undefined) throw new HostError('busy', `${path} is a mount point`);
    if (place.inode.children.size > 0) throw new HostError('not-empty', `${path} is not empty`);
    place.directory?.children.delete(place.name);
  }

  async removeFile(path: string): Promise<void> {
    const place = this.#present(path);
    if (place === undefined) return;
    if (place.inode.type === 'directory') throw new HostError('failed', `${path} is a directory`);
    if (this.#tree.mountAt(place.path) !== undefined) throw new HostError('busy', `${path} is a mount point`);
    place.mount.filesystem.usedBytes -= place.inode.allocatedBytes;
    place.directory?.children.delete(place.name);
  }

  async removeTree(path: string): Promise<void> {
    const mounted = this.#tree.mounts.find(({ target }) => isAtOrBelow(target, path));
    if (mounted !== undefined) throw new HostError('busy', `${path} is not removed: ${mounted.target} is mounted`);
    const place = this.#present(path);
    if (place === undefined) return;
    place.mount.filesystem.usedBytes -= allocated(place.inode);
    place.directory?.children.delete(place.name);
  }

  async rename(from: string, to: string): Promise<void> {
    const source = this.#forWriting(from, false);
    const target = this.#forWriting(to, false);
    if (source.inode === undefined) throw new HostError('missing', `${from} does not exist`);
    if (source.mount !== target.mount) throw new HostError('cross-device', `${from} and ${to} are on different file systems`);
    if (target.inode?.type === 'directory' && target.inode.children.size > 0) throw new HostError('not-empty', `${to} is not empty`);
    if (target.inode !== undefined) target.mount.filesystem.usedBytes -= allocated(target.inode);
    source.directory?.children.delete(source.name);
    target.directory?.children.set(target.name, source.inode);
  }

  async symlink(target: string, path: string): Promise<void> {
    const place = this.#forWriting(path, false);
    if (place.inode?.type === 'symlink' && place.inode.target === target) return;
    if (place.inode !== undefined) throw new HostError('exists', `${path} exists`);
    const inode = this.#tree.makeInode('symlink', 0o777);
    inode.target = target;
    place.directory?.children.set(place.name, inode);
  }

  async readLink(path: string): Promise<string | undefined> {
    const there = await this.stat(path);
    return there?.type === 'symlink' ? this.#tree.find(path, false).inode.target : undefined;
  }

  async realPath(path: string): Promise<string> {
    return this.#tree.find(path, true).path;
  }

  async chmod(path: string, mode: number): Promise<void> {
    const place = this.#tree.find(path, true);
    this.#tree.refuseReadOnly(place);
    place.inode.mode = mode;
  }

  async chown(path: string, uid: number, gid: number): Promise<void> {
    const place = this.#tree.find(path, false);
    this.#tree.refuseReadOnly(place);
    if (uid !== -1) place.inode.uid = uid;
    if (gid !== -1) place.inode.gid = gid;
  }

  async ownTree(path: string, options: OwnTree): Promise<number> {
    const { inode } = this.#tree.find(path, false);
    if (options.policy === 'OnRootMismatch' && isOwned(inode, options)) return 0;
    return own(inode, options);
  }

  async truncate(path: string, sizeBytes: number): Promise<void> {
    const place = this.#file(path);
    this.#resize(place, place.inode, sizeBytes, place.inode.data.subarray(0, sizeBytes));
  }

  async allocate(path: string, offsetBytes: number, lengthBytes: number): Promise<void> {
    const place = this.#file(path);
    const end = offsetBytes + lengthBytes;
    const more = Math.max(0, end - place.inode.allocatedBytes);
    this.#tree.take(place.mount, more);
    place.inode.allocatedBytes += more;
    place.inode.sizeBytes = Math.max(place.inode.sizeBytes, end);
  }

  async copyFile(from: string, to: string, { reflink }: { readonly reflink: 'require' | 'try' | 'never' }): Promise<void> {
    const source = this.#tree.find(from, true);
    const target = this.#forWriting(to, false);
    if (target.inode !== undefined) throw new HostError('exists', `${to} exists`);
    const canReflink = source.mount.filesystem === target.mount.filesystem && ['btrfs', 'xfs'].includes(source.mount.filesystem.type);
    if (reflink === 'require' && !canReflink) throw new HostError('unsupported', 'no reflinks here');
    const copy = this.#tree.copy(source.inode);
    if (reflink === 'never') copy.allocatedBytes = Math.min(copy.allocatedBytes, copy.data.length);
    this.#tree.take(target.mount, canReflink && reflink !== 'never' ? 0 : copy.allocatedBytes);
    target.directory?.children.set(target.name, copy);
  }

  async sync(path: string): Promise<void> {
    this.#tree.find(path, true);
  }

  #file(path: string): Place & { readonly inode: FakeInode } {
    const place = this.#forWriting(path, true);
    if (place.inode !== undefined) return { ...place, inode: place.inode };
    const inode = this.#tree.makeInode('file', 0o600);
    place.directory?.children.set(place.name, inode);
    return { ...place, inode };
  }

  #forWriting(path: string, follow: boolean): Place {
    const place = this.#tree.walk(path, follow);
    this.#tree.refuseReadOnly(place);
    return place;
  }

  #present(path: string): (Place & { readonly inode: FakeInode }) | undefined {
    try {
      const place = this.#tree.find(path, false);
      this.#tree.refuseReadOnly(place);
      return place;
    } catch (thrown) {
      if (thrown instanceof HostError && thrown.code === 'missing') return undefined;
      throw thrown;
    }
  }

  #resize(place: Place, inode: FakeInode, sizeBytes: number, data: Uint8Array): void {
    const allocatedBytes = Math.min(Math.max(inode.allocatedBytes, data.length), sizeBytes);
    this.#tree.take(place.mount, allocatedBytes - inode.allocatedBytes);
    Object.assign(inode, { sizeBytes, data: data.slice(), allocatedBytes, modifiedMs: this.#tree.now() });
  }
}

function allocated(inode: FakeInode): number {
  let bytes = inode.allocatedBytes;
  for (const child of inode.children.values()) bytes += allocated(child);
  return bytes;
}

function wantedBits({ type }: FakeInode, { readOnly }: OwnTree): number {
  const access = readOnly === true ? 0o440 : 0o660;
  return type === 'symlink' ? 0 : type === 'directory' ? access | 0o2110 : access;
}

function isOwned(inode: FakeInode, options: OwnTree): boolean {
  const bits = wantedBits(inode, options);
  return inode.gid === options.gid && (inode.mode & bits) === bits;
}

function own(inode: FakeInode, options: OwnTree): number {
  let changed = 0;
  for (const child of inode.children.values()) changed += own(child, options);
  if (isOwned(inode, options)) return changed;
  inode.gid = options.gid;
  inode.mode |= wantedBits(inode, options);
  return changed + 1;
}
