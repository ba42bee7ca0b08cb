import { readFile, rm } from 'node:fs/promises';
import { type Layout, replaceFile } from './data-directory.ts';

/** What a running `berth up` says of itself (`running.json`), for the other commands. */
export interface Running {
  readonly pid: number;
  /** The process's start time in clock ticks since boot (proc(5), stat field 22): a pid alone may be somebody else's by now. */
  readonly startTicks: string;
  /** Empty while it starts. */
  readonly server: string;
  readonly findings: readonly string[];
}

export async function writeRunning(layout: Layout, running: Omit<Running, 'pid' | 'startTicks'>): Promise<void> {
  const startTicks = (await startTicksOf(process.pid)) ?? '';
  await replaceFile(layout.runningFile, `${JSON.stringify({ pid: process.pid, startTicks, ...running })}\n`);
}

export async function forgetRunning(layout: Layout): Promise<void> {
  await rm(layout.runningFile, { force: true });
}

/** Undefined when nothing runs; what a killed process left behind does not count. */
export async function readRunning(layout: Layout): Promise<Running | undefined> {
  let found: Running;
  try {
    found = JSON.parse(await readFile(layout.runningFile, 'utf8')) as Running;
  } catch {
    return undefined;
  }
  return (await isRunning(found)) ? found : undefined;
}

export async function isRunning({ pid, startTicks }: Running): Promise<boolean> {
  const ticks = await startTicksOf(pid);
  return ticks !== undefined && (startTicks === '' || ticks === startTicks);
}

async function startTicksOf(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie has ended: nobody has asked for its exit code yet.
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return alive(pid) ? '' : undefined;
  }
}

/** Where there is no /proc. */
function alive(pid: number): boolean {
  if (process.platform === 'linux') return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
