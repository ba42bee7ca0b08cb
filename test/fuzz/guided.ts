import type { Random } from '../../src/base/random.ts';
import type { Coverage } from './coverage.ts';
import { below, joined, mutate, oneOf } from './mutate.ts';
import { bytesOf, faultOf, type Finding, type FindingKind, type Target } from './target.ts';

export interface GuidedOptions {
  readonly target: Target;
  readonly random: Random;
  readonly coverage: Coverage;
  /** Inputs of earlier runs. */
  readonly kept: readonly Uint8Array[];
  readonly words: readonly Uint8Array[];
  /** Whether to go on, asked between two batches. */
  readonly goesOn: (progress: Progress) => boolean;
  /** An input that is about to be run: whoever watches from outside knows which one hangs. */
  readonly begins: (input: Uint8Array) => void;
  /** An input that ran code that none had. */
  readonly onNew: (input: Uint8Array) => void;
  readonly onFinding: (finding: Finding) => void;
  /** ms, never going back. */
  readonly now: () => number;
  /** ms that this thread has worked; dearer to ask for. */
  readonly busyMs: () => number;
  /** Bytes of the heap that are in use after a collection. */
  readonly heapBytes: () => number;
}

export interface Progress {
  readonly runs: number;
  readonly corpus: number;
  readonly blocks: number;
  /** Of one run, the least of several where it looked slow. */
  readonly slowestMs: number;
  /** Beyond what was there after the first tenth of the runs, corpus apart. */
  readonly grownBytes: number;
}

const SMALLEST_BATCH = 16;
const LARGEST_BATCH = 512;
/** Starting the collector or compiling takes that long at times. */
const FIXED_MS = 50;
const DEFAULT_PER_BYTE_US = 5;
const DEFAULT_MAX_BYTES = 4096;
const GROWTH_BYTES = 24 * 1024 * 1024;
/** Before that many runs what grows is compiled code and what is made once. */
const WARM_RUNS = 2000;
const SHRINK_RUNS = 2000;
/** Of each input that is kept. */
const TRIM_RUNS = 60;

/**
 * Runs mutations of a corpus that grows by every input that runs new code. Coverage is asked for after a batch; one with news is run
 * again by halves, to find whose they are. The same random numbers give the same inputs.
 */
export function fuzz(options: GuidedOptions): Promise<Progress> {
  return new Guided(options).run();
}

class Guided {
  readonly #options: GuidedOptions;
  readonly #maxBytes: number;
  readonly #corpus: Uint8Array[] = [];
  /** First lines of faults that were told. */
  readonly #told = new Set<string>();
  #corpusBytes = 0;
  #runs = 0;
  #slowestMs = 0;
  #warmBytes: number | undefined;

  constructor(options: GuidedOptions) {
    this.#options = options;
    this.#maxBytes = options.target.maxBytes ?? DEFAULT_MAX_BYTES;
  }

  async run(): Promise<Progress> {
    const { target, kept, coverage, goesOn } = this.#options;
    for (const input of [new Uint8Array(), ...target.seeds.map(bytesOf)]) {
      await this.#try(input);
      coverage.add(coverage.take());
      this.#keep(input);
    }
    for (const input of kept) await this.#tryAlone(input, () => {});
    let size = SMALLEST_BATCH;
    while (goesOn(this.#progress(0))) {
      const batch = Array.from({ length: size }, () => this.#next());
      for (const input of batch) await this.#try(input);
      const report = coverage.take();
      const news = coverage.news(report) > 0;
      if (news) await this.#attribute(batch);
      // What did not show again depends on more than the input.
      coverage.add(report);
      size = news ? SMALLEST_BATCH : Math.min(LARGEST_BATCH, size * 2);
      // Handles of the machine are let go of in a turn of the loop.
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#runs > WARM_RUNS) this.#warmBytes ??= this.#heap();
    }
    const grown = this.#warmBytes === undefined ? 0 : this.#heap() - this.#warmBytes;
    if (grown > GROWTH_BYTES) this.#tell('growth', new Uint8Array(), `the heap grew by ${grown} bytes in ${this.#runs} runs`);
    return this.#progress(grown);
  }

  async #attribute(batch: readonly Uint8Array[]): Promise<void> {
    const { coverage, onNew } = this.#options;
    if (batch.length === 1) return this.#tryAlone(batch[0] ?? new Uint8Array(), onNew);
    const middle = batch.length >> 1;
    for (const half of [batch.slice(0, middle), batch.slice(middle)]) {
      for (const input of half) await this.#try(input);
      if (coverage.news(coverage.take()) > 0) await this.#attribute(half);
    }
  }

  /** Keeps the input when it runs what none has run, or as much of it as is needed for that. */
  async #tryAlone(input: Uint8Array, onNew: (input: Uint8Array) => void): Promise<void> {
    const { coverage } = this.#options;
    await this.#try(input);
    const report = coverage.take();
    const news = coverage.news(report);
    if (news === 0) return;
    const least = await shrink(input, TRIM_RUNS, async (shorter) => {
      await this.#try(shorter);
      return coverage.news(coverage.take()) >= news;
    });
    coverage.add(report);
    this.#keep(least);
    onNew(least);
  }

