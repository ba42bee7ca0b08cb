import type { Session } from 'node:inspector/promises';
import { sleep, type Clock } from '../base/clock.ts';
import { badRequest, StatusError } from '../machinery/status-error.ts';
import type { RawRequest, RawResponse, Route } from '../apiserver/stages.ts';

const ROOT = '/debug/pprof';
/** A request lasts a minute at most, with the answer. */
const MOST_SECONDS = 50;
const DEFAULT_SECONDS = 30;

type Measure = (session: Session, wait: () => Promise<void>) => Promise<object>;

/** Samples of the main thread: where time goes. `.cpuprofile`, as browsers' tools and speedscope read it. */
const cpu: Measure = async (session, wait) => {
  await session.post('Profiler.enable');
  await session.post('Profiler.start');
  await wait();
  return (await session.post('Profiler.stop')).profile;
};

/** Who allocates what is still alive at the end. `.heapprofile`. */
const heap: Measure = async (session, wait) => {
  await session.post('HeapProfiler.enable');
  await session.post('HeapProfiler.startSampling');
  await wait();
  return (await session.post('HeapProfiler.stopSampling')).profile;
};

/**
 * `/debug/pprof/profile` and `/debug/pprof/heap` with `?seconds=`, where kube-apiserver has them, in the engine's own formats. The policy lets
 * nobody there but those who may do everything. One at a time: a profile slows the server.
 */
export function profilingRoutes(clock: Clock): readonly Route[] {
  let busy = false;
  const measured = async (request: RawRequest, name: string, measure: Measure): Promise<RawResponse> => {
    const seconds = secondsOf(request);
    if (busy) throw new StatusError('TooManyRequests', 'another profile is being taken', { details: { retryAfterSeconds: seconds } });
    busy = true;
    // Loaded by the first who asks.
    const inspector = await import('node:inspector/promises');
    const session = new inspector.Session();
    try {
      session.connect();
      const profile = await measure(session, () => sleep(clock, seconds * 1000, request.signal));
      const headers = {
        'content-type': 'application/json',
        'content-disposition': `attachment; filename="berth.${name}"`,
        'x-content-type-options': 'nosniff',
      };
      return { code: 200, headers, body: JSON.stringify(profile) };
    } finally {
      session.disconnect();
      busy = false;
    }
  };
  return [
    { match: 'prefix', path: ROOT, handle: index },
    { match: 'exact', path: `${ROOT}/profile`, handle: (request) => measured(request, 'cpuprofile', cpu) },
    { match: 'exact', path: `${ROOT}/heap`, handle: (request) => measured(request, 'heapprofile', heap) },
  ];
}

/** Links to what there is, and a word for what there is not (Go's `pprof.Index`). */
function index({ path }: RawRequest): RawResponse {
  const safe = { 'x-content-type-options': 'nosniff' };
  if (path === ROOT) return { code: 301, headers: { location: `${ROOT}/` }, body: '' };
  if (path !== `${ROOT}/`) return { code: 404, headers: { 'content-type': 'text/plain; charset=utf-8', ...safe }, body: 'Unknown profile\n' };
  const links = Object.entries(PROFILES).map(([name, about]) => `<li><a href='${name}?seconds=${DEFAULT_SECONDS}'>${name}</a>: ${about}</li>`);
  const body = `<html>\n<head>\n<title>${ROOT}/</title>\n</head>\n<body>\n${ROOT}/\n<ul>\n${links.join('\n')}\n</ul>\n</body>\n</html>\n`;
  return { code: 200, headers: { 'content-type': 'text/html; charset=utf-8', ...safe }, body };
}

const PROFILES: Readonly<Record<string, string>> = {
  heap: 'who allocates what is still alive at the end, a .heapprofile',
  profile: 'where time goes, a .cpuprofile',
};

function secondsOf({ query }: RawRequest): number {
  const given = query.find(([name]) => name === 'seconds')?.[1];
  const seconds = given === undefined ? DEFAULT_SECONDS : Number(given);
  if (!(seconds > 0 && seconds <= MOST_SECONDS)) throw badRequest(`seconds: more than 0 and at most ${MOST_SECONDS} are expected`);
  return seconds;
}
