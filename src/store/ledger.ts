import type { Away, Noted } from './item.ts';

const SEGMENT = 1024;

/** Columns of so many changes: an object for each would take three times as much. */
class Segment {
  readonly keys: string[] = [];
  readonly revisions = new Float64Array(SEGMENT);
  readonly timesMs = new Float64Array(SEGMENT);
  readonly rowIds = new Float64Array(SEGMENT);
  readonly sizes = new Uint32Array(SEGMENT);
  /** 0: there was none. */
  readonly previousRowIds = new Float64Array(SEGMENT);
  readonly previousSizes = new Uint32Array(SEGMENT);
  readonly deletions = new Uint8Array(SEGMENT);
}

/** Changes whose values only the journal has: 50 bytes each, and the key where nothing else holds it. In order, by their place from the oldest on. */
export class Ledger {
  #segments: Segment[] = [];
  /** Changes of the first segment that are forgotten. */
  #head = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push({ type, key, revision, timeMs, entry, previous }: Noted): void {
    const place = this.#head + this.#size++;
    const at = place % SEGMENT;
    if (at === 0) this.#segments.push(new Segment());
    const segment = this.#segments.at(-1) as Segment;
    segment.keys.push(key);
    segment.revisions[at] = revision;
    segment.timesMs[at] = timeMs;
    segment.rowIds[at] = entry.rowId;
    segment.sizes[at] = entry.sizeBytes;
    segment.previousRowIds[at] = previous?.rowId ?? 0;
    segment.previousSizes[at] = previous?.sizeBytes ?? 0;
    segment.deletions[at] = type === 'delete' ? 1 : 0;
  }

  /** Drops the oldest. */
  shift(): void {
    this.#size--;
    this.#head++;
    if (this.#size === 0) {
      this.#segments = [];
      this.#head = 0;
    } else if (this.#head === SEGMENT) {
      this.#segments.shift();
      this.#head = 0;
    }
  }

  keyAt(place: number): string {
    const [segment, at] = this.#find(place);
    return segment.keys[at] as string;
  }

  revisionAt(place: number): number {
    const [segment, at] = this.#find(place);
    return segment.revisions[at] as number;
  }

  previousAt(place: number): Away | undefined {
    const [segment, at] = this.#find(place);
    const rowId = segment.previousRowIds[at] as number;
    return rowId === 0 ? undefined : { key: segment.keys[at] as string, rowId, sizeBytes: segment.previousSizes[at] as number };
  }

  at(place: number): Noted {
    const [segment, at] = this.#find(place);
    const key = segment.keys[at] as string;
    return {
      type: segment.deletions[at] === 1 ? 'delete' : 'put',
      key,
      revision: segment.revisions[at] as number,
      timeMs: segment.timesMs[at] as number,
      entry: { key, rowId: segment.rowIds[at] as number, sizeBytes: segment.sizes[at] as number },
      previous: this.previousAt(place),
    };
  }

  #find(place: number): readonly [Segment, number] {
    const from = this.#head + place;
    return [this.#segments[Math.floor(from / SEGMENT)] as Segment, from % SEGMENT];
  }
}
