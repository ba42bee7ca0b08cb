import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Starts } from './starts.ts';

test('a few are begun in a turn, all of them in order', async () => {
  const turns: (() => void)[] = [];
  const starts = new Starts(() => new Promise((resolve) => turns.push(resolve)));
  const begun: number[] = [];
  const turn = async (): Promise<number> => {
    turns.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
    return begun.length;
  };
  for (let i = 0; i < 100; i++) starts.begin(() => begun.push(i));
  assert.equal(begun.length, 32);
  assert.equal(await turn(), 64);
  starts.begin(() => begun.push(100));
  assert.deepEqual([begun.length, await turn(), await turn()], [64, 96, 101]);
  assert.deepEqual(
    begun,
    begun.toSorted((a, b) => a - b),
  );
  await turn();
  for (let i = 101; i < 133; i++) starts.begin(() => begun.push(i));
  assert.equal(begun.length, 133, 'a new turn');
});
