import { type Clock, sleep } from '../base/clock.ts';
import { failure, type Log } from '../base/log.ts';
import { SocketDriver } from './client.ts';
import { type CsiDriver, CsiError } from './driver.ts';
import { CsiChannel } from './grpc.ts';

export interface RegistrationOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Absolute paths of the sockets in `<kubelet root>/plugins_registry` now. */
  readonly sockets: () => Promise<readonly string[]>;
  /** Calls back when that directory changed. */
  readonly watch: (changed: () => void) => Promise<Disposable>;
  /** A driver is there. What it rejects with is told to the driver as the reason why it was not registered. */
  readonly registered: (driver: CsiDriver) => Promise<void>;
  /** Its registration socket has gone. The driver may still be called until this resolves. */
  readonly gone: (driver: CsiDriver) => Promise<void>;
}

const REGISTRATION = 'pluginregistration.Registration';
const TIMEOUT_MS = 10_000;
/** A registrar makes its socket a moment before it listens, and starts before its driver. */
const RETRY_MS = [50, 200, 1_000, 5_000, 15_000] as const;
const VERSION = /^v?1\.\d+\.\d+$/;

/** Kubernetes' plugin registration for CSI drivers: a socket appears, the driver behind it is asked who it is, and is told the outcome. */
export class Registration implements AsyncDisposable {
  readonly #options: RegistrationOptions;
  readonly #ended = new AbortController();
  /** By socket; undefined while it is being asked. */
  readonly #known = new Map<string, SocketDriver | undefined>();
  #scanning: Promise<void> = Promise.resolve();
  readonly #joining = new Set<Promise<void>>();
  #watch: Disposable | undefined;

  private constructor(options: RegistrationOptions) {
    this.#options = options;
  }

  static async start(options: RegistrationOptions): Promise<Registration> {
    const registration = new Registration(options);
    registration.#watch = await options.watch(() => registration.#scan());
    registration.#scan();
    return registration;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    this.#watch?.[Symbol.dispose]();
    await this.#scanning;
    await Promise.all(this.#joining);
    for (const driver of this.#known.values()) driver?.[Symbol.dispose]();
  }

  #scan(): void {
    this.#scanning = this.#scanning
      .then(() => this.#compare())
      .catch((thrown: unknown) => this.#options.log.warn('plugin sockets can not be listed', failure(thrown)));
  }

  async #compare(): Promise<void> {
    if (this.#ended.signal.aborted) return;
    const now = new Set(await this.#options.sockets());
    for (const [socket, driver] of this.#known) {
      if (now.has(socket) || driver === undefined) continue;
      this.#known.delete(socket);
      this.#options.log.info('CSI driver has gone', { driver: driver.name, socket });
      await this.#options.gone(driver);
      driver[Symbol.dispose]();
    }
    for (const socket of now) {
      if (this.#known.has(socket)) continue;
      this.#known.set(socket, undefined);
      const joining = this.#join(socket).finally(() => this.#joining.delete(joining));
      this.#joining.add(joining);
    }
  }

  /** Tries until it succeeds, the socket goes, or tries run out; a socket made anew starts again. */
  async #join(socket: string): Promise<void> {
    for (const delayMs of RETRY_MS) {
      if (this.#ended.signal.aborted || !(await this.#options.sockets()).includes(socket)) break;
      try {
        const driver = await this.#ask(socket);
        if (driver === undefined) return;
        this.#known.set(socket, driver);
        this.#options.log.info('CSI driver registered', { driver: driver.name, socket });
        // It may have gone meanwhile.
        this.#scan();
        return;
      } catch (thrown) {
        this.#options.log.warn('CSI driver did not register, will be asked again', { socket, ...failure(thrown) });
      }
      await sleep(this.#options.clock, delayMs, this.#ended.signal).catch(() => undefined);
    }
    this.#known.delete(socket);
  }

  /** Undefined: a plugin of another sort, which is not ours to register. */
  async #ask(socket: string): Promise<SocketDriver | undefined> {
    const now = (): number => this.#options.clock.now();
    using channel = await CsiChannel.open(socket, now);
    const { type, name, endpoint, supported_versions } = await channel.call(REGISTRATION, 'GetInfo', {}, TIMEOUT_MS);
    if (type !== 'CSIPlugin') return undefined;
    try {
      if (!supported_versions.some((version) => VERSION.test(version)))
        throw new CsiError('failed-precondition', `none of the versions ${supported_versions.join(', ')} is supported`);
      const driver = await SocketDriver.open(endpoint === '' ? socket : endpoint, now);
      try {
        if (driver.name !== name) throw new CsiError('failed-precondition', `it registered as ${name} and calls itself ${driver.name}`);
        await this.#options.registered(driver);
      } catch (thrown) {
        driver[Symbol.dispose]();
        throw thrown;
      }
      await channel.call(REGISTRATION, 'NotifyRegistrationStatus', { plugin_registered: true, error: '' }, TIMEOUT_MS);
      return driver;
    } catch (thrown) {
      await channel.call(
        REGISTRATION,
        'NotifyRegistrationStatus',
        { plugin_registered: false, error: thrown instanceof Error ? thrown.message : String(thrown) },
        TIMEOUT_MS,
      );
      throw thrown;
    }
  }
}
