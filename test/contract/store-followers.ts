import assert from 'node:assert/strict';

interface Told {
  readonly revision: number;
  readonly key: string;
  readonly count: number;
  readonly deleted: boolean;
}

/** How far back a follower goes to resume, in events. */
const BACK = 100;
/** So many events the store keeps at least, whatever is compacted. */
export const KEPT_EVENTS = 200;

/**
 * Watchers of a store that is killed again and again: each goes on, in the next life, from a version that it has heard of before,
 * the newest or an older one. What it hears must join what it has without a gap, a repetition or another order: every event names
 * the version that the key had before, and after the last one from the past the watcher's picture is the list.
 *
 * Lines of a life: `have KEY COUNT REVISION` for each entry, `open REVISION`; `refused WATCHER REVISION` when it may not go on from
 * there (it then begins with the list); `told WATCHER put|delete KEY COUNT REVISION PREVIOUS` (0: none), `caught WATCHER` after the
 * past; `done` and `gone` `KEY COUNT REVISION` for what is durable.
 */
export class Followers {
  resumed = 0;
  refused = 0;
  heard = 0;
  readonly #followers: Told[][];
  /** What a follower has, apart from what it was told since: by key. */
  readonly #bases: Map<string, Told>[];
  /** The version of each base. */
  readonly #points: number[];
  /** Versions that were answered: what happened, a few of each life apart. */
  #answered: number[] = [];
  #have = new Map<string, Told>();
  #opened = 0;
  #durable = 0;
  /** What each kill may have taken: after the last version that was acknowledged as durable, before the next start. */
  #lost: { readonly after: number; readonly before: number }[] = [];

  constructor(count: number) {
    this.#followers = Array.from({ length: count }, () => []);
    this.#bases = Array.from({ length: count }, () => new Map());
    this.#points = Array.from({ length: count }, () => 0);
  }

  /** A new life begins: the versions from which the watchers go on. `draw`: a whole number below its argument. */
  life(draw: (below: number) => number): readonly number[] {
    this.#have = new Map();
    return this.#followers.map((told, watcher) => {
      // Some had lost their connection a while before.
      const lost = watcher === 0 ? 0 : draw(Math.min(BACK, told.length + 1));
      told.length -= lost;
      return told.at(-1)?.revision ?? this.#points[watcher] ?? 0;
    });
  }

  hear(line: string): void {
    const [what, a = '', b = '', c = '', d = '', e = '', f = ''] = line.split(' ');
    if (what === 'have') this.#have.set(a, { key: a, count: Number(b), revision: Number(c), deleted: false });
    else if (what === 'open') this.#open(Number(a));
    else if (what === 'done' || what === 'gone' || what === 'seen') this.#answer(what, Number(c));
    else if (what === 'refused') this.#refuse(Number(a), Number(b));
    else if (what === 'told') this.#tell(Number(a), { deleted: b === 'delete', key: c, count: Number(d), revision: Number(e) }, Number(f));
    else if (what === 'caught') this.#compare(Number(a));
  }

  copy(): Followers {
    const copy = new Followers(this.#followers.length);
    for (const [watcher, told] of this.#followers.entries()) {
      copy.#followers[watcher] = [...told];
      copy.#bases[watcher] = new Map(this.#bases[watcher]);
      copy.#points[watcher] = this.#points[watcher] ?? 0;
    }
    copy.#durable = this.#durable;
    copy.#lost = [...this.#lost];
    copy.#answered = [...this.#answered];
    return copy;
  }

  #answer(what: string, revision: number): void {
    if (what !== 'seen') this.#durable = Math.max(this.#durable, revision);
    this.#answered.push(revision);
    if (this.#answered.length > 4 * KEPT_EVENTS) this.#answered = this.#answered.slice(-2 * KEPT_EVENTS);
  }

  #open(revision: number): void {
    this.#lost.push({ after: this.#durable, before: revision });
    this.#opened = revision;
    this.#durable = revision;
  }

  #refuse(watcher: number, revision: number): void {
    const isOld = this.#answered.filter((answered) => answered > revision).length > KEPT_EVENTS / 2;
    const isLost = this.#lost.some(({ after, before }) => revision > after && revision < before);
    assert.ok(isOld || isLost, `watcher ${watcher} may not go on from ${revision}, which is not old, and which no kill can have taken`);
    this.refused++;
    this.#bases[watcher] = new Map(this.#have);
    this.#followers[watcher] = [];
    this.#points[watcher] = this.#opened;
  }

  #tell(watcher: number, event: Told, previous: number): void {
    const told = this.#followers[watcher] as Told[];
    const last = told.at(-1)?.revision ?? this.#points[watcher] ?? 0;
    assert.ok(event.revision > last, `watcher ${watcher} hears of ${event.revision} after ${last}`);
    const before = told.findLast(({ key }) => key === event.key) ?? this.#bases[watcher]?.get(event.key);
    const known = before === undefined || before.deleted ? 0 : before.revision;
    assert.equal(previous, known, `watcher ${watcher} knows ${event.key}@${known}, and hears of ${event.revision}, which followed ${previous}`);
    told.push(event);
    this.heard++;
    if (told.length > 4 * BACK) this.#settle(watcher, told.splice(0, 2 * BACK));
  }

  #settle(watcher: number, events: readonly Told[]): void {
    const base = this.#bases[watcher] as Map<string, Told>;
    for (const event of events) {
      if (event.deleted) base.delete(event.key);
      else base.set(event.key, event);
    }
    this.#points[watcher] = events.at(-1)?.revision ?? 0;
  }

  #compare(watcher: number): void {
    this.resumed++;
    const picture = new Map(this.#bases[watcher]);
    for (const event of this.#followers[watcher] ?? []) {
      if (event.deleted) picture.delete(event.key);
      else picture.set(event.key, event);
    }
    const lines = (of: ReadonlyMap<string, Told>): readonly string[] =>
      [...of.values()].map(({ key, count, revision }) => `${key} ${count}@${revision}`).toSorted();
    assert.deepEqual(lines(picture), lines(this.#have), `what watcher ${watcher} has is the list`);
  }
}
