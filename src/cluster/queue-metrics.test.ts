import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../base/random.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import { WorkQueue } from '../client/work-queue.ts';
import { QueueMetrics } from './queue-metrics.ts';

test('what waits in a queue, what is worked on, how often it was tried, and how long both took', async () => {
  const clock = new VirtualClock();
  const metrics = new QueueMetrics();
  const figures = (): Readonly<Record<string, number>> =>
    Object.fromEntries(
      metrics.gauges.flatMap(({ name, values }) =>
        values()
          .filter(({ labels, suffix }) => labels?.['name'] === 'demo-controller' && suffix !== '_bucket')
          .map(({ value, suffix = '' }) => [`${name.replace('workqueue_', '')}${suffix}`, value]),
      ),
    );
  const settle = (ms: number): Promise<void> => clock.advance(ms, () => new Promise((resolve) => setImmediate(resolve)));
  let attempts = 0;
  const queue: WorkQueue = new WorkQueue({
    clock,
    random: new SeededRandom(1),
    concurrency: 1,
    firstMs: 1000,
    work: async () => {
      await new Promise<void>((resolve) => clock.setTimer(4000, resolve));
      if (attempts++ === 0) throw new Error('once');
      return undefined;
    },
    failed: () => {},
    times: metrics.follow('demo-controller', () => queue.state),
  });
  queue.add('a');
  queue.add('a');
  queue.add('b');
  queue.start();
  await settle(3000);
  assert.deepEqual(figures(), {
    depth: 1,
    adds_total: 2,
    retries_total: 0,
    queue_duration_seconds_sum: 0,
    queue_duration_seconds_count: 1,
    work_duration_seconds_sum: 0,
    work_duration_seconds_count: 0,
    unfinished_work_seconds: 3,
    longest_running_processor_seconds: 3,
  });
  await settle(3000);
  const { queue_duration_seconds_sum: waited, work_duration_seconds_sum: worked, retries_total: retries, depth, adds_total: adds } = figures();
  assert.deepEqual([waited, worked, retries, depth, adds], [4, 4, 1, 1, 3]);
  // What comes while it is worked on waits from then on.
  queue.add('b');
  await settle(2000);
  assert.equal(figures()['adds_total'], 4);
  const ended = queue[Symbol.asyncDispose]();
  await settle(10_000);
  await ended;
});
