/** Texts in URLs, headers and fields. */
import assert from 'node:assert/strict';
import { parseSchedule } from '../../../src/api/batch/schedule.rules.ts';
import { parseContinue } from '../../../src/apiserver/handlers/continue-token.ts';
import { parseListOptions } from '../../../src/apiserver/handlers/list-options.ts';
import { parseQuery } from '../../../src/apiserver/handlers/query.ts';
import { parseSelection } from '../../../src/apiserver/handlers/selection.ts';
import { resolve, splitPath } from '../../../src/apiserver/handlers/target.ts';
import { negotiate } from '../../../src/apiserver/codec/accept.ts';
import { formatFieldSelector, matchesFields, parseFieldSelector } from '../../../src/machinery/fields.ts';
import { parseSelector } from '../../../src/machinery/label-selector-text.ts';
import { formatSelector, labelMatcher, matchesSelector } from '../../../src/machinery/labels.ts';
import * as names from '../../../src/machinery/names.ts';
import { addQuantities, canonicalQuantity, compareQuantities, parseQuantity, subtractQuantities, quantityNumber } from '../../../src/machinery/quantity.ts';
import { StatusError } from '../../../src/machinery/status-error.ts';
import { canonicalMicroTime, canonicalTime, formatDuration, formatTime, humanDuration, parseDuration, parseTime } from '../../../src/machinery/time.ts';
import { formatImageName, normalizeImageName, parseImageName } from '../../../src/node/runtime/image-name.ts';
import type { Target } from '../target.ts';
import { registry } from './bodies.ts';

const textOf = (input: Uint8Array): string => Buffer.from(input).toString('utf8');
const isRefusal = (thrown: unknown): boolean => thrown instanceof StatusError && thrown.code < 500;
const never = (): boolean => false;

const labelSelector: Target = {
  name: 'label-selector',
  seeds: ['a=b,c!=d,!e,f', 'a in (b,c),d notin (e)', 'x.y/z==1,g>1,h<-2', 'a in ( )', ' a = b '],
  words: [' in ', ' notin ', '==', '!=', '(', ')', ',', '!', 'in', 'notin'],
  maxBytes: 66_000,
  refuses: never,
  run(input) {
    const selector = parseSelector(textOf(input));
    if ('fault' in selector) return;
    const labels = { a: 'b', c: '1', 'x.y/z': '', in: 'notin' };
    assert.equal(matchesSelector(selector, labels), labelMatcher(selector)(labels));
    const again = parseSelector(formatSelector(selector));
    if ('fault' in again) assert.fail(again.fault);
    assert.equal(formatSelector(again), formatSelector(selector));
    assert.equal(matchesSelector(again, labels), matchesSelector(selector, labels));
  },
};

const fieldSelector: Target = {
  name: 'field-selector',
  seeds: ['metadata.name=x,status.phase!=Running', 'a==b\\,c\\=d\\\\', ',,a='],
  words: ['!=', '==', '\\,', '\\=', '\\\\'],
  maxBytes: 66_000,
  refuses: never,
  run(input) {
    const selector = parseFieldSelector(textOf(input));
    if ('fault' in selector) return;
    matchesFields(selector, (field) => field);
    const again = parseFieldSelector(formatFieldSelector(selector));
    if ('fault' in again) assert.fail(again.fault);
    assert.deepEqual(again, selector);
  },
};

const path: Target = {
  name: 'path',
  seeds: [
    '/api/v1/namespaces/default/pods/p/log?container=c&tailLines=1',
    '/apis/apps/v1/deployments?limit=1&labelSelector=a%3Db&resourceVersion=5&resourceVersionMatch=Exact',
    '/api/v1/watch/nodes?timeoutSeconds=3&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan',
    '/api/v1/nodes/n/proxy/a/%2e%2e/b/?x',
    '/apis/storage.k8s.io/v1/storageclasses/?continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6NSwic3RhcnQiOiJhXHUwMDAwIn0&fieldSelector=metadata.name%3Dx',
  ],
  words: [
    '/api/v1/',
    '/apis/',
    '/watch/',
    '/namespaces/',
    '/status',
    '/proxy/',
    '%2f',
    '%00',
    '%',
    '..',
    '&',
    '=',
    '+',
    'Accept:',
    'application/json;as=Table;v=v1;g=meta.k8s.io',
    'q=0.5',
  ],
  refuses: isRefusal,
  run(input) {
    const url = textOf(input);
    const mark = url.indexOf('?');
    const whole = mark < 0 ? url : url.slice(0, mark);
    const query = parseQuery(mark < 0 ? '' : url.slice(mark + 1));
    negotiate(query.get('accept') ?? whole, { protobuf: true, table: true, partial: { list: false, goType: '*core.ConfigMap' } });
    const split = splitPath(whole);
    const target = split === undefined ? undefined : resolve(registry, split, whole);
    const options = parseListOptions(query, target?.watch ?? false);
    if (options.continueToken !== '') parseContinue(options.continueToken);
    if (target === undefined) return;
    parseSelection(target.binding, options.labelSelector, options.fieldSelector);
    // Nothing in a path leads out of the place that it names.
    assert.ok(!target.rest.includes('?'));
    if (target.subresource !== 'proxy') assert.ok(target.rest === '' || target.rest === '/');
  },
};

