/** Many watches in a thread of their own: says when all are open (0), then when the last of them has received the next event. */
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:tls';
import { parentPort, workerData } from 'node:worker_threads';

export interface WatchLoad {
  readonly port: number;
  readonly path: string;
  readonly count: number;
  readonly credentials?: { readonly cert: string; readonly key: string } | undefined;
  /** `http/2`: a hundred watches a connection. Default `http/1.1`, a connection each. */
  readonly over?: 'http/1.1' | 'http/2' | undefined;
  /** They take the head of the answer and nothing after it. */
  readonly stuck?: boolean | undefined;
}

const { port, path, count, credentials, over = 'http/1.1', stuck = false } = workerData as WatchLoad;
const STREAMS = 100;
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
    // Who is stuck is cut off: that is what is looked for.
    socket.on('error', stuck ? () => {} : reject);
    let head = false;
    socket.on('data', () => {
      if (head) return received();
      head = true;
      if (stuck) socket.pause();
      resolve();
    });
  });
}

async function openStreams(streams: number): Promise<void> {
  const session = connectHttp2(`https://127.0.0.1:${port}`, { rejectUnauthorized: false, ...credentials });
  await new Promise<void>((resolve, reject) => session.once('connect', () => resolve()).once('error', reject));
  const opened = Array.from({ length: streams }, () => {
    const stream = session.request({ ':path': path });
    stream.on('data', received);
    return new Promise<void>((resolve, reject) => stream.once('response', () => resolve()).once('error', reject));
  });
  await Promise.all(opened);
}

if (over === 'http/2') for (let from = 0; from < count; from += STREAMS) await openStreams(Math.min(STREAMS, count - from));
else for (let from = 0; from < count; from += 50) await Promise.all(Array.from({ length: Math.min(50, count - from) }, open));
parentPort?.postMessage(0);
