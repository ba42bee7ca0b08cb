import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SeededRandom } from '../base/random.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import { type Again, WorkQueue } from './work-queue.ts';

const drain = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

interface Harness {
  readonly queue: WorkQueue;
  readonly clock: VirtualClock;
  readonly log: string[];
  /** What the next pass over a key does. */
  answer: (key: string) => Promise<Again | undefined>;
}

function harness(concurrency = 2): Harness {
  const clock = new VirtualClock();
  const log: string[] = [];
  const made: Harness = {
    clock,
    log,
    answer: async () => undefined,
    queue: new WorkQueue({
      clock,
      random: new SeededRandom(1),
      concurrency,
      firstMs: 100,
      longestMs: 400,
      work: (key) => {
        log.push(key);
        return made.answer(key);
      },
      failed: (key, _, attempt) => log.push(`${key} failed ${attempt}`),
    }),
  };
  made.queue.start();
  return made;
}

describe('a work queue', () => {
  it('is first in, first out, over many, also for what comes back while others wait or when all had been taken', async () => {
    const { queue, log } = harness(1);
    for (let i = 0; i < 1000; i++) queue.add(`k${i}`);
    queue.add('k0');
    await drain();
    queue.add('late');
    await drain();
    assert.deepEqual(log, [...Array.from({ length: 1000 }, (_, i) => `k${i}`), 'late']);
    log.length = 0;
    queue.add('a');
    queue.add('b');
    queue.add('c');
    queue.add('a');
    await drain();
    assert.deepEqual(log, ['a', 'b', 'c']);
  });

  it('works on a key once, however often it is added', async () => {
    const { queue, log } = harness();
    for (const key of ['a', 'a', 'b', 'a']) queue.add(key);
    await drain();
    assert.deepEqual(log, ['a', 'b']);
  });

  it('never works on a key twice at once, and comes back to one that was added meanwhile', async () => {
    const made = harness();
    let finish = (): void => {};
    made.answer = () =>
      new Promise((resolve) => {
        finish = () => resolve(undefined);
      });
    made.queue.add('a');
    await drain();
    made.queue.add('a');
    await drain();
    assert.deepEqual(made.log, ['a']);
    finish();
    await drain();
    assert.deepEqual(made.log, ['a', 'a']);
    finish();
    await drain();
  });

  it('keeps to its number of workers', async () => {
    const made = harness(2);
    made.answer = () => new Promise(() => {});
    for (const key of ['a', 'b', 'c']) made.queue.add(key);
    await drain();
    assert.deepEqual(made.log, ['a', 'b']);
  });

  it('waits longer after each failure, up to its bound', async () => {
    const made = harness();
    made.answer = async () => {
      throw new Error('no');
    };
    made.queue.add('a');
    await drain();
    await made.clock.advance(2_000, drain);
    const passes = made.log.filter((line) => line === 'a').length;
    // 0, 100, 300, 700, 1100, 1500, 1900 ms, each a little later for the jitter.
    assert.ok(passes >= 6 && passes <= 7, made.log.join(', '));
  });

  it('comes back when a pass asks for it, at the earliest of several times', async () => {
    const made = harness();
    made.queue.addAfter('a', 5_000);
    made.queue.addAfter('a', 1_000);
    await made.clock.advance(999, drain);
    assert.deepEqual(made.log, []);
    await made.clock.advance(1, drain);
    assert.deepEqual(made.log, ['a']);
    await made.clock.advance(10_000, drain);
    assert.deepEqual(made.log, ['a']);
  });

  it('starts no pass after its end, and waits for those that run', async () => {
    const made = harness();
    let finish = (): void => {};
    made.answer = () =>
      new Promise((resolve) => {
        finish = () => resolve({ afterMs: 1 });
      });
    made.queue.add('a');
    await drain();
    let ended = false;
    const end = made.queue[Symbol.asyncDispose]().then(() => {
      ended = true;
    });
    await drain();
    assert.equal(ended, false);
    finish();
    await end;
    await made.clock.advance(1_000, drain);
    assert.deepEqual(made.log, ['a']);
  });
});
