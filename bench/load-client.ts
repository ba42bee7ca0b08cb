/**
 * A client of HTTP/1.1 over TLS that costs as little as can be, in a thread of its own: so many connections, each asking again
 * as soon as it is answered; or at a pace, whatever the answers take. Started by `api.ts` and `apiserver.ts`.
 */
import { type TLSSocket, connect } from 'node:tls';
import { parentPort, workerData } from 'node:worker_threads';

export interface Load {
  readonly port: number;
  readonly connections: number;
  readonly seconds: number;
  /** The head of every request up to the path; `%n` is a number that no other request has, `%m` that number modulo `among`. */
  readonly method: string;
  readonly path: string;
  readonly among?: number | undefined;
  /** `%n` and `%m` likewise. Absent: no body. */
  readonly body?: string | undefined;
  /** `application/json` when absent. */
  readonly contentType?: string | undefined;
  /** Requests arrive at this rate; one that finds no free connection waits for one, and that counts. Absent: as fast as they are answered. */
  readonly pacePerSecond?: number | undefined;
  /** PEM texts of the client; absent: it has no certificate. */
  readonly credentials?: { readonly cert: string; readonly key: string } | undefined;
  /** Only so many requests in all. */
  readonly count?: number | undefined;
}

export interface LoadResult {
  readonly requests: number;
  readonly perSecond: number;
  readonly bytes: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers that were no 2xx; one of them. */
  readonly failures: number;
  readonly failure: string;
}

const load = workerData as Load;
const times: number[] = [];
let next = 0;
let bytes = 0;
let failures = 0;
let failure = '';
let startedMs = 0;
let open = 0;

function requestText(): string {
  const n = String(next++);
  const m = String(Number(n) % (load.among ?? 1));
  const body = load.body?.replaceAll('%n', n).replaceAll('%m', m);
  const length = body === undefined ? '' : `content-type: ${load.contentType ?? 'application/json'}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n`;
  return `${load.method} ${load.path.replaceAll('%n', n).replaceAll('%m', m)} HTTP/1.1\r\nhost: x\r\nuser-agent: bench/1\r\n${length}\r\n${body ?? ''}`;
}

/** What is known of the answer that is arriving: bytes still to come, or that it is chunked. */
interface Answer {
  left: number;
  readonly chunked: boolean;
}

/** From the head, which servers send in one piece with the first bytes of the body. Undefined: not whole yet. */
function readHead(buffer: Buffer): Answer | undefined {
  const end = buffer.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const head = buffer.toString('latin1', 0, end).toLowerCase();
  if (!head.startsWith('http/1.1 2')) {
    failures++;
    failure = buffer.toString('utf8', 0, 2000);
  }
  const length = /content-length: (\d+)/.exec(head)?.[1];
  return { left: length === undefined ? 0 : end + 4 + Number(length), chunked: length === undefined };
}

const LAST_CHUNK = Buffer.from('0\r\n\r\n');

/** Arrivals that wait for a connection, and connections that wait for one. */
const due: number[] = [];
const idle: (() => void)[] = [];
let arrived = 0;

/** What the machine's timers can't tell apart arrives together. */
function arrive(perSecond: number): void {
  const nowMs = performance.now();
  for (; arrived < ((nowMs - startedMs) / 1000) * perSecond && due.length < 100_000; arrived++) due.push(nowMs);
  while (due.length > 0 && idle.length > 0) idle.shift()?.();
  if (nowMs - startedMs <= load.seconds * 1000) setTimeout(() => arrive(perSecond), 1);
  else for (const send of idle.splice(0)) send();
}

function drive(socket: TLSSocket): void {
  let answer: Answer | undefined;
  let early: Buffer | undefined;
  let sentMs = 0;
  const send = (): void => {
    const over = performance.now() - startedMs > load.seconds * 1000 || (load.count !== undefined && next >= load.count);
    if (over) {
      socket.end();
      if (--open === 0) report();
      return;
    }
    if (load.pacePerSecond !== undefined && due.length === 0) {
      idle.push(send);
      return;
    }
    sentMs = due.shift() ?? performance.now();
    socket.write(requestText());
  };
  socket.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (answer === undefined) {
      const head = early === undefined ? chunk : Buffer.concat([early, chunk]);
      answer = readHead(head);
      if (answer === undefined) {
        early = head;
        return;
      }
      answer.left -= head.length;
      early = undefined;
    } else answer.left -= chunk.length;
    const whole = answer.chunked ? chunk.subarray(-5).equals(LAST_CHUNK) : answer.left <= 0;
    if (!whole) return;
    answer = undefined;
    times.push(performance.now() - sentMs);
    send();
  });
  socket.on('error', () => {
    failures++;
  });
  send();
}

function report(): void {
  const seconds = (performance.now() - startedMs) / 1000;
  times.sort((a, b) => a - b);
  const at = (q: number): number => times[Math.min(times.length - 1, Math.floor(times.length * q))] ?? 0;
  const result: LoadResult = { requests: times.length, perSecond: times.length / seconds, bytes, p50Ms: at(0.5), p99Ms: at(0.99), failures, failure };
  parentPort?.postMessage(result);
}

const sockets = await Promise.all(
  Array.from(
    { length: load.connections },
    () =>
      new Promise<TLSSocket>((resolve, reject) => {
        const socket = connect({ port: load.port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['http/1.1'], ...load.credentials }, () =>
          resolve(socket),
        );
        socket.on('error', reject);
      }),
  ),
);
open = sockets.length;
startedMs = performance.now();
for (const socket of sockets) drive(socket);
if (load.pacePerSecond !== undefined) arrive(load.pacePerSecond);
