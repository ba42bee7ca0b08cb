import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLog } from '../../base/log.ts';
import { VirtualClock } from '../../base/virtual-clock.ts';
import type { Container, Runtime, RuntimeEvent, Sandbox } from '../runtime/runtime.ts';
import { RuntimeCache } from './runtime-cache.ts';
import { containerOf } from './testdata/views.ts';

type Listed = { readonly sandboxes: readonly Sandbox[]; readonly containers: readonly Container[] };

/** A runtime whose lists are answered when the test says so. */
class SlowRuntime {
  readonly there = new Map<string, Container>();
  readonly answers: ((listed: Listed) => void)[] = [];
  tell: (event: RuntimeEvent) => void = () => {};
  changed: string[] = [];

  async cache(): Promise<{ readonly cache: RuntimeCache; readonly relist: () => Promise<(listed: Listed) => void> }> {
    const clock = new VirtualClock();
    const parts: Partial<Runtime> = {
      list: () => new Promise((resolve) => this.answers.push(resolve)),
      container: async (id) => this.there.get(id),
      events: (receive) => {
        this.tell = receive;
        return { [Symbol.dispose]: () => {} };
      },
    };
    const cache = new RuntimeCache({ runtime: parts as Runtime, clock, log: silentLog, changed: (uid) => this.changed.push(uid) });
    const started = cache.start();
    this.answers.shift()?.({ sandboxes: [], containers: [...this.there.values()] });
    await started;
    return {
      cache,
      relist: async () => {
        this.tell({ type: 'lost' });
        await clock.advance(1, async () => {});
        const answer = this.answers.shift();
        if (answer === undefined) throw new Error('nothing was listed');
        return answer;
      },
    };
  }
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const ids = (cache: RuntimeCache): readonly string[] => cache.ofPod('u').containers.map(({ id }) => id);

test('a container that is made while a list is on its way is not lost: it would be made a second time', async () => {
  const runtime = new SlowRuntime();
  const { cache, relist } = await runtime.cache();
  const answer = await relist();
  runtime.there.set('c/0', containerOf('c', 'running'));
  await cache.refreshContainer('c/0');
  answer({ sandboxes: [], containers: [] });
  await settle();
  assert.deepEqual(ids(cache), ['c/0']);
  cache[Symbol.dispose]();
});

test('the same while two lists are on their way: containerd was lost twice', async () => {
  const runtime = new SlowRuntime();
  const { cache, relist } = await runtime.cache();
  const first = await relist();
  const second = await relist();
  runtime.there.set('c/0', containerOf('c', 'running'));
  await cache.refreshContainer('c/0');
  for (const answer of [second, first]) {
    answer({ sandboxes: [], containers: [] });
    await settle();
    assert.deepEqual(ids(cache), ['c/0']);
  }
  cache[Symbol.dispose]();
});

test('one that is removed while a list is on its way does not come back', async () => {
  const runtime = new SlowRuntime();
  runtime.there.set('c/0', containerOf('c', 'exited'));
  const { cache, relist } = await runtime.cache();
  const answer = await relist();
  cache.forget('c/0');
  answer({ sandboxes: [], containers: [containerOf('c', 'exited')] });
  await settle();
  assert.deepEqual(ids(cache), []);
  cache[Symbol.dispose]();
});

test('what a list lacks is gone, what it has is known', async () => {
  const runtime = new SlowRuntime();
  runtime.there.set('c/0', containerOf('c', 'running'));
  const { cache, relist } = await runtime.cache();
  const answer = await relist();
  answer({ sandboxes: [], containers: [containerOf('d', 'running')] });
  await settle();
  assert.deepEqual(ids(cache), ['d/0']);
  cache[Symbol.dispose]();
});
