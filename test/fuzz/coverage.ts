import { type Profiler, Session } from 'node:inspector';

/** What is known of one function: which of its characters lie in blocks that have run, and the reports that were looked at. */
interface Known {
  readonly covered: Uint8Array;
  readonly reports: Set<string>;
}

/** What ran between two questions. */
export type Report = readonly { readonly url: string; readonly ranges: readonly Profiler.CoverageRange[] }[];

/**
 * V8's own block coverage of this thread. Begin it before the code under test is imported: what was compiled earlier is seen by whole
 * functions only. Counting costs a tenth of the speed, and asking a millisecond or two, so one asks for many runs at a time.
 */
export class Coverage implements Disposable {
  /** Blocks, or parts of one, that ran. */
  blocks = 0;
  readonly #session = new Session();
  readonly #isWatched: (url: string) => boolean;
  readonly #functions = new Map<string, Known>();
  readonly #files = new Set<string>();

  constructor(isWatched: (url: string) => boolean) {
    this.#isWatched = isWatched;
    this.#session.connect();
    this.#post('Profiler.enable');
    this.#post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /** What ran since the last question. */
  take(): Report {
    let scripts: readonly Profiler.ScriptCoverage[] = [];
    this.#session.post('Profiler.takePreciseCoverage', (error, { result }) => {
      if (error !== null) throw error;
      scripts = result;
    });
    return scripts.filter(({ url }) => this.#isWatched(url)).flatMap(({ url, functions }) => functions.map(({ ranges }) => ({ url, ranges })));
  }

  /** How many blocks are in it that never ran before. */
  news(report: Report): number {
    return report.reduce((sum, { url, ranges }) => sum + this.#news(url, ranges, false), 0);
  }

  /** Remembers it; whether something in it was new. */
  add(report: Report): boolean {
    const before = this.blocks;
    for (const { url, ranges } of report) {
      this.#files.add(url);
      this.blocks += this.#news(url, ranges, true);
    }
    return this.blocks > before;
  }

  /** URLs of the files that ran. */
  get files(): ReadonlySet<string> {
    return this.#files;
  }

  [Symbol.dispose](): void {
    this.#post('Profiler.stopPreciseCoverage');
    this.#session.disconnect();
  }

  #news(url: string, ranges: readonly Profiler.CoverageRange[], remember: boolean): number {
    const [whole] = ranges;
    if (whole === undefined) return 0;
    const key = `${url} ${whole.startOffset} ${whole.endOffset}`;
    const known = this.#functions.get(key) ?? { covered: new Uint8Array(whole.endOffset - whole.startOffset), reports: new Set<string>() };
    const report = ranges.map(({ startOffset, endOffset, count }) => `${startOffset}-${endOffset}${count > 0 ? '+' : ''}`).join();
    if (known.reports.has(report)) return 0;
    // From the outside in: an inner range says more than the one around it.
    const ran = new Uint8Array(known.covered.length);
    for (const { startOffset, endOffset, count } of ranges) ran.fill(count > 0 ? 1 : 0, startOffset - whole.startOffset, endOffset - whole.startOffset);
    let blocks = 0;
    for (let at = 0; at < ran.length; at++) {
      const isNew = ran[at] === 1 && known.covered[at] === 0;
      if (isNew && (at === 0 || ran[at - 1] === 0 || known.covered[at - 1] === 1)) blocks++;
    }
    if (!remember) return blocks;
    for (let at = 0; at < ran.length; at++) if (ran[at] === 1) known.covered[at] = 1;
    known.reports.add(report);
    this.#functions.set(key, known);
    return blocks;
  }

  #post(method: 'Profiler.enable' | 'Profiler.startPreciseCoverage' | 'Profiler.stopPreciseCoverage', parameters: object = {}): void {
    this.#session.post(method, parameters, (error) => {
      if (error !== null) throw error;
    });
  }
}
