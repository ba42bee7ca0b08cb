/** More objects than this are not remembered: then something is said again, which does no harm. */
const MOST = 4_096;

/** What was last said of an object, by its UID, so that a pass that comes to the same end does not say it again. */
export class Said {
  readonly #last = new Map<string, string>();

  /** Whether it is new; remembers it. */
  isNews(uid: string, text: string): boolean {
    if (this.#last.get(uid) === text) return false;
    if (this.#last.size >= MOST) this.#last.clear();
    this.#last.set(uid, text);
    return true;
  }

  forget(uid: string): void {
    this.#last.delete(uid);
  }
}