  #keep(input: Uint8Array): void {
    this.#corpus.push(input);
    this.#corpusBytes += input.byteLength;
  }

  #next(): Uint8Array {
    const { random, target, words } = this.#options;
    const plain = { random, maxBytes: this.#maxBytes, words, other: () => oneOf(random, this.#corpus) };
    // The newest have been tried least.
    const from = random.float() < 0.5 ? Math.floor(this.#corpus.length * 0.75) : 0;
    let input = this.#corpus[from + below(random, this.#corpus.length - from)] ?? new Uint8Array();
    const { shape } = target;
    if (shape === undefined) return mutate(input, plain);
    const chance = random.float();
    if (chance < 0.3) return mutate(input, plain);
    if (chance < 0.5) input = mutate(input, plain);
    for (let left = 1 + below(random, 4); left > 0; left--) input = shape(random, input);
    return input.slice(0, this.#maxBytes);
  }

  async #try(input: Uint8Array): Promise<void> {
    const { target, now, busyMs } = this.#options;
    const { fault, tookMs } = await this.#measure(input, now);
    if (fault !== undefined) return this.#crashed(input, fault);
    const limitMs = FIXED_MS + (input.byteLength * (target.perByteUs ?? DEFAULT_PER_BYTE_US)) / 1000;
    if (tookMs <= this.#slowestMs && tookMs <= limitMs) return;
    // Others have the machine too, and code is compiled at times: the least of what this thread worked for it counts.
    let leastMs = tookMs;
    for (let again = 0; again < 4 && leastMs > this.#slowestMs; again++) leastMs = Math.min(leastMs, (await this.#measure(input, busyMs)).tookMs);
    this.#slowestMs = Math.max(this.#slowestMs, leastMs);
    if (leastMs > limitMs) this.#tell('slow', input, `${leastMs.toFixed(0)} ms for ${input.byteLength} bytes, ${limitMs.toFixed(0)} ms are the limit`);
  }

  async #measure(input: Uint8Array, now: () => number): Promise<{ readonly fault: string | undefined; readonly tookMs: number }> {
    const { target, begins } = this.#options;
    this.#runs++;
    begins(input);
    const startedMs = now();
    const fault = await faultOf(target, input);
    return { fault, tookMs: now() - startedMs };
  }

  async #crashed(input: Uint8Array, fault: string): Promise<void> {
    if (this.#told.has(placeOf(fault))) return;
    const { target, begins } = this.#options;
    const small = await shrink(input, SHRINK_RUNS, async (shorter) => {
      begins(shorter);
      return placeOf((await faultOf(target, shorter)) ?? '') === placeOf(fault);
    });
    this.#tell('crash', small, (await faultOf(target, small)) ?? fault);
  }

  #tell(kind: FindingKind, input: Uint8Array, why: string): void {
    const place = kind === 'crash' ? placeOf(why) : kind;
    if (this.#told.has(place)) return;
    this.#told.add(place);
    this.#options.onFinding({ kind, input, why });
  }

  #heap(): number {
    return this.#options.heapBytes() - this.#corpusBytes;
  }

  #progress(grownBytes: number): Progress {
    return { runs: this.#runs, corpus: this.#corpus.length, blocks: this.#options.coverage.blocks, slowestMs: this.#slowestMs, grownBytes };
  }
}

/** Leaves out pieces, first large ones, for as long as what is left is still as good. */
async function shrink(input: Uint8Array, runs: number, isGood: (shorter: Uint8Array) => Promise<boolean>): Promise<Uint8Array> {
  let least = input;
  let left = runs;
  for (let size = least.length >> 1; size >= 1; size >>= 1) {
    for (let at = 0; at < least.length && left > 0; left--) {
      const shorter = joined(least.subarray(0, at), least.subarray(at + size));
      if (await isGood(shorter)) least = shorter;
      else at += size;
    }
  }
  return least;
}

/** What makes two faults the same one: the kind of error and the uppermost place in our own source. */
function placeOf(fault: string): string {
  const lines = fault.split('\n');
  const place = lines.find((line) => /\/(?:src|test\/fuzz)\//.test(line))?.trim() ?? '';
  return `${/^\w+/.exec(fault)?.[0] ?? ''} ${place}`;
}
