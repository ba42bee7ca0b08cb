import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { controllerIdentity } from '../apiserver/bootstrap/identities.ts';
import { createClient } from '../client/api-client.ts';
import type { Client } from '../client/client.ts';
import type { ComponentOptions, ControllerSetOptions } from '../client/component.ts';
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
    const { clock } = this.#options;
    const faults = new Faults(this.#options.random(`${name} faults`), this.#options.rates);
    const client = this.#client(user, name, faults);
    const log = this.#options.log.child(name);
    const random = this.#options.random(name);
    const informers = new InformerSet({ client, clock, random, log });
    this.#informers.push(informers);
    return { client, informers, recorder: createRecorder({ client, clock, log, component: name }), clock, random, log };
  }

  /** As `ControlPlane.controllerOptions`. */
  controllers(user: UserInfo, name: string): ControllerSetOptions {
    const shared = this.components(user, name);
    const { clock, log } = shared;
    const faults = new Faults(this.#options.random(`${name} faults of controllers`), this.#options.rates);
    return {
      as: (controller) => {
        const client = this.#client(controllerIdentity(controller), name, faults);
        return { ...shared, client, recorder: createRecorder({ client, clock, log, component: name }) };
      },
    };
  }

  #client(user: UserInfo, name: string, faults: Faults): Client {
    const { clock, transport } = this.#options;
    const way = new FaultyTransport({ inner: transport(user, name), clock, faults });
    this.#transports.push(way);
    return createClient(way, name);
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
