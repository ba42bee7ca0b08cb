import { nodeIdentity, POOL_NODE } from '../apiserver/bootstrap/identities.ts';
import type { Clock } from '../base/clock.ts';
import { Disposals } from '../base/disposal.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { subjectAccessReviews, tokenReviews } from '../api/gen/resources.ts';
import type { Client } from '../client/client.ts';
import { openSystemHost } from '../host/system.ts';
import { NodeDrivers } from '../node/csi-drivers.ts';
import { DevicePlugins } from '../node/devices/plugins.ts';
import { startNode } from '../node/node.ts';
import { SystemProbeNetwork } from '../node/probes/system-network.ts';
import type { AuthenticateToken, AuthorizeNode } from '../node/server/identity.ts';
import type { PodLookup } from '../node/server/pod-lookup.ts';
import { startNodeServer } from '../node/server/node-server.ts';
import { PoolDriver } from '../storage/driver/driver.ts';
import { PoolGuard } from '../storage/driver/guard.ts';
import { openPool } from '../storage/pool/open.ts';
import type { Pool } from '../storage/pool/pool.ts';
import { startPoolNode } from '../storage/pool-node.ts';
import { listVolumes, remakeVolumes } from './simulated-volumes.ts';
import type { KeyPair } from './certificates.ts';
import type { ClusterConfig } from './config.ts';
import { openContainerd } from './containerd.ts';
import type { RuntimeProbe } from '../node/runtime/probe.ts';
import type { ControlPlane } from './control-plane.ts';
import { deleteHostPath } from './delete-host-path.ts';
import type { ClusterIdentity, Layout } from './data-directory.ts';
import type { ClusterCertificates } from './identities.ts';
import { listenAnywhere } from './network-plan.ts';
import { readHostDns, readMachine } from './machine.ts';

