import { formatTime } from './time.ts';

/** What the condition types of all kinds have in common. */
export interface ConditionLike {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string | null;
}

export function findCondition<T extends ConditionLike>(conditions: readonly T[] | undefined, type: string): T | undefined {
  return conditions?.find((c) => c.type === type);
}

export function isConditionTrue(conditions: readonly ConditionLike[] | undefined, type: string): boolean {
  return findCondition(conditions, type)?.status === 'True';
}

/**
 * The list with `condition` set: appended when new, in place when known. lastTransitionTime is kept while the status stays the
 * same and is now when it changes. Returns the same list when nothing changes, so that callers can skip the write.
 */
export function withCondition<T extends ConditionLike>(conditions: readonly T[] | undefined, condition: T, nowMs: number): readonly T[] {
  const list = conditions ?? [];
  const at = list.findIndex((c) => c.type === condition.type);
  const old = list[at];
  if (old === undefined) return [...list, { ...condition, lastTransitionTime: condition.lastTransitionTime ?? formatTime(nowMs) }];
  const moved = old.status !== condition.status;
  const next: T = {
    ...old,
    ...condition,
    lastTransitionTime: moved ? (condition.lastTransitionTime ?? formatTime(nowMs)) : (old.lastTransitionTime ?? formatTime(nowMs)),
  };
  return same(old, next) ? list : list.with(at, next);
}

export function withoutCondition<T extends ConditionLike>(conditions: readonly T[] | undefined, type: string): readonly T[] {
  const list = conditions ?? [];
  return list.some((c) => c.type === type) ? list.filter((c) => c.type !== type) : list;
}

/** Conditions are flat: strings and numbers only. */
function same(a: ConditionLike, b: ConditionLike): boolean {
  const left = a as unknown as Readonly<Record<string, unknown>>;
  const right = b as unknown as Readonly<Record<string, unknown>>;
  const keys = Object.keys(right);
  return keys.length === Object.keys(left).length && keys.every((k) => left[k] === right[k]);
}
