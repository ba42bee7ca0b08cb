import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Item } from './item.ts';
import { Slabs } from './slabs.ts';

const MB = 1024 * 1024;

const itemOf = (value: Uint8Array): Item<null> => new Item({ key: '/a', value, projection: null, createRevision: 1, modRevision: 1, rowId: 1, expiresAtMs: 0 });

/** Bytes that nothing else has: a run of one number, and its length. */
const bytesOf = (size: number, number: number): Uint8Array => new Uint8Array(size).fill(number & 0xff);

interface Placed {
  readonly item: Item<null>;
  readonly expected: Uint8Array;
  /** As a response holds it that is still being sent. */
  readonly view: Uint8Array;
}

type Step =
  | { readonly do: 'place'; readonly size: number }
  | { readonly do: 'adopt'; readonly sizes: readonly number[] }
  | { readonly do: 'release'; readonly which: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('place' as const), size: fc.oneof(fc.nat(6000), fc.integer({ min: 50_000, max: 140_000 })) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('adopt' as const), sizes: fc.array(fc.nat(150_000), { minLength: 1, maxLength: 8 }) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('release' as const), which: fc.nat(10_000) }) },
);

describe('slabs', () => {
  it('whatever is placed and released, each value reads as it was placed, also through views and after its release', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 200, maxLength: 600, size: 'max' }), (steps) => {
        const slabs = new Slabs();
        const live: Placed[] = [];
        const released: Placed[] = [];
        for (const [at, each] of steps.entries()) {
          if (each.do === 'place') {
            const item = itemOf(bytesOf(each.size, at));
            slabs.place(item);
            live.push({ item, expected: bytesOf(each.size, at), view: item.value });
          } else if (each.do === 'adopt') {
            const pack = new Uint8Array(each.sizes.reduce((sum, size) => sum + size + 100, 0)).fill(at);
            let from = 50;
            for (const size of each.sizes) {
              const item = itemOf(pack.subarray(from, from + size));
              from += size + 100;
              slabs.adopt(item);
              live.push({ item, expected: bytesOf(size, at), view: item.value });
            }
          } else if (live.length > 0) {
            const [gone] = live.splice(each.which % live.length, 1) as [Placed];
            slabs.release(gone.item);
            slabs.release(gone.item);
            released.push(gone);
          }
        }
        for (const { item, expected, view } of [...live, ...released]) {
          assert.deepEqual(item.value, expected);
          assert.deepEqual(view, expected);
        }
        const inSlabs = live.filter(({ item }) => item.slot !== -1).reduce((sum, { item }) => sum + item.sizeBytes, 0);
        assert.equal(slabs.liveBytes, inSlabs);
        assert.ok(slabs.capacityBytes <= slabs.liveBytes * 1.25 + 6 * MB, `${slabs.capacityBytes} for ${slabs.liveBytes}`);
      }),
      { numRuns: 30 },
    );
  });

  it('what outlives its neighbours does not keep their slab: a few in a hundred of 100 MB take a few MB', () => {
    const slabs = new Slabs();
    const items = Array.from({ length: 25_000 }, (_, i) => itemOf(bytesOf(4096, i)));
    for (const item of items) slabs.place(item);
    assert.ok(slabs.capacityBytes >= 100 * 1000 * 1000);
    for (const [i, item] of items.entries()) if (i % 50 !== 0) slabs.release(item);
    assert.equal(slabs.liveBytes, 500 * 4096);
    assert.ok(slabs.capacityBytes <= 8 * MB, `${slabs.capacityBytes}`);
    for (const [i, item] of items.entries()) if (i % 50 === 0) assert.deepEqual(item.value, bytesOf(4096, i));
    for (const [i, item] of items.entries()) if (i % 50 === 0) slabs.release(item);
    assert.equal(slabs.liveBytes, 0);
    assert.ok(slabs.capacityBytes <= MB);
  });

  it('a view that is held while its slab is emptied goes on to show what it showed', () => {
    const slabs = new Slabs();
    const items = Array.from({ length: 10_000 }, (_, i) => itemOf(bytesOf(4096, i)));
    for (const item of items) slabs.place(item);
    const kept = items.filter((_, i) => i % 100 === 7);
    const views = kept.map((item) => item.value);
    for (const item of items) if (!kept.includes(item)) slabs.release(item);
    // All have moved since.
    assert.ok(kept.some((item, i) => item.value.buffer !== views[i]?.buffer));
    for (let i = 0; i < 2000; i++) slabs.place(itemOf(bytesOf(4096, 0xee)));
    for (const [i, view] of views.entries()) assert.deepEqual(view, bytesOf(4096, items.indexOf(kept[i] as Item<null>)));
  });

  it('a large value lies by itself, and does not keep the buffer that it came in', () => {
    const slabs = new Slabs();
    const pack = new Uint8Array(2 * MB).fill(3);
    const item = itemOf(pack.subarray(100, 100 + 300_000));
    slabs.place(item);
    assert.equal(slabs.capacityBytes, 0);
    assert.equal(item.value.buffer.byteLength, 300_000);
    assert.deepEqual(item.value, bytesOf(300_000, 3));
  });
});
