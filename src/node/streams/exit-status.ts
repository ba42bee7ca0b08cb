import type { Status } from '../../machinery/status-error.ts';
import { CriError } from '../runtime/runtime.ts';

/** How a command's end is told on the error channel from protocol v4 on: a Status whose cause `ExitCode` carries the code. */
export function exitStatus(exitCode: number): Status {
  if (exitCode === 0) return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' };
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    reason: 'NonZeroExitCode',
    message: `command terminated with non-zero exit code: exit status ${exitCode}`,
    details: { causes: [{ reason: 'ExitCode', message: String(exitCode) }] },
  };
}

/** The same for a command that could not run to its end. */
export function failedStatus(message: string): Status {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', reason: 'InternalError', message, details: { causes: [{ message }] }, code: 500 };
}

/** The exit code that a Status tells. Throws CriError when it tells another failure, or is none. */
export function readExitStatus(text: string): number {
  let status: Partial<Status>;
  try {
    status = JSON.parse(text) as Partial<Status>;
  } catch (thrown) {
    throw new CriError('internal', text.trim().slice(0, 1024), thrown);
  }
  if (status.status === 'Success') return 0;
  const code = status.reason === 'NonZeroExitCode' ? status.details?.causes?.find(({ reason }) => reason === 'ExitCode')?.message : undefined;
  if (code !== undefined && /^\d+$/.test(code)) return Number(code);
  throw new CriError('internal', status.message ?? 'the command failed');
}
