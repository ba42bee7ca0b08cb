import type { Clock } from '../../base/clock.ts';
import { badRequest, StatusError } from '../../machinery/status-error.ts';
import { parseDuration } from '../../machinery/time.ts';

/** kube-apiserver's `--request-timeout`. */
export const REQUEST_TIMEOUT_MS = 60_000;

/**
 * How long a request may take: what `?timeout=` says, at most what the server allows; 0 and less mean as long as that (apiserver
 * `WithRequestDeadline`). Throws 400 for what is no duration.
 */
export function timeoutOf(text: string | undefined, mostMs: number): number {
  if (text === undefined || text === '') return mostMs;
  const wanted = parseDuration(text);
  if (wanted === undefined) throw badRequest(`invalid timeout specified in the request URL - ${durationFault(text)}`);
  return wanted > 0 ? Math.min(wanted, mostMs) : mostMs;
}

/** In the words of Go's `time.ParseDuration`. */
function durationFault(text: string): string {
  const quoted = JSON.stringify(text);
  return /^[+-]?(?:\d+\.?\d*|\.\d+)$/.test(text) ? `time: missing unit in duration ${quoted}` : `time: invalid duration ${quoted}`;
}

const timedOut = (): StatusError => new StatusError('Timeout', 'Timeout: request did not complete within the allotted timeout', { details: {} });

/** Resolves or rejects as the work does, or rejects with 504 when it is not done in time; the work goes on, and nobody hears of its end. */
export async function within<T>(clock: Clock, leftMs: number, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  using _timer = clock.setTimer(leftMs, () => reject(timedOut()));
  return await Promise.race([work, promise]);
}
