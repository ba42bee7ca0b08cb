import type { Container } from '../runtime/runtime.ts';
import type { Action, Decision } from './decide.ts';
import { initContainers } from './pod.ts';
import type { Ending, PodView } from './view.ts';

/** Less than this is never left to a container, however long others took before it. */
const LEAST_GRACE_SECONDS = 1;

/**
 * How a pod is brought down: app containers together, then sidecars one after another in reverse order, within one common grace
 * period; then its sandbox. `ended` when nothing runs any more.
 */
export function decideEnding(view: PodView, ending: Ending): Decision {
  const { memory, containers, sandboxes } = view;
  const running = containers.filter((c) => c.state === 'running' || c.state === 'unknown');
  const due = nextToEnd(view, running);
  const actions = due.flatMap((c) => killOf(view, ending, c));
  if (running.length > 0 || memory.starting !== undefined || memory.sandboxBusy) return { actions };
  const stops = sandboxes.filter((s) => s.ready).map((s): Action => ({ do: 'stop-sandbox', id: s.id }));
  return stops.length > 0 ? { actions: stops } : { actions: [], ended: true };
}

/** All but sidecars; when none of those is left, the last sidecar. */
function nextToEnd(view: PodView, running: readonly Container[]): readonly Container[] {
  const sidecars = initContainers(view.pod)
    .filter((c) => c.kind === 'sidecar')
    .map((c) => c.spec.name);
  const others = running.filter((c) => !sidecars.includes(c.name));
  if (others.length > 0) return others;
  const last = sidecars.findLast((name) => running.some((c) => c.name === name));
  return running.filter((c) => c.name === last);
}

function killOf(view: PodView, ending: Ending, container: Container): readonly Action[] {
  const untilMs = Math.max(ending.atMs + ending.graceSeconds * 1_000, view.nowMs + LEAST_GRACE_SECONDS * 1_000);
  const killingUntilMs = view.memory.killing.get(container.id);
  if (killingUntilMs !== undefined && killingUntilMs <= untilMs) return [];
  const graceSeconds = Math.ceil((untilMs - view.nowMs) / 1_000);
  // The end of the grace period is noted as it is, not from the rounded seconds: a later look must not find a kill that takes too long.
  return [{ do: 'kill', id: container.id, name: container.name, message: `Stopping container ${container.name}`, graceSeconds, untilMs }];
}
