import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteQueue, collect } from './byte-queue.ts';

const bytes = (text: string): Buffer => Buffer.from(text);

test('what was queued is read, then the end', async () => {
  const queue = new ByteQueue();
  queue.push(bytes('a'));
  queue.push(bytes('b'));
  queue.end();
  queue.push(bytes('too late'));
  assert.equal((await collect(queue, 10))?.toString(), 'ab');
});

test('an error comes after what was queued before it', async () => {
  const queue = new ByteQueue();
  queue.push(bytes('a'));
  queue.end(new Error('broke'));
  const seen: string[] = [];
  await assert.rejects(async () => {
    for await (const part of queue) seen.push(Buffer.from(part).toString());
  }, /broke/);
  assert.deepEqual(seen, ['a']);
});

test('every byte is consumed once: read, dropped or never wanted', async () => {
  let consumed = 0;
  const queue = new ByteQueue((count) => {
    consumed += count;
  });
  queue.push(bytes('1234'));
  queue.push(bytes('5678'));
  for await (const part of queue) {
    assert.equal(part.length, 4);
    // The consumer leaves: the rest is dropped.
    break;
  }
  queue.push(bytes('90'));
  assert.equal(consumed, 10);
  assert.equal(queue.sizeBytes, 0);
});

test('a reader that waits is woken', async () => {
  const queue = new ByteQueue();
  const read = collect(queue, 10);
  await Promise.resolve();
  queue.push(bytes('late'));
  queue.end();
  assert.equal((await read)?.toString(), 'late');
});

test('more than the limit is told apart', async () => {
  const queue = new ByteQueue();
  queue.push(bytes('12345'));
  queue.end();
  assert.equal(await collect(queue, 4), undefined);
});
