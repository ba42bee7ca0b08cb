import type { Pod } from '../../api/gen/types/core.v1.ts';
import type { Stored } from '../../machinery/object.ts';
import type { Answer } from './answer.ts';

/** An answer about an object that makes pods, led on to the pod that is in trouble. Undefined: none is, or there are none. */
export function explainByPods(what: string, pods: readonly Stored<Pod>[], explain: (pod: Stored<Pod>) => Answer): Answer | undefined {
  const answers = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined).map(explain);
  const bad = answers.filter((answer) => !answer.fine);
  const [first] = bad;
  if (first === undefined) return undefined;
  return {
    state: `${what}: ${bad.length} of ${answers.length} pods ${bad.length === 1 ? 'is' : 'are'} not as wanted.`,
    because: [first.state, ...first.because],
    fix: first.fix,
    fine: false,
  };
}
