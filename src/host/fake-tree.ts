import type { Clock } from '../base/clock.ts';
import { type FileType, HostError, type Mount } from './host.ts';

/** An inode of the fake machine. */
export interface FakeInode {
  type: FileType;
  mode: number;
  uid: number;
  gid: number;
  inode: number;
  modifiedMs: number;
  /** Files: what was written; never changed in place. May be shorter than `sizeBytes`: the rest reads as zeros. */
  data: Uint8Array;
  sizeBytes: number;
  allocatedBytes: number;
  /** Links. */
  target: string;
  /** Directories. */
  readonly children: Map<string, FakeInode>;
  /** An image or device: the file system on it. */
  disk: FakeFilesystem | undefined;
  rdev: number;
}

export interface FakeFilesystem {
  readonly id: number;
  type: string;
  uuid: string;
  label: string;
  totalBytes: number;
  usedBytes: number;
  frozen: boolean;
  readonly root: FakeInode;
}

export interface FakeMount extends Mount {
  readonly filesystem: FakeFilesystem;
  readonly rootInode: FakeInode;
}

/** Where a path leads. `inode` is undefined when only its directory is there. */
export interface Place {
  readonly mount: FakeMount;
  readonly directory: FakeInode | undefined;
  readonly name: string;
  readonly inode: FakeInode | undefined;
  readonly path: string;
}

const MAX_LINKS = 40;
const MOST_CONTENTS = 32;
// Shared by the thousands of inodes that have neither.
const NO_DATA = new Uint8Array();
const NO_CHILDREN: Map<string, FakeInode> = new Map<string, FakeInode>();

/** Inodes, file systems and mounts in memory, with the walk over them that the kernel does. */
export class FakeTree {
  readonly #clock: Clock;
  readonly mounts: FakeMount[] = [];
  readonly #contents = new Map<string, Uint8Array>();
  #nextInode = 2;
  #nextFilesystem = 1;
  #nextMount = 1;

  constructor(clock: Clock, rootBytes: number) {
    this.#clock = clock;
    const root = this.makeFilesystem('ext4', rootBytes);
    this.addMount({ target: '/', source: '/dev/root', root: '/', filesystem: root, rootInode: root.root, options: ['rw'], propagation: 'private' });
  }

  makeFilesystem(type: string, totalBytes: number, uuid = '', label = ''): FakeFilesystem {
    const id = this.#nextFilesystem++;
    return {
      id,
      type,
      uuid: uuid === '' ? `00000000-0000-4000-8000-${String(id).padStart(12, '0')}` : uuid,
      label,
      totalBytes,
      usedBytes: 0,
      frozen: false,
      root: this.makeInode('directory', 0o755),
    };
  }

  makeInode(type: FileType, mode: number): FakeInode {
    return {
      type,
      mode,
      uid: 0,
      gid: 0,
      inode: this.#nextInode++,
      modifiedMs: this.#clock.now(),
      data: NO_DATA,
      sizeBytes: 0,
      allocatedBytes: 0,
      target: '',
      children: type === 'directory' ? new Map<string, FakeInode>() : NO_CHILDREN,
      disk: undefined,
      rdev: 0,
    };
  }

  addMount(mount: Pick<FakeMount, 'target' | 'source' | 'root' | 'filesystem' | 'rootInode' | 'options' | 'propagation'>): FakeMount {
    const made: FakeMount = {
      id: this.#nextMount++,
      parentId: 1,
      device: `0:${mount.filesystem.id}`,
      type: mount.filesystem.type,
      superOptions: ['rw'],
      ...mount,
    };
    this.mounts.push(made);
    return made;
  }

  /** The bytes of a text: the same for texts that many files have (a cluster's CA in every pod). Contents are replaced, never written to. */
  contentOf(text: string): Uint8Array {
    const bytes = this.#contents.get(text) ?? new TextEncoder().encode(text);
    this.#contents.delete(text);
    this.#contents.set(text, bytes);
    if (this.#contents.size > MOST_CONTENTS) this.#contents.delete(this.#contents.keys().next().value as string);
    return bytes;
  }

  now(): number {
    return this.#clock.now();
  }

  mountAt(path: string): FakeMount | undefined {
    return this.mounts.findLast(({ target }) => target === path);
  }

  /** Follows links on the way, and at the end when asked. `missing`, `not-directory`. */
  walk(path: string, follow: boolean, links = 0): Place {
    if (!path.startsWith('/')) throw new HostError('failed', `${path} is not absolute`);
    if (links > MAX_LINKS) throw new HostError('failed', `${path}: too many links`);
    const parts = path.split('/').filter((part) => part !== '' && part !== '.');
    let mount = this.mountAt('/') as FakeMount;
    let at: FakeInode = mount.rootInode;
    let here = '';
    const trail: { readonly mount: FakeMount; readonly inode: FakeInode; readonly path: string }[] = [];
    for (const [i, part] of parts.entries()) {
      const last = i === parts.length - 1;
      if (at.type !== 'directory') throw new HostError('not-directory', `${here} is not a directory`);
      if (part === '..') {
        const back = trail.pop();
        if (back !== undefined) ({ mount, inode: at, path: here } = back);
        continue;
      }
      const next = at.children.get(part);
      const directory = at;
      if (next === undefined) {
        if (last) return { mount, directory, name: part, inode: undefined, path: `${here}/${part}` };
        throw new HostError('missing', `${here}/${part} does not exist`);
      }
      if (next.type === 'symlink' && (!last || follow)) {
        const target = next.target.startsWith('/') ? next.target : `${here}/${next.target}`;
        return this.walk([target, ...parts.slice(i + 1)].join('/'), follow, links + 1);
      }
      trail.push({ mount, inode: at, path: here });
      here = `${here}/${part}`;
      const over = this.mountAt(here);
      mount = over ?? mount;
      at = over?.rootInode ?? next;
      if (last) return { mount, directory, name: part, inode: at, path: here };
    }
    return { mount, directory: undefined, name: '', inode: at, path: here === '' ? '/' : here };
  }

  /** As `walk`, and something is there. */
  find(path: string, follow: boolean): Place & { readonly inode: FakeInode } {
    const place = this.walk(path, follow);
    if (place.inode === undefined) throw new HostError('missing', `${path} does not exist`);
    return { ...place, inode: place.inode };
  }

  refuseReadOnly({ mount, path }: Place): void {
    if (mount.options.includes('ro')) throw new HostError('read-only', `${path} is on a read-only file system`);
  }

  /** Counts bytes on the file system; `no-space`. */
  take({ filesystem }: FakeMount, bytes: number): void {
    if (filesystem.usedBytes + bytes > filesystem.totalBytes) throw new HostError('no-space', `no space left on device ${filesystem.id}`);
    filesystem.usedBytes += bytes;
  }

  /** A copy of everything, other inodes, own contents. */
  copy(inode: FakeInode): FakeInode {
    const made = this.makeInode(inode.type, inode.mode);
    Object.assign(made, {
      uid: inode.uid,
      gid: inode.gid,
      data: inode.data.length === 0 ? NO_DATA : inode.data.slice(),
      sizeBytes: inode.sizeBytes,
      allocatedBytes: inode.allocatedBytes,
      target: inode.target,
      rdev: inode.rdev,
    });
    for (const [name, child] of inode.children) made.children.set(name, this.copy(child));
    if (inode.disk !== undefined) made.disk = this.#copyDisk(inode.disk);
    return made;
  }

  #copyDisk(disk: FakeFilesystem): FakeFilesystem {
    return { ...disk, id: this.#nextFilesystem++, frozen: false, root: this.copy(disk.root) };
  }
}