const quantity: Target = {
  name: 'quantity',
  seeds: ['0', '1500m', '-1.5Gi', '+.5e3', '1E', '12E-2', '0.000000001n', '9223372036854775807', '1e', '100Ki'],
  words: ['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei', 'n', 'u', 'm', 'k', 'M', 'G', 'T', 'P', 'E', 'e', 'e-9', 'e18', '.', '-', '+'],
  maxBytes: 66_000,
  refuses: never,
  run(input) {
    const text = textOf(input);
    const value = parseQuantity(text);
    const canonical = canonicalQuantity(text);
    assert.equal(value === undefined, canonical === undefined);
    if (value === undefined || canonical === undefined) return;
    const again = parseQuantity(canonical);
    assert.ok(again !== undefined, canonical);
    // Of powers of two no fraction is written: it is rounded up.
    assert.ok(value.format === 'BinarySI' ? Math.abs(compareQuantities(again, value)) <= 1 : compareQuantities(again, value) === 0, canonical);
    assert.equal(canonicalQuantity(canonical), canonical);
    if (Math.abs(quantityNumber(value)) < 2 ** 60) assert.equal(compareQuantities(subtractQuantities(addQuantities(value, again), again), value), 0);
    assert.ok(!Number.isNaN(quantityNumber(value)));
  },
};

const time: Target = {
  name: 'time',
  seeds: ['2030-01-02T03:04:05Z', '1999-12-31T23:59:60.123456789+14:00', '0001-01-01T00:00:00Z', '1h30m', '-1.5s', '2540400h10m10.1s', '300ms'],
  words: ['T', 'Z', '+00:00', '-07:00', '.', 'ns', 'us', 'µs', 'ms', 's', 'm', 'h', '-'],
  refuses: never,
  run(input) {
    const text = textOf(input);
    const ms = parseTime(text);
    for (const canonical of [canonicalTime, canonicalMicroTime]) {
      const once = canonical(text);
      if (typeof once === 'string') assert.equal(canonical(once), once);
    }
    if (ms !== undefined) assert.ok(Number.isFinite(ms) && formatTime(ms) !== '');
    const duration = parseDuration(text);
    if (duration === undefined) return;
    assert.ok(Number.isFinite(duration));
    humanDuration(duration);
    const again = parseDuration(formatDuration(duration));
    assert.ok(again !== undefined && Math.abs(again - duration) <= 1 + Math.abs(duration) * 1e-9, `${duration} ${formatDuration(duration)}`);
  },
};

const name: Target = {
  name: 'names',
  seeds: ['a-b.c', 'Xy_z', 'example.com/Name', '*.a.b', 'C_IDENT', '80%', 'a'.repeat(64)],
  maxBytes: 66_000,
  refuses: never,
  run(input) {
    const text = textOf(input);
    for (const check of Object.values(names)) if (typeof check === 'function' && check.length === 1) (check as (value: string) => unknown)(text);
    const image = parseImageName(text);
    const normal = normalizeImageName(text);
    assert.equal(image === undefined, normal === undefined);
    if (image === undefined || normal === undefined) return;
    assert.equal(normalizeImageName(normal), normal);
    assert.equal(formatImageName(parseImageName(normal) ?? image), normal);
  },
};

const schedule: Target = {
  name: 'schedule',
  seeds: ['*/5 1-3,7 * JAN-MAR MON', '@every 1h30m', '@hourly', 'TZ=Europe/Zurich 0 0 29 2 *', '0 0 31 2 ?', '59/7 * * * 7'],
  words: ['@yearly', '@every ', 'TZ=UTC ', 'CRON_TZ=America/New_York ', '*/', '-', ',', '?', 'SUN', 'DEC', '30 2', '29 2 1'],
  refuses: never,
  run(input) {
    const parsed = parseSchedule(textOf(input));
    if (typeof parsed === 'string') return assert.notEqual(parsed, '');
    for (const [values, from, to] of [
      [parsed.minutes, 0, 59],
      [parsed.hours, 0, 23],
      [parsed.daysOfMonth, 1, 31],
      [parsed.months, 1, 12],
      [parsed.daysOfWeek, 0, 6],
    ] as const) {
      for (const value of values) assert.ok(value >= from && value <= to, `${value}`);
    }
  },
};

export const TEXTS: readonly Target[] = [labelSelector, fieldSelector, path, quantity, time, name, schedule];
