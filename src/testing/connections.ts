import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { createClient } from '../client/api-client.ts';
import type { ComponentOptions } from '../client/component.ts';
import { InformerSet } from '../client/informer-set.ts';
import { createRecorder } from '../client/recorder.ts';
import type { Transport } from '../client/transport.ts';
import type { UserInfo } from '../machinery/exchange.ts';
import { Faults, type FaultRates } from './faults.ts';
import { FaultyTransport } from './faulty-transport.ts';

export interface ConnectionsOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** The undisturbed way in. */
  readonly transport: (user: UserInfo, name: string) => Transport;
  readonly rates: () => FaultRates;
  readonly random: (purpose: string) => Random;
}

/** How one life of one component is connected: it ends, or is cut, as a whole. */
export class Connections implements AsyncDisposable {
  readonly #options: ConnectionsOptions;
  readonly #transports: FaultyTransport[] = [];
  readonly #informers: InformerSet[] = [];

  constructor(options: ConnectionsOptions) {
    this.#options = options;
  }

  components(user: UserInfo, name: string): ComponentOptions {
    const { clock, transport, rates } = this.#options;
    const faults = new Faults(this.#options.random(`${name} faults`), rates);
    const way = new FaultyTransport({ inner: transport(user, name), clock, faults });
    const client = createClient(way, name);
    const log = this.#options.log.child(name);
    const random = this.#options.random(name);
    const informers = new InformerSet({ client, clock, random, log });
    this.#transports.push(way);
    this.#informers.push(informers);
    return { client, informers, recorder: createRecorder({ client, clock, log, component: name }), clock, random, log };
  }

  /** As a crash does: nothing reaches the API server any more, nothing comes back. */
  cut(): void {
    for (const transport of this.#transports) transport.cut();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const informers of this.#informers) await informers[Symbol.asyncDispose]();
    this.cut();
  }
}
