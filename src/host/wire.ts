import type { FileOperation } from './file-operations.ts';
import type { HostErrorCode, ProcessId } from './host.ts';
import type { Command } from './run-command.ts';

/** What is sent to the helper process, and to its children, which take only `file`. Sent by structured clone. */
export type Work =
  | { readonly do: 'run'; readonly command: Command }
  | { readonly do: 'file'; readonly operation: FileOperation; readonly args: readonly unknown[]; readonly timeoutMs: number }
  | {
      readonly do: 'start';
      readonly command: string;
      readonly args: readonly string[];
      readonly logFile: string;
      readonly env: Readonly<Record<string, string>>;
      readonly cwd: string;
    }
  | { readonly do: 'identify'; readonly pid: number }
  | { readonly do: 'signal'; readonly process: ProcessId; readonly signal: NodeJS.Signals };

export interface Request {
  readonly id: number;
  readonly work: Work;
}

/** What a process says first, unasked: from then on it takes requests. */
export interface Up {
  readonly up: true;
}

export type Reply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: { readonly code: HostErrorCode; readonly message: string } };
