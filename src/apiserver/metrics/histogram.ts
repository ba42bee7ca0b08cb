/** One printed line of a metric: its value under labels. `suffix` is what a histogram's lines end in. */
export interface Sample {
  readonly value: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly suffix?: '_bucket' | '_sum' | '_count';
}

interface Series {
  readonly labels: Readonly<Record<string, string>>;
  /** How many were no larger than the bound of the same index. */
  readonly buckets: number[];
  sum: number;
  count: number;
}

/** Observations in buckets, by labels. The caller keeps the number of different labels bounded. */
export class Histogram {
  readonly #bounds: readonly number[];
  readonly #series = new Map<string, Series>();

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
  }

  /** `key` stands for the labels, which are only looked at the first time. */
  observe(key: string, labels: () => Readonly<Record<string, string>>, value: number): void {
    let series = this.#series.get(key);
    if (series === undefined) {
      series = { labels: labels(), buckets: this.#bounds.map(() => 0), sum: 0, count: 0 };
      this.#series.set(key, series);
    }
    series.sum += value;
    series.count++;
    const at = this.#bounds.findIndex((bound) => value <= bound);
    if (at !== -1) series.buckets[at] = (series.buckets[at] ?? 0) + 1;
  }

  samples(): readonly Sample[] {
    return [...this.#series.values()].flatMap(({ labels, buckets, sum, count }) => {
      let below = 0;
      const lines: Sample[] = this.#bounds.map((bound, at) => {
        below += buckets[at] ?? 0;
        return { suffix: '_bucket', value: below, labels: { ...labels, le: String(bound) } };
      });
      lines.push({ suffix: '_bucket', value: count, labels: { ...labels, le: '+Inf' } });
      return [...lines, { suffix: '_sum', value: sum, labels }, { suffix: '_count', value: count, labels }];
    });
  }
}
