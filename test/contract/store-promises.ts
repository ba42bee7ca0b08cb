import assert from 'node:assert/strict';

interface Promised {
  readonly count: number;
  readonly revision: number;
  readonly deleted: boolean;
}

/**
 * What a store has promised by its answers, and whether the state found after a crash keeps it. Every key counts up, one write
 * after the other, so at most one write of a key is unanswered at a time.
 *
 * Lines of a life: `have KEY COUNT REVISION` for each entry found, `open REVISION`; then `will-delete KEY`, and `done`, `gone`
 * (durable), `seen` (lazy: shown, may be lost) `KEY COUNT REVISION`.
 */
export class Promises {
  acknowledged = 0;
  newest = 0;
  #promised = new Map<string, Promised>();
  /** Deletions without an answer yet. */
  readonly #deleting = new Set<string>();
  #found = new Map<string, Promised>();

  /** A new life begins. */
  life(): void {
    this.#found = new Map();
  }

  hear(line: string): void {
    const [what, a = '', b = '', c = ''] = line.split(' ');
    if (what === 'have') this.#found.set(a, { count: Number(b), revision: Number(c), deleted: false });
    else if (what === 'open') this.#check(Number(a));
    else if (what === 'will-delete') this.#deleting.add(a);
    else if (what === 'done' || what === 'gone' || what === 'seen') this.#promise(what, a, { count: Number(b), revision: Number(c), deleted: what === 'gone' });
  }

  /** What has been promised so far, to be held against a state that is looked at on the side. */
  copy(): Promises {
    const copy = new Promises();
    copy.acknowledged = this.acknowledged;
    copy.newest = this.newest;
    copy.#promised = new Map(this.#promised);
    for (const key of this.#deleting) copy.#deleting.add(key);
    return copy;
  }

  #promise(what: string | undefined, key: string, promised: Promised): void {
    assert.ok(promised.revision > 0, `an answer has a revision: ${what}`);
    this.newest = Math.max(this.newest, promised.revision);
    this.#deleting.delete(key);
    if (what === 'seen') return;
    this.acknowledged++;
    this.#promised.set(key, promised);
  }

  #check(revision: number): void {
    assert.ok(revision >= this.newest, `revisions go back: ${this.newest} was given, the store opens at ${revision}`);
    this.newest = revision;
    for (const [key, { count, revision: at, deleted }] of this.#promised) {
      const found = this.#found.get(key);
      if (found === undefined) {
        assert.ok(deleted || this.#deleting.has(key), `${key} ${count}@${at} is lost`);
        continue;
      }
      // A lazy write, or one without an answer, may have followed.
      assert.ok(found.revision >= at, `${key} is back at ${found.count}@${found.revision}, acknowledged was ${count}@${at}`);
      if (found.revision === at) assert.ok(!deleted && found.count === count, `${key} has another value at ${at}`);
    }
    this.#promised = this.#found;
    this.#deleting.clear();
  }
}
