import type { Random } from '../../src/base/random.ts';
import type { TransportRequest } from '../../src/client/transport.ts';
import type { ApiResponse, WatchEvent, WatchHandle, WatchSink } from '../../src/machinery/exchange.ts';
import type { JsonObject } from '../../src/machinery/object.ts';
import { StatusError } from '../../src/machinery/status-error.ts';
import { heardLine, type Selector, shapeOf } from './truth.ts';

export interface Way {
  request(request: TransportRequest): Promise<Pick<ApiResponse, 'body'>>;
  watch(request: TransportRequest, sink: WatchSink): Promise<WatchHandle>;
}

/** What the server's store says while a watcher listens: only to judge, never to watch. */
export interface Surroundings {
  readonly revision: () => number;
  readonly compacted: () => number;
  readonly random: Random;
  readonly stopped: () => boolean;
}

export type Heard =
  | { readonly type: 'event'; readonly revision: number; readonly line: string }
  | { readonly type: 'bookmark'; readonly revision: number; readonly initialEnd: boolean };

/** One watch from its start to its end, as it was heard. */
export interface Segment {
  readonly start:
    | { readonly kind: 'after'; readonly revision: number }
    | { readonly kind: 'marked' }
    | { readonly kind: 'state'; readonly from: number; to: number };
  readonly heard: Heard[];
}

/** A list, as it was read page by page. */
export interface Listing {
  readonly revision: number;
  readonly lines: readonly string[];
}

type Point = { readonly kind: 'resume'; readonly revision: number } | { readonly kind: 'list' } | { readonly kind: 'marked' } | { readonly kind: 'state' };

/** A client that watches, loses its connection, and goes on: from the last version seen, from an older one, or from a new list. */
export class HistoryWatcher {
  readonly selector: Selector;
  readonly segments: Segment[] = [];
  readonly listings: Listing[] = [];
  readonly faults: string[] = [];
  readonly counts = { resumed: 0, expired: 0, future: 0, tooOldTokens: 0, bookmarks: 0, broken: 0 };
  readonly #way: Way;
  readonly #around: Surroundings;
  #handle: WatchHandle | undefined;
  #seen = 0;
  #generation = 0;
  #end: () => void = () => {};

  constructor(selector: Selector, way: Way, around: Surroundings) {
    this.selector = selector;
    this.#way = way;
    this.#around = around;
  }

  /** The last version that this watcher knows; what it is complete to. */
  get seen(): number {
    return this.#seen;
  }

  close(): void {
    this.#generation++;
    this.#handle?.close();
    this.#end();
  }

  /** Watches until told to stop; every watch ends by itself, by a lost connection or by 410. */
  async run(): Promise<void> {
    let next: Point = this.#draw(3) === 0 ? { kind: 'state' } : this.#draw(2) === 0 ? { kind: 'marked' } : { kind: 'list' };
    while (!this.#around.stopped()) {
      try {
        next = await this.#once(next);
      } catch (thrown) {
        if (isBroken(thrown)) {
          this.counts.broken++;
          next = this.#seen > 0 ? { kind: 'resume', revision: this.#seen } : { kind: 'list' };
          continue;
        }
        this.faults.push(`${this.selector.name}: ${thrown instanceof Error ? thrown.stack : String(thrown)}`);
        return;
      }
    }
  }

  /** After the end of the writes: one watch that goes on from what was seen and is left open. */
  async goOn(): Promise<void> {
    for (;;) {
      try {
        return await this.#watchOn();
      } catch (thrown) {
        if (!isBroken(thrown)) throw thrown;
        this.counts.broken++;
      }
    }
  }

