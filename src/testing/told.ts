import type { Projection } from '../apiserver/codec/projection.ts';
import type { Clock, Timer } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { TransportRequest } from '../client/transport.ts';
import type { WatchEvent, WatchHandle } from '../machinery/exchange.ts';
import type { KubeObject, Stored } from '../machinery/object.ts';
import { StatusError } from '../machinery/status-error.ts';
import type { Entry, Store } from '../store/store.ts';
import type { FaultyTransport } from './faulty-transport.ts';

/** What a follower looks at. */
export interface Selector {
  /** `/registry/core/pods/` */
  readonly prefix: string;
  /** Of all namespaces: `/api/v1/pods`. */
  readonly path: string;
  readonly query: readonly (readonly [name: string, value: string])[];
  readonly selects: (entry: Entry<Projection>) => boolean;
}

/** An event: `ADDED default/web-1 @12`. */
interface Line {
  readonly revision: number;
  readonly text: string;
}

const line = (type: string, namespace: string, name: string, revision: number): Line => ({ revision, text: `${type} ${namespace}/${name} @${revision}` });

/** What really happened, from the store itself, in order. */
export class StoreTruth {
  readonly #changes: { readonly revision: number; readonly now: Entry<Projection>; readonly before: Entry<Projection> | undefined; readonly gone: boolean }[] =
    [];

  constructor(store: Store<Projection>) {
    const events: Parameters<Store<Projection>['watch']>[2]['events'] = (batch) => {
      for (const { type, entry, previous, revision } of batch) this.#changes.push({ revision, now: entry, before: previous, gone: type === 'delete' });
    };
    store.watch('/registry/', { after: 0 }, { events, ended: () => {} });
  }

  /** What a watch is told after a version, up to another: the difference of what is selected before and after each change. */
  between(selector: Selector, after: number, upTo: number): readonly string[] {
    return this.#changes.flatMap(({ revision, now, before, gone }) => {
      if (revision <= after || revision > upTo || !now.key.startsWith(selector.prefix)) return [];
      const was = before !== undefined && selector.selects(before);
      const is = !gone && selector.selects(now);
      if (!was && !is) return [];
      const { namespace, name } = now.projection;
      return [line(is ? (was ? 'MODIFIED' : 'ADDED') : 'DELETED', namespace, name, revision).text];
    });
  }

  listed(selector: Selector, revision: number): readonly string[] {
    const state = new Map<string, string>();
    for (const { revision: at, now, gone } of this.#changes) {
      if (at > revision) break;
      if (!now.key.startsWith(selector.prefix)) continue;
      const { namespace, name } = now.projection;
      if (gone || !selector.selects(now)) state.delete(now.key);
      else state.set(now.key, line('ADDED', namespace, name, at).text);
    }
    return [...state].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, text]) => text);
  }
}

/** From where a watch goes on, and what it was told: events, and the versions that bookmarks promised. */
interface Segment {
  readonly after: number;
  readonly told: Line[];
  /** What it is complete to. */
  upTo: number;
}

interface Listing {
  readonly revision: number;
  readonly texts: readonly string[];
}

const FIRST_RETRY_MS = 200;
const LONGEST_PAUSE_MS = 10 * 60_000;

/** A client that lists and watches on a way on which things go wrong, and goes on from where it was; it keeps what it was told. */
export class Follower implements AsyncDisposable {
  readonly selector: Selector;
  readonly #way: FaultyTransport;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #mayPause: () => boolean;
  readonly #segments: Segment[] = [];
  readonly #listings: Listing[] = [];
  readonly #running: Promise<void>;
  #ended = false;
  #wake: () => void = () => {};
  #timer: Timer | undefined;
  #handle: WatchHandle | undefined;
  #fault: string | undefined;

  /** `mayPause`: whether it may now stay away for so long that its version is too old. */
  constructor(options: {
    readonly selector: Selector;
    readonly way: FaultyTransport;
    readonly clock: Clock;
    readonly random: Random;
    readonly mayPause: () => boolean;
  }) {
    this.selector = options.selector;
    this.#way = options.way;
    this.#clock = options.clock;
    this.#random = options.random;
    this.#mayPause = options.mayPause;
    this.#running = this.#run();
  }

  /** How often a watch was begun. */
  get watches(): number {
    return this.#segments.length;
  }

  /** What is wrong with what it was told. At rest the last watch has been told everything. */
  faults(truth: StoreTruth, revision: number): readonly string[] {
    const faults = this.#fault === undefined ? [] : [this.#fault];
    for (const { revision: at, texts } of this.#listings) faults.push(...this.#difference(`listed @${at}`, texts, truth.listed(this.selector, at)));
    for (const [i, { after, told, upTo }] of this.#segments.entries()) {
      const until = i === this.#segments.length - 1 ? revision : upTo;
      faults.push(
        ...this.#difference(
          `watched after ${after}`,
          told.map(({ text }) => text),
          truth.between(this.selector, after, until),
        ),
      );
    }
    return faults;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    this.#timer?.[Symbol.dispose]();
    this.#handle?.close();
    this.#way.cut();
    this.#wake();
    await this.#running;
  }

