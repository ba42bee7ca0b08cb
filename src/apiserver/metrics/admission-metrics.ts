import type { Clock } from '../../base/clock.ts';
import type { AdmissionPlugin, AdmissionRequest, Awaitable, Stages } from '../stages.ts';
import { Histogram, type Series } from './histogram.ts';
import type { Gauge } from './route.ts';

/** Kubernetes' own bounds, seconds. */
const BUCKETS = [0.005, 0.025, 0.1, 0.5, 1, 2.5];

export interface TimedAdmission {
  readonly plugins: readonly AdmissionPlugin[];
  readonly timeAdmission: NonNullable<Stages['timeAdmission']>;
  readonly gauges: readonly Gauge[];
}

/** The same plugins, timed: what each costs, by operation and outcome, and what all of them do. */
export function timedAdmission(plugins: readonly AdmissionPlugin[], clock: Clock): TimedAdmission {
  const histogram = new Histogram(BUCKETS);
  type Step = (request: AdmissionRequest) => Awaitable<void>;
  const timed = (name: string, type: 'admit' | 'validate', step: Step): Step => {
    const admitted = new Map<string, Series>();
    const rejections = new Map<string, Series>();
    const note = ({ operation }: AdmissionRequest, began: number, rejected: boolean): void => {
      const known = rejected ? rejections : admitted;
      let series = known.get(operation);
      if (series === undefined) {
        series = histogram.series({ name, operation, rejected: String(rejected), type });
        known.set(operation, series);
      }
      series.observe((clock.monotonic() - began) / 1000);
    };
    return (request) => {
      const began = clock.monotonic();
      let pending: Awaitable<void>;
      try {
        pending = step(request);
      } catch (thrown) {
        note(request, began, true);
        throw thrown;
      }
      if (!(pending instanceof Promise)) return note(request, began, false);
      return pending.then(
        () => note(request, began, false),
        (thrown: unknown) => {
          note(request, began, true);
          throw thrown;
        },
      );
    };
  };
  const steps = new Histogram(BUCKETS);
  const known = new Map<string, Series>();
  const noteStep = (type: string, operation: string, began: number, rejected: boolean): void => {
    const key = `${type} ${operation} ${rejected}`;
    let series = known.get(key);
    if (series === undefined) {
      series = steps.series({ operation, rejected: String(rejected), type });
      known.set(key, series);
    }
    series.observe((clock.monotonic() - began) / 1000);
  };
  return {
    timeAdmission: async (type, operation, run) => {
      const began = clock.monotonic();
      try {
        await run();
      } catch (thrown) {
        noteStep(type, operation, began, true);
        throw thrown;
      }
      noteStep(type, operation, began, false);
    },
    plugins: plugins.map((plugin) => ({
      ...plugin,
      ...(plugin.admit === undefined ? {} : { admit: timed(plugin.name, 'admit', (request) => plugin.admit?.(request)) }),
      ...(plugin.validate === undefined ? {} : { validate: timed(plugin.name, 'validate', (request) => plugin.validate?.(request)) }),
    })),
    gauges: [
      {
        name: 'apiserver_admission_controller_admission_duration_seconds',
        type: 'histogram',
        help: 'Admission controller latency histogram in seconds, identified by name and broken out for each operation and API resource and type (validate or admit).',
        values: () => histogram.samples(),
      },
      {
        name: 'apiserver_admission_step_admission_duration_seconds',
        type: 'histogram',
        help: 'Admission sub-step latency histogram in seconds, broken out for each operation and API resource and step type (validate or admit).',
        values: () => steps.samples(),
      },
    ],
  };
}
