/** What really happened, kept apart from the watch code that is judged by it: every change in order, and a naive selection over it. */
import assert from 'node:assert/strict';
import type { JsonObject } from '../../src/machinery/object.ts';
import type { Projection } from '../../src/apiserver/codec/projection.ts';
import type { Store } from '../../src/store/store.ts';

/** An object as far as the tests look at it. */
export interface Shape {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly phase: string;
  /** Counts the writes: no two bodies are the same. */
  readonly n: string;
}

export interface Change {
  readonly revision: number;
  /** `configmaps/ns/name` */
  readonly key: string;
  readonly before: Shape | undefined;
  readonly after: Shape | undefined;
}

/** An event as a watcher sees it: `MODIFIED configmaps/a/b n=7 phase= labels= @12`. */
export interface Heard {
  readonly revision: number;
  readonly line: string;
}

export interface Selector {
  readonly name: string;
  /** `configmaps` or `pods` */
  readonly resource: string;
  /** Empty: all. */
  readonly namespace: string;
  readonly query: string;
  readonly selects: (shape: Shape) => boolean;
  /** Objects are told without spec, data and status. */
  readonly metadataOnly: boolean;
}

export const shapeOf = (object: JsonObject): Shape => {
  const { metadata, status, data, spec } = object as {
    readonly metadata: { readonly name: string; readonly namespace: string; readonly labels?: Readonly<Record<string, string>> };
    readonly status?: { readonly phase?: string };
    readonly data?: { readonly n?: string };
    readonly spec?: { readonly hostname?: string };
  };
  return { name: metadata.name, namespace: metadata.namespace, labels: metadata.labels ?? {}, phase: status?.phase ?? '', n: data?.n ?? spec?.hostname ?? '' };
};

export const heardLine = ({ metadataOnly }: Selector, type: string, key: string, shape: Shape, revision: number): string =>
  `${type} ${key} n=${metadataOnly ? '' : shape.n} phase=${metadataOnly ? '' : shape.phase} labels=${Object.entries(shape.labels).toSorted().join(';')} @${revision}`;

const selected = (selector: Selector, key: string, shape: Shape | undefined): Shape | undefined =>
  shape !== undefined &&
  key.startsWith(`${selector.resource}/`) &&
  (selector.namespace === '' || shape.namespace === selector.namespace) &&
  selector.selects(shape)
    ? shape
    : undefined;

export class Truth {
  readonly changes: Change[] = [];
  readonly #now = new Map<string, Shape>();
  readonly #told = new Map<string, readonly Heard[]>();

  /** Follows the store from its first revision on. */
  follow(store: Store<Projection>): void {
    const decoder = new TextDecoder();
    store.watch(
      '/registry/',
      { after: 0 },
      {
        events: (batch) => {
          for (const { type, key, entry, revision } of batch) {
            // `/registry/core/configmaps/ns/name`
            const short = key.split('/').slice(3).join('/');
            const before = this.#now.get(short);
            const after =
              type === 'put' ? shapeOf(JSON.parse(`{"metadata":{${decoder.decode(entry.value.subarray(entry.projection.start))}`) as JsonObject) : undefined;
            if (after === undefined) this.#now.delete(short);
            else this.#now.set(short, after);
            this.changes.push({ revision, key: short, before, after });
          }
        },
        ended: () => {},
      },
    );
  }

  /** Every revision from the first to the last is one change: none is missing in the truth itself. */
  assertWhole(last: number): void {
    assert.deepEqual(
      this.changes.map(({ revision }) => revision),
      Array.from({ length: last }, (_, i) => i + 1),
    );
  }

  /** All that a watch with the selector is told from the first revision on: by the difference of what it selects before and after. */
  told(selector: Selector): readonly Heard[] {
    let told = this.#told.get(selector.name);
    if (told === undefined) {
      told = this.changes.flatMap(({ key, before, after, revision }) => {
        const was = selected(selector, key, before);
        const is = selected(selector, key, after);
        if (is !== undefined) return [{ revision, line: heardLine(selector, was === undefined ? 'ADDED' : 'MODIFIED', key, is, revision) }];
        return was === undefined ? [] : [{ revision, line: heardLine(selector, 'DELETED', key, was, revision) }];
      });
      this.#told.set(selector.name, told);
    }
    return told;
  }

  /** After `after`, up to and including `upTo`. */
  between(selector: Selector, after: number, upTo: number): readonly string[] {
    return this.told(selector)
      .filter(({ revision }) => revision > after && revision <= upTo)
      .map(({ line }) => line);
  }

  /** The state at the revision, by key, each as the event that would add it. */
  listed(selector: Selector, revision: number): readonly string[] {
    const state = new Map<string, string>();
    for (const change of this.changes) {
      if (change.revision > revision) break;
      const shape = selected(selector, change.key, change.after);
      if (shape === undefined) state.delete(change.key);
      else state.set(change.key, heardLine(selector, 'ADDED', change.key, shape, change.revision));
    }
    return [...state].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => line);
  }
}
