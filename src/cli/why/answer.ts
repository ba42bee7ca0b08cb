/** The plain answer to why an object is not where its owner wants it. */
export interface Answer {
  /** One sentence: the state. */
  readonly state: string;
  /** The cause, the first one first; each a sentence. */
  readonly because: readonly string[];
  /** What the user can do about it. */
  readonly fix: readonly string[];
  /** Whether all is as wanted. */
  readonly fine: boolean;
}

export interface EventView {
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  readonly lastMs: number;
  readonly count: number;
}

export function fine(state: string): Answer {
  return { state, because: [], fix: [], fine: true };
}

export function trouble(state: string, because: readonly string[], fix: readonly string[]): Answer {
  return { state, because, fix, fine: false };
}

/** The newest warning, as a sentence. */
export function lastWarning(events: readonly EventView[]): string | undefined {
  const warning = events.filter(({ type }) => type === 'Warning').toSorted((a, b) => b.lastMs - a.lastMs)[0];
  return warning === undefined ? undefined : `${warning.reason}: ${warning.message}${warning.count > 1 ? ` (${warning.count} times)` : ''}`;
}
