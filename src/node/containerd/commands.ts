import { execFile } from 'node:child_process';

export interface CommandResult {
  /** The exit status; 127 when the program is missing, -1 when it was killed. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program of the host to its end, with at most 1 MiB of output. Never rejects. */
export type RunCommand = (program: string, args: readonly string[]) => Promise<CommandResult>;

/** From this process: for the few commands of start and stop, and where no helper process is given. */
export const runCommand: RunCommand = (program, args) =>
  new Promise((resolve) => {
    execFile(program, [...args], { timeout: 30_000, maxBuffer: 1024 * 1024 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code === 'ENOENT' ? 127 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, stdout, stderr: stderr === '' && error !== null ? error.message : stderr });
    });
  });
