import { configMaps, secrets } from '../../api/gen/resources.ts';
import type { Resource } from '../../api/resource.ts';
import type { ConfigMap, Pod, Secret } from '../../api/gen/types/core.v1.ts';
import { sleep } from '../../base/clock.ts';
import type { KubeObject, Stored } from '../../machinery/object.ts';
import { StatusError } from '../../machinery/status-error.ts';
import { containerConfig } from '../containers/container-config.ts';
import type { EnvironmentSources } from '../containers/environment.ts';
import type { Devices } from '../devices/allocations.ts';
import { countedEdits, type DeviceEdits } from '../devices/source.ts';
import { runHook } from '../probes/action.ts';
import { CriError } from '../runtime/runtime.ts';
import type { PodVolumes } from '../volumes/pod-volumes.ts';
import type { Action } from './decide.ts';
import type { NodeParts } from './parts.ts';
import { containerPath, findContainer, identity, initContainers, type PodContainer } from './pod.ts';
import { StartFailure } from './start-failure.ts';

export interface StartRequest {
  readonly parts: NodeParts;
  readonly pod: Pod;
  readonly volumes: PodVolumes;
  readonly action: Extract<Action, { readonly do: 'start' }>;
  readonly podIps: readonly string[];
  /** The pod ends: nothing new is begun. */
  readonly signal: AbortSignal;
}

/** How long a postStart hook may take: as long as the container lives; this bounds an exec that never returns. */
const LONGEST_HOOK_MS = 3_600_000;

/** Image, configuration, container, start, postStart hook: in this order, each told by its event. Throws StartFailure. */
export async function startContainer(request: StartRequest): Promise<void> {
  const { parts, pod, action, signal } = request;
  const container = findContainer(pod, action.name);
  if (container === undefined) return;
  const image = await parts.puller.ensure(pod, container);
  if (signal.aborted) return;
  const id = await create(request, container, image);
  const { runtime, recorder } = parts.options;
  recorder.event(pod, 'Normal', 'Created', 'Container created', containerPath(pod, action.name));
  if (signal.aborted) return;
  try {
    await runtime.startContainer(id);
  } catch (thrown) {
    if (!(thrown instanceof CriError)) throw thrown;
    recorder.event(pod, 'Warning', 'Failed', `Error: ${thrown.message}`, containerPath(pod, action.name));
    await parts.runtime.refreshContainer(id);
    // The runtime keeps it as one that ended at once: its state says why, and it is restarted like others that failed.
    if (parts.runtime.ofPod(identity(pod).uid).containers.find((c) => c.id === id)?.state === 'exited') return;
    throw new StartFailure('RunContainerError', thrown.message, thrown);
  }
  await parts.runtime.refreshContainer(id);
  recorder.event(pod, 'Normal', 'Started', 'Container started', containerPath(pod, action.name));
  await postStart(request, container, id);
}

async function create(request: StartRequest, container: PodContainer, image: Parameters<typeof containerConfig>[0]['image']): Promise<string> {
  const { parts, pod, action, podIps, volumes } = request;
  const { options } = parts;
  const { namespace, uid } = identity(pod);
  const allocated = parts.allocations.allocate(
    uid,
    container.spec,
    initContainers(pod).map((c) => c.spec.name),
  );
  try {
    if ('lacks' in allocated) {
      throw new StartFailure(
        'CreateContainerConfigError',
        `requested number of devices unavailable for ${allocated.lacks}. Requested: ${allocated.wanted}, Available: ${allocated.available}`,
      );
    }
    await removeHalfMade(parts, uid, action.name);
    const config = await containerConfig({
      options,
      paths: parts.volumes.paths,
      pod,
      container,
      attempt: action.attempt,
      image,
      podIps,
      services: [
        ...parts.services.list(namespace),
        ...(namespace === 'default' ? [] : [parts.services.get('kubernetes', 'default')].filter((s) => s !== undefined)),
      ],
      sources: sourcesOf(parts, namespace),
      devices: allocated.devices,
      edits: await editsOf(parts, allocated.devices),
      volume: (name) => volumes.get(name),
    });
    const id = await options.runtime.createContainer(action.sandboxId, config);
    await parts.runtime.refreshContainer(id);
    return id;
  } catch (thrown) {
    const failure =
      thrown instanceof StartFailure
        ? thrown
        : thrown instanceof StatusError
          ? new StartFailure('CreateContainerConfigError', thrown.message, thrown)
          : new StartFailure('CreateContainerError', thrown instanceof Error ? thrown.message : String(thrown), thrown);
    options.recorder.event(pod, 'Warning', 'Failed', `Error: ${failure.message}`, containerPath(pod, action.name));
    throw failure;
  }
}

async function editsOf({ options }: NodeParts, devices: Devices): Promise<readonly DeviceEdits[]> {
  const source = options.deviceSource;
  const edits: DeviceEdits[] = [];
  for (const [resource, ids] of Object.entries(devices)) {
    // What is only counted is the node's own to tell of.
    if (Object.hasOwn(options.extendedResources, resource) || source === undefined) edits.push(countedEdits(resource, ids));
    else edits.push(await source.edits(resource, ids));
  }
  return edits;
}

/** A container that was made and never started, by a run that ended in between. */
async function removeHalfMade(parts: NodeParts, uid: string, name: string): Promise<void> {
  for (const c of parts.runtime.ofPod(uid).containers) {
    if (c.name !== name || c.state !== 'created') continue;
    await parts.options.runtime.removeContainer(c.id);
    parts.runtime.forget(c.id);
  }
}

async function postStart({ parts, pod, podIps, signal }: StartRequest, container: PodContainer, id: string): Promise<void> {
  const hook = container.spec.lifecycle?.postStart;
  if (hook === undefined) return;
  const { runtime, network, recorder, clock } = parts.options;
  const target = { runtime, network, containerId: id, podIp: podIps[0] ?? '', container: container.spec };
  const fault = await runHook(hook, target, LONGEST_HOOK_MS, (ms) => sleep(clock, ms, signal));
  if (fault === undefined) return;
  recorder.event(pod, 'Warning', 'FailedPostStartHook', 'PostStartHook failed', containerPath(pod, container.spec.name));
  recorder.event(pod, 'Normal', 'Killing', 'FailedPostStartHook', containerPath(pod, container.spec.name));
  await runtime.stopContainer(id, 2);
  await parts.runtime.refreshContainer(id);
  throw new StartFailure('PostStartHookError', fault);
}

function sourcesOf({ options: { client } }: NodeParts, namespace: string): EnvironmentSources {
  const get = async <T extends KubeObject>(resource: Resource<T>, name: string): Promise<Stored<T> | undefined> => {
    try {
      return await client.get(resource, name, namespace);
    } catch (thrown) {
      if (thrown instanceof StatusError && thrown.reason === 'NotFound') return undefined;
      throw thrown;
    }
  };
  return { configMap: (name): Promise<ConfigMap | undefined> => get(configMaps, name), secret: (name): Promise<Secret | undefined> => get(secrets, name) };
}
