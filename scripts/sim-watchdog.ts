/**
 * A worker that looks after the main thread of `npm run sim`. When the beat has not changed for `limitMs` it pauses the main thread,
 * wherever it is (also in promises that follow each other without end), says what it was doing, several times, and ends the process.
 */
import { writeSync } from 'node:fs';
import { type Debugger, Session } from 'node:inspector/promises';
import { workerData } from 'node:worker_threads';

/** `beat`: one Int32 that the main thread counts up. `state`: an expression for the main thread that says how far it is. */
export interface Watched {
  readonly beat: SharedArrayBuffer;
  readonly limitMs: number;
  readonly state: string;
}

const LOOK_MS = 500;
const SAMPLES = 5;
const BETWEEN_MS = 200;
const PAUSE_WITHIN_MS = 2_000;
const MOST_FRAMES = 25;

const { beat, limitMs, state } = workerData as Watched;
const counter = new Int32Array(beat);
const say = (line: string): void => void writeSync(2, `${line}\n`);
const rest = (ms: number): Promise<undefined> => new Promise((resolve) => setTimeout(() => resolve(undefined), ms));

let last = Atomics.load(counter, 0);
let sinceMs = performance.now();
let reporting = false;
// It goes on to the end: a session alone does not keep this thread.
setInterval(() => {
  const now = Atomics.load(counter, 0);
  if (now !== last) [last, sinceMs] = [now, performance.now()];
  if (reporting || performance.now() - sinceMs < limitMs) return;
  reporting = true;
  void report().finally(() => process.kill(process.pid, 'SIGKILL'));
}, LOOK_MS);

async function report(): Promise<void> {
  say(`no end in sight after ${Math.round(limitMs / 1000)} s; what the main thread does:`);
  const session = new Session();
  session.connectToMainThread();
  // Answered now by a thread that waits, by a busy one when it is paused.
  const answered = session.post('Runtime.evaluate', { expression: state, returnByValue: true }).then(({ result }) => say(String(result.value)));
  await Promise.race([answered, rest(PAUSE_WITHIN_MS)]);
  await session.post('Debugger.enable');
  await session.post('Debugger.setAsyncCallStackDepth', { maxDepth: 8 });
  for (let sample = 0; sample < SAMPLES; sample++) {
    const paused = new Promise<Debugger.PausedEventDataType>((resolve) => session.once('Debugger.paused', ({ params }) => resolve(params)));
    await session.post('Debugger.pause');
    const found = await Promise.race([paused, rest(PAUSE_WITHIN_MS)]);
    if (found === undefined) return say('  nothing: it waits');
    for (const line of linesOf(found)) say(`  ${line}`);
    if (sample === 0) await answered;
    await session.post('Debugger.resume');
    await rest(BETWEEN_MS);
  }
}

function linesOf({ callFrames, asyncStackTrace }: Debugger.PausedEventDataType): readonly string[] {
  const lines = callFrames.slice(0, MOST_FRAMES).map(({ functionName, url, location }) => `${functionName} ${url}:${location.lineNumber + 1}`);
  for (let trace = asyncStackTrace; trace !== undefined; trace = trace.parent) {
    lines.push(`after ${trace.description ?? 'a promise'}`);
    for (const { functionName, url, lineNumber } of trace.callFrames) lines.push(`  ${functionName} ${url}:${lineNumber + 1}`);
  }
  return lines;
}
