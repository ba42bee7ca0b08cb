import { splitKey } from '../registry/keys.ts';
import type { StoreTimes, StoreWrite } from '../stages.ts';
import { Histogram, type Series } from './histogram.ts';
import { DURATION_BUCKETS } from './request-metrics.ts';
import type { Gauge } from './route.ts';

interface Requests {
  readonly labels: Readonly<Record<string, string>>;
  readonly times: Series;
  failed: number;
}

/**
 * What the store is asked to keep, and how long it takes to have it on the disk, under the names that dashboards look for. Reads are answered
 * from memory and ask nobody.
 */
export class StoreMetrics implements StoreTimes {
  readonly #times = new Histogram(DURATION_BUCKETS);
  /** By the prefix of keys: as many as there are kinds. */
  readonly #known: Readonly<Record<StoreWrite, Map<string, Requests>>> = { create: new Map(), update: new Map(), delete: new Map() };

  written(key: string, operation: StoreWrite, ms: number, failed: boolean): void {
    const { prefix } = splitKey(key);
    let found = this.#known[operation].get(prefix);
    if (found === undefined) {
      const [, , group = '', resource = ''] = prefix.split('/');
      const labels = { operation, group: group === 'core' ? '' : group, resource };
      found = { labels, times: this.#times.series(labels), failed: 0 };
      this.#known[operation].set(prefix, found);
    }
    found.times.observe(ms / 1000);
    if (failed) found.failed++;
  }

  get #all(): readonly Requests[] {
    return Object.values(this.#known).flatMap((known) => [...known.values()]);
  }

  readonly gauges: readonly Gauge[] = [
    {
      name: 'etcd_request_duration_seconds',
      type: 'histogram',
      help: 'Etcd request latency in seconds for each operation and object type.',
      values: () => this.#times.samples(),
    },
    {
      name: 'etcd_requests_total',
      type: 'counter',
      help: 'Etcd request counts for each operation and object type.',
      values: () => this.#all.map(({ labels, times }) => ({ value: times.count, labels })),
    },
    {
      name: 'etcd_request_errors_total',
      type: 'counter',
      help: 'Etcd failed request counts for each operation and object type.',
      values: () => this.#all.filter(({ failed }) => failed > 0).map(({ labels, failed }) => ({ value: failed, labels })),
    },
  ];
}
