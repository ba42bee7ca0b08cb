import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Allocations } from './allocations.ts';

const GPU = 'nvidia.com/gpu';
const wants = (name: string, count: number): { readonly name: string; readonly resources: { readonly limits: Readonly<Record<string, string>> } } => ({
  name,
  resources: { limits: { [GPU]: String(count) } },
});
const two = (): Allocations => new Allocations(() => new Map([[GPU, ['0', '1']]]));

test('devices are given once, and again to the same container', () => {
  const all = two();
  assert.deepEqual(all.allocate('p', wants('a', 1), []), { devices: { [GPU]: ['0'] } });
  assert.deepEqual(all.allocate('p', wants('a', 1), []), { devices: { [GPU]: ['0'] } });
  assert.deepEqual(all.allocate('q', wants('a', 1), []), { devices: { [GPU]: ['1'] } });
  assert.deepEqual(all.allocate('r', wants('a', 1), []), { lacks: GPU, wanted: 1, available: 0 });
  all.release('p');
  assert.deepEqual(all.allocate('r', wants('a', 1), []), { devices: { [GPU]: ['0'] } });
});

test('an app container takes over what its pod’s init container had', () => {
  const all = two();
  all.allocate('p', wants('init', 2), ['init']);
  assert.deepEqual(all.allocate('p', wants('app', 2), ['init']), { devices: { [GPU]: ['0', '1'] } });
  assert.equal(all.available(GPU), 0);
});

test('what containers have is learned from their annotations; what is no annotation is left', () => {
  const all = two();
  all.learn('p', 'a', `{"${GPU}":["1"]}`);
  all.learn('p', 'b', 'rubbish');
  all.learn('p', 'c', undefined);
  assert.deepEqual(all.allocate('q', wants('a', 1), []), { devices: { [GPU]: ['0'] } });
});

test('a container that asks for nothing gets nothing', () => assert.deepEqual(two().allocate('p', { name: 'a' }, []), { devices: {} }));
