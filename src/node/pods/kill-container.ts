import type { Pod } from '../../api/gen/types/core.v1.ts';
import { sleep } from '../../base/clock.ts';
import { runHook } from '../probes/action.ts';
import type { NodeParts } from './parts.ts';
import { containerPath, findContainer } from './pod.ts';

/** After a preStop hook that took the whole period, the container still gets this long. */
const LEAST_GRACE_SECONDS = 2;

export interface KillRequest {
  readonly parts: NodeParts;
  readonly pod: Pod;
  readonly id: string;
  readonly name: string;
  readonly message: string;
  readonly graceSeconds: number;
  readonly podIp: string;
  /** A repeated kill with less time: the hook has been run. */
  readonly again: boolean;
}

/** preStop hook, SIGTERM, SIGKILL, all within the grace period. Resolves when it has ended. Throws CriError. */
export async function killContainer(request: KillRequest): Promise<void> {
  const { parts, pod, id, message, graceSeconds, again } = request;
  const { runtime, recorder, clock } = parts.options;
  if (!again) recorder.event(pod, 'Normal', 'Killing', message, containerPath(pod, request.name));
  const begunMs = clock.monotonic();
  if (!again && graceSeconds > 0) await preStop(request);
  const left = graceSeconds - (clock.monotonic() - begunMs) / 1_000;
  await runtime.stopContainer(id, left >= graceSeconds - 0.5 ? graceSeconds : Math.max(LEAST_GRACE_SECONDS, Math.ceil(left)));
  await parts.runtime.refreshContainer(id);
}

async function preStop({ parts, pod, id, name, graceSeconds, podIp }: KillRequest): Promise<void> {
  const container = findContainer(pod, name);
  const hook = container?.spec.lifecycle?.preStop;
  if (container === undefined || hook === undefined) return;
  const { runtime, network, recorder, clock, log } = parts.options;
  const target = { runtime, network, containerId: id, podIp, container: container.spec };
  const fault = await runHook(hook, target, graceSeconds * 1_000, (ms) => sleep(clock, ms));
  if (fault === undefined) return;
  log.info('a preStop hook failed', { container: name, cause: fault });
  recorder.event(pod, 'Warning', 'FailedPreStopHook', 'PreStopHook failed', containerPath(pod, name));
}
