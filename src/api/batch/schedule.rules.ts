/** A cron schedule as batch/v1 CronJob takes it: five fields, or a word such as `@daily`. Numbers in sets, in ascending order. */
export interface Schedule {
  readonly minutes: ReadonlySet<number>;
  readonly hours: ReadonlySet<number>;
  readonly daysOfMonth: ReadonlySet<number>;
  readonly months: ReadonlySet<number>;
  readonly daysOfWeek: ReadonlySet<number>;
  /** A day matches when both day fields do, or either one where both are restricted. */
  readonly anyDayOfMonth: boolean;
  readonly anyDayOfWeek: boolean;
  /** `@every 1h30m`: milliseconds; the sets are then empty. */
  readonly everyMs?: number;
}

const WORDS: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};

interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly names?: Readonly<Record<string, number>>;
}

const named = (words: string, first: number): Readonly<Record<string, number>> => Object.fromEntries(words.split(' ').map((word, i) => [word, i + first]));
const BOUNDS: readonly Bounds[] = [
  { min: 0, max: 59 },
  { min: 0, max: 23 },
  { min: 1, max: 31 },
  { min: 1, max: 12, names: named('jan feb mar apr may jun jul aug sep oct nov dec', 1) },
  { min: 0, max: 6, names: named('sun mon tue wed thu fri sat', 0) },
];

/** More says nothing more: a field has sixty values at most. */
const MAX_LENGTH = 64 * 1024;

/** The schedule, or the fault in the words of the parser that Kubernetes uses. */
export function parseSchedule(text: string): Schedule | string {
  if (text === '') return 'empty spec string';
  if (text.length > MAX_LENGTH) return `more than ${MAX_LENGTH} characters`;
  if (text.startsWith('@every ')) {
    const ms = parseEvery(text.slice('@every '.length));
    return ms === undefined
      ? `failed to parse duration ${text}: time: invalid duration ${JSON.stringify(text.slice('@every '.length))}`
      : { ...NEVER, everyMs: ms };
  }
  const spec = text.startsWith('@') ? (Object.hasOwn(WORDS, text) ? WORDS[text] : undefined) : text;
  if (spec === undefined) return `unrecognized descriptor: ${text}`;
  const parts = spec.trim().split(/\s+/);
  if (parts.length !== BOUNDS.length) return `expected exactly 5 fields, found ${parts.length}: [${parts.join(' ')}]`;
  const sets: Set<number>[] = [];
  for (const [i, part] of parts.entries()) {
    const set = parseField(part, BOUNDS[i] as Bounds);
    if (typeof set === 'string') return set;
    sets.push(set);
  }
  const [minutes, hours, daysOfMonth, months, daysOfWeek] = sets as [Set<number>, Set<number>, Set<number>, Set<number>, Set<number>];
  const any = (part: string | undefined): boolean => part !== undefined && part.split(',').some((p) => p.startsWith('*') || p.startsWith('?'));
  return { minutes, hours, daysOfMonth, months, daysOfWeek, anyDayOfMonth: any(parts[2]), anyDayOfWeek: any(parts[4]) };
}

const NONE: ReadonlySet<number> = new Set();
const NEVER: Schedule = { minutes: NONE, hours: NONE, daysOfMonth: NONE, months: NONE, daysOfWeek: NONE, anyDayOfMonth: false, anyDayOfWeek: false };

function parseEvery(text: string): number | undefined {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(h|m|s|ms)/g)];
  if (parts.length === 0 || parts.map((p) => p[0]).join('') !== text) return undefined;
  const units: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };
  return parts.reduce((ms, [, amount, unit]) => ms + Number(amount) * (units[unit ?? ''] ?? 0), 0);
}

function parseField(text: string, bounds: Bounds): Set<number> | string {
  const all = new Set<number>();
  for (const part of new Set(text.split(','))) {
    const range = parseRange(part, bounds);
    if (typeof range === 'string') return range;
    for (let n = range.from; n <= range.to; n += range.step) all.add(n);
  }
  return new Set([...all].sort((a, b) => a - b));
}

/** `5`, `1-5`, `*`, `?`, each with an optional `/step`. */
function parseRange(text: string, bounds: Bounds): { readonly from: number; readonly to: number; readonly step: number } | string {
  const [range = '', stepText, ...rest] = text.split('/');
  if (rest.length > 0) return `too many slashes: ${text}`;
  const ends = range.split('-');
  if (ends.length > 2) return `too many hyphens: ${text}`;
  const whole = range === '*' || range === '?';
  const from = whole ? bounds.min : parseNumber(ends[0] ?? '', bounds);
  if (typeof from === 'string') return from;
  let to = whole ? bounds.max : ends.length === 1 ? (stepText === undefined ? from : bounds.max) : parseNumber(ends[1] ?? '', bounds);
  if (typeof to === 'string') return to;
  const step = stepText === undefined ? 1 : parseNumber(stepText, { min: 0, max: Number.MAX_SAFE_INTEGER });
  if (typeof step === 'string') return step;
  if (from < bounds.min) return `beginning of range (${from}) below minimum (${bounds.min}): ${text}`;
  if (to > bounds.max) return `end of range (${to}) above maximum (${bounds.max}): ${text}`;
  if (from > to) return `beginning of range (${from}) beyond end of range (${to}): ${text}`;
  if (step === 0) return `step of range should be a positive number: ${text}`;
  to = Math.min(to, bounds.max);
  return { from, to, step };
}

function parseNumber(text: string, { names }: Bounds): number | string {
  const known = names !== undefined && Object.hasOwn(names, text.toLowerCase()) ? names[text.toLowerCase()] : undefined;
  if (known !== undefined) return known;
  if (/^\d+$/.test(text)) return Number(text);
  if (/^-\d+$/.test(text)) return `negative number (${text}) not allowed: ${text}`;
  return `failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`;
}
