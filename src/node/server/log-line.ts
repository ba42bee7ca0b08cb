/** One line of a log in CRI's format: `2026-01-02T03:04:05.678901234Z stdout F text`. P: the text goes on in the next entry. */
export interface LogLine {
  readonly timestamp: string;
  readonly stream: 'stdout' | 'stderr';
  readonly partial: boolean;
  readonly text: Buffer;
}

const SPACE = 0x20;

/** `line` without its newline. Undefined: not in the format (an entry that was cut by a crash). */
export function parseLogLine(line: Buffer): LogLine | undefined {
  const first = line.indexOf(SPACE);
  const second = first < 0 ? -1 : line.indexOf(SPACE, first + 1);
  if (second < 0) return undefined;
  const third = line.indexOf(SPACE, second + 1);
  const stream = line.toString('latin1', first + 1, second);
  const tags = line.toString('latin1', second + 1, third < 0 ? line.length : third);
  if ((stream !== 'stdout' && stream !== 'stderr') || !/^[PF](:|$)/.test(tags)) return undefined;
  return { timestamp: line.toString('latin1', 0, first), stream, partial: tags[0] === 'P', text: line.subarray(third < 0 ? line.length : third + 1) };
}

/** Nanoseconds since 1970, or undefined: not an RFC 3339 time. Fractions have up to nine digits, trailing zeros may be left out. */
export function timestampNanos(text: string): bigint | undefined {
  const parts = /^(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?\d*([Zz]|[+-]\d\d:\d\d)$/.exec(text);
  const seconds = parts === null ? Number.NaN : Date.parse(`${parts[1]}${parts[3]}`);
  if (Number.isNaN(seconds)) return undefined;
  return BigInt(seconds) * 1_000_000n + BigInt((parts?.[2] ?? '').padEnd(9, '0'));
}
