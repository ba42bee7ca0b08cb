/**
 * RFC 3339 as metav1.Time (whole seconds) and metav1.MicroTime (six digits) print it: always UTC. Inside, times are
 * milliseconds (or, where the API carries microseconds, milliseconds with a fraction) since the epoch.
 */
const SHAPE = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:[.,](\d+))?(Z|[+-]\d{2}:\d{2})$/;
const CANONICAL_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/;

const two = (n: number): string => (n < 10 ? `0${n}` : String(n));

/** `2026-11-21T00:45:07Z`. */
export function formatTime(ms: number): string {
  const second = Math.floor(ms / 1000);
  // Every write of a second asks for the same text, more than once.
  if (second !== lastSecond) {
    lastText = `${new Date(ms).toISOString().slice(0, 19)}Z`;
    lastSecond = second;
  }
  return lastText;
}

let lastSecond = Number.NaN;
let lastText = '';

/** `2026-11-21T00:45:07.123000Z`: for MicroTime fields (leases, events). */
export function formatMicroTime(ms: number): string {
  const whole = Math.floor(ms);
  const micros = Math.floor((ms - whole) * 1000 + 1e-6);
  return `${new Date(whole).toISOString().slice(0, 23)}${String(micros).padStart(3, '0')}Z`;
}

/** Milliseconds since the epoch with a fraction of microseconds; undefined when the text is no RFC 3339 time. */
export function parseTime(text: string): number | undefined {
  const match = SHAPE.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction = '', zone = 'Z'] = match;
  const parts = [Number(year), Number(month), Number(day), Number(hour), Number(minute), Number(second)] as const;
  if (parts[1] < 1 || parts[1] > 12 || parts[2] < 1 || parts[2] > daysIn(parts[0], parts[1])) return undefined;
  if (parts[3] > 23 || parts[4] > 59 || parts[5] > 59) return undefined;
  const offset = offsetMinutes(zone);
  if (offset === undefined) return undefined;
  const whole = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (Number.isNaN(whole)) return undefined;
  const micros = Number(fraction.slice(0, 6).padEnd(6, '0'));
  return whole - offset * 60_000 + micros / 1000;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

function offsetMinutes(zone: string): number | undefined {
  if (zone === 'Z') return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(4, 6));
  if (hours > 24 || minutes > 59) return undefined;
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes);
}

export const TIME_LAYOUT = '2006-01-02T15:04:05Z07:00';
export const MICRO_TIME_LAYOUT = '2006-01-02T15:04:05.000000Z07:00';

export interface TimeFault {
  readonly fault: string;
}

/** The canonical text of a metav1.Time, or what Go's time.Parse says about the input. */
export function canonicalTime(text: string): string | TimeFault {
  const ms = parseTime(text);
  if (ms === undefined) return { fault: timeFault(text, TIME_LAYOUT) };
  if (CANONICAL_TIME.test(text)) return text;
  return inRange(ms) ? formatTime(ms) : { fault: timeFault(text, TIME_LAYOUT) };
}

/** The same for metav1.MicroTime, which demands six digits. */
export function canonicalMicroTime(text: string): string | TimeFault {
  const ms = parseTime(text);
  const digits = /\.(\d+)/.exec(text)?.[1]?.length;
  if (ms === undefined || digits === undefined || digits < 6 || !inRange(ms)) return { fault: timeFault(text, MICRO_TIME_LAYOUT) };
  if (digits === 6 && text.endsWith('Z')) return text;
  const whole = Math.floor(ms);
  const micros = (/\.(\d{6})/.exec(text)?.[1] ?? '').slice(3);
  return `${new Date(whole).toISOString().slice(0, 23)}${micros}Z`;
}

/** A zone can carry a four-digit year over the edge. */
function inRange(ms: number): boolean {
  return ms >= -62_167_219_200_000 && ms < 253_402_300_800_000;
}

const ELEMENTS: readonly (readonly [RegExp, string])[] = [
  [/^\d{4}/, '2006'],
  [/^-/, '-'],
  [/^\d{2}/, '01'],
  [/^-/, '-'],
  [/^\d{2}/, '02'],
  [/^T/, 'T'],
  [/^\d{2}/, '15'],
  [/^:/, ':'],
  [/^\d{2}/, '04'],
  [/^:/, ':'],
  [/^\d{2}/, '05'],
];

