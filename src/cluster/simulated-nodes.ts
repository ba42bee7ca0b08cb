import { nodeIdentity, STORAGE } from '../apiserver/bootstrap/identities.ts';
import type { Clock } from '../base/clock.ts';
import { Disposals } from '../base/disposal.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Component } from '../client/component.ts';
import { FakeHost } from '../host/fake.ts';
import { startNode } from '../node/node.ts';
import type { Machine } from '../node/options.ts';
import { SIMULATED_NETWORK } from '../node/probes/simulated-network.ts';
import { SimulatedRuntime } from '../node/runtime/simulated.ts';
import { PoolDriver } from '../storage/driver/driver.ts';
import { openPool } from '../storage/pool/open.ts';
import { startPoolNode } from '../storage/pool-node.ts';
import type { ControlPlane } from './control-plane.ts';

export interface SimulatedNodeOptions {
  readonly plane: ControlPlane;
  readonly nodeName: string;
  /** Which one it is: decides its addresses. */
  readonly index: number;
  /** The cluster's mark. */
  readonly mark: string;
  readonly extendedResources: Readonly<Record<string, number>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly random: Random;
}

const MACHINE: Machine = {
  cpus: 8,
  memoryBytes: 32 * 1024 ** 3,
  ephemeralStorageBytes: 100 * 1024 ** 3,
  operatingSystem: 'linux',
  architecture: 'amd64',
  kernelVersion: '6.1.0-simulated',
  osImage: 'Simulated',
  machineId: '',
  systemUuid: '',
  bootId: '',
  hostname: '',
};

/** A node whose pods only say that they run: the kubelet, the pool and the driver are the real ones, over a machine in memory. */
export async function startSimulatedNode(options: SimulatedNodeOptions): Promise<Component> {
  const { plane, nodeName, index, mark, clock, random } = options;
  const ends = new Disposals();
  const host = ends.use(new FakeHost({ clock }));
  const pool = ends.use(await openPool({ host, clock, root: '/var/lib/berth/pool', mark }));
  const driver = new PoolDriver({ host, pool, nodeName });
  const runtime = new SimulatedRuntime({ clock, random, latency: { sandboxMs: 0, startMs: 0, pullMs: 0 }, firstPodIp: `10.${128 + Math.floor(index / 256)}.${index % 256}.2` });
  ends.use(runtime);
  ends.use(
    await startNode({
      ...plane.componentOptions(nodeIdentity(nodeName), 'kubelet'),
      nodeName,
      mark,
      runtime,
      host,
      network: SIMULATED_NETWORK,
      drivers: { find: (name) => (name === driver.name ? driver : undefined), list: () => [driver], onChange: () => ({ [Symbol.dispose]: () => {} }) },
      rootDirectory: '/var/lib/kubelet',
      podLogDirectory: '/var/log/pods',
      addresses: [`10.0.${Math.floor(index / 250)}.${(index % 250) + 1}`],
      port: 10250,
      machine: { ...MACHINE, hostname: nodeName, machineId: nodeName, systemUuid: nodeName, bootId: nodeName },
      extendedResources: options.extendedResources,
      labels: options.labels,
      maxPods: 110,
      dns: { servers: [], domain: 'cluster.local', host: { servers: [], searches: [], options: [] } },
      cgroupParent: '',
      logs: { maxBytes: 10 * 1024 * 1024, maxFiles: 5 },
    }),
  );
  ends.use(await startPoolNode({ ...plane.componentOptions(STORAGE, 'berth-pool'), nodeName, driver }));
  return { name: nodeName, [Symbol.asyncDispose]: () => ends[Symbol.asyncDispose]() };
}

export interface SimulatedNodesOptions {
  readonly config: { readonly nodeName: string; readonly simulatedNodes: number; readonly extendedResources: Readonly<Record<string, number>>; readonly nodeLabels: Readonly<Record<string, string>> };
  readonly identity: { readonly id: string };
  readonly plane: ControlPlane;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** One keeps the machine's name; of several, each gets a number. */
export async function startSimulatedNodes({ config, identity, plane, clock, random }: SimulatedNodesOptions): Promise<Component> {
  const ends = new Disposals();
  for (let index = 0; index < config.simulatedNodes; index++) {
    const nodeName = config.simulatedNodes === 1 ? config.nodeName : `${config.nodeName}-${index}`;
    ends.use(await startSimulatedNode({ plane, nodeName, index, mark: identity.id, extendedResources: config.extendedResources, labels: config.nodeLabels, clock, random }));
  }
  return { name: 'simulated-nodes', [Symbol.asyncDispose]: () => ends[Symbol.asyncDispose]() };
}
