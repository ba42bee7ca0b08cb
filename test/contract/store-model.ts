/** The naive store: a map for each revision. What it answers is right by being obvious. */
export class StoreModel {
  /** State after each revision; index 0 is the empty start. */
  readonly states: ReadonlyMap<string, ModelEntry>[] = [new Map()];
  readonly events: string[] = [];
  compactedRevision = 0;

  get revision(): number {
    return this.states.length - 1;
  }

  get(key: string): ModelEntry | undefined {
    return this.states.at(-1)?.get(key);
  }

  /** False: a guard failed. */
  commit(operations: readonly ModelOperation[], guards: readonly { readonly key: string; readonly modRevision: number }[]): boolean {
    if (guards.some(({ key, modRevision }) => (this.get(key)?.modRevision ?? 0) !== modRevision)) return false;
    const revision = this.revision + 1;
    const next = new Map(this.states.at(-1));
    const told: string[] = [];
    for (const { key, text } of operations) {
      const before = next.get(key);
      if (text === undefined && before === undefined) continue;
      told.push(`${text === undefined ? 'delete' : 'put'} ${key} ${text ?? before?.text}@${revision}`);
      if (text === undefined) next.delete(key);
      else next.set(key, { text, createRevision: before?.createRevision ?? revision, modRevision: revision });
    }
    if (told.length === 0) return true;
    this.states.push(next);
    this.events.push(...told);
    return true;
  }

  list(prefix: string, revision: number, after = ''): string[] {
    return [...(this.states[revision] ?? [])]
      .filter(([key]) => key.startsWith(prefix) && key > after)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, entry]) => `${key} ${entry.text} ${entry.createRevision} ${entry.modRevision}`);
  }

  /** What a watch from the revision must have been told by now. */
  told(prefix: string, after: number): string[] {
    return this.events.filter((line) => line.split(' ')[1]?.startsWith(prefix) === true && Number(line.split('@').at(-1)) > after);
  }
}

export interface ModelEntry {
  readonly text: string;
  readonly createRevision: number;
  readonly modRevision: number;
}

/** Without a text: a deletion. */
export interface ModelOperation {
  readonly key: string;
  readonly text?: string | undefined;
}
