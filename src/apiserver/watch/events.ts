import type { StoreEvent } from '../../store/store.ts';
import { atRevision, type Projection, type StoredEntry } from '../codec/projection.ts';
import type { Selection } from '../handlers/selection.ts';

/** What one watch is told. Shared by all watches that are told the same of one store event. */
export type Told =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly entry: StoredEntry }
  | { readonly type: 'BOOKMARK'; readonly revision: number; readonly initialEnd: boolean };

export type ToldEvent = Extract<Told, { entry: StoredEntry }>;

type Event = StoreEvent<Projection>;

interface Forms {
  added?: ToldEvent;
  modified?: ToldEvent;
  deleted?: ToldEvent;
}

/** Turns store events into what watches are told, each form once for all of them. */
export class ToldEvents {
  /** Of this turn: batches are delivered to all watches in one. Replays make theirs again; kept, they would hold values that the store let go. */
  readonly #forms = new Map<Event, Forms>();
  /** For the newest batches: what a watch without selectors is told. */
  readonly #whole = new WeakMap<readonly Event[], readonly ToldEvent[]>();

  of(batch: readonly Event[], selection: Selection): readonly ToldEvent[] {
    if (!selection.everything) return this.#selected(batch, selection);
    let told = this.#whole.get(batch);
    if (told === undefined) {
      told = batch.map((event) => this.#form(event, event.type === 'delete' ? 'deleted' : event.previous === undefined ? 'added' : 'modified'));
      this.#whole.set(batch, told);
    }
    return told;
  }

  /** An object that comes to match is added, one that no longer matches is deleted: as the last version that matched. */
  #selected(batch: readonly Event[], selection: Selection): readonly ToldEvent[] {
    const told: ToldEvent[] = [];
    for (const event of batch) {
      const before = event.previous !== undefined && selection.matches(event.previous.projection);
      if (event.type === 'delete') {
        if (before || (event.previous === undefined && selection.matches(event.entry.projection))) told.push(this.#form(event, 'deleted'));
        continue;
      }
      const now = selection.matches(event.entry.projection);
      if (now) told.push(this.#form(event, before ? 'modified' : 'added'));
      else if (before) told.push(this.#form(event, 'deleted'));
    }
    return told;
  }

  #form(event: Event, form: keyof Forms): ToldEvent {
    let forms = this.#forms.get(event);
    if (forms === undefined) {
      forms = {};
      if (this.#forms.size === 0) queueMicrotask(() => this.#forms.clear());
      this.#forms.set(event, forms);
    }
    forms[form] ??= make(event, form);
    return forms[form];
  }
}

function make(event: Event, form: keyof Forms): ToldEvent {
  if (form === 'added') return { type: 'ADDED', entry: event.entry };
  if (form === 'modified') return { type: 'MODIFIED', entry: event.entry };
  if (event.type === 'delete' || event.previous === undefined) return { type: 'DELETED', entry: event.entry };
  // It goes on to exist, but not for this watch: its last matching state at the version of the change.
  return { type: 'DELETED', entry: atRevision(event.previous, event.revision) };
}
