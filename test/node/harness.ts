import { ADMIN, nodeIdentity } from '../../src/apiserver/bootstrap/identities.ts';
import { configMaps, pods, serviceAccounts } from '../../src/api/gen/resources.ts';
import type { Pod } from '../../src/api/gen/types/core.v1.ts';
import { Disposals } from '../../src/base/disposal.ts';
import { type Log, silentLog } from '../../src/base/log.ts';
import { SeededRandom } from '../../src/base/random.ts';
import { VirtualClock } from '../../src/base/virtual-clock.ts';
import type { Client } from '../../src/client/client.ts';
import type { ControlPlane } from '../../src/cluster/control-plane.ts';
import { hmacKeys } from '../../src/cluster/node-keys.ts';
import type { CsiDriver } from '../../src/csi/driver.ts';
import { FakeHost } from '../../src/host/fake.ts';
import type { RunResult } from '../../src/host/host.ts';
import type { Stored } from '../../src/machinery/object.ts';
import type { DeviceSource } from '../../src/node/devices/source.ts';
import { type NodeComponent, startNode } from '../../src/node/node.ts';
import type { ProbeNetwork } from '../../src/node/probes/network.ts';
import { SIMULATED_NETWORK } from '../../src/node/probes/simulated-network.ts';
import type { ContainerSpec } from '../../src/node/runtime/runtime.ts';
import { type SimulatedBehaviour, SimulatedRuntime } from '../../src/node/runtime/simulated.ts';
import { openControlPlane } from '../fixtures/control-plane.ts';

export interface HarnessOptions {
  readonly behave?: (spec: ContainerSpec) => SimulatedBehaviour;
  readonly pullFault?: (image: string) => string | undefined;
  readonly network?: ProbeNetwork;
  readonly drivers?: readonly CsiDriver[];
  readonly extendedResources?: Readonly<Record<string, number>>;
  readonly deviceSource?: DeviceSource;
  readonly log?: Log;
  /** Answers commands on the machine. */
  readonly run?: (command: string, args: readonly string[]) => RunResult;
}

/** A real API server in memory, a machine that is a fake, a runtime that is simulated, and the real kubelet between them. */
export class NodeHarness implements AsyncDisposable {
  readonly clock: VirtualClock;
  readonly host: FakeHost;
  readonly runtime: SimulatedRuntime;
  readonly client: Client;
  readonly #ends = new Disposals();
  readonly #options: HarnessOptions;
  readonly #plane: ControlPlane;
  readonly #random = new SeededRandom(1);
  #node: NodeComponent | undefined;
  #starts = 0;

  private constructor(options: HarnessOptions, plane: ControlPlane, clock: VirtualClock) {
    this.#options = options;
    this.#plane = plane;
    this.clock = clock;
    this.host = new FakeHost({ clock, ...only('run', options.run) });
    this.runtime = new SimulatedRuntime({
      clock,
      random: this.#random.fork(),
      latency: { sandboxMs: 0, startMs: 0, pullMs: 0 },
      firstPodIp: '10.244.0.2',
      ...only('behave', options.behave),
      ...only('pullFault', options.pullFault),
    });
    this.client = plane.componentOptions(ADMIN, 'test').client;
    this.#ends.use(plane);
  }

  static async open(options: HarnessOptions = {}): Promise<NodeHarness> {
    const clock = new VirtualClock(Date.UTC(2030, 0, 1));
    const random = new SeededRandom(7);
    const plane = await openControlPlane({ clock, random, keys: hmacKeys(random.bytes(32), random), yieldToLoop: () => drain(), caPem: 'ca' });
    const harness = new NodeHarness(options, plane, clock);
    await harness.client.create(serviceAccounts, { metadata: { name: 'default', namespace: 'default' } });
    await harness.client.create(configMaps, { metadata: { name: 'kube-root-ca.crt', namespace: 'default' }, data: { 'ca.crt': 'ca' } });
    return harness;
  }

  get node(): NodeComponent | undefined {
    return this.#node;
  }

  async start(): Promise<void> {
    const name = `node-${this.#starts++}`;
    const options = this.#plane.componentOptions(nodeIdentity('n1'), 'kubelet');
    const drivers = this.#options.drivers ?? [];
    this.#node = await this.settle(
      startNode({
        ...options,
        random: this.#random.fork(),
        log: (this.#options.log ?? silentLog).child(name),
        nodeName: 'n1',
        mark: 'test-cluster',
        runtime: this.runtime,
        host: this.host,
        network: this.#options.network ?? SIMULATED_NETWORK,
        drivers: { find: (driver) => drivers.find((d) => d.name === driver), list: () => drivers, onChange: () => ({ [Symbol.dispose]: () => {} }) },
        rootDirectory: '/var/lib/kubelet',
        podLogDirectory: '/var/lib/berth/logs/pods',
        addresses: ['192.0.2.1'],
        port: 10250,
        machine: {
          cpus: 4,
          memoryBytes: 8 * 2 ** 30,
          ephemeralStorageBytes: 100 * 2 ** 30,
          operatingSystem: 'linux',
          architecture: 'amd64',
          kernelVersion: '6.12',
          osImage: 'Test',
          machineId: 'm',
          systemUuid: 's',
          bootId: 'b',
          hostname: 'n1',
        },
        extendedResources: this.#options.extendedResources ?? {},
        deviceSource: this.#options.deviceSource,
        labels: {},
        maxPods: 110,
        dns: { servers: [], domain: 'cluster.local', host: { servers: ['192.0.2.53'], searches: [], options: [] } },
        cgroupParent: '/berth-test',
        logs: { maxBytes: 10 * 2 ** 20, maxFiles: 5 },
      }),
    );
  }

  /** The kubelet ends, as by kill: what runs, runs on. */
  async stop(): Promise<void> {
    await this.#node?.[Symbol.asyncDispose]();
    this.#node = undefined;
  }

  /** A pod that is bound to the node. */
  create(name: string, spec: Partial<NonNullable<Pod['spec']>>, metadata: Pod['metadata'] = {}): Promise<Stored<Pod>> {
    const containers = spec.containers ?? [{ name: 'c', image: 'busybox:1.36' }];
    return this.client.create(pods, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'default', ...metadata },
      spec: { nodeName: 'n1', ...spec, containers },
    });
  }

  get(name: string): Promise<Stored<Pod>> {
    return this.client.get(pods, name, 'default');
  }

  /** Moves time, by the second, until it holds; fails after `seconds`. */
  async until(what: string, holds: () => boolean | Promise<boolean>, seconds = 60): Promise<void> {
    for (let i = 0; i <= seconds * 10; i++) {
      if (await holds()) return;
      await this.clock.advance(i < 20 ? 0 : 100, drain);
    }
    throw new Error(`not within ${seconds} s: ${what}`);
  }

  async advance(ms: number): Promise<void> {
    await this.clock.advance(ms, drain);
  }

  /** Lets the world run until the promise has an answer. */
  async settle<T>(promise: Promise<T>): Promise<T> {
    let done = false;
    const watched = promise.finally(() => {
      done = true;
    });
    watched.catch(() => {});
    for (let i = 0; !done && i < 1_000; i++) await this.clock.advance(i < 50 ? 0 : 50, drain);
    return watched;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.#ends[Symbol.asyncDispose]();
  }
}

function only<K extends string, V>(key: K, value: V | undefined): { readonly [k in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { readonly [k in K]?: V };
}

export function drain(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
