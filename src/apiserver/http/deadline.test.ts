import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../base/virtual-clock.ts';
import { StatusError } from '../../machinery/status-error.ts';
import { Deadlines } from './deadline.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('each request has its own time, whatever others have', async () => {
  const clock = new VirtualClock();
  const deadlines = new Deadlines(clock);
  const told: string[] = [];
  const begin = (name: string, leftMs: number): PromiseWithResolvers<string> => {
    const work = Promise.withResolvers<string>();
    deadlines.within(leftMs, work.promise).then(
      (value) => told.push(`${name}: ${value}`),
      (thrown: unknown) => told.push(`${name}: ${thrown instanceof StatusError ? thrown.code : String(thrown)}`),
    );
    return work;
  };
  const long = begin('long', 60_000);
  const short = begin('short', 1000);
  const quick = begin('quick', 1000);
  quick.resolve('done');
  begin('failing', 500).reject(new Error('no'));
  await turn();
  assert.deepEqual(told.splice(0), ['quick: done', 'failing: Error: no']);
  await clock.advance(999, turn);
  assert.deepEqual(told.splice(0), []);
  await clock.advance(1, turn);
  assert.deepEqual(told.splice(0), ['short: 504']);
  short.resolve('late');
  begin('later', 10);
  await clock.advance(10, turn);
  assert.deepEqual(told.splice(0), ['later: 504']);
  await clock.advance(58_989, turn);
  assert.deepEqual(told.splice(0), []);
  await clock.advance(1, turn);
  assert.deepEqual(told.splice(0), ['long: 504']);
  long.resolve('late');
  await turn();
  assert.deepEqual(told, []);
});
