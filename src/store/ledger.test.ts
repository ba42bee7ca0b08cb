import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../base/random.ts';
import type { Noted } from './item.ts';
import { Ledger } from './ledger.ts';

test('a ledger has what was entered and not dropped, in order', () => {
  const random = new SeededRandom(7);
  const draw = (below: number): number => Math.floor(random.float() * below);
  const ledger = new Ledger();
  const wanted: Noted[] = [];
  for (let revision = 1, growing = true; revision < 20_000; revision++) {
    if (draw(3000) === 0) growing = !growing;
    const key = `/${draw(50)}`;
    const entry = { key, rowId: revision * 3, sizeBytes: draw(2e6) };
    const previous = draw(4) === 0 ? undefined : { key, rowId: 1 + draw(revision), sizeBytes: draw(2e6) };
    const noted: Noted = { type: draw(5) === 0 ? 'delete' : 'put', key, revision, timeMs: 1.7e12 + revision + 0.5, entry, previous };
    ledger.push(noted);
    wanted.push(noted);
    for (let drop = growing ? 0 : draw(4); drop > 0 && wanted.length > 0; drop--) {
      ledger.shift();
      wanted.shift();
    }
    assert.equal(ledger.size, wanted.length);
    for (const place of [0, draw(wanted.length), wanted.length - 1]) {
      const one = wanted[place];
      if (one === undefined) continue;
      assert.deepEqual(ledger.at(place), one);
      assert.deepEqual([ledger.keyAt(place), ledger.revisionAt(place), ledger.previousAt(place)], [one.key, one.revision, one.previous]);
    }
  }
});
