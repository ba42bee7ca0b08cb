import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '../../api/gen/types/core.v1.ts';
import { VirtualClock } from '../../base/virtual-clock.ts';
import type { ChangeHandler, Informer } from '../../client/informer.ts';
import type { Stored } from '../../machinery/object.ts';
import { Expectations, GIVEN_UP_AFTER_MS, LOOK_AGAIN_MS } from './expectations.ts';

const pod = (uid: string, resourceVersion = '7'): Stored<Pod> => ({ metadata: { name: uid, namespace: 'ns', uid, resourceVersion } });

function world(): { readonly clock: VirtualClock; readonly expected: Expectations<Pod>; readonly tell: ChangeHandler<Pod> } {
  const clock = new VirtualClock();
  let tell: ChangeHandler<Pod> = {};
  const informer: Partial<Informer<Pod>> = {
    get: () => undefined,
    onChange: (handler) => {
      tell = handler;
      return { [Symbol.dispose]: () => {} };
    },
  };
  const expected = new Expectations(informer as Informer<Pod>, clock);
  return { clock, expected, tell };
}

test('what was made is waited for until the cache shows it', () => {
  const { expected, tell } = world();
  expected.created('ns/web', pod('a'));
  assert.equal(expected.waitMs('ns/web'), LOOK_AGAIN_MS);
  assert.equal(expected.waitMs('ns/other'), undefined);
  tell.added?.(pod('a'));
  assert.equal(expected.waitMs('ns/web'), undefined);
});

test('what came and went while the watch was broken is not waited for: a list that is newer does not have it', () => {
  const { expected, tell } = world();
  tell.listed?.('6');
  expected.created('ns/web', pod('a', '7'));
  tell.listed?.('6');
  assert.equal(expected.waitMs('ns/web'), LOOK_AGAIN_MS, 'the list may have been made before the pod');
  tell.listed?.('9');
  assert.equal(expected.waitMs('ns/web'), undefined);
  expected.created('ns/web', pod('b', '8'));
  assert.equal(expected.waitMs('ns/web'), undefined, 'also when the answer comes after the list');
  expected.created('ns/web', pod('c', '10'));
  assert.equal(expected.waitMs('ns/web'), LOOK_AGAIN_MS);
});

test('what the cache never shows is not waited for for ever', async () => {
  const { clock, expected } = world();
  expected.created('ns/web', pod('a'));
  await clock.advance(GIVEN_UP_AFTER_MS - 1, async () => {});
  assert.equal(expected.waitMs('ns/web'), 1);
  await clock.advance(1, async () => {});
  assert.equal(expected.waitMs('ns/web'), undefined);
  expected.created('ns/web', pod('b'));
  assert.equal(expected.waitMs('ns/web'), LOOK_AGAIN_MS, 'the next one has its own time');
});

test('a deletion that failed is not waited for', () => {
  const { expected } = world();
  expected.deleting('ns/web', 'a');
  expected.withdraw('ns/web', 'a');
  assert.equal(expected.waitMs('ns/web'), undefined);
});
