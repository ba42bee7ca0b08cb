/** Conditions of workloads, all of one shape. */
export interface WorkloadCondition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string | undefined;
  readonly message?: string | undefined;
  readonly lastTransitionTime?: string | undefined;
  readonly lastUpdateTime?: string | undefined;
}

/**
 * The list with one condition set. The transition time moves only when the status does; nothing changes when status and reason
 * are the same (upstream's rule: a new message alone is not worth a write).
 */
export function withCondition(conditions: readonly WorkloadCondition[] | undefined, condition: WorkloadCondition, nowMs: number): readonly WorkloadCondition[] {
  const found = conditions?.find((each) => each.type === condition.type);
  if (found !== undefined && found.status === condition.status && found.reason === condition.reason) return conditions ?? [];
  const now = stamp(nowMs);
  const set: WorkloadCondition = {
    ...condition,
    lastTransitionTime: found?.status === condition.status ? (found.lastTransitionTime ?? now) : now,
  };
  return [...(conditions?.filter((each) => each.type !== condition.type) ?? []), set];
}

export function withoutCondition(conditions: readonly WorkloadCondition[] | undefined, type: string): readonly WorkloadCondition[] {
  return conditions?.filter((each) => each.type !== type) ?? [];
}

/** A time as metav1.Time prints it: whole seconds, UTC. */
export function stamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** Equality of JSON values: order of keys does not count, an undefined property counts as absent. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keysOf = (value: object): string[] => Object.keys(value).filter((key) => (value as Record<string, unknown>)[key] !== undefined);
  const keys = keysOf(a);
  if (keys.length !== keysOf(b).length) return false;
  return keys.every((key) => Object.hasOwn(b, key) && sameJson((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]));
}
