import type { ContainerInstance, ContainerOnNode, PodLookup, PodOnNode } from '../server/pod-lookup.ts';
import type { Container } from '../runtime/runtime.ts';
import { currentSandbox } from './decide.ts';
import { containersOf, type PodContainer, spec } from './pod.ts';
import type { Pods } from './pods.ts';
import { podStatus } from './status.ts';
import type { PodWorker } from './worker.ts';

/** What the node's server asks, answered from the workers. */
export function podLookup(pods: Pods, addresses: readonly string[]): PodLookup {
  return {
    pod: (namespace, name, uid) => {
      const worker = pods.worker(namespace, name, uid);
      return worker === undefined ? undefined : podOnNode(worker, addresses);
    },
    pods: () =>
      pods.all().map((worker) => {
        const { apiVersion: _, kind: __, ...pod } = worker.pod;
        return { ...pod, status: podStatus(worker.view(), addresses) };
      }),
    running: () =>
      pods
        .all()
        .filter((w) => currentSandbox(w.view()) !== undefined)
        .map((w) => podOnNode(w, addresses)),
  };
}

function podOnNode(worker: PodWorker, addresses: readonly string[]): PodOnNode {
  const view = worker.view();
  const status = podStatus(view, addresses);
  const statuses = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? []), ...(status.ephemeralContainerStatuses ?? [])];
  const waiting = new Map(statuses.map((s) => [s.name, s.state?.waiting?.reason ?? '']));
  return {
    ...worker.id,
    sandboxId: currentSandbox(view)?.id,
    hostNetwork: spec(worker.pod).hostNetwork === true,
    containers: containersOf(worker.pod).map((c) => containerOnNode(c, view.containers, waiting.get(c.spec.name) ?? '')),
  };
}

function containerOnNode({ spec: { name, tty = false, stdin = false } }: PodContainer, all: readonly Container[], waitingReason: string): ContainerOnNode {
  const [current, previous] = all.filter((c) => c.name === name);
  return { name, tty, stdin, current: instance(current), previous: instance(previous), waitingReason };
}

function instance(container: Container | undefined): ContainerInstance | undefined {
  return container === undefined ? undefined : { id: container.id, running: container.state === 'running', logPath: container.logPath };
}
