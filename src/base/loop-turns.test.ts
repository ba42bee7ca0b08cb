import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loopTurns, Slices } from './loop-turns.ts';

/** A loop whose turns are taken by hand. */
function loop() {
  const next: (() => void)[] = [];
  return { nextTurn: (fn: () => void) => void next.push(fn), turn: () => next.shift()?.(), waiting: () => next.length };
}

test('one turn for each who waits, in the order of asking', async () => {
  const { nextTurn, turn, waiting } = loop();
  const yieldToLoop = loopTurns(nextTurn);
  const done: number[] = [];
  const work = async (who: number): Promise<void> => {
    for (let at = 0; at < 3; at++) {
      await yieldToLoop();
      done.push(who);
    }
  };
  const all = Promise.all([work(1), work(2), work(3)]);
  for (let at = 1; at <= 9; at++) {
    assert.equal(waiting(), 1, `turn ${at}`);
    turn();
    await Promise.resolve().then(() => {});
    assert.equal(done.length, at);
  }
  await all;
  assert.deepEqual(done, [1, 2, 3, 1, 2, 3, 1, 2, 3]);
  assert.equal(waiting(), 0);
});

test('a long line is gone through without being kept', async () => {
  const { nextTurn, turn } = loop();
  const yieldToLoop = loopTurns(nextTurn);
  let done = 0;
  for (let at = 0; at < 5000; at++) void yieldToLoop().then(() => done++);
  for (let at = 0; at < 2500; at++) turn();
  for (let at = 0; at < 10; at++) void yieldToLoop().then(() => done++);
  for (let at = 0; at < 2510; at++) turn();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(done, 5010);
});

test('a turn is over when so much has been spent', () => {
  let turns = 0;
  const slices = new Slices(() => {
    turns++;
    return Promise.resolve();
  }, 10);
  assert.equal(slices.spend(4), undefined);
  assert.equal(slices.spend(5), undefined);
  assert.ok(slices.spend(1) instanceof Promise);
  assert.ok(slices.spend(100) instanceof Promise);
  assert.equal(slices.spend(9), undefined);
  assert.equal(turns, 2);
});
