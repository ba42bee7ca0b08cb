import { ADMIN, CONTROLLERS, NETWORK_NOTICES, SCHEDULER, STORAGE } from '../apiserver/bootstrap/identities.ts';
import type { Clock } from '../base/clock.ts';
import { Disposals } from '../base/disposal.ts';
import { loopTurns } from '../base/loop-turns.ts';
import { type Log, silentLog } from '../base/log.ts';
import { type Random, SystemRandom, uuid } from '../base/random.ts';
import { SystemClock } from '../base/system-clock.ts';
import type { Client } from '../client/client.ts';
import type { ComponentOptions } from '../client/component.ts';
import { startControllers } from '../controllers/controllers.ts';
import type { UserInfo } from '../machinery/exchange.ts';
import { startNetworkNotices } from '../network/notices.ts';
import { startScheduler } from '../scheduler/scheduler.ts';
import { startStorage } from '../storage/storage.ts';
import { openMemoryStore } from '../store/memory.ts';
import { defaultStoreSettings } from '../store/settings.ts';
import { ControlPlane } from './control-plane.ts';
import { hmacKeys } from './node-keys.ts';
import { startSimulatedNodes } from './simulated-nodes.ts';

export interface InProcessClusterOptions {
  /** How many simulated nodes: `node`, or `node-0` and so on. Default 1. */
  readonly nodes?: number;
  /** Devices that are only counted: `nvidia.com/gpu` to 2. */
  readonly extendedResources?: Readonly<Record<string, number>>;
  readonly nodeLabels?: Readonly<Record<string, string>>;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly log?: Log;
}

export interface InProcessCluster extends AsyncDisposable {
  /** The owner's: it may do everything. */
  readonly client: Client;
  /** What a controller of your own is started with: its client, informers and event recorder, under its own identity. */
  components(user: UserInfo, name: string): ComponentOptions;
}

/**
 * A whole cluster in this process, in real time: no sockets, no files, no root; state in memory, pods that only say that they run.
 * API server, controllers, scheduler, storage and kubelets are the real ones. Resolves when the nodes are registered.
 * On time that moves only when told: `SimulatedCluster` of `berth/testing`.
 */
export async function startInProcessCluster(options: InProcessClusterOptions = {}): Promise<InProcessCluster> {
  const ends = new Disposals();
  try {
    return await start(options, ends);
  } catch (thrown) {
    await ends[Symbol.asyncDispose]();
    throw thrown;
  }
}

const CA = 'in process';

async function start(options: InProcessClusterOptions, ends: Disposals): Promise<InProcessCluster> {
  const { nodes = 1, extendedResources = {}, nodeLabels = {}, clock = new SystemClock(), random = new SystemRandom(), log = silentLog } = options;
  const plane = ends.use(
    await ControlPlane.open({
      clock,
      random,
      log,
      keys: hmacKeys(random.bytes(32), random),
      openStore: async () => openMemoryStore({ clock, settings: defaultStoreSettings }),
      yieldToLoop: loopTurns(setImmediate),
      addresses: () => ({ serviceIp: '10.96.0.1', serviceCidr: '10.96.0.0/16', advertiseIp: '192.0.2.1', port: 6443 }),
      caPem: CA,
      serviceCidr: '10.96.0.0/16',
      nodePorts: { first: 30_000, last: 32_767 },
      runtimeConfig: {},
    }),
  );
  await plane.bootstrap();
  ends.use(startControllers({ ...plane.controllerOptions(CONTROLLERS, 'kube-controller-manager'), caPem: CA }));
  ends.use(await startScheduler(plane.componentOptions(SCHEDULER, 'default-scheduler')));
  ends.use(await startStorage(plane.controllerOptions(STORAGE, 'berth-storage')));
  ends.use(startNetworkNotices(plane.componentOptions(NETWORK_NOTICES, 'berth-network')));
  ends.use(
    await startSimulatedNodes({
      config: { nodeName: 'node', simulatedNodes: nodes, extendedResources, nodeLabels },
      identity: { id: uuid(random) },
      plane,
      clock,
      random,
      log,
    }),
  );
  return {
    client: plane.componentOptions(ADMIN, 'embedder').client,
    components: (user, name) => plane.componentOptions(user, name),
    [Symbol.asyncDispose]: () => ends[Symbol.asyncDispose](),
  };
}