export interface LocalNodeOptions {
  readonly config: ClusterConfig;
  readonly identity: ClusterIdentity;
  readonly layout: Layout;
  readonly plane: ControlPlane;
  readonly probe: RuntimeProbe;
  readonly certificates: ClusterCertificates;
  readonly caPem: string;
  readonly address: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface LocalNode extends AsyncDisposable {
  /** What this machine lacks, and what follows from it: a sentence each. */
  readonly findings: readonly string[];
  /** Where the node's server listens on loopback. */
  readonly port: number;
  /** Rejects when the node can't go on. */
  readonly failed: Promise<never>;
  /** For hostPath volumes below /tmp whose claims have gone. */
  deleteHostPath(path: string): Promise<void>;
  /** Of the node's server, for new connections. */
  renew(pair: KeyPair): void;
  /** What disposing does with pods. */
  stopPodsAtEnd(stop: boolean): void;
}

const NO_PODS: PodLookup = { pod: () => undefined, pods: () => [], running: () => [] };

const LOG_FILES = { maxBytes: 10 * 1024 * 1024, maxFiles: 5 };

/** This machine as a node: containerd, pool, kubelet and its server. */
export async function startLocalNode(options: LocalNodeOptions): Promise<LocalNode> {
  const ends = new Disposals();
  try {
    return await start(options, ends);
  } catch (thrown) {
    await ends[Symbol.asyncDispose]();
    throw thrown;
  }
}

async function start(options: LocalNodeOptions, ends: Disposals): Promise<LocalNode> {
  const { config, identity, layout, plane, probe, certificates, caPem, address, clock, random, log } = options;
  const { nodeName } = config;
  // The helper is a fork of this process: before it grows.
  const host = ends.use(openSystemHost({ clock, random }));
  const [machine, hostDns] = await Promise.all([readMachine(layout.directory), readHostDns()]);
  let stopPods = false;
  const [containerd, pool] = await Promise.all([
    openContainerd({ layout, identity, clock, random, log }, probe),
    openPool({
      host,
      clock,
      log,
      root: layout.pool,
      mark: identity.id,
      kind: config.pool.kind,
      trashMs: config.trashMs,
      ...(config.pool.sizeBytes === 0 ? {} : { maxBytes: config.pool.sizeBytes }),
    }),
  ]);
  ends.use(pool);
  ends.use(new PoolGuard({ host, pool, clock, log: log.child('pool') }));
  ends.add(() => containerd.stop({ pods: stopPods }));
  const driver = new PoolDriver({ host, pool, nodeName });
  await driver.recover();
  if (identity.runtime === 'simulated') await remakeVolumes(await listVolumes(plane.componentOptions(POOL_NODE, 'berth-pool').client), pool, nodeName);
  // The server listens before the node tells its port; until the node knows its pods, there are none.
  let lookup: PodLookup = NO_PODS;
  const components = plane.componentOptions(nodeIdentity(nodeName), 'kubelet');
  const serve = (port: number): ReturnType<typeof startNodeServer> =>
    startNodeServer({
      nodeName,
      address: '127.0.0.1',
      port,
      tls: certificates.node,
      clientCaPem: caPem,
      pods: { pod: (...which) => lookup.pod(...which), pods: () => lookup.pods(), running: () => lookup.running() },
      runtime: containerd.runtime,
      authorize: authorizeBy(components.client, nodeName),
      authenticateToken: authenticateBy(components.client),
      clock,
      log,
    });
  const server = ends.use(await listenAnywhere(serve, identity.nodePort));
  // Drivers and device plugins register themselves below the kubelet root.
  const registered = { rootDirectory: identity.kubeletRoot, host, clock, log };
  const drivers = ends.use(await NodeDrivers.open({ ...registered, own: [driver] }));
  const devices = ends.use(await DevicePlugins.open(registered));
  const node = ends.use(
    await startNode({
      ...components,
      nodeName,
      mark: identity.id,
      runtime: containerd.runtime,
      host,
      network: new SystemProbeNetwork(clock),
      drivers,
      deviceSource: devices,
      rootDirectory: identity.kubeletRoot,
      podLogDirectory: layout.podLogs,
      addresses: [address],
      port: server.port,
      machine,
      extendedResources: config.extendedResources,
      labels: config.nodeLabels,
      maxPods: 110,
      dns: { servers: [], domain: 'cluster.local', host: hostDns },
      cgroupParent: containerd.layout.podCgroup,
      logs: LOG_FILES,
    }),
  );
  lookup = node.lookup;
  const condition = pool.damaged().length === 0 ? undefined : (handle: string): Promise<string | undefined> => driver.condition(handle);
  ends.use(await startPoolNode({ ...plane.componentOptions(POOL_NODE, 'berth-pool'), nodeName, driver, made: driver, condition }));
  return {
    port: server.port,
    findings: [...probe.findings.map(({ missing, consequence }) => `${missing} is missing: ${consequence}`), ...poolFindings(pool)],
    failed: new Promise<never>(() => {}),
    renew: (pair) => server.renew(pair),
    deleteHostPath: (path) => deleteHostPath(host.files, path, layout.directory),
    stopPodsAtEnd: (stop) => {
      stopPods = stop;
    },
    [Symbol.asyncDispose]: () => ends[Symbol.asyncDispose](),
  };
}

function poolFindings(pool: Pool): readonly string[] {
  const findings: string[] = [];
  if (!pool.enforcesSize) findings.push('there are no loop devices: volumes are directories, and their size is not enforced');
  else if (!pool.growsOnline(pool.filesystem))
    findings.push(`${pool.filesystem} can't grow while it is mounted here: a volume grows when its pod is started again`);
  return findings;
}

/** Whether a user may use the node's server is the API server's to say. */
function authorizeBy(client: Client, nodeName: string): AuthorizeNode {
  return async ({ user, verb, subresources }) => {
    for (const subresource of subresources) {
      const { status } = await client.create(subjectAccessReviews, {
        spec: { user: user.name, groups: user.groups, resourceAttributes: { group: '', version: 'v1', resource: 'nodes', name: nodeName, verb, subresource } },
      });
      if (status?.allowed === true) return true;
    }
    return false;
  };
}

function authenticateBy(client: Client): AuthenticateToken {
  return async (token) => {
    const { status } = await client.create(tokenReviews, { spec: { token } });
    if (status?.authenticated !== true || status.user?.username === undefined) return undefined;
    return { name: status.user.username, groups: status.user.groups ?? [], ...(status.user.uid === undefined ? {} : { uid: status.user.uid }) };
  };
}
