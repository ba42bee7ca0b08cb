import { type Clock, sleep } from '../base/clock.ts';
import type { Transport, TransportRequest } from '../client/transport.ts';
import type { ApiResponse, WatchHandle, WatchSink } from '../machinery/exchange.ts';
import { deepFreeze } from '../machinery/record.ts';
import { MODIFIED, StatusError } from '../machinery/status-error.ts';
import { type Faults, throughBytes, tooOld, unreachable } from './faults.ts';
import { FaultyWatch } from './faulty-watch.ts';

export interface FaultyTransportOptions {
  readonly inner: Transport;
  readonly clock: Clock;
  readonly faults: Faults;
}

const MOST_IN_AN_INSTANT = 2_000;

/** One component's way to the API server, on which things go wrong as its faults are drawn. `cut` ends it for good, as a crash does. */
export class FaultyTransport implements Transport {
  readonly #options: FaultyTransportOptions;
  readonly #watches = new Set<FaultyWatch>();
  #cut = false;
  #instantMs = 0;
  #inInstant = 0;

  constructor(options: FaultyTransportOptions) {
    this.#options = options;
  }

  async request(request: TransportRequest): Promise<ApiResponse> {
    const { faults, clock, inner } = this.#options;
    const isWrite = request.method !== 'GET' && request.method !== 'HEAD';
    const fate = {
      refused: faults.happens('refused'),
      conflict: faults.happens('conflict'),
      lost: faults.happens('lost'),
      thereMs: faults.delayMs('delayed'),
      backMs: faults.delayMs('delayed'),
      bytes: faults.bytes(),
    };
    await this.#travel(clock, Math.max(fate.thereMs, this.#crowdedMs(clock)));
    if (fate.refused) throw unreachable();
    if (fate.conflict && (request.method === 'PUT' || request.method === 'PATCH'))
      throw new StatusError('Conflict', `Operation cannot be fulfilled on ${request.path}: ${MODIFIED}`);
    const answer = await inner.request(fate.bytes ? { ...request, body: throughBytes(request.body) } : request);
    await this.#travel(clock, fate.backMs);
    if (isWrite && fate.lost) throw unreachable();
    return fate.bytes ? { ...answer, body: deepFreeze(throughBytes(answer.body)) } : answer;
  }

  async watch(request: TransportRequest, sink: WatchSink): Promise<WatchHandle> {
    const { faults, clock, inner } = this.#options;
    const fate = { refused: faults.happens('refused'), expired: faults.happens('watchExpired'), thereMs: faults.delayMs('delayed'), bytes: faults.bytes() };
    await this.#travel(clock, fate.thereMs);
    if (fate.refused) throw unreachable();
    if (fate.expired) throw tooOld();
    const watch = new FaultyWatch({ sink, clock, faults, bytes: fate.bytes, ended: (ended) => this.#watches.delete(ended) });
    this.#watches.add(watch);
    try {
      watch.attach(await inner.watch(request, watch));
    } catch (thrown) {
      watch.close();
      throw thrown;
    }
    this.#refuseWhenCut();
    return watch;
  }

  /** Nothing goes through any more, in either direction; what is under way is never answered well. */
  cut(): void {
    this.#cut = true;
    for (const watch of [...this.#watches]) watch.close();
  }

  /** Requests take no time; who makes them without end would never let time go on. */
  #crowdedMs(clock: Clock): number {
    const nowMs = clock.monotonic();
    this.#inInstant = nowMs === this.#instantMs ? this.#inInstant + 1 : 0;
    this.#instantMs = nowMs;
    return this.#inInstant > MOST_IN_AN_INSTANT ? 1 : 0;
  }

  async #travel(clock: Clock, ms: number): Promise<void> {
    this.#refuseWhenCut();
    if (ms > 0) await sleep(clock, ms);
    this.#refuseWhenCut();
  }

  #refuseWhenCut(): void {
    if (this.#cut) throw unreachable();
  }
}
