import type { Pod, PodSpec, PodStatus } from '../../../api/gen/types/core.v1.ts';
import type { Container, Sandbox } from '../../runtime/runtime.ts';
import { IMAGE_ANNOTATION } from '../decide.ts';
import { NOTHING_REMEMBERED, type PodMemory, type PodView } from '../view.ts';

/** Short ways to say what a pod is and what runs, for tables of tests. Times are milliseconds after `T0`. */
export const T0 = Date.UTC(2030, 0, 1);

export function podOf(spec: Partial<PodSpec> = {}, rest: { readonly status?: PodStatus; readonly metadata?: Pod['metadata'] } = {}): Pod {
  return {
    metadata: { uid: 'u', name: 'p', namespace: 'ns', generation: 1, ...rest.metadata },
    spec: { restartPolicy: 'Always', terminationGracePeriodSeconds: 30, ...spec, containers: spec.containers ?? [{ name: 'c', image: 'i' }] },
    ...(rest.status === undefined ? {} : { status: rest.status }),
  };
}

export function sandboxOf(over: Partial<Sandbox> = {}): Sandbox {
  return {
    id: 's0',
    podUid: 'u',
    podName: 'p',
    podNamespace: 'ns',
    attempt: 0,
    ready: true,
    createdAtMs: T0,
    ips: ['10.0.0.2'],
    labels: {},
    annotations: {},
    ...over,
  };
}

/** `id` is made of name and attempt: `c/0`. */
export function containerOf(name: string, state: Container['state'], over: Partial<Container> = {}): Container {
  const attempt = over.attempt ?? 0;
  return {
    id: `${name}/${attempt}`,
    sandboxId: 's0',
    podUid: 'u',
    name,
    attempt,
    state,
    imageRef: 'sha256:i',
    imageName: 'i',
    createdAtMs: T0,
    startedAtMs: state === 'created' ? 0 : T0,
    finishedAtMs: state === 'exited' ? T0 + 1_000 : 0,
    exitCode: 0,
    reason: '',
    message: '',
    logPath: '',
    labels: {},
    annotations: { [IMAGE_ANNOTATION]: 'i' },
    ...over,
  };
}

/** Volumes are ready and the sandbox runs, unless said otherwise. Containers in any order. */
export function viewOf(
  pod: Pod,
  containers: readonly Container[] = [],
  over: { readonly memory?: Partial<PodMemory>; readonly sandboxes?: readonly Sandbox[]; readonly nowMs?: number } = {},
): PodView {
  return {
    pod,
    sandboxes: over.sandboxes ?? [sandboxOf()],
    containers: containers.toSorted((a, b) => b.attempt - a.attempt),
    memory: { ...NOTHING_REMEMBERED, volumesReady: true, ...over.memory },
    nowMs: over.nowMs ?? T0 + 2_000,
  };
}
