/** One order of single steps explains what all clients saw: see test/linearizability/run.ts, which runs for longer by itself. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { check, type Operation, type Timed } from './linearizability/checker.ts';
import { Follower } from './linearizability/follower.ts';
import { linearizability } from './linearizability/run.ts';

const at = (calledAt: number, answeredAt: number, operation: Operation): Timed => ({ operation, calledAt, answeredAt });
const create = (value: string, answer: number | 'exists' | 'unanswered'): Operation => ({ do: 'create', value, answer });
const patch = (value: string, answer: number | 'absent' | 'unanswered'): Operation => ({ do: 'patch', value, answer });
const get = (rv = 0, value = ''): Operation => ({ do: 'get', found: rv === 0 ? undefined : { rv, value } });
const remove = (answer: 'deleted' | 'absent' | 'unanswered'): Operation => ({ do: 'delete', answer });
const update = (value: string, expected: number, answer: number | 'conflict' | 'absent' | 'unanswered'): Operation => ({
  do: 'update',
  value,
  expected,
  answer,
});

const HISTORIES: readonly { readonly what: string; readonly good: boolean; readonly history: readonly Timed[] }[] = [
  { what: 'nothing happened', good: true, history: [] },
  { what: 'a read of what was written', good: true, history: [at(0, 1, create('a', 5)), at(2, 3, get(5, 'a'))] },
  {
    what: 'a read during a write sees the old or the new',
    good: true,
    history: [at(0, 1, create('a', 5)), at(2, 9, patch('b', 6)), at(3, 4, get(5, 'a')), at(5, 6, get(6, 'b'))],
  },
  { what: 'a read goes back', good: false, history: [at(0, 1, create('a', 5)), at(2, 9, patch('b', 6)), at(3, 4, get(6, 'b')), at(5, 6, get(5, 'a'))] },
  { what: 'an acknowledged write is lost', good: false, history: [at(0, 1, create('a', 5)), at(2, 3, get())] },
  { what: 'a stale read', good: false, history: [at(0, 1, create('a', 5)), at(2, 3, patch('b', 6)), at(4, 5, get(5, 'a'))] },
  { what: 'a read of what nobody wrote', good: false, history: [at(0, 1, create('a', 5)), at(2, 3, get(6, 'b'))] },
  {
    what: 'two updates of one version both succeed',
    good: false,
    history: [at(0, 1, create('a', 5)), at(2, 9, update('b', 5, 6)), at(2, 9, update('c', 5, 7))],
  },
  {
    what: 'one of two updates of one version succeeds',
    good: true,
    history: [at(0, 1, create('a', 5)), at(2, 9, update('b', 5, 'conflict')), at(2, 9, update('c', 5, 7))],
  },
  { what: 'a conflict without a reason', good: false, history: [at(0, 1, create('a', 5)), at(2, 3, update('b', 5, 'conflict'))] },
  { what: 'a version goes back', good: false, history: [at(0, 1, create('a', 5)), at(2, 3, patch('b', 4))] },
  { what: 'two creations both succeed', good: false, history: [at(0, 9, create('a', 5)), at(0, 9, create('b', 6))] },
  { what: 'a deletion of what is not there', good: false, history: [at(0, 1, create('a', 5)), at(2, 3, remove('deleted')), at(4, 5, remove('deleted'))] },
  { what: 'an unanswered write that happened', good: true, history: [at(0, 1, create('a', 5)), at(2, 9, patch('b', 'unanswered')), at(10, 11, get(6, 'b'))] },
  {
    what: 'an unanswered write that did not happen',
    good: true,
    history: [at(0, 1, create('a', 5)), at(2, 9, patch('b', 'unanswered')), at(10, 11, get(5, 'a'))],
  },
  {
    what: 'an unanswered write that happens after the death of its process',
    good: false,
    history: [at(0, 1, create('a', 5)), at(2, 9, patch('b', 'unanswered')), at(10, 11, get(5, 'a')), at(12, 13, get(6, 'b'))],
  },
  {
    what: 'an unanswered write that is unsaid',
    good: false,
    history: [at(0, 1, create('a', 5)), at(2, 9, patch('b', 'unanswered')), at(3, 4, get(6, 'b')), at(10, 11, get(5, 'a'))],
  },
  { what: 'an unanswered deletion makes room', good: true, history: [at(0, 1, create('a', 5)), at(2, 9, remove('unanswered')), at(10, 11, create('b', 8))] },
  { what: 'a creation where nothing was deleted', good: false, history: [at(0, 1, create('a', 5)), at(10, 11, create('b', 8))] },
];

describe('the checker itself', () => {
  const told = (versions: readonly number[]): Follower => {
    const follower = new Follower();
    for (const version of versions) follower.told.push({ version, key: 'k', value: String(version) });
    return follower;
  };
  const answered = [2, 3].map((version) => ({ version, key: 'k', value: String(version) }));
  test('a watch that was told of everything: explained', () => assert.deepEqual(told([2, 3, 4]).judge(answered), []));
  test('a watch that was not told of a version: found', () => assert.equal(told([2, 4]).judge(answered).length, 1));

  for (const { what, good, history } of HISTORIES) {
    test(`${what}: ${good ? 'explained' : 'found'}`, () => assert.equal(check(history).linearizable, good));
  }
});

test('clients over HTTPS, and a server that is killed: one order explains all they saw', async (t) => {
  const seed = Number(process.env.BERTH_LINEAR_SEED ?? Math.floor(Math.random() * 1e6));
  const kills = Number(process.env.BERTH_LINEAR_KILLS ?? 5);
  t.diagnostic(`seed ${seed}`);
  const { faults, ...seen } = await linearizability({ seed, kills, least: { operations: 100, writes: 10 }, clients: 8, keys: 3, lifeMs: 800 });
  t.diagnostic(JSON.stringify(seen));
  assert.deepEqual(faults.slice(0, 5), [], `seed ${seed}`);
  assert.ok(seen.unanswered > 0 && seen.told > seen.writes, JSON.stringify(seen));
});
