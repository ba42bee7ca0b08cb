import type { ContainerStatus, Pod } from '../../api/gen/types/core.v1.ts';
import { appContainers, initContainers, type PodContainer, restartsAfter } from './pod.ts';
import type { Ending } from './view.ts';

export type Phase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

/**
 * The pod's phase from its containers' statuses, as the API reference defines it. A pod that ends, for whatever cause, and whose
 * containers have all stopped is Succeeded or Failed even if its policy would restart them.
 */
export function phaseOf(pod: Pod, init: readonly ContainerStatus[], app: readonly ContainerStatus[], ending: Ending | undefined): Phase {
  if (ending?.cause === 'failed') return runs(init) || runs(app) ? untilStopped(pod, app) : 'Failed';
  const begun = app.some((s) => s.state?.running !== undefined || lastExit(s) !== undefined);
  const initialization = begun ? 'done' : initializationOf(pod, init);
  if (initialization === 'failed') return 'Failed';
  const counts = count(app);
  if (counts.running === 0 && counts.stopped === app.length && app.length > 0) return phaseWhenStopped(pod, app, ending);
  if (initialization === 'pending' || counts.waiting > 0) return ending !== undefined && counts.running === 0 && counts.stopped > 0 ? 'Failed' : 'Pending';
  return counts.running > 0 || counts.stopped > 0 ? 'Running' : 'Pending';
}

function runs(statuses: readonly ContainerStatus[]): boolean {
  return statuses.some((s) => s.state?.running !== undefined);
}

/** A pod that is put out is not over while anything of it runs: what it holds (a volume, a name, a device) would be given to another. */
function untilStopped(pod: Pod, app: readonly ContainerStatus[]): Phase {
  return pod.status?.phase === 'Running' || runs(app) ? 'Running' : 'Pending';
}

function count(app: readonly ContainerStatus[]): { readonly running: number; readonly stopped: number; readonly waiting: number } {
  let running = 0;
  let stopped = 0;
  for (const s of app) {
    if (s.state?.running !== undefined) running++;
    else if (lastExit(s) !== undefined) stopped++;
  }
  return { running, stopped, waiting: app.length - running - stopped };
}

/** The exit code that counts: of the container that stopped, or, while its successor waits, of the one before. */
function lastExit(s: ContainerStatus): number | undefined {
  return s.state?.terminated?.exitCode ?? (s.state?.running === undefined ? s.lastState?.terminated?.exitCode : undefined);
}

function phaseWhenStopped(pod: Pod, app: readonly ContainerStatus[], ending: Ending | undefined): Phase {
  const succeeded = app.every((s) => lastExit(s) === 0);
  if (ending !== undefined) return succeeded ? 'Succeeded' : 'Failed';
  const byName = new Map(appContainers(pod).map((c) => [c.spec.name, c]));
  const again = app.some((s) => {
    const c = byName.get(s.name);
    return c !== undefined && restartsAfter(pod, c, lastExit(s) ?? 0);
  });
  if (again) return 'Running';
  return succeeded ? 'Succeeded' : 'Failed';
}

function initializationOf(pod: Pod, statuses: readonly ContainerStatus[]): 'done' | 'pending' | 'failed' {
  const byName = new Map(statuses.map((s) => [s.name, s]));
  let pending = false;
  for (const c of initContainers(pod)) {
    const s = byName.get(c.spec.name);
    if (s !== undefined && c.kind === 'init' && failedForGood(pod, c, s)) return 'failed';
    if (!isInitialized(c, s)) pending = true;
  }
  return pending ? 'pending' : 'done';
}

function failedForGood(pod: Pod, c: PodContainer, s: ContainerStatus): boolean {
  const exitCode = s.state?.terminated?.exitCode;
  return exitCode !== undefined && exitCode !== 0 && !restartsAfter(pod, c, exitCode);
}

/** An init container that has done its part: it succeeded, or, for a sidecar, it has started. */
export function isInitialized(c: PodContainer, s: ContainerStatus | undefined): boolean {
  return c.kind === 'sidecar' ? s?.started === true : s?.state?.terminated?.exitCode === 0;
}
