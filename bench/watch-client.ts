/** Many watches over HTTP/1.1 in a thread of their own: says when the last of them has received the next event. */
import { connect } from 'node:tls';
import { parentPort, workerData } from 'node:worker_threads';

export interface WatchLoad {
  readonly port: number;
  readonly path: string;
  readonly count: number;
  readonly credentials?: { readonly cert: string; readonly key: string } | undefined;
}

const { port, path, count, credentials } = workerData as WatchLoad;
let left = count;

function received(): void {
  if (--left > 0) return;
  left = count;
  parentPort?.postMessage(performance.timeOrigin + performance.now());
}

function open(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['http/1.1'], ...credentials }, () =>
      socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`),
    );
    socket.on('error', reject);
    let head = false;
    socket.on('data', () => {
      if (head) return received();
      head = true;
      resolve();
    });
  });
}

for (let from = 0; from < count; from += 50) await Promise.all(Array.from({ length: Math.min(50, count - from) }, open));
parentPort?.postMessage(0);
