import { CANARIES } from './canaries.ts';
import type { Target } from './target.ts';
import { BODIES } from './targets/bodies.ts';
import { TEXTS } from './targets/texts.ts';
import { WIRES } from './targets/wires.ts';

/** Everything that reads what strangers send. */
export const TARGETS: readonly Target[] = [...BODIES, ...TEXTS, ...WIRES];

/** Throws for a name that is in no table. */
export function findTarget(name: string): Target {
  const found = [...TARGETS, ...CANARIES].find((target) => target.name === name);
  if (found === undefined) throw new Error(`there is no target ${JSON.stringify(name)}; there are: ${TARGETS.map((target) => target.name).join(', ')}`);
  return found;
}
