/**
 * What touches the machine. Everything goes through one small helper process (law 10): no spawn from the caller, and no stat or
 * open below a volume either, since a hung mount would stop Node's thread pool for good. `system.ts` is the machine itself,
 * `fake.ts` behaves like one in memory; `test/contract/host.ts` holds for both. Every method rejects with HostError.
 * Paths are absolute. Idempotent where it says so; nothing removes recursively below a mount point.
 */
export interface Host extends AsyncDisposable {
  /**
   * Runs to the end. A non-zero exit is a value, not an error. Rejects: `missing` (no such command), `timeout` (the whole process
   * group is killed), `too-large` (output beyond `maxOutputBytes`, killed), `busy` (queue full).
   */
  run(command: string, args: readonly string[], options?: RunOptions): Promise<RunResult>;
  readonly files: Files;
  readonly mounts: Mounts;
  readonly loops: Loops;
  readonly filesystems: Filesystems;
  readonly processes: Processes;
  /** Looked up once and kept. */
  capabilities(): Promise<Capabilities>;
  /** The process that acts. It finishes what it has begun after its starter was killed: whoever comes next waits for it to be gone. */
  helper(): Promise<ProcessId>;
  /** Calls back when another process acts from now on, because the one before was killed. */
  onHelper(changed: () => void): Disposable;
  /**
   * Calls back after entries of this directory came, went or were changed; calls are joined, and tell only that something
   * changed. `missing` when the directory is not there. Not for directories of volumes.
   */
  watch(directory: string, changed: () => void): Promise<Disposable>;
}

