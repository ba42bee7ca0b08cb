import type { Clock } from '../base/clock.ts';
import { FakeFilesystems, FakeLoops, FakeMounts } from './fake-disks.ts';
import { FakeFiles } from './fake-files.ts';
import { FakeTree } from './fake-tree.ts';
import { type Capabilities, type Host, HostError, type Processes, type ProcessId, type RunOptions, type RunResult } from './host.ts';

export interface FakeHostOptions {
  readonly clock: Clock;
  /** Of the root file system. Default 100 GiB. */
  readonly diskBytes?: number;
  readonly capabilities?: Partial<Capabilities>;
  /** Answers commands; undefined: `missing`. Default: every command succeeds and says nothing. */
  readonly run?: (command: string, args: readonly string[], options: RunOptions) => RunResult | undefined;
}

/** A machine in memory: files, mounts, loop devices and file systems that behave. Time is the given clock's; nothing waits. */
export class FakeHost implements Host {
  readonly #tree: FakeTree;
  readonly #options: FakeHostOptions;
  readonly #capabilities: Capabilities;
  readonly files: FakeFiles;
  readonly mounts: FakeMounts;
  readonly loops: FakeLoops;
  readonly filesystems: FakeFilesystems;
  readonly processes = new FakeProcesses();
  /** Every command that was run, oldest first. */
  readonly commands: (readonly [command: string, ...args: string[]])[] = [];

  constructor(options: FakeHostOptions) {
    this.#options = options;
    this.#tree = new FakeTree(options.clock, options.diskBytes ?? 100 * 2 ** 30);
    for (const name of ['dev', 'tmp', 'var', 'proc', 'sys', 'etc', 'run']) {
      this.#tree.find('/', true).inode.children.set(name, this.#tree.makeInode('directory', 0o755));
    }
    this.#capabilities = {
      root: true,
      effective: ['CAP_SYS_ADMIN'],
      kernel: '6.12.0',
      bootId: '00000000-0000-4000-8000-000000000001',
      loopDevices: true,
      sysResource: false,
      filesystems: ['ext4', 'xfs', 'btrfs'],
      sharedRoot: true,
      ...options.capabilities,
    };
    this.files = new FakeFiles(this.#tree);
    this.mounts = new FakeMounts(this.#tree);
    this.loops = new FakeLoops(this.#tree);
    this.filesystems = new FakeFilesystems(this.#tree, this.loops, (type) => type !== 'ext4' || this.#capabilities.sysResource);
  }

  async run(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    this.commands.push([command, ...args]);
    const answer = this.#options.run === undefined ? { code: 0, stdout: '', stderr: '' } : this.#options.run(command, args, options);
    if (answer === undefined) throw new HostError('missing', `${command}: command not found`);
    return answer;
  }

  async capabilities(): Promise<Capabilities> {
    return this.#capabilities;
  }

  /** It is never killed. */
  onHelper(): Disposable {
    return { [Symbol.dispose]: () => {} };
  }

  async helper(): Promise<ProcessId> {
    return { pid: 2, startTicks: 1 };
  }

  async watch(directory: string): Promise<Disposable> {
    if ((await this.files.stat(directory)) === undefined) throw new HostError('missing', `${directory} does not exist`);
    return { [Symbol.dispose]: () => {} };
  }

  /** The machine goes down without notice and comes up again: files stay; mounts, loop devices and processes are gone. */
  reboot(): void {
    this.#tree.mounts.splice(1);
    this.loops.detachAll();
    this.processes.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

class FakeProcesses implements Processes {
  readonly #alive = new Map<number, ProcessId>();
  #nextPid = 1000;

  clear(): void {
    this.#alive.clear();
  }
  async start(): Promise<ProcessId> {
    const process = { pid: this.#nextPid++, startTicks: this.#nextPid };
    this.#alive.set(process.pid, process);
    return process;
  }
  async alive({ pid, startTicks }: ProcessId): Promise<boolean> {
    return this.#alive.get(pid)?.startTicks === startTicks;
  }
  async signal(process: ProcessId, signal: string): Promise<void> {
    if ((await this.alive(process)) && (signal === 'SIGKILL' || signal === 'SIGTERM')) this.#alive.delete(process.pid);
  }
  async identify(pid: number): Promise<ProcessId | undefined> {
    return this.#alive.get(pid);
  }
}
