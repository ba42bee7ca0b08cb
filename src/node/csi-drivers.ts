import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { CsiDriver } from '../csi/driver.ts';
import { Registration } from '../csi/registration.ts';
import type { Host } from '../host/host.ts';
import type { Drivers } from './options.ts';

export interface NodeDriversOptions {
  /** Those of this process; they are there from the start. */
  readonly own: readonly CsiDriver[];
  /** The kubelet root: drivers register in `plugins_registry/`. */
  readonly rootDirectory: string;
  readonly host: Host;
  readonly clock: Clock;
  readonly log: Log;
}

/** The CSI drivers of a node: its own, and all that register themselves by a socket. */
export class NodeDrivers implements Drivers, AsyncDisposable {
  readonly #drivers = new Map<string, CsiDriver>();
  readonly #listeners = new Set<() => void>();
  #registration: Registration | undefined;

  private constructor(own: readonly CsiDriver[]) {
    for (const driver of own) this.#drivers.set(driver.name, driver);
  }

  static async open({ own, rootDirectory, host, clock, log }: NodeDriversOptions): Promise<NodeDrivers> {
    const drivers = new NodeDrivers(own);
    const directory = `${rootDirectory}/plugins_registry`;
    await host.files.makeDirectory(directory, { mode: 0o750 });
    drivers.#registration = await Registration.start({
      clock,
      log,
      sockets: async () => (await host.files.readDirectory(directory)).filter((e) => e.type === 'socket').map((e) => `${directory}/${e.name}`),
      watch: (changed) => host.watch(directory, changed),
      registered: async (driver) => {
        if (own.some((o) => o.name === driver.name)) throw new Error(`a driver named ${driver.name} is part of this node`);
        drivers.#drivers.set(driver.name, driver);
        drivers.#tell();
      },
      gone: async (driver) => {
        if (drivers.#drivers.get(driver.name) === driver) drivers.#drivers.delete(driver.name);
        drivers.#tell();
      },
    });
    return drivers;
  }

  find(name: string): CsiDriver | undefined {
    return this.#drivers.get(name);
  }

  list(): readonly CsiDriver[] {
    return [...this.#drivers.values()];
  }

  onChange(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#registration?.[Symbol.asyncDispose]();
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
