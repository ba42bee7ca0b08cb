import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../base/virtual-clock.ts';
import { type Heap, HeapRest } from './heap-rest.ts';

const MB = 1024 * 1024;
const turn = (): Promise<void> => Promise.resolve();

class FakeHeap implements Heap {
  young = 16 * MB;
  used = 30 * MB;
  shrunk = 0;
  collected: (() => void) | undefined;

  youngBytes(): number {
    return this.young;
  }

  usedBytes(): number {
    return this.used;
  }

  shrink(): void {
    this.shrunk++;
    this.young = MB;
    this.collected?.();
  }

  follow(collected: () => void): Disposable {
    this.collected = collected;
    return { [Symbol.dispose]: () => (this.collected = undefined) };
  }
}

test('room for new objects is given back when collections have ceased, and not again for a minute', async () => {
  const clock = new VirtualClock();
  const heap = new FakeHeap();
  using _ = new HeapRest(clock, heap);
  for (let i = 0; i < 10; i++) {
    heap.collected?.();
    await clock.advance(2000, turn);
  }
  assert.equal(heap.shrunk, 0, 'there is load');
  await clock.advance(6000, turn);
  assert.equal(heap.shrunk, 1);
  await clock.advance(200_000, turn);
  assert.equal(heap.shrunk, 1, 'nothing happens at rest');
  heap.collected?.();
  await clock.advance(3000, turn);
  heap.young = 16 * MB;
  heap.collected?.();
  await clock.advance(3000, turn);
  assert.equal(heap.shrunk, 2);
  heap.young = 16 * MB;
  heap.collected?.();
  await clock.advance(30_000, turn);
  assert.equal(heap.shrunk, 2);
  await clock.advance(60_000, turn);
  assert.equal(heap.shrunk, 3);
});

test('a heap that is small already, or too large to be collected at once, is left alone', async () => {
  const clock = new VirtualClock();
  const heap = new FakeHeap();
  heap.young = MB;
  using _ = new HeapRest(clock, heap);
  heap.collected?.();
  await clock.advance(20_000, turn);
  heap.young = 16 * MB;
  heap.used = 200 * MB;
  heap.collected?.();
  await clock.advance(20_000, turn);
  assert.equal(heap.shrunk, 0);
});
