import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Promises } from './contract/store-promises.ts';
import { crash } from './store-crash.ts';

describe('store: kill -9 at random points', () => {
  it('every acknowledged write is there, and no revision is given twice', async (t) => {
    const seed = Date.now() % 1e6;
    t.diagnostic(`seed ${seed}`);
    const { acknowledged } = await crash({ kills: 20, seed });
    assert.ok(acknowledged > 1000, `only ${acknowledged} writes`);
  });

  const lives = (lines: readonly string[]) => () => {
    const promises = new Promises();
    for (const line of lines) {
      if (line === 'life') promises.life();
      else promises.hear(line);
    }
  };
  const start = ['life', 'open 0', 'done /a 1 1', 'done /a 2 2', 'seen /a 3 3', 'life'];
  for (const [what, lines, fault] of [
    ['a kept promise passes', ['have /a 2 2', 'open 100'], undefined],
    ['a write without an answer may be there', ['have /a 4 4', 'open 100'], undefined],
    ['a lost entry is caught', ['open 100'], /lost/],
    ['an older value is caught', ['have /a 1 1', 'open 100'], /back at/],
    ['another value at the same revision is caught', ['have /a 7 2', 'open 100'], /another value/],
    ['a revision that was only shown may not be given again', ['have /a 2 2', 'open 2'], /revisions go back/],
  ] as const) {
    it(`the check itself: ${what}`, () => {
      if (fault === undefined) lives([...start, ...lines])();
      else assert.throws(lives([...start, ...lines]), fault);
    });
  }
});