  async #watchOn(): Promise<void> {
    const expired = this.#seen === 0 || this.#seen < this.#around.compacted();
    if (expired) await this.#list();
    const listening = await this.#listen({ kind: 'after', revision: this.#seen }, [['resourceVersion', String(this.#seen)]], Number.POSITIVE_INFINITY);
    if (isBroken(listening.refused)) throw listening.refused;
    if (listening.refused !== undefined) this.faults.push(`${this.selector.name}: the last watch was refused: ${listening.refused.message}`);
  }

  async #once(point: Point): Promise<Point> {
    if (point.kind === 'list') {
      await this.#list();
      return { kind: 'resume', revision: this.#seen };
    }
    if (this.#draw(40) === 0) await this.#future();
    const compactedBefore = this.#around.compacted();
    const lifeEvents = 1 + this.#draw(this.#draw(4) === 0 ? 400 : 60);
    const { start, query } = this.#startOf(point);
    const { refused, ended } = await this.#listen(start, query, lifeEvents);
    // Told to stop while it was asking for something else.
    if (this.#around.stopped()) this.close();
    const error = refused ?? (await ended);
    if (error === undefined) {
      if (start.kind === 'after' && start.revision < compactedBefore && !this.#around.stopped())
        this.faults.push(`${this.selector.name}: ${start.revision} was compacted (${compactedBefore}), but the watch was started`);
      return this.#afterLoss();
    }
    if (error.code !== 410) throw error;
    this.counts.expired++;
    if (start.kind === 'after' && start.revision >= this.#around.compacted())
      this.faults.push(`${this.selector.name}: ${start.revision} was called too old, but only ${this.#around.compacted()} is compacted`);
    if (start.kind === 'after' && start.revision < compactedBefore && refused === undefined && this.segments.at(-1)?.heard.length !== 0)
      this.faults.push(`${this.selector.name}: ${start.revision} was compacted, but events were told`);
    return this.#draw(2) === 0 ? { kind: 'list' } : { kind: 'marked' };
  }

  #startOf(point: Point): { readonly start: Segment['start']; readonly query: [string, string][] } {
    if (point.kind === 'resume') return { start: { kind: 'after', revision: point.revision }, query: [['resourceVersion', String(point.revision)]] };
    if (point.kind === 'marked')
      return {
        start: { kind: 'marked' },
        query: [
          ['sendInitialEvents', 'true'],
          ['resourceVersionMatch', 'NotOlderThan'],
          ...(this.#seen === 0 ? [] : [['resourceVersion', String(this.#seen)] as [string, string]]),
        ],
      };
    const from = this.#around.revision();
    return { start: { kind: 'state', from, to: from }, query: this.#draw(2) === 0 ? [['resourceVersion', '0']] : [] };
  }

  #afterLoss(): Point {
    const choice = this.#draw(20);
    if (choice < 14 && this.#seen > 0) {
      this.counts.resumed++;
      return { kind: 'resume', revision: this.#seen };
    }
    if (choice < 17 && this.#seen > 0) return { kind: 'resume', revision: 1 + this.#draw(this.#seen) };
    return choice === 17 ? { kind: 'list' } : choice === 18 ? { kind: 'marked' } : { kind: 'state' };
  }

  async #listen(
    start: Segment['start'],
    query: [string, string][],
    lifeEvents: number,
  ): Promise<{ readonly refused?: StatusError; readonly ended: Promise<StatusError | undefined> }> {
    const segment: Segment = { start, heard: [] };
    const generation = ++this.#generation;
    let left = lifeEvents;
    let end: (error: StatusError | undefined) => void = () => {};
    const ended = new Promise<StatusError | undefined>((resolve) => (end = resolve));
    this.#end = () => end(undefined);
    const sink: WatchSink = {
      events: (batch) => {
        // What comes after the connection was given up is lost, like what is in flight on a network.
        for (const event of batch) if (left-- > 0 && generation === this.#generation) this.#hear(segment, event);
        if (left > 0 || generation !== this.#generation) return;
        this.#generation++;
        this.#handle?.close();
        end(undefined);
      },
      closed: (error) => end(error),
    };
    // Now and then the server ends it.
    const timeout: [string, string][] = this.#draw(3) === 0 ? [['timeoutSeconds', String(1 + this.#draw(200))]] : [];
    try {
      const handle = await this.#way.watch(this.#ask([['watch', 'true'], ['allowWatchBookmarks', 'true'], ...query, ...timeout]), sink);
      if (start.kind === 'state') start.to = this.#around.revision();
      this.segments.push(segment);
      this.#handle = handle;
      // All of its life may have passed before it was known.
      if (generation !== this.#generation) handle.close();
      return { ended };
    } catch (thrown) {
      if (!(thrown instanceof StatusError)) throw thrown;
      return { refused: thrown, ended };
    }
  }

  #hear(segment: Segment, { type, object }: WatchEvent): void {
    const revision = Number(object.metadata?.resourceVersion);
    if (revision > this.#around.revision()) this.faults.push(`${this.selector.name}: ${type} @${revision} was told before it was durable`);
    if (type === 'BOOKMARK') {
      const initialEnd = object.metadata?.annotations?.['k8s.io/initial-events-end'] === 'true';
      segment.heard.push({ type: 'bookmark', revision, initialEnd });
      this.counts.bookmarks++;
      // A resume from here is complete only when everything up to here was told: judged afterwards.
      this.#seen = revision;
      return;
    }
    segment.heard.push({
      type: 'event',
      revision,
      line: heardLine(this.selector, type, keyOf(this.selector, object as unknown as JsonObject), shapeOf(object as unknown as JsonObject), revision),
    });
    // Initial events come by key, not by version: a place to go on from only when they are marked as complete, which without sendInitialEvents they never are.
    if (segment.start.kind === 'after' || (segment.start.kind === 'marked' && segment.heard.some((heard) => heard.type === 'bookmark'))) this.#seen = revision;
  }

  /** A list in pages: all of one version, also while others write; a token that is too old comes with one that goes on. */
  async #list(): Promise<void> {
    const lines: string[] = [];
    let token = '';
    let revision = 0;
    for (;;) {
      const limit = 1 + this.#draw(40);
      try {
        const { body } = await this.#way.request(this.#ask([['limit', String(limit)], ...(token === '' ? [] : [['continue', token] as [string, string]])]));
        const { metadata, items } = body as unknown as {
          readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
          readonly items: readonly JsonObject[];
        };
        if (revision !== 0 && Number(metadata.resourceVersion) !== revision)
          this.faults.push(`${this.selector.name}: pages of one list had the versions ${revision} and ${metadata.resourceVersion}`);
        revision = Number(metadata.resourceVersion);
        for (const item of items)
          lines.push(heardLine(this.selector, 'ADDED', keyOf(this.selector, item), shapeOf(item), Number((item.metadata as JsonObject).resourceVersion)));
        token = metadata.continue ?? '';
        if (token === '') break;
      } catch (thrown) {
        if (!(thrown instanceof StatusError) || thrown.code !== 410) throw thrown;
        this.counts.tooOldTokens++;
        await this.#goOnWithFreshToken(thrown);
        lines.length = 0;
        token = '';
        revision = 0;
      }
    }
    this.listings.push({ revision, lines });
    this.#seen = revision;
  }

  async #goOnWithFreshToken(error: StatusError): Promise<void> {
    const fresh = (error.toStatus() as unknown as { readonly metadata?: { readonly continue?: string } }).metadata?.continue ?? '';
    if (fresh === '') this.faults.push(`${this.selector.name}: a token that is too old came back without a fresh one`);
    else
      await this.#way.request(
        this.#ask([
          ['limit', '500'],
          ['continue', fresh],
        ]),
      );
  }

  /** A version that nobody has seen is refused, not waited for and not taken for the present. */
  async #future(): Promise<void> {
    this.counts.future++;
    try {
      const handle = await this.#way.watch(
        this.#ask([
          ['watch', 'true'],
          ['resourceVersion', String(this.#around.revision() + 1_000_000)],
        ]),
        { events: () => {}, closed: () => {} },
      );
      handle.close();
      this.faults.push(`${this.selector.name}: a watch from the future was started`);
    } catch (thrown) {
      if (!(thrown instanceof StatusError) || thrown.code !== 504) throw thrown;
    }
  }

  #ask(query: [string, string][]): TransportRequest {
    const { resource, namespace } = this.selector;
    const path = namespace === '' ? `/api/v1/${resource}` : `/api/v1/namespaces/${namespace}/${resource}`;
    return { method: 'GET', path, query: [...new URLSearchParams(this.selector.query), ...query] };
  }

  #draw(below: number): number {
    return Math.floor(this.#around.random.float() * below);
  }
}

/** No answer came: a server that had no time for a handshake, say. Whoever watches goes on from what it has. */
function isBroken(thrown: unknown): boolean {
  return thrown instanceof StatusError && thrown.reason === 'ServiceUnavailable' && thrown.cause !== undefined;
}

function keyOf(selector: Selector, object: JsonObject): string {
  const { namespace, name } = shapeOf(object);
  return `${selector.resource}/${namespace}/${name}`;
}
