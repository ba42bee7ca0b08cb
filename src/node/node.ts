import { pods as podResource, secrets, services } from '../api/gen/resources.ts';
import type { Pod, Secret } from '../api/gen/types/core.v1.ts';
import { Disposals } from '../base/disposal.ts';
import type { Component } from '../client/component.ts';
import { StatusError } from '../machinery/status-error.ts';
import { Allocations } from './devices/allocations.ts';
import { Puller } from './images/puller.ts';
import { LogRotation } from './log-rotation.ts';
import type { NodeComponentOptions } from './options.ts';
import { podLookup } from './pods/lookup.ts';
import type { NodeParts } from './pods/parts.ts';
import { spec } from './pods/pod.ts';
import { Pods } from './pods/pods.ts';
import { RuntimeCache } from './pods/runtime-cache.ts';
import type { PodLookup } from './server/pod-lookup.ts';
import { NodeReporter } from './status/reporter.ts';
import { Volumes } from './volumes/volumes.ts';

export interface NodeComponent extends Component {
  /** What the node's HTTPS server asks. */
  readonly lookup: PodLookup;
}

/**
 * Starts the kubelet of one node. `options.client` has the node's identity, and so have `informers`. Resolves when the node is registered, and every
 * pod that an earlier run has left is adopted or being ended. Disposing it leaves pods running.
 */
export async function startNode(given: NodeComponentOptions): Promise<NodeComponent> {
  const ends = new Disposals();
  const options: NodeComponentOptions = { ...given, log: given.log.child('node'), recorder: given.recorder.as('kubelet', given.nodeName) };
  try {
    return await start(options, ends);
  } catch (thrown) {
    await ends[Symbol.asyncDispose]();
    throw thrown;
  }
}

async function start(options: NodeComponentOptions, ends: Disposals): Promise<NodeComponent> {
  const { informers, runtime, clock, log, drivers, nodeName } = options;
  const devices = (): ReadonlyMap<string, readonly string[]> => devicesOf(options);
  const volumes = ends.use(new Volumes(options, () => reporter.changed()));
  const reporter: NodeReporter = ends.use(
    new NodeReporter({ options, devices: () => new Map([...devices()].map(([name, ids]) => [name, ids.length])), volumesInUse: () => volumes.inUse() }),
  );
  // What runs is listed before there are workers to tell.
  const told = new Set<(uid: string) => void>();
  const cache = ends.use(
    new RuntimeCache({
      runtime,
      clock,
      log,
      changed: (uid) => {
        for (const tell of told) tell(uid);
      },
    }),
  );
  const parts: NodeParts = {
    options,
    runtime: cache,
    volumes,
    puller: new Puller({ images: runtime.images, clock, recorder: options.recorder, secrets: (pod) => pullSecrets(options, pod) }),
    allocations: new Allocations(devices),
    services: informers.of(services),
  };
  await options.host.files.makeDirectory(volumes.paths.pods, { mode: 0o750 });
  // First: a status that does not tell of what an earlier run has mounted would let it be detached.
  const onDisk = await volumes.start();
  await Promise.all([cache.start(), parts.services.whenSynced(), reporter.start()]);
  ends.use(drivers.onChange(() => reporter.driversChanged()));
  if (options.deviceSource !== undefined) ends.use(options.deviceSource.onChange(() => reporter.changed()));
  const pods = ends.use(
    new Pods({
      parts,
      informer: informers.of(podResource, { fieldSelector: `spec.nodeName=${nodeName}` }),
      allocatable: () => reporter.allocatable,
      labels: () => reporter.labels,
    }),
  );
  told.add((uid) => pods.changed(uid));
  await pods.start(onDisk);
  await volumes.sweep();
  ends.use(new LogRotation({ options, running: () => pods.all().flatMap((w) => w.view().containers.filter((c) => c.state === 'running')) }));
  log.info('node is ready', { node: nodeName, pods: pods.all().length });
  return { name: 'node', lookup: podLookup(pods, options.addresses), [Symbol.asyncDispose]: () => ends[Symbol.asyncDispose]() };
}

/** Those that are only counted win over plugins of the same name. */
function devicesOf({ extendedResources, deviceSource }: NodeComponentOptions): ReadonlyMap<string, readonly string[]> {
  const counted = Object.entries(extendedResources).map(([name, count]) => [name, Array.from({ length: count }, (_, i) => String(i))] as const);
  return new Map<string, readonly string[]>([...(deviceSource?.devices() ?? []), ...counted]);
}

/** Those that are not there are left out: the registry then says what it thinks of that. */
async function pullSecrets({ client }: NodeComponentOptions, pod: Pod): Promise<readonly Secret[]> {
  const found: Secret[] = [];
  for (const { name = '' } of spec(pod).imagePullSecrets ?? []) {
    try {
      if (name !== '') found.push(await client.get(secrets, name, pod.metadata?.namespace));
    } catch (thrown) {
      if (!(thrown instanceof StatusError)) throw thrown;
    }
  }
  return found;
}
