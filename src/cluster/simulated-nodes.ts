import { nodeIdentity, POOL_NODE } from '../apiserver/bootstrap/identities.ts';
import type { Clock } from '../base/clock.ts';
import { Disposals } from '../base/disposal.ts';
import type { Log } from '../base/log.ts';
import type { UserInfo } from '../machinery/exchange.ts';
import type { Random } from '../base/random.ts';
import type { Component, ComponentOptions } from '../client/component.ts';
import { FakeHost } from '../host/fake.ts';
import { startNode } from '../node/node.ts';
import type { Machine } from '../node/options.ts';
import { SIMULATED_NETWORK } from '../node/probes/simulated-network.ts';
import { SimulatedRuntime, type SimulatedRuntimeOptions } from '../node/runtime/simulated.ts';
import { PoolDriver } from '../storage/driver/driver.ts';
import { openPool } from '../storage/pool/open.ts';
import { startPoolNode } from '../storage/pool-node.ts';
import type { ControlPlane } from './control-plane.ts';
import { listVolumes, remakeVolumes } from './simulated-volumes.ts';

/** What outlives the kubelet: the machine with its disks and mounts, and the containers that run on it. */
export interface SimulatedMachine extends AsyncDisposable {
  readonly host: FakeHost;
  readonly runtime: SimulatedRuntime;
}

/** `index`: which one it is, decides its pods' addresses. */
export function createSimulatedMachine({
  clock,
  random,
  index,
  ...runtime
}: { readonly clock: Clock; readonly random: Random; readonly index: number } & Pick<
  Partial<SimulatedRuntimeOptions>,
  'latency' | 'behave' | 'pullFault'
>): SimulatedMachine {
  const host = new FakeHost({ clock });
  const containers = new SimulatedRuntime({
    latency: { sandboxMs: 0, startMs: 0, pullMs: 0 },
    ...runtime,
    clock,
    random,
    firstPodIp: `10.${128 + Math.floor(index / 256)}.${index % 256}.2`,
  });
  return {
    host,
    runtime: containers,
    [Symbol.asyncDispose]: async () => {
      await containers[Symbol.asyncDispose]();
      await host[Symbol.asyncDispose]();
    },
  };
}

export interface SimulatedNodeOptions {
  /** Not disposed with the node. */
  readonly machine: SimulatedMachine;
  /** What a part of the node is started with, under its identity. */
  readonly components: (user: UserInfo, name: string) => ComponentOptions;
  readonly nodeName: string;
  /** Which one it is: decides its address. */
  readonly index: number;
  /** The cluster's mark. */
  readonly mark: string;
  readonly extendedResources: Readonly<Record<string, number>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly clock: Clock;
}

const POOL_ROOT = '/var/lib/berth/pool';

/** Tells a simulated node from a real one, as everybody can see. */
export const SIMULATED_OS_IMAGE = 'Simulated';

const MACHINE: Machine = {
  cpus: 8,
  memoryBytes: 32 * 1024 ** 3,
  ephemeralStorageBytes: 100 * 1024 ** 3,
  operatingSystem: 'linux',
  architecture: 'amd64',
  kernelVersion: '6.1.0-simulated',
  osImage: SIMULATED_OS_IMAGE,
  machineId: '',
  systemUuid: '',
  bootId: '',
  hostname: '',
};

/** A node whose pods only say that they run: the kubelet, the pool and the driver are the real ones, over a machine in memory. */
export async function startSimulatedNode(options: SimulatedNodeOptions): Promise<Component> {
  const ends = new Disposals();
  try {
    await startParts(options, ends);
  } catch (thrown) {
    await ends[Symbol.asyncDispose]();
    throw thrown;
  }
  return { name: options.nodeName, [Symbol.asyncDispose]: () => ends[Symbol.asyncDispose]() };
}

async function startParts(
  { machine: { host, runtime }, components, nodeName, index, mark, extendedResources, labels, clock }: SimulatedNodeOptions,
  ends: Disposals,
): Promise<void> {
  const pool = ends.use(await openPool({ host, clock, root: POOL_ROOT, mark }));
  const driver = new PoolDriver({ host, pool, nodeName });
  await driver.recover();
  ends.use(
    await startNode({
      ...components(nodeIdentity(nodeName), 'kubelet'),
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
      extendedResources,
      labels,
      maxPods: 110,
      dns: { servers: [], domain: 'cluster.local', host: { servers: [], searches: [], options: [] } },
      cgroupParent: '',
      logs: { maxBytes: 10 * 1024 * 1024, maxFiles: 5 },
    }),
  );
  ends.use(await startPoolNode({ ...components(POOL_NODE, 'berth-pool'), nodeName, driver, made: driver }));
}

export interface SimulatedNodesOptions {
  readonly config: {
    readonly nodeName: string;
    readonly simulatedNodes: number;
    readonly extendedResources: Readonly<Record<string, number>>;
    readonly nodeLabels: Readonly<Record<string, string>>;
  };
  readonly identity: { readonly id: string };
  readonly plane: ControlPlane;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** One keeps the machine's name; of several, each gets a number. */
export async function startSimulatedNodes({ config, identity, plane, clock, random }: SimulatedNodesOptions): Promise<Component> {
  const ends = new Disposals();
  const volumes = await listVolumes(plane.componentOptions(POOL_NODE, 'berth-pool').client);
  for (let index = 0; index < config.simulatedNodes; index++) {
    const nodeName = config.simulatedNodes === 1 ? config.nodeName : `${config.nodeName}-${index}`;
    const machine = ends.use(createSimulatedMachine({ clock, random, index }));
    {
      await using pool = await openPool({ host: machine.host, clock, root: POOL_ROOT, mark: identity.id });
      await remakeVolumes(volumes, pool, nodeName);
    }
    const components = (user: UserInfo, name: string): ComponentOptions => plane.componentOptions(user, name);
    ends.use(
      await startSimulatedNode({
        machine,
        components,
        nodeName,
        index,
        mark: identity.id,
        extendedResources: config.extendedResources,
        labels: config.nodeLabels,
        clock,
      }),
    );
  }
  return { name: 'simulated-nodes', [Symbol.asyncDispose]: () => ends[Symbol.asyncDispose]() };
}
