import type { RawRequest, RawResponse, Route } from '../stages.ts';
import { readOnly } from '../handlers/target.ts';
import type { FairShare, LevelState, RequestState } from './share.ts';

const ROOT = '/debug/api_priority_and_fairness';

/** What priority and fairness is about now, as tables of text: kube-apiserver's own columns (flowcontrol `apf_controller_debug.go`). */
export function dumpRoutes({ state }: Pick<FairShare, 'state'>): readonly Route[] {
  const route = (name: string, rows: (levels: readonly LevelState[], request: RawRequest) => readonly Row[]): Route => ({
    match: 'exact',
    path: `${ROOT}/${name}`,
    handle: readOnly((request): RawResponse => {
      const levels = state().toSorted((a, b) => (a.name < b.name ? -1 : 1));
      return { code: 200, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: formatTable(rows(levels, request)) };
    }),
  });
  return [
    route('dump_priority_levels', (levels) => [LEVEL_COLUMNS, ...levels.map(levelRow)]),
    route('dump_queues', (levels) => [QUEUE_COLUMNS, ...levels.flatMap(queueRows)]),
    route('dump_requests', (levels, { query }) => {
      const detailed = (query.find(([name]) => name === 'includeRequestDetails')?.[1] ?? '') !== '';
      const columns = detailed ? [...REQUEST_COLUMNS, ...DETAIL_COLUMNS] : REQUEST_COLUMNS;
      return [columns, ...levels.flatMap((level) => level.requests.map((request) => requestRow(level, request, detailed)))];
    }),
  ];
}

type Row = readonly (string | number | boolean)[];

const LEVEL_COLUMNS = [
  'PriorityLevelName',
  'ActiveQueues',
  'IsIdle',
  'IsQuiescing',
  'WaitingRequests',
  'ExecutingRequests',
  'DispatchedRequests',
  'RejectedRequests',
  'TimedoutRequests',
  'CancelledRequests',
];

function levelRow({ name, queues, waiting, executing, dispatched, rejected, quiescing }: LevelState): Row {
  const active = queues.filter((queue) => queue.waiting > 0).length;
  const turnedAway = (rejected['queue-full'] ?? 0) + (rejected['concurrency-limit'] ?? 0);
  const idle = waiting === 0 && executing === 0;
  return [name, active, idle, quiescing, waiting, executing, dispatched, turnedAway, rejected['time-out'] ?? 0, rejected['cancelled'] ?? 0];
}

const QUEUE_COLUMNS = [
  'PriorityLevelName',
  'Index',
  'PendingRequests',
  'ExecutingRequests',
  'SeatsInUse',
  'NextDispatchR',
  'InitialSeatsSum',
  'MaxSeatsSum',
  'TotalWorkSum',
];

/** A level without queues has one row that says so. */
function queueRows({ name, queues }: LevelState): readonly Row[] {
  if (queues.length === 0) return [[name, ...QUEUE_COLUMNS.slice(1).map(() => '<none>')]];
  return queues.map(({ waiting, executing, seatsInUse, servedMs, waitingSeats, workMs }, index) => [
    name,
    index,
    waiting,
    executing,
    seatsInUse,
    seatSeconds(servedMs),
    waitingSeats,
    waitingSeats,
    seatSeconds(workMs),
  ]);
}

const seatSeconds = (ms: number): string => `${(ms / 1000).toFixed(8)}ss`;

const REQUEST_COLUMNS = [
  'PriorityLevelName',
  'FlowSchemaName',
  'QueueIndex',
  'RequestIndexInQueue',
  // Spelt as it is there.
  'FlowDistingsher',
  'ArriveTime',
  'InitialSeats',
  'FinalSeats',
  'AdditionalLatency',
  'StartTime',
];
const DETAIL_COLUMNS = ['UserName', 'Verb', 'APIPath', 'Namespace', 'Name', 'APIVersion', 'Resource', 'SubResource'];
/** Of what has not begun. */
const NEVER = '0001-01-01T00:00:00Z';

function requestRow(level: LevelState, request: RequestState, detailed: boolean): Row {
  const { schema, queue, place, distinguisher, arrivedMs, startedMs, seats, user, attributes } = request;
  const row: Row = [
    level.name,
    schema,
    queue,
    place,
    distinguisher,
    timeText(arrivedMs),
    seats,
    0,
    '0s',
    startedMs === undefined ? NEVER : timeText(startedMs),
  ];
  if (!detailed) return row;
  const { verb, path, namespace, name, version, resource, subresource } = attributes;
  return [...row, user.name, verb, path, namespace, name, version, resource, subresource];
}

const timeText = (ms: number): string => new Date(ms).toISOString();

/** Columns as wide as their widest cell, at least eight characters, the last as it is (Go's `text/tabwriter`). */
function formatTable(rows: readonly Row[]): string {
  const cells = rows.map((row) => row.map((cell, at) => (at === row.length - 1 ? String(cell) : `${String(cell)},`)));
  const widths: number[] = [];
  for (const row of cells) for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 8, cell.length + 1);
  return cells.map((row) => `${row.map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at] ?? 0))).join('')}\n`).join('');
}
