import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Pod } from '../api/gen/types/core.v1.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import type { Stored } from '../machinery/object.ts';
import type { ClusterChange } from './plugin.ts';
import { SchedulingQueue } from './queue.ts';
import { aPod } from './world.fixture.ts';

const pod = (name: string, priority = 0, meta = {}): Stored<Pod> => aPod(name, { priority, meta }).pod;
const drain = async (): Promise<void> => {};

function start() {
  const clock = new VirtualClock();
  let ready = 0;
  const queue = new SchedulingQueue(clock, () => void ready++);
  const wakes = (...changes: ClusterChange[]): ReadonlySet<ClusterChange> => new Set(changes);
  const pop = (): string | undefined => queue.pop()?.key;
  return { clock, queue, wakes, pop, readies: () => ready };
}

describe('the scheduling queue', () => {
  it('gives the highest priority first, and among equals who came first', () => {
    const { queue, pop } = start();
    for (const each of [pod('a'), pod('b', 10), pod('c'), pod('d', 10)]) queue.put(each);
    assert.deepEqual([pop(), pop(), pop(), pop(), pop()], ['default/b', 'default/d', 'default/a', 'default/c', undefined]);
  });

  it('wakes a refused pod only for what could help', () => {
    const { queue, wakes, pop, readies } = start();
    queue.put(pod('a'));
    const queued = queue.pop();
    assert.ok(queued);
    queue.refused(queued, wakes('node'));
    queue.changed('claim');
    assert.equal(pop(), undefined);
    const before = readies();
    queue.changed('node');
    assert.equal(readies(), before + 1);
    assert.equal(pop(), 'default/a');
  });

  it('does not miss a change that came while the pod was tried', () => {
    const { queue, wakes, pop } = start();
    queue.put(pod('a'));
    const queued = queue.pop();
    queue.changed('node');
    assert.ok(queued);
    queue.refused(queued, wakes('node'));
    assert.equal(pop(), 'default/a');
  });

  it('a woken pod that backs off lets others go first, and need not wait when there are none', () => {
    const { queue, wakes, pop } = start();
    queue.put(pod('a'));
    const queued = queue.pop();
    assert.ok(queued);
    queue.refused(queued, wakes('node'));
    queue.changed('node');
    queue.put(pod('b'));
    assert.deepEqual([pop(), pop()], ['default/b', 'default/a']);
  });

  it('after an error a pod waits out its time, twice as long each time', async () => {
    const { clock, queue, pop } = start();
    queue.put(pod('a'));
    for (const seconds of [1, 2, 4, 8, 10, 10]) {
      const queued = queue.pop();
      assert.ok(queued);
      queue.erred(queued);
      await clock.advance(seconds * 1000 - 1, drain);
      assert.equal(pop(), undefined);
      await clock.advance(1, drain);
    }
  });

  it('tries again after five minutes whatever happens, and sets no timer when nobody waits', async () => {
    const { clock, queue, wakes, pop } = start();
    queue.put(pod('a'));
    const queued = queue.pop();
    assert.equal(clock.nextInMs(), undefined);
    assert.ok(queued);
    queue.refused(queued, wakes());
    await clock.advance(299_000, drain);
    assert.equal(pop(), undefined);
    await clock.advance(1_000, drain);
    assert.equal(pop(), 'default/a');
  });

  it('a pod that changes itself is tried again, one that only has a new condition is not', () => {
    const { queue, wakes, pop } = start();
    queue.put(pod('a', 0, { generation: 1 }));
    const queued = queue.pop();
    assert.ok(queued);
    queue.refused(queued, wakes('node'));
    queue.put(pod('a', 0, { generation: 1, resourceVersion: '99' }));
    assert.equal(pop(), undefined);
    queue.put(pod('a', 0, { generation: 2 }));
    assert.equal(pop(), 'default/a');
  });

  it('a pod of the same name is another pod', () => {
    const { queue, wakes, pop } = start();
    queue.put(pod('a'));
    const queued = queue.pop();
    queue.put(pod('a', 0, { uid: 'other' }));
    assert.ok(queued);
    queue.refused(queued, wakes());
    assert.equal(pop(), 'default/a');
    assert.equal(queue.size, 1);
  });
});
