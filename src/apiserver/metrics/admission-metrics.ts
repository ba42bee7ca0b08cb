import type { Clock } from '../../base/clock.ts';
import type { AdmissionOperation, AdmissionStep, AdmissionTimes } from '../stages.ts';
import { Histogram, type Series } from './histogram.ts';
import type { Gauge } from './route.ts';

/** Kubernetes' own bounds, seconds. */
const BUCKETS = [0.005, 0.025, 0.1, 0.5, 1, 2.5];

/** What each plugin costs, and what all of them do, by step, operation and outcome. */
export class AdmissionMetrics implements AdmissionTimes {
  readonly #clock: Clock;
  readonly #plugins = new Histogram(BUCKETS);
  readonly #steps = new Histogram(BUCKETS);
  readonly #ofPlugins = new Map<string, Outcomes>();
  readonly #ofAll = new Outcomes(this.#steps, {});

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get nowMs(): number {
    return this.#clock.monotonic();
  }

  plugin(name: string, step: AdmissionStep, operation: AdmissionOperation, rejected: boolean, ms: number): void {
    let known = this.#ofPlugins.get(name);
    if (known === undefined) {
      known = new Outcomes(this.#plugins, { name });
      this.#ofPlugins.set(name, known);
    }
    known.series(step, operation, rejected).observe(ms / 1000);
  }

  step(step: AdmissionStep, operation: AdmissionOperation, rejected: boolean, ms: number): void {
    this.#ofAll.series(step, operation, rejected).observe(ms / 1000);
  }

  readonly gauges: readonly Gauge[] = [
    {
      name: 'apiserver_admission_controller_admission_duration_seconds',
      type: 'histogram',
      help: 'Admission controller latency histogram in seconds, identified by name and broken out for each operation and API resource and type (validate or admit).',
      values: () => this.#plugins.samples(),
    },
    {
      name: 'apiserver_admission_step_admission_duration_seconds',
      type: 'histogram',
      help: 'Admission sub-step latency histogram in seconds, broken out for each operation and API resource and step type (validate or admit).',
      values: () => this.#steps.samples(),
    },
  ];
}

/** The series under some labels, found without making a text. */
class Outcomes {
  readonly #histogram: Histogram;
  readonly #labels: Readonly<Record<string, string>>;
  readonly #admitted = { admit: new Map<AdmissionOperation, Series>(), validate: new Map<AdmissionOperation, Series>() };
  readonly #rejected = { admit: new Map<AdmissionOperation, Series>(), validate: new Map<AdmissionOperation, Series>() };

  constructor(histogram: Histogram, labels: Readonly<Record<string, string>>) {
    this.#histogram = histogram;
    this.#labels = labels;
  }

  series(step: AdmissionStep, operation: AdmissionOperation, rejected: boolean): Series {
    const known = (rejected ? this.#rejected : this.#admitted)[step];
    let series = known.get(operation);
    if (series === undefined) {
      series = this.#histogram.series({ ...this.#labels, operation, rejected: String(rejected), type: step });
      known.set(operation, series);
    }
    return series;
  }
}
