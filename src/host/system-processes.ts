import type { Processes, ProcessId } from './host.ts';
import type { Work } from './wire.ts';

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export class SystemProcesses implements Processes {
  readonly #send: (work: Work) => Promise<unknown>;

  constructor(send: (work: Work) => Promise<unknown>) {
    this.#send = send;
  }

  start(
    command: string,
    args: readonly string[],
    { logFile, env = {}, cwd = '/' }: { readonly logFile: string; readonly env?: Readonly<Record<string, string>>; readonly cwd?: string },
  ): Promise<ProcessId> {
    return this.#send({ do: 'start', command, args, logFile, env: { PATH, LC_ALL: 'C', ...env }, cwd }) as Promise<ProcessId>;
  }

  async alive({ pid, startTicks }: ProcessId): Promise<boolean> {
    return (await this.identify(pid))?.startTicks === startTicks;
  }

  async signal(process: ProcessId, signal: 'SIGTERM' | 'SIGKILL' | 'SIGHUP' | 'SIGINT' | 'SIGUSR1'): Promise<void> {
    await this.#send({ do: 'signal', process, signal });
  }

  identify(pid: number): Promise<ProcessId | undefined> {
    return this.#send({ do: 'identify', pid }) as Promise<ProcessId | undefined>;
  }
}
