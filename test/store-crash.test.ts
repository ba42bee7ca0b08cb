import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Followers } from './contract/store-followers.ts';
import { Promises } from './contract/store-promises.ts';
import { crash } from './store-crash.ts';

describe('store: kill -9 at random points', () => {
  it('every acknowledged write is there, no revision is given twice, and watchers go on without a gap or a repetition', async (t) => {
    const seed = Date.now() % 1e6;
    t.diagnostic(`seed ${seed}`);
    const { acknowledged, resumed, refused, heard, ...rest } = await crash({ kills: 20, writes: 500, seed });
    t.diagnostic(JSON.stringify({ acknowledged, resumed, refused, heard, ...rest }));
    assert.ok(resumed > 20 && resumed > 3 * refused && heard > acknowledged, `${resumed} went on, ${refused} were refused, ${heard} events`);
  });

  it('also in the middle of compaction and of giving pages back (etcd #13766, #14685)', async (t) => {
    const seed = Date.now() % 1e6;
    t.diagnostic(`seed ${seed}`);
    const { kills, acknowledged } = await crash({ kills: 8, writes: 200, seed, purge: true });
    t.diagnostic(`${kills} kills, ${acknowledged} writes`);
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

  const past = ['open 0', 'caught 0', 'told 0 put /a 1 1 0', 'done /a 1 1', 'told 0 put /b 1 2 0', 'done /b 1 2', 'told 0 put /a 2 3 1', 'seen /a 2 3'];
  const heard = (lines: readonly string[]) => () => {
    const followers = new Followers(1);
    for (const line of ['life', ...past, 'life', ...lines]) {
      if (line === 'life') followers.life(() => 0);
      else followers.hear(line);
    }
  };
  for (const [what, lines, fault] of [
    ['a watcher that goes on passes', ['have /a 3 4', 'have /b 1 2', 'open 100', 'told 0 put /a 3 4 3', 'caught 0', 'told 0 delete /b 1 101 2'], undefined],
    ['a watcher whose version was lost lists again', ['have /a 1 1', 'have /b 1 2', 'open 100', 'refused 0 3', 'caught 0', 'told 0 put /a 2 101 1'], undefined],
    ['an event that is lost is caught', ['have /a 4 5', 'have /b 1 2', 'open 100', 'told 0 put /a 4 5 4'], /knows \/a@3/],
    ['the last event that is lost is caught', ['have /a 3 4', 'have /b 1 2', 'open 100', 'caught 0'], /is the list/],
    ['an event that is told twice is caught', ['have /a 2 3', 'have /b 1 2', 'open 100', 'told 0 put /a 2 3 1'], /hears of 3 after 3/],
    ['a deletion that is lost is caught', ['have /a 2 3', 'open 100', 'caught 0'], /is the list/],
    ['a refusal without a reason is caught', ['have /a 2 3', 'have /b 1 2', 'open 100', 'refused 0 2'], /no kill can have taken/],
  ] as const) {
    it(`the check of watchers itself: ${what}`, () => {
      if (fault === undefined) heard(lines)();
      else assert.throws(heard(lines), fault);
    });
  }

  it('the check of watchers itself: who lost all that it heard goes on from before it', () => {
    const followers = new Followers(2);
    followers.life(() => 0);
    for (const line of ['open 0', 'told 1 put /a 1 1 0']) followers.hear(line);
    assert.deepEqual(
      followers.life(() => 0),
      [0, 1],
    );
    assert.deepEqual(
      followers.life((below) => below - 1),
      [0, 0],
    );
  });
});
