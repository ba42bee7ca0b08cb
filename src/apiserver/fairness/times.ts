import { Histogram, type Series } from '../metrics/histogram.ts';
import type { Gauge } from '../metrics/route.ts';

/** Kubernetes' own bounds, seconds. */
const BUCKETS = [0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30];

/** Of the requests of one flow schema at one level. */
export interface SchemaTimes {
  /** How long those waited that were worked on, and those that were not. */
  readonly worked: Series;
  readonly turnedAway: Series;
  readonly regular: Series;
  /** Of a watch only the start. */
  readonly watches: Series;
}

/** How long requests wait for their turn, and how long they then take. */
export class FlowTimes {
  readonly #waits = new Histogram(BUCKETS);
  readonly #executions = new Histogram(BUCKETS);
  readonly #known = new Map<string, SchemaTimes>();

  of(schema: string, level: string): SchemaTimes {
    const key = `${schema} ${level}`;
    let known = this.#known.get(key);
    if (known === undefined) {
      const labels = { flow_schema: schema, priority_level: level };
      known = {
        worked: this.#waits.series({ ...labels, execute: 'true' }),
        turnedAway: this.#waits.series({ ...labels, execute: 'false' }),
        regular: this.#executions.series({ ...labels, type: 'regular' }),
        watches: this.#executions.series({ ...labels, type: 'watch' }),
      };
      this.#known.set(key, known);
    }
    return known;
  }

  readonly gauges: readonly Gauge[] = [
    {
      name: 'apiserver_flowcontrol_request_wait_duration_seconds',
      type: 'histogram',
      help: 'Length of time a request spent waiting in its queue',
      values: () => this.#waits.samples(),
    },
    {
      name: 'apiserver_flowcontrol_request_execution_seconds',
      type: 'histogram',
      help: 'Duration of initial stage (for a WATCH) or any (for a non-WATCH) stage of request execution in the API Priority and Fairness subsystem',
      values: () => this.#executions.samples(),
    },
  ];
}
