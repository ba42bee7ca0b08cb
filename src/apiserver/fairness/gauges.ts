import type { Gauge } from '../metrics/route.ts';
import type { FairShareFigures } from './share.ts';

/** Under Kubernetes' own names. */
export function fairShareGauges({ levels, schemas }: FairShareFigures): readonly Gauge[] {
  const perSchema = (name: string, help: string, value: (schema: ReturnType<typeof schemas>[number]) => number): Gauge => ({
    name: `apiserver_flowcontrol_${name}`,
    help,
    values: () => schemas().map((schema) => ({ value: value(schema), labels: { flow_schema: schema.name, priority_level: schema.level } })),
  });
  return [
    {
      name: 'apiserver_flowcontrol_nominal_limit_seats',
      help: 'Nominal number of execution seats configured for each priority level',
      values: () => levels().map(({ name, nominalSeats }) => ({ value: nominalSeats, labels: { priority_level: name } })),
    },
    perSchema(
      'current_executing_seats',
      'Concurrency (number of seats) occupied by the currently executing requests in the API Priority and Fairness subsystem',
      ({ seated }) => seated,
    ),
    perSchema(
      'current_executing_requests',
      'Number of requests in initial (for a WATCH) or any (for a non-WATCH) execution stage in the API Priority and Fairness subsystem',
      ({ executing }) => executing,
    ),
    perSchema(
      'current_inqueue_requests',
      'Number of requests currently pending in queues of the API Priority and Fairness subsystem',
      ({ waiting }) => waiting,
    ),
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