export interface RunOptions {
  readonly stdin?: string | Uint8Array;
  /** Default 30,000. */
  readonly timeoutMs?: number;
  /** For stdout and stderr each. Default 1 MiB. */
  readonly maxOutputBytes?: number;
  /** Added to (not instead of) a minimal environment: PATH, LC_ALL=C. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export interface RunResult {
  /** Exit status; 128 + signal number when a signal ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The machine's files, as the helper sees them. Each call has a deadline of `timeoutMs` (default 10,000, trees 600,000). */
export interface Files {
  /** Undefined when there is nothing (ENOENT, ENOTDIR). Symbolic links are followed only when asked. */
  stat(path: string, options?: { readonly follow?: boolean }): Promise<FileStat | undefined>;
  /** Of the file system that holds the path. `missing` when there is nothing. */
  statfs(path: string): Promise<FilesystemStat>;
  /** Sorted by name. `missing` when there is nothing. */
  readDirectory(path: string): Promise<readonly { readonly name: string; readonly type: FileType }[]>;
  /** `too-large` beyond `maxBytes` (default 16 MiB); `missing`. Works on /proc and /sys. */
  readFile(path: string, options?: { readonly maxBytes?: number }): Promise<Uint8Array>;
  readText(path: string, options?: { readonly maxBytes?: number }): Promise<string>;
  /**
   * Writes beside it, sets mode and owner, renames over it. `durable`: with fsync of file and directory. Default mode 0o644, owner
   * unchanged from the helper's. The temporary name is `.<name>.<8 hex>.tmp`.
   */
  writeFileAtomic(path: string, data: string | Uint8Array, options?: WriteFileOptions): Promise<void>;
  /** Writes in place, without truncating: for /proc, /sys and devices. */
  write(path: string, data: string): Promise<void>;
  /** Idempotent. `mode` is set exactly (not subject to umask) on what was made; parents are made with 0o755. */
  makeDirectory(path: string, options?: { readonly mode?: number; readonly uid?: number; readonly gid?: number }): Promise<void>;
  /** Only when empty (else `not-empty`; `busy` when a mount point). Idempotent: gone is a success. */
  removeDirectory(path: string): Promise<void>;
  /** A file, link, socket, device node. Idempotent: gone is a success. */
  removeFile(path: string): Promise<void>;
  /**
   * Removes a tree. Refuses with `busy`, before removing anything, while any mount lies at or below it, and never crosses into
   * another device. Symbolic links are removed, not followed. Idempotent.
   */
  removeTree(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** `exists` unless it already points there. */
  symlink(target: string, path: string): Promise<void>;
  readLink(path: string): Promise<string | undefined>;
  /** All links resolved; `missing` when a part is not there. */
  realPath(path: string): Promise<string>;
  chmod(path: string, mode: number): Promise<void>;
  /** Does not follow a link. -1 leaves a part as it is. */
  chown(path: string, uid: number, gid: number): Promise<void>;
  /** Sets fsGroup as a kubelet does: see `OwnTree`. Answers how many entries were changed. */
  ownTree(path: string, options: OwnTree): Promise<number>;
  /** Makes it when it is missing. Sparse. */
  truncate(path: string, sizeBytes: number): Promise<void>;
  /** Really allocates [offset, offset + length); makes the file longer when needed. `no-space`. */
  allocate(path: string, offsetBytes: number, lengthBytes: number): Promise<void>;
  /** Copies contents, sparse. `reflink`: 'require' fails with `unsupported` where the file system can't. Target must not exist. */
  copyFile(from: string, to: string, options: { readonly reflink: 'require' | 'try' | 'never' }): Promise<void>;
  /** fsync of a file or directory. */
  sync(path: string): Promise<void>;
}

export type FileType = 'file' | 'directory' | 'symlink' | 'socket' | 'fifo' | 'character-device' | 'block-device';

export interface FileStat {
  readonly type: FileType;
  readonly sizeBytes: number;
  /** Really on disk. */
  readonly allocatedBytes: number;
  /** Permission bits, with setuid, setgid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** st_dev: differs across mounts of different devices (not across bind mounts). */
  readonly device: number;
  readonly inode: number;
  /** Of a device node. */
  readonly rdev: number;
  readonly modifiedMs: number;
}

export interface FilesystemStat {
  readonly totalBytes: number;
  readonly freeBytes: number;
  /** Without what is reserved for root. */
  readonly availableBytes: number;
  readonly totalInodes: number;
  readonly freeInodes: number;
  /** statfs f_type: 0x9123683e btrfs, 0xef53 ext, 0x58465342 xfs, 0x01021994 tmpfs. */
  readonly magic: number;
}

export interface WriteFileOptions {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly durable?: boolean;
}

/**
 * Group `gid` on everything, group bits as the owner may (files rw-, directories rwx and setgid; read-only: r--, r-x), links
 * themselves only chowned. With 'OnRootMismatch' nothing is touched when the root already has group, bits and setgid.
 */
export interface OwnTree {
  readonly gid: number;
  readonly policy: 'Always' | 'OnRootMismatch';
  readonly readOnly?: boolean;
}

export interface Mounts {
  /** This mount namespace, in mount order (later entries lie above earlier ones with the same target). */
  list(): Promise<readonly Mount[]>;
  /** The topmost mount exactly at this path. */
  at(target: string): Promise<Mount | undefined>;
  /** Everything at or below the path, deepest first: the order in which to unmount. */
  below(path: string): Promise<readonly Mount[]>;
  /** `type` undefined: mount's own guess. Target must exist. Not idempotent: mounts again over it. */
  mount(request: MountRequest): Promise<void>;
  /** Target must exist and be of the same sort as the source. `readOnly` remounts; on failure nothing stays mounted. */
  bind(options: {
    readonly source: string;
    readonly target: string;
    readonly readOnly?: boolean;
    readonly recursive?: boolean;
    readonly propagation?: Propagation;
  }): Promise<void>;
  /**
   * Binds what lies at `path` below `root` (relative to it) to `target`, which is made: a directory or a file, as the source is. Links
   * are followed as long as they stay within the root; with `make`, missing directories are made with the root's mode. Holds whatever
   * others do below the root meanwhile. `not-permitted` when the path leaves the root; `missing`.
   */
  bindWithin(options: { readonly root: string; readonly path: string; readonly target: string; readonly make: boolean }): Promise<void>;
  remount(target: string, options: readonly string[]): Promise<void>;
  setPropagation(target: string, propagation: Propagation): Promise<void>;
  /** The topmost one. Idempotent: not mounted is a success. `busy` when in use. Lazy only when asked. */
  unmount(target: string, options?: { readonly lazy?: boolean; readonly timeoutMs?: number }): Promise<void>;
}

/** As mount(8) takes them. */
export interface MountRequest {
  readonly source: string;
  readonly target: string;
  readonly type?: string | undefined;
  readonly options?: readonly string[];
}

export type Propagation = 'private' | 'rprivate' | 'shared' | 'rshared' | 'slave' | 'rslave';

/** A line of /proc/self/mountinfo, proc(5). */
export interface Mount {
  readonly id: number;
  readonly parentId: number;
  /** `7:3`. */
  readonly device: string;
  /** What part of the file system is mounted: `/` unless a bind mount or subvolume. */
  readonly root: string;
  readonly target: string;
  /** Per mount: rw, ro, nosuid … */
  readonly options: readonly string[];
  readonly propagation: 'private' | 'shared' | 'slave' | 'unbindable';
  readonly type: string;
  readonly source: string;
  /** Of the super block. */
  readonly superOptions: readonly string[];
}

export interface Loops {
  /**
   * Direct I/O where the backing file system can, when asked. `keepAllocated`: discards from above don't punch holes into the file.
   * Not idempotent: see `find`. Rejects `no-device`, `missing`.
   */
  attach(file: string, options?: AttachLoop): Promise<LoopDevice>;
  /** Only while it still backs `file`; idempotent. The kernel may let it go later, when its last user does. */
  detach(device: string, file: string): Promise<void>;
  list(): Promise<readonly LoopDevice[]>;
  /** Those that back this file, compared by path. */
  find(file: string): Promise<readonly LoopDevice[]>;
  /** Takes over the backing file's new size. */
  refresh(device: string): Promise<void>;
}

export interface AttachLoop {
  readonly readOnly?: boolean;
  readonly directIo?: boolean;
  readonly keepAllocated?: boolean;
}

export interface LoopDevice {
  /** `/dev/loop3`. */
  readonly device: string;
  readonly file: string;
  /** The backing file was removed. */
  readonly deleted: boolean;
  readonly readOnly: boolean;
  readonly directIo: boolean;
}

export type FilesystemType = 'ext4' | 'xfs' | 'btrfs';

export interface Filesystems {
  /** On a device or an image file. Refuses with `exists` when something is there, unless `force`. */
  make(path: string, options: MakeFilesystem): Promise<void>;
  /** By blkid: a file system, swap, a member of something larger, or `partitions`; undefined when nothing is recognised. */
  probe(path: string): Promise<{ readonly type: string; readonly uuid: string; readonly label: string } | undefined>;
  /** Grows to the device's size: mounted (online) or by device (ext4 only). `not-permitted` where the kernel refuses it. */
  grow(options: { readonly type: FilesystemType; readonly device: string; readonly mountedAt?: string }): Promise<void>;
  /** Gives an unmounted copy an identity of its own. */
  newUuid(device: string, type: FilesystemType): Promise<void>;
  /** ext4 only, unmounted: what a mount would replay, and what an offline grow asks for first. Others: nothing to do. */
  check(device: string, type: FilesystemType): Promise<void>;
  /** Writers wait until `thaw`. `busy` when it is frozen already. */
  freeze(mountpoint: string): Promise<void>;
  /** Idempotent. */
  thaw(mountpoint: string): Promise<void>;
}

export interface MakeFilesystem {
  readonly type: FilesystemType;
  readonly label?: string;
  readonly uuid?: string;
  readonly force?: boolean;
  /** Further arguments of mkfs, before the path. */
  readonly extra?: readonly string[];
}

/** Long-lived processes of a session of their own, which outlive Berth (containerd). */
export interface Processes {
  /** stdout and stderr are appended to `logFile`. */
  start(
    command: string,
    args: readonly string[],
    options: { readonly logFile: string; readonly env?: Readonly<Record<string, string>>; readonly cwd?: string },
  ): Promise<ProcessId>;
  /** Whether this very process (same start time) lives; zombies don't. */
  alive(process: ProcessId): Promise<boolean>;
  /** Only this very process; gone is a success. */
  signal(process: ProcessId, signal: 'SIGTERM' | 'SIGKILL' | 'SIGHUP' | 'SIGINT' | 'SIGUSR1'): Promise<void>;
  /** Identity of a running pid; undefined when there is none. */
  identify(pid: number): Promise<ProcessId | undefined>;
}

export interface ProcessId {
  readonly pid: number;
  /** /proc/PID/stat field 22: tells a reused pid apart. */
  readonly startTicks: number;
}

export interface Capabilities {
  readonly root: boolean;
  /** Effective ones, `CAP_SYS_ADMIN` … */
  readonly effective: readonly string[];
  readonly kernel: string;
  readonly bootId: string;
  /** May mount, and has /dev/loop-control. */
  readonly loopDevices: boolean;
  /** CAP_SYS_RESOURCE: ext4 may be grown while mounted, oom scores lowered. */
  readonly sysResource: boolean;
  /** In /proc/filesystems (loadable modules are not), with mkfs there. */
  readonly filesystems: readonly FilesystemType[];
  /** The root mount is shared, so that mounts reach containers with HostToContainer or Bidirectional. */
  readonly sharedRoot: boolean;
}

/**
 * - `missing`: no such file, device or command. - `exists`. - `not-empty`. - `not-directory`.
 * - `busy`: in use, mounted, frozen, or the helper's queue is full. - `no-space`: ENOSPC or EDQUOT. - `no-device`: no free loop
 *   device, or none to be had. - `not-permitted`: EPERM, EACCES. - `read-only`. - `unsupported`: the kernel or file system can't.
 * - `too-large`. - `timeout`: it may still happen. - `input-output`: EIO, a corrupt file system. - `cross-device`.
 * - `closed`: the helper has ended; it may have happened. - `failed`: anything else; the message has the command's words.
 */
export type HostErrorCode =
  | 'missing'
  | 'exists'
  | 'not-empty'
  | 'not-directory'
  | 'busy'
  | 'no-space'
  | 'no-device'
  | 'not-permitted'
  | 'read-only'
  | 'unsupported'
  | 'too-large'
  | 'timeout'
  | 'input-output'
  | 'cross-device'
  | 'closed'
  | 'failed';

export class HostError extends Error {
  override readonly name = 'HostError';
  readonly code: HostErrorCode;

  constructor(code: HostErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
