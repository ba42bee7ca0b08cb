import { BASELINE_CHECKS } from './baseline.ts';
import type { Check, CheckedPod, Violation } from './check.ts';
import type { LevelVersion } from './policy.ts';
import { RESTRICTED_CHECKS } from './restricted.ts';

const NEWEST = 36;
const byId = (a: Check, b: Check): number => (a.id < b.id ? -1 : 1);
/** As upstream tells them: what breaks the baseline first, then what only the restricted level forbids. */
const ALL: readonly Check[] = [...BASELINE_CHECKS.toSorted(byId), ...RESTRICTED_CHECKS.toSorted(byId)];

/** Everything in which a pod does not meet a level; empty: it does. */
export function evaluate(pod: CheckedPod, { level, minor = NEWEST }: LevelVersion): readonly Violation[] {
  if (level === 'privileged') return [];
  const held = ALL.filter((check) => check.since <= minor && (check.level === 'baseline' || level === 'restricted'));
  const replaced = new Set(level === 'restricted' ? held.flatMap(({ replaces = [] }) => replaces) : []);
  return held.filter(({ id }) => !replaced.has(id)).flatMap(({ check }) => check(pod, minor) ?? []);
}

/** `privileged (container "a" must not …), hostPort (…)` */
export function formatViolations(violations: readonly Violation[]): string {
  return violations.map(({ reason, detail }) => (detail === '' ? reason : `${reason} (${detail})`)).join(', ');
}
