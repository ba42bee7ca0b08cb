import type { Probe } from '../../api/gen/types/core.v1.ts';

/** What one try of a probe gave. `unknown`: it could not be tried; it counts neither way. */
export type ProbeOutcome = { readonly result: 'success' | 'warning' } | { readonly result: 'failure' | 'unknown'; readonly message: string };

export interface ProbeState {
  /** The result that counts. Undefined: none yet. */
  readonly passed: boolean | undefined;
  /** Of the last outcome, in a row. */
  readonly inRow: number;
  readonly lastPassed: boolean | undefined;
}

export const NO_RESULT: ProbeState = { passed: undefined, inRow: 0, lastPassed: undefined };

/** Counts outcomes in a row against the probe's thresholds. */
export function afterOutcome(state: ProbeState, outcome: ProbeOutcome, probe: Probe): ProbeState {
  if (outcome.result === 'unknown') return state;
  const success = outcome.result !== 'failure';
  const inRow = state.lastPassed === success ? state.inRow + 1 : 1;
  const threshold = success ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3);
  return { passed: inRow >= threshold ? success : state.passed, inRow, lastPassed: success };
}

export const periodMs = (probe: Probe): number => (probe.periodSeconds ?? 10) * 1_000;
export const timeoutMs = (probe: Probe): number => (probe.timeoutSeconds ?? 1) * 1_000;

/**
 * When the first try is due after the container's start: the probe's delay; probes of a sort other than the first one of a node that
 * restarts are spread by `share` (in [0, 1)) of a period, so that not all are tried at once.
 */
export function firstTryMs(probe: Probe, startedAtMs: number, nowMs: number, share: number): number {
  const due = startedAtMs + (probe.initialDelaySeconds ?? 0) * 1_000;
  return due >= nowMs ? due - nowMs : share * periodMs(probe);
}