/** `parsing time "x" as "2006-01-02T15:04:05Z07:00": cannot parse "x" as "2006"`. */
function timeFault(text: string, layout: string): string {
  const intro = `parsing time ${JSON.stringify(text)}`;
  let rest = text;
  for (const [pattern, element] of ELEMENTS) {
    const match = pattern.exec(rest);
    if (match === null) return `${intro} as ${JSON.stringify(layout)}: cannot parse ${JSON.stringify(rest)} as ${JSON.stringify(element)}`;
    rest = rest.slice(match[0].length);
  }
  const fraction = /^\.\d+/.exec(rest)?.[0] ?? '';
  if (layout === MICRO_TIME_LAYOUT && fraction.length < 7) {
    return `${intro} as ${JSON.stringify(layout)}: cannot parse ${JSON.stringify(rest)} as ".000000"`;
  }
  rest = rest.slice(fraction.length);
  const zone = /^(?:Z|[+-]\d{2}:\d{2})/.exec(rest)?.[0];
  if (zone === undefined) return `${intro} as ${JSON.stringify(layout)}: cannot parse ${JSON.stringify(rest)} as "Z07:00"`;
  if (rest.length > zone.length) return `${intro}: extra text: ${JSON.stringify(rest.slice(zone.length))}`;
  return `${intro}: ${outOfRange(text)} out of range`;
}

function outOfRange(text: string): string {
  const month = Number(text.slice(5, 7));
  if (month < 1 || month > 12) return 'month';
  const day = Number(text.slice(8, 10));
  if (day < 1 || day > daysIn(Number(text.slice(0, 4)), month)) return 'day';
  if (Number(text.slice(11, 13)) > 23) return 'hour';
  if (Number(text.slice(14, 16)) > 59) return 'minute';
  return Number(text.slice(17, 19)) > 59 ? 'second' : 'time zone offset';
}

/** Go's time.Duration.String, as metav1.Duration prints: `1h30m0s`, `1.5s`, `0s`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s';
  const sign = ms < 0 ? '-' : '';
  const nanos = Math.round(Math.abs(ms) * 1e6);
  if (nanos < 1e9) {
    if (nanos < 1e3) return `${sign}${nanos}ns`;
    return nanos < 1e6 ? `${sign}${nanos / 1e3}µs` : `${sign}${nanos / 1e6}ms`;
  }
  const seconds = Math.floor(nanos / 1e9);
  const fraction = String(nanos % 1e9)
    .padStart(9, '0')
    .replace(/0+$/, '');
  const tail = `${seconds % 60}${fraction === '' ? '' : `.${fraction}`}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes === 0) return sign + tail;
  return minutes < 60 ? `${sign}${minutes}m${tail}` : `${sign}${Math.floor(minutes / 60)}h${minutes % 60}m${tail}`;
}

const DURATION_UNITS: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, µs: 1e-3, μs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const DURATION = /^[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/;

/** Go counts nanoseconds in 63 bits: 292 years. */
const LONGEST_MS = 2 ** 63 / 1e6;

/** Milliseconds; undefined when the text is no Go duration. */
export function parseDuration(text: string): number | undefined {
  if (text === '0' || text === '+0' || text === '-0') return 0;
  if (text.length > 128 || !DURATION.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)) {
    total += Number(amount) * (DURATION_UNITS[unit as string] as number);
  }
  if (total > LONGEST_MS) return undefined;
  return text.startsWith('-') ? -total : total;
}

/** The age of something as kubectl prints it (`3m20s`, `2d4h`, `5y12d`): apimachinery's duration.HumanDuration. */
export function humanDuration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return pair(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 8) return pair(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  const days = Math.floor(hours / 24);
  if (hours < 192) return pair(days, 'd', hours % 24, 'h');
  if (days < 730) return `${days}d`;
  const years = Math.floor(days / 365);
  return years < 8 ? pair(years, 'y', days % 365, 'd') : `${years}y`;
}

const pair = (major: number, majorUnit: string, minor: number, minorUnit: string): string =>
  minor === 0 ? `${major}${majorUnit}` : `${major}${majorUnit}${minor}${minorUnit}`;

/** `20261121004507`: sortable stamps in names. */
export function compactTime(ms: number): string {
  const at = new Date(ms);
  return `${at.getUTCFullYear()}${two(at.getUTCMonth() + 1)}${two(at.getUTCDate())}${two(at.getUTCHours())}${two(at.getUTCMinutes())}${two(at.getUTCSeconds())}`;
}
