import type { Container as ContainerSpec, EphemeralContainer, Pod, PodSpec } from '../../api/gen/types/core.v1.ts';
import { defined } from '../../base/assert.ts';

/** How the kubelet treats a container of a pod: `sidecar` is an init container with restartPolicy Always (KEP-753). */
export type ContainerKind = 'init' | 'sidecar' | 'app' | 'ephemeral';

export interface PodContainer {
  readonly kind: ContainerKind;
  readonly spec: ContainerSpec | EphemeralContainer;
}

export interface PodIdentity {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
}

export function identity(pod: Pod): PodIdentity {
  return {
    uid: defined(pod.metadata?.uid, 'uid of a stored pod'),
    name: defined(pod.metadata?.name, 'name of a stored pod'),
    namespace: defined(pod.metadata?.namespace, 'namespace of a stored pod'),
  };
}

/** As events and back-off messages name it: `name_namespace(uid)`. */
export function formatPod({ uid, name, namespace }: PodIdentity): string {
  return `${name}_${namespace}(${uid})`;
}

export function spec(pod: Pod): PodSpec {
  return defined(pod.spec, 'spec of a stored pod');
}

/** Init containers (sidecars among them) in order, then app containers, then ephemeral ones. */
export function containersOf(pod: Pod): readonly PodContainer[] {
  return [...initContainers(pod), ...appContainers(pod), ...ephemeralContainers(pod)];
}

export function initContainers(pod: Pod): readonly PodContainer[] {
  return (spec(pod).initContainers ?? []).map((c) => ({ kind: c.restartPolicy === 'Always' ? 'sidecar' : 'init', spec: c }));
}

export function appContainers(pod: Pod): readonly PodContainer[] {
  return spec(pod).containers.map((c) => ({ kind: 'app', spec: c }));
}

export function ephemeralContainers(pod: Pod): readonly PodContainer[] {
  return (spec(pod).ephemeralContainers ?? []).map((c) => ({ kind: 'ephemeral', spec: c }));
}

export function findContainer(pod: Pod, name: string): PodContainer | undefined {
  return containersOf(pod).find((c) => c.spec.name === name);
}

const LISTS = { init: 'initContainers', sidecar: 'initContainers', app: 'containers', ephemeral: 'ephemeralContainers' } as const;

/** As the kubelet's events name the container that they are about: `spec.containers{main}`. */
export function containerPath(pod: Pod, name: string): string {
  const found = findContainer(pod, name);
  return found === undefined ? '' : `spec.${LISTS[found.kind]}{${name}}`;
}

/**
 * Whether a container that ended with this code is run again while its pod lives. Init containers that succeeded never are.
 * The container's own rules (KEP-5307) come first, then its own policy, then the pod's.
 */
export function restartsAfter(pod: Pod, container: PodContainer, exitCode: number): boolean {
  if (container.kind === 'ephemeral') return false;
  if (container.kind === 'sidecar') return true;
  if (matchesRestartRule(container.spec, exitCode)) return true;
  if (container.kind === 'init' && exitCode === 0) return false;
  const policy = container.spec.restartPolicy ?? spec(pod).restartPolicy ?? 'Always';
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
}

function matchesRestartRule({ restartPolicyRules = [] }: ContainerSpec | EphemeralContainer, exitCode: number): boolean {
  const rule = restartPolicyRules.find(({ exitCodes }) => {
    if (exitCodes === undefined) return false;
    const named = (exitCodes.values ?? []).includes(exitCode);
    return exitCodes.operator === 'In' ? named : !named;
  });
  return rule !== undefined && (rule.action === 'Restart' || rule.action === 'RestartAllContainers');
}

/** Succeeded or Failed: nothing of it is ever started again. */
export function isTerminalPhase(phase: string | undefined): phase is 'Succeeded' | 'Failed' {
  return phase === 'Succeeded' || phase === 'Failed';
}

/** From deletion if it is being deleted, else as the spec says; 30 by default. */
export function graceSecondsOf(pod: Pod): number {
  return pod.metadata?.deletionGracePeriodSeconds ?? spec(pod).terminationGracePeriodSeconds ?? 30;
}
