import type { Gauge } from '../metrics/route.ts';
import type { FairShareFigures } from './share.ts';

/** Under Kubernetes' own names. */
export function fairShareGauges({ levels, schemas }: FairShareFigures): readonly Gauge[] {
  const perLevel = (name: string, help: string, value: (level: ReturnType<typeof levels>[number]) => number): Gauge => ({
    name: `apiserver_flowcontrol_${name}`,
    help,
    values: () => levels().map((level) => ({ value: value(level), labels: { priority_level: level.name } })),
  });
  return [
    perLevel('nominal_limit_seats', 'Nominal number of execution seats configured for each priority level', ({ nominalSeats }) => nominalSeats),
    perLevel(
      'current_executing_seats',
      'Concurrency (number of seats) occupied by the currently executing requests in the API Priority and Fairness subsystem',
      ({ seated }) => seated,
    ),
    perLevel(
      'current_executing_requests',
      'Number of requests in initial (for a WATCH) or any (for a non-WATCH) execution stage in the API Priority and Fairness subsystem',
      ({ executing }) => executing,
    ),
    perLevel('current_inqueue_requests', 'Number of requests currently pending in queues of the API Priority and Fairness subsystem', ({ waiting }) => waiting),
    {
      name: 'apiserver_flowcontrol_dispatched_requests_total',
      type: 'counter',
      help: 'Number of requests executed by API Priority and Fairness subsystem',
      values: () => schemas().map(({ name, level, dispatched }) => ({ value: dispatched, labels: { flow_schema: name, priority_level: level } })),
    },
    {
      name: 'apiserver_flowcontrol_rejected_requests_total',
      type: 'counter',
      help: 'Number of requests rejected by API Priority and Fairness subsystem',
      values: () =>
        schemas().flatMap(({ name, level, rejected }) =>
          [...rejected].map(([reason, value]) => ({ value, labels: { flow_schema: name, priority_level: level, reason } })),
        ),
    },
  ];
}
