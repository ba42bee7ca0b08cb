import { finished, type Steps } from '../../schema/steps.ts';
import type { Core } from '../core.ts';

/** What is so large is worked on in several turns of the loop (law 10); all else at once. */
export async function inTurns<T>({ yieldToLoop }: Pick<Core, 'yieldToLoop'>, large: boolean, steps: Steps<T>): Promise<T> {
  if (!large) return finished(steps);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    await yieldToLoop();
  }
}
