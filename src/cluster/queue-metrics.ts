import { Histogram, type Sample, type Series } from '../apiserver/metrics/histogram.ts';
import type { Gauge } from '../apiserver/metrics/route.ts';
import type { QueueObserver } from '../client/component.ts';
import type { QueueState, QueueTimes } from '../client/work-queue.ts';

/** From ten nanoseconds to ten seconds, as Kubernetes has them. */
const BUCKETS = Array.from({ length: 10 }, (_, i) => Number(`1e${i - 8}`));

interface Followed {
  readonly labels: { readonly name: string };
  readonly waits: Series;
  readonly works: Series;
  state: () => QueueState;
}

/** What the queues of all controllers of this process are about, under the names that dashboards look for (client-go `workqueue`). */
export class QueueMetrics implements QueueObserver {
  readonly #waits = new Histogram(BUCKETS);
  readonly #works = new Histogram(BUCKETS);
  /** By name: as many as there are controllers. */
  readonly #queues = new Map<string, Followed>();

  follow(name: string, state: () => QueueState): QueueTimes {
    let found = this.#queues.get(name);
    if (found === undefined) {
      const labels = { name };
      found = { labels, waits: this.#waits.series(labels), works: this.#works.series(labels), state };
      this.#queues.set(name, found);
    }
    found.state = state;
    const { waits, works } = found;
    return { waited: (ms) => waits.observe(ms / 1000), worked: (ms) => works.observe(ms / 1000) };
  }

  #each(value: (state: QueueState) => number): () => readonly Sample[] {
    return () => [...this.#queues.values()].map(({ labels, state }) => ({ labels, value: value(state()) }));
  }

  readonly gauges: readonly Gauge[] = [
    { name: 'workqueue_depth', help: 'Current depth of workqueue', values: this.#each(({ depth }) => depth) },
    { name: 'workqueue_adds_total', type: 'counter', help: 'Total number of adds handled by workqueue', values: this.#each(({ adds }) => adds) },
    { name: 'workqueue_retries_total', type: 'counter', help: 'Total number of retries handled by workqueue', values: this.#each(({ retries }) => retries) },
    {
      name: 'workqueue_queue_duration_seconds',
      type: 'histogram',
      help: 'How long in seconds an item stays in workqueue before being requested.',
      values: () => this.#waits.samples(),
    },
    {
      name: 'workqueue_work_duration_seconds',
      type: 'histogram',
      help: 'How long in seconds processing an item from workqueue takes.',
      values: () => this.#works.samples(),
    },
    {
      name: 'workqueue_unfinished_work_seconds',
      help: 'How many seconds the passes that are under way have taken so far, together.',
      values: this.#each(({ runningMs }) => runningMs.reduce((sum, ms) => sum + ms, 0) / 1000),
    },
    {
      name: 'workqueue_longest_running_processor_seconds',
      help: 'How many seconds the longest pass that is under way has taken so far.',
      values: this.#each(({ runningMs }) => Math.max(0, ...runningMs) / 1000),
    },
  ];
}
