/** The floor server as a child process. */
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { FloorOrder } from './floor-server.ts';

export function startFloor(order: FloorOrder): Promise<{ readonly child: ChildProcess; readonly port: number }> {
  const child = fork(join(import.meta.dirname, 'floor-server.ts'), { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  child.send(order);
  return new Promise((resolve, reject) => {
    child.once('message', (port) => resolve({ child, port: Number(port) }));
    child.once('error', reject);
  });
}

export async function endFloor(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.disconnect();
  await ended;
}
