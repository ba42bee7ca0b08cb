import { timestampNanos } from './log-line.ts';

/** What `kubectl logs` asks for: the query of PodLogOptions. */
export interface LogOptions {
  readonly follow: boolean;
  readonly previous: boolean;
  readonly timestamps: boolean;
  /** Entries before it are left out: nanoseconds since 1970. */
  readonly sinceNanos: bigint | undefined;
  /** Entries counted from the end; undefined: all. */
  readonly tailLines: number | undefined;
  readonly limitBytes: number | undefined;
  readonly stream: 'All' | 'Stdout' | 'Stderr';
}

/** A string: what is wrong with the query. */
export function parseLogOptions(query: URLSearchParams, nowMs: number): LogOptions | string {
  const number = (name: string, least: number): number | undefined => {
    const text = query.get(name);
    if (text === null || text === '') return undefined;
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < least)
      throw new RangeError(`invalid ${name}: ${JSON.stringify(text)} must be a whole number of at least ${least}`);
    return value;
  };
  try {
    const sinceTime = query.get('sinceTime') ?? '';
    const since = sinceTime === '' ? undefined : timestampNanos(sinceTime);
    if (sinceTime !== '' && since === undefined) return `invalid sinceTime: ${JSON.stringify(sinceTime)} is not an RFC 3339 time`;
    const sinceSeconds = number('sinceSeconds', 1);
    if (since !== undefined && sinceSeconds !== undefined) return 'at most one of sinceTime or sinceSeconds may be specified';
    const stream = query.get('stream') ?? '';
    if (stream !== '' && stream !== 'All' && stream !== 'Stdout' && stream !== 'Stderr')
      return `invalid stream: ${JSON.stringify(stream)} is not All, Stdout or Stderr`;
    return {
      follow: isTrue(query.get('follow')),
      previous: isTrue(query.get('previous')),
      timestamps: isTrue(query.get('timestamps')),
      sinceNanos: sinceSeconds === undefined ? since : BigInt(Math.floor(nowMs - sinceSeconds * 1000)) * 1_000_000n,
      tailLines: number('tailLines', 0),
      limitBytes: number('limitBytes', 1),
      stream: stream === '' ? 'All' : stream,
    };
  } catch (thrown) {
    if (thrown instanceof RangeError) return thrown.message;
    throw thrown;
  }
}

/** Kubernetes' query conversion: every value but these is true. */
export function isTrue(text: string | null): boolean {
  return text !== null && text !== '0' && text.toLowerCase() !== 'false';
}
