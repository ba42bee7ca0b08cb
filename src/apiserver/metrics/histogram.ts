/** One printed line of a metric: its value under labels. `suffix` is what a histogram's lines end in. */
export interface Sample {
  readonly value: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly suffix?: '_bucket' | '_sum' | '_count';
}

/** The observations under one set of labels. */
export class Series {
  readonly labels: Readonly<Record<string, string>>;
  /** How many were no larger than the bound of the same index, and larger than the one before. */
  readonly buckets: number[];
  readonly #bounds: readonly number[];
  sum = 0;
  count = 0;

  constructor(labels: Readonly<Record<string, string>>, bounds: readonly number[]) {
    this.labels = labels;
    this.#bounds = bounds;
    this.buckets = bounds.map(() => 0);
  }

  observe(value: number): void {
    this.sum += value;
    this.count++;
    const bounds = this.#bounds;
    for (let at = 0; at < bounds.length; at++) {
      if (value > (bounds[at] as number)) continue;
      this.buckets[at] = (this.buckets[at] ?? 0) + 1;
      return;
    }
  }
}

/** Observations in buckets, by labels. The caller keeps the number of different labels bounded. */
export class Histogram {
  readonly #bounds: readonly number[];
  readonly #series: Series[] = [];

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
  }

  /** To be asked for once for each set of labels, and kept. It is shown from then on. */
  series(labels: Readonly<Record<string, string>>): Series {
    const made = new Series(labels, this.#bounds);
    this.#series.push(made);
    return made;
  }

  samples(): readonly Sample[] {
    return this.#series.flatMap(({ labels, buckets, sum, count }) => {
      let below = 0;
      const lines: Sample[] = this.#bounds.map((bound, at) => {
        below += buckets[at] ?? 0;
        return { suffix: '_bucket', value: below, labels: { ...labels, le: boundText(bound) } };
      });
      lines.push({ suffix: '_bucket', value: count, labels: { ...labels, le: '+Inf' } });
      return [...lines, { suffix: '_sum', value: sum, labels }, { suffix: '_count', value: count, labels }];
    });
  }
}

/** As Go writes numbers: 1e+06. */
const boundText = (bound: number): string =>
  bound >= 1e6 && Number.isInteger(Math.log10(bound)) ? `1e+${String(Math.log10(bound)).padStart(2, '0')}` : String(bound);
