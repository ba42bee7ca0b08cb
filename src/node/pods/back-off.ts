/**
 * The delay between two tries of one thing (restart of a container, pull of an image), as the kubelet keeps it: nothing before the
 * first repetition, then 10 s, doubled up to 5 min, forgotten when the last failure lies more than 10 min after the one before.
 */
export interface BackOff {
  readonly delayMs: number;
  /** When it was last raised, wall time. */
  readonly raisedAtMs: number;
}

export const FIRST_MS = 10_000;
export const LONGEST_MS = 300_000;
export const FORGET_MS = 2 * LONGEST_MS;

/** How long to wait still, given when the last try failed; 0: try now. */
export function remainingMs(backOff: BackOff | undefined, failedAtMs: number, nowMs: number): number {
  if (backOff === undefined || expired(backOff, failedAtMs)) return 0;
  return Math.max(0, failedAtMs + backOff.delayMs - nowMs);
}

/** After the decision to try again. */
export function raised(backOff: BackOff | undefined, failedAtMs: number, nowMs: number): BackOff {
  if (backOff === undefined || expired(backOff, failedAtMs)) return { delayMs: FIRST_MS, raisedAtMs: nowMs };
  return { delayMs: Math.min(backOff.delayMs * 2, LONGEST_MS), raisedAtMs: nowMs };
}

function expired(backOff: BackOff, failedAtMs: number): boolean {
  return failedAtMs - backOff.raisedAtMs > FORGET_MS;
}

/** Go's form of a duration, as back-off messages have it: `10s`, `1m20s`, `5m0s`. */
export function formatDelay(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}
