/** Everything that reads what strangers send, on small inputs: `npm run fuzz` looks for new ones, this keeps what was found. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { SeededRandom } from '../src/base/random.ts';
import { mutate } from './fuzz/mutate.ts';
import { TARGETS } from './fuzz/table.ts';
import { bytesOf, faultOf } from './fuzz/target.ts';

const FOUND = join(import.meta.dirname, 'fuzz', 'found');
const MUTATIONS = 300;

for (const target of TARGETS) {
  const kept = join(FOUND, target.name);
  const found = existsSync(kept) ? readdirSync(kept).map((name) => [name, readFileSync(join(kept, name))] as const) : [];
  test(`${target.name}: seeds, ${found.length} that were found, and some changes to them`, async () => {
    const seeds = [new Uint8Array(), ...target.seeds.map(bytesOf)];
    for (const [name, input] of [...seeds.map((seed, i) => [`seed ${i}`, seed] as const), ...found]) {
      assert.equal(await faultOf(target, input), undefined, name);
    }
    const random = new SeededRandom(1);
    const corpus = [...seeds, ...found.map(([, input]) => input)];
    const other = (): Uint8Array => corpus[Math.floor(random.float() * corpus.length)] ?? new Uint8Array();
    for (let i = 0; i < MUTATIONS; i++) {
      const plain = mutate(other(), { random, maxBytes: target.maxBytes ?? 4096, words: (target.words ?? []).map(bytesOf), other });
      const input = target.shape === undefined || i % 2 === 0 ? plain : target.shape(random, other());
      assert.equal(await faultOf(target, input), undefined, JSON.stringify(Buffer.from(input).toString('latin1')));
    }
  });
}

test('what was found is of a target', () => {
  const names = new Set(TARGETS.map(({ name }) => name));
  assert.deepEqual(
    readdirSync(FOUND).filter((name) => !names.has(name)),
    [],
  );
});

describe('planted faults are found', () => {
  const directory = mkdtempSync(join(tmpdir(), 'berth-fuzz-'));
  after(() => rmSync(directory, { recursive: true }));

  const fuzz = (...args: string[]): { readonly status: number | null; readonly output: string } => {
    const main = join(import.meta.dirname, 'fuzz', 'main.ts');
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [main, '--fresh', '--directory', directory, '--seed', '1', '--seconds', '3600', '--first', ...args],
      {
        encoding: 'utf8',
      },
    );
    return { status, output: stdout + stderr };
  };

  test('a crash behind four bytes, each a step further, made small and kept for a replay', () => {
    const { status, output } = fuzz('--runs', '1500000', 'canary-crash');
    assert.equal(status, 1, output);
    assert.match(output, /crash: TypeError: planted/);
    const [file = ''] = readdirSync(join(directory, 'found')).filter((name) => name.startsWith('canary-crash'));
    assert.equal(readFileSync(join(directory, 'found', file)).toString('hex'), '07c3119e');
    assert.match(fuzz('--replay', join(directory, 'found', file), 'canary-crash').output, /TypeError: planted/);
  });

  test('an input without an end', () => {
    const { status, output } = fuzz('--runs', '200000', '--patience', '1', 'canary-hang');
    assert.equal(status, 1, output);
    assert.match(output, /hang: no end after 1 s\n {4}input "ab/);
  });

  test('time that grows with the square of the length', () => {
    const { status, output } = fuzz('--runs', '20000', '--patience', '600', 'canary-slow');
    assert.equal(status, 1, output);
    assert.match(output, /slow: \d+ ms for \d+ bytes/);
  });

  test('memory that is never given back', () => {
    const { status, output } = fuzz('--runs', '8000', 'canary-growth');
    assert.equal(status, 1, output);
    assert.match(output, /growth: the heap grew by \d+ bytes/);
  });

  test('what may be refused is no fault', () => {
    const { status, output } = fuzz('--runs', '20000', 'canary-refusal');
    assert.equal(status, 0, output);
    assert.match(output, /^ok /);
  });
});
