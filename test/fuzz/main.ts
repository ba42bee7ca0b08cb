/**
 * Feeds what reads strangers' bytes with inputs that are led by coverage: no crash, no hang, time in proportion to length, no growth.
 *
 *     npm run fuzz -- [--seconds N] [--runs N] [--seed N] [--fresh] [--first] [TARGET...]
 *     npm run fuzz -- --replay FILE TARGET
 *
 * All targets without a name, `--seconds` each (default 60). A corpus grows in `.cache/fuzz/TARGET`; `--fresh` begins without it, and
 * then the same seed and number of runs give the same inputs. `--first` ends a target with its first finding. What is found lies in `.cache/fuzz/found`; exit code 1. Put it into
 * `test/fuzz/found/TARGET` with the mend: `test/fuzz.test.ts` runs everything there.
 */
import { createHash, randomInt } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import type { Progress } from './guided.ts';
import { findTarget, TARGETS } from './table.ts';
import { faultOf, type Finding } from './target.ts';
import type { Assignment, News } from './worker.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '60' },
    runs: { type: 'string', default: String(2 ** 40) },
    seed: { type: 'string' },
    fresh: { type: 'boolean', default: false },
    first: { type: 'boolean', default: false },
    replay: { type: 'string' },
    directory: { type: 'string', default: join(import.meta.dirname, '..', '..', '.cache', 'fuzz') },
    /** Of one run; real seconds. */
    patience: { type: 'string', default: '10' },
  },
});

const LARGEST_INPUT = 1024 * 1024;
const HEAP_MB = 512;

if (values.replay === undefined) await fuzzAll();
else await replay(values.replay);

async function fuzzAll(): Promise<void> {
  const targets = positionals.length === 0 ? TARGETS : positionals.map(findTarget);
  const seed = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed);
  let found = 0;
  for (const { name } of targets) found += await fuzzOne(name, seed);
  if (found === 0) return;
  console.log(`${found} found; replay one with: npm run fuzz -- --replay FILE TARGET`);
  process.exitCode = 1;
}

async function fuzzOne(target: string, seed: number): Promise<number> {
  const corpus = join(values.directory, target);
  mkdirSync(corpus, { recursive: true });
  const startedMs = performance.now();
  const assignment = {
    target,
    seed,
    runs: Number(values.runs),
    seconds: Number(values.seconds),
    first: values.first,
    kept: values.fresh ? [] : inputsIn(corpus),
  };
  const { findings, progress } = await inThread(assignment, corpus);
  const { runs = 0, corpus: kept = 0, blocks = 0, slowestMs = 0, grownBytes = 0 } = progress ?? {};
  console.log(
    `${findings.length === 0 ? 'ok   ' : 'FOUND'} ${target.padEnd(15)} seed ${seed}: ${runs} runs, ${Math.round((runs * 1000) / (performance.now() - startedMs))} a second, ` +
      `corpus ${kept}, blocks ${blocks}, slowest ${slowestMs.toFixed(1)} ms, grown ${(grownBytes / 2 ** 20).toFixed(1)} MiB`,
  );
  for (const finding of findings) console.log(told(target, finding));
  return findings.length;
}

interface Outcome {
  readonly findings: readonly Finding[];
  /** The last that was heard. */
  readonly progress: Progress | undefined;
}

function inThread(assignment: Omit<Assignment, 'current'>, corpus: string): Promise<Outcome> {
  const current = new SharedArrayBuffer(8 + LARGEST_INPUT);
  const head = new Int32Array(current, 0, 2);
  const input = (): Uint8Array => new Uint8Array(current, 8, head[1]).slice();
  const worker = new Worker(new URL('./worker.ts', import.meta.url), {
    workerData: { ...assignment, current } satisfies Assignment,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
  });
  return new Promise((resolve) => {
    const findings: Finding[] = [];
    let progress: Progress | undefined;
    let atRun = -1;
    let sinceMs = performance.now();
    const end = (): void => {
      clearInterval(watch);
      resolve({ findings, progress });
    };
    const watch = setInterval(() => {
      const run = Atomics.load(head, 0);
      if (run !== atRun || run === 0) {
        atRun = run;
        sinceMs = performance.now();
      } else if (performance.now() - sinceMs > Number(values.patience) * 1000) {
        findings.push({ kind: 'hang', input: input(), why: `no end after ${values.patience} s` });
        void worker.terminate();
        end();
      }
    }, 100);
    worker.on('message', (news: News) => {
      if ('fresh' in news) writeFileSync(join(corpus, nameOf(news.fresh)), news.fresh);
      else if ('finding' in news) findings.push(news.finding);
      else if ('progress' in news) progress = news.progress;
      else {
        progress = news.done;
        end();
      }
    });
    worker.on('error', (thrown: Error) => {
      const kind = 'code' in thrown && thrown.code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'memory' : 'crash';
      findings.push({ kind, input: input(), why: thrown.stack ?? thrown.message });
      end();
    });
  });
}

function told(target: string, { kind, input, why }: Finding): string {
  const file = join(values.directory, 'found', `${target}-${kind}-${nameOf(input)}`);
  mkdirSync(join(values.directory, 'found'), { recursive: true });
  writeFileSync(file, input);
  const shown = input.byteLength <= 200 ? `\n    input ${JSON.stringify(Buffer.from(input).toString('latin1'))}` : '';
  return `  ${kind}: ${why.split('\n').slice(0, 6).join('\n    ')}${shown}\n    ${file}`;
}

async function replay(file: string): Promise<void> {
  const target = findTarget(positionals[0] ?? '');
  const input = readFileSync(file);
  const startedMs = performance.now();
  const fault = await faultOf(target, input);
  console.log(`${fault === undefined ? 'ok' : fault}\n${input.byteLength} bytes, ${(performance.now() - startedMs).toFixed(1)} ms`);
  if (fault !== undefined) process.exitCode = 1;
}

function inputsIn(directory: string): readonly Uint8Array[] {
  return existsSync(directory) ? readdirSync(directory).map((name) => readFileSync(join(directory, name))) : [];
}

function nameOf(input: Uint8Array): string {
  return createHash('sha256').update(input).digest('hex').slice(0, 16);
}