  #difference(what: string, got: readonly string[], wanted: readonly string[]): readonly string[] {
    const at = Array.from({ length: Math.max(got.length, wanted.length) }, (_, i) => i).find((i) => got[i] !== wanted[i]);
    if (at === undefined) return [];
    const { path, query } = this.selector;
    return [`${path} ${query.map((each) => each.join('=')).join('&')} ${what}: ${at} is "${got[at] ?? 'missing'}" and should be "${wanted[at] ?? 'nothing'}"`];
  }

  async #run(): Promise<void> {
    let version: number | undefined;
    while (!this.#ended) {
      try {
        version ??= await this.#begin();
        version = await this.#watch(version);
        const pauses = this.#random.float() < 0.05 && this.#mayPause();
        await this.#rest(pauses ? this.#random.float() * LONGEST_PAUSE_MS : 0);
      } catch (thrown) {
        if (!(thrown instanceof StatusError)) {
          this.#fault = `a follower ended: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`;
          return;
        }
        if (thrown.code === 410) version = undefined;
        await this.#rest(FIRST_RETRY_MS);
      }
    }
  }

  /** The state, by a list or by a watch that sends it first; and the version that it has. */
  async #begin(): Promise<number> {
    if (this.#random.float() < 0.5) return this.#beginByWatch();
    const { body } = await this.#way.request(this.#ask(this.selector.query));
    const { metadata, items } = body as unknown as { readonly metadata: { readonly resourceVersion: string }; readonly items: readonly Stored<KubeObject>[] };
    const revision = Number(metadata.resourceVersion);
    this.#listings.push({ revision, texts: items.map((item) => lineOf('ADDED', item).text) });
    return revision;
  }

  async #beginByWatch(): Promise<number> {
    const texts: string[] = [];
    let isMarked = false;
    const marked = Promise.withResolvers<number>();
    this.#wake = () => marked.reject(new StatusError('ServiceUnavailable', 'ended'));
    marked.promise.catch(() => {});
    const query = [...this.selector.query, ...WATCH, ['sendInitialEvents', 'true'], ['resourceVersionMatch', 'NotOlderThan']] as const;
    const handle = await this.#way.watch(this.#ask(query), {
      events: (batch) => {
        for (const { type, object } of batch) {
          // What comes after it is not the state any more.
          if (isMarked) return;
          isMarked = type === 'BOOKMARK';
          if (isMarked) return marked.resolve(Number(object.metadata?.resourceVersion));
          texts.push(lineOf(type, object as Stored<KubeObject>).text);
        }
      },
      closed: (error) => marked.reject(error ?? new StatusError('ServiceUnavailable', 'the watch ended')),
    });
    try {
      const revision = await marked.promise;
      this.#listings.push({ revision, texts });
      return revision;
    } finally {
      handle.close();
    }
  }

  /** Until it ends; resolves with the version to go on from. */
  async #watch(after: number): Promise<number> {
    const segment: Segment = { after, told: [], upTo: after };
    let over = false;
    const ended = Promise.withResolvers<void>();
    this.#wake = () => ended.resolve();
    ended.promise.catch(() => {});
    const handle = await this.#way.watch(this.#ask([...this.selector.query, ...WATCH, ['resourceVersion', String(after)]]), {
      events: (batch) => {
        for (const event of batch) {
          if (over) return;
          hear(segment, event);
          // The connection is lost, and what was on its way with it.
          over = this.#random.float() < 0.02 && this.#mayPause();
          if (over) ended.resolve();
        }
      },
      closed: (error) => (error === undefined ? ended.resolve() : ended.reject(error)),
    });
    this.#segments.push(segment);
    this.#handle = handle;
    try {
      await ended.promise;
    } catch (thrown) {
      if (!(thrown instanceof StatusError) || thrown.code === 410) throw thrown;
    } finally {
      handle.close();
    }
    return segment.upTo;
  }

  #ask(query: TransportRequest['query']): TransportRequest {
    return { method: 'GET', path: this.selector.path, query };
  }

  #rest(ms: number): Promise<void> {
    if (ms === 0 || this.#ended) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = resolve;
      this.#timer = this.#clock.setTimer(ms, resolve);
    });
  }
}

const WATCH = [
  ['watch', 'true'],
  ['allowWatchBookmarks', 'true'],
] as const;

function hear(segment: Segment, { type, object }: WatchEvent): void {
  const told = lineOf(type, object as Stored<KubeObject>);
  segment.upTo = told.revision;
  if (type !== 'BOOKMARK') segment.told.push(told);
}

function lineOf(type: string, { metadata }: Stored<KubeObject>): Line {
  return line(type, metadata.namespace ?? '', metadata.name, Number(metadata.resourceVersion));
}

const has = (label: string) => (entry: Entry<Projection>) => Object.hasOwn(entry.projection.labels ?? {}, label);
const HASH = 'pod-template-hash';
const PODS = { prefix: '/registry/core/pods/', path: '/api/v1/pods' };

/** Different kinds and forms of selection; each is followed by one client. */
export const FOLLOWED: readonly Selector[] = [
  { ...PODS, query: [], selects: () => true },
  { ...PODS, query: [['labelSelector', HASH]], selects: has(HASH) },
  { ...PODS, query: [['labelSelector', `!${HASH}`]], selects: (entry) => !has(HASH)(entry) },
  {
    ...PODS,
    query: [['fieldSelector', 'status.phase=Running']],
    selects: ({ projection }) => projection.fields?.['status.phase'] === 'Running',
  },
  { ...PODS, query: [['fieldSelector', 'spec.nodeName=node-0']], selects: ({ projection }) => projection.fields?.['spec.nodeName'] === 'node-0' },
  { prefix: '/registry/core/persistentvolumeclaims/', path: '/api/v1/persistentvolumeclaims', query: [], selects: () => true },
  { prefix: '/registry/apps/statefulsets/', path: '/apis/apps/v1/statefulsets', query: [], selects: () => true },
  { prefix: '/registry/coordination.k8s.io/leases/', path: '/apis/coordination.k8s.io/v1/leases', query: [], selects: () => true },
];
