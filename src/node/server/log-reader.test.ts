import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parseLogLine, timestampNanos } from './log-line.ts';
import { type LogOptions, parseLogOptions } from './log-options.ts';
import { readLog } from './log-reader.ts';

const directory = mkdtempSync(join(tmpdir(), 'berth-log-'));
after(() => rmSync(directory, { recursive: true }));
let files = 0;

const at = (second: number): string => `2026-01-02T03:04:${String(second).padStart(2, '0')}.5Z`;
const NOW_MS = Date.parse('2026-01-02T03:04:30Z');

const LOG = [
  `${at(1)} stdout F one`,
  `${at(2)} stderr F two`,
  `${at(3)} stdout P thr`,
  `${at(3)} stdout F ee`,
  `${at(4)} stdout F `,
  `${at(5)} stdout F five`,
  '',
].join('\n');

function options(query: string): LogOptions {
  const parsed = parseLogOptions(new URLSearchParams(query), NOW_MS);
  if (typeof parsed === 'string') throw new Error(parsed);
  return parsed;
}

function source(
  path: string,
  query: string,
  more: { readonly isRunning?: () => Promise<boolean>; readonly onEnded?: (listener: () => void) => Disposable } = {},
) {
  return {
    path,
    options: options(query),
    signal: new AbortController().signal,
    isRunning: () => Promise.resolve(false),
    onEnded: () => ({ [Symbol.dispose]: () => {} }),
    ...more,
  };
}

async function text(log: string, query: string): Promise<string> {
  const path = join(directory, `${files++}.log`);
  writeFileSync(path, log);
  const parts: Buffer[] = [];
  for await (const part of readLog(source(path, query))) parts.push(part);
  return Buffer.concat(parts).toString('utf8');
}

for (const [query, expected] of [
  ['', 'one\ntwo\nthree\n\nfive\n'],
  ['tailLines=0', ''],
  ['tailLines=1', 'five\n'],
  ['tailLines=2', '\nfive\n'],
  ['tailLines=100', 'one\ntwo\nthree\n\nfive\n'],
  ['timestamps=true&tailLines=2', `${at(4)} \n${at(5)} five\n`],
  ['timestamps=true', `${at(1)} one\n${at(2)} two\n${at(3)} three\n${at(4)} \n${at(5)} five\n`],
  ['sinceTime=2026-01-02T03:04:04Z', '\nfive\n'],
  ['sinceTime=2026-01-02T03:04:05.5Z', 'five\n'],
  ['sinceTime=2026-01-02T04:04:05.5%2B01:00', 'five\n'],
  ['sinceSeconds=26', '\nfive\n'],
  ['limitBytes=5', 'one\nt'],
  ['limitBytes=4', 'one\n'],
  ['stream=Stderr', 'two\n'],
  ['stream=Stdout&tailLines=5', 'three\n\nfive\n'],
] as const) {
  test(`the log asked for with ${JSON.stringify(query)}`, async () => assert.equal(await text(LOG, query), expected));
}

for (const [query, says] of [
  ['tailLines=-1', /tailLines/],
  ['tailLines=x', /tailLines/],
  ['limitBytes=0', /limitBytes/],
  ['sinceSeconds=0', /sinceSeconds/],
  ['sinceTime=yesterday', /RFC 3339/],
  ['sinceTime=2026-01-02T03:04:05Z&sinceSeconds=1', /at most one/],
  ['stream=All of them', /stream/],
] as const) {
  test(`${query} is refused`, () => assert.match(String(parseLogOptions(new URLSearchParams(query), NOW_MS)), says));
}

test('a long log is read in pieces, its tail found from the end', async () => {
  const lines = Array.from({ length: 50_000 }, (_, i) => `${at(i % 60)} stdout F line ${i}`);
  assert.equal((await text(`${lines.join('\n')}\n`, '')).split('\n').length, 50_001);
  assert.equal(await text(`${lines.join('\n')}\n`, 'tailLines=3'), 'line 49997\nline 49998\nline 49999\n');
});

test('what was cut by a crash is left out', async () => {
  assert.equal(await text(`${at(1)} stdout F one\ngarbage\n${at(2)} stdout`, ''), 'one\n');
});

test('a line and its time', () => {
  assert.deepEqual(parseLogLine(Buffer.from('T stdout F a b')), { timestamp: 'T', stream: 'stdout', partial: false, text: Buffer.from('a b') });
  assert.equal(parseLogLine(Buffer.from('T stdin F x')), undefined);
  assert.equal(timestampNanos('1970-01-01T00:00:01.000000002Z'), 1_000_000_002n);
  assert.equal(timestampNanos('1970-01-01T00:00:01.5Z'), 1_500_000_000n);
  assert.equal(timestampNanos('1970-01-01'), undefined);
});

test('a follower gets what is appended, across a rotation, until the container has ended', { timeout: 300_000 }, async () => {
  const path = join(directory, 'followed.log');
  writeFileSync(path, `${at(1)} stdout F one\n`);
  let running = true;
  let ended: (() => void) | undefined;
  const following = source(path, 'follow=true', {
    isRunning: () => Promise.resolve(running),
    onEnded: (listener) => {
      ended = listener;
      return { [Symbol.dispose]: () => {} };
    },
  });
  let seen = '';
  const steps: { readonly when: string; readonly act: () => void }[] = [
    { when: 'one\n', act: () => appendFileSync(path, `${at(2)} stdout P tw`) },
    { when: 'one\n', act: () => appendFileSync(path, `o\n${at(2)} stdout F !\n`) },
    {
      when: 'one\ntwo!\n',
      act: () => {
        renameSync(path, `${path}.1`);
        appendFileSync(`${path}.1`, `${at(3)} stdout F three\n`);
        writeFileSync(path, `${at(4)} stdout F four\n`);
      },
    },
    {
      when: 'one\ntwo!\nthree\nfour\n',
      act: () => {
        appendFileSync(path, `${at(5)} stdout F five\n`);
        running = false;
        ended?.();
      },
    },
  ];
  for await (const part of readLog(following)) {
    seen += part.toString('utf8');
    while (steps[0]?.when === seen) steps.shift()?.act();
  }
  assert.equal(seen, 'one\ntwo!\nthree\nfour\nfive\n');
});
