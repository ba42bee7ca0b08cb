/** Sends one request when it is told to, and says what came; in a thread of its own, so that only the server is measured. Started by `turns.ts`. */
import { Agent, request as httpsRequest } from 'node:https';
import { parentPort, workerData } from 'node:worker_threads';

export interface ClientSettings {
  readonly port: number;
  readonly cert: string;
  readonly key: string;
}

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | string | undefined;
  /** So many of them at once. */
  readonly abreast: number;
  /** A watch is left after this many bytes or this long. */
  readonly leaveAfterMs: number | undefined;
}

export interface Answered {
  readonly code: number;
  readonly bytes: number;
  readonly start: string;
}

const { port, cert, key } = workerData as ClientSettings;
const agent = new Agent({ keepAlive: true, rejectUnauthorized: false, cert, key });
let ready: Asked | undefined;

parentPort?.on('message', (message: Asked | 'go') => {
  if (message !== 'go') {
    ready = message;
    parentPort?.postMessage('ready');
    return;
  }
  const asked = ready as Asked;
  void Promise.all(Array.from({ length: asked.abreast }, () => ask(asked))).then(
    ([first]) => parentPort?.postMessage(first),
    (thrown: unknown) => parentPort?.postMessage({ code: 0, bytes: 0, start: String(thrown) } satisfies Answered),
  );
});

function ask({ method, path, headers, body, leaveAfterMs }: Asked): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const length: Record<string, string> = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const request = httpsRequest({ host: '127.0.0.1', port, agent, method, path, headers: { 'user-agent': 'bench/1', ...headers, ...length } }, (response) => {
      let bytes = 0;
      let start = '';
      const done = (): void => resolve({ code: response.statusCode ?? 0, bytes, start });
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (start.length < 300) start += chunk.toString('latin1', 0, 300);
      });
      response.on('end', done);
      response.on('close', done);
      response.on('error', done);
      if (leaveAfterMs !== undefined) setTimeout(() => response.destroy(), leaveAfterMs);
    });
    request.on('error', reject);
    request.end(body);
  });
}
