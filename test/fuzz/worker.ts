/** The thread in which one target is fuzzed: when an input holds it for ever, whoever watches can still tell which. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parentPort, workerData } from 'node:worker_threads';
import { SeededRandom } from '../../src/base/random.ts';
import { Coverage } from './coverage.ts';
import { fuzz, type Progress } from './guided.ts';
import { bytesOf, faultOf, type Finding } from './target.ts';

export interface Assignment {
  readonly target: string;
  readonly seed: number;
  /** Whichever is reached first. */
  readonly runs: number;
  readonly seconds: number;
  /** Ends with the first finding. */
  readonly first: boolean;
  readonly kept: readonly Uint8Array[];
  /** Number of the run (i32), length of its input (i32), the input. */
  readonly current: SharedArrayBuffer;
}

export type News = { readonly fresh: Uint8Array } | { readonly finding: Finding } | { readonly progress: Progress } | { readonly done: Progress };

const { target: name, seed, runs, seconds, first, kept, current } = workerData as Assignment;
const head = new Int32Array(current, 0, 2);
const body = new Uint8Array(current, 8);
const tell = (news: News): void => parentPort?.postMessage(news);

const directory = new URL('.', import.meta.url).href;
// Before anything under test is there.
const coverage = new Coverage((url) => url.startsWith('file:') && (!url.startsWith(directory) || url.endsWith('/canaries.ts')));
const { findTarget } = await import('./table.ts');
const target = findTarget(name);
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

// What the seeds lead through shows where the words are; whether they do as they should is seen again below.
for (const input of target.seeds.map(bytesOf)) await faultOf(target, input);
coverage.add(coverage.take());
const words = new Set([...(target.words ?? []), ...[...coverage.files].filter((url) => !url.includes('/node_modules/')).flatMap(textsIn)]);

const startedMs = performance.now();
let toldMs = 0;
let found = 0;
const done = await fuzz({
  target,
  random: new SeededRandom(seed),
  coverage,
  kept,
  words: [...words].map((word) => Buffer.from(word)),
  goesOn: (progress) => {
    const tookMs = performance.now() - startedMs;
    if (tookMs - toldMs > 1000) {
      toldMs = tookMs;
      tell({ progress });
    }
    return !(first && found > 0) && progress.runs < runs && tookMs < seconds * 1000;
  },
  begins: (input) => {
    const length = Math.min(input.byteLength, body.byteLength);
    body.set(length === input.byteLength ? input : input.subarray(0, length));
    head[1] = length;
    Atomics.add(head, 0, 1);
  },
  onNew: (fresh) => tell({ fresh }),
  onFinding: (finding) => {
    found++;
    tell({ finding });
  },
  now: () => performance.now(),
  busyMs: () => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1000;
  },
  heapBytes: () => {
    collect();
    return process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
  },
});
tell({ done });

/** Short texts in quotes: keys, directives, names of fields. */
function textsIn(url: string): readonly string[] {
  const source = readFileSync(fileURLToPath(url), 'utf8');
  return [...source.matchAll(/'([^'\\\n]{1,24})'/g)].map((match) => match[1] ?? '');
}
