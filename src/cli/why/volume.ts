import type { PersistentVolume } from '../../api/gen/types/core.v1.ts';
import { type Answer, trouble } from './answer.ts';

/** What its status says of the volume itself; undefined when it says nothing. `what`: a sentence's beginning that ends with the volume. */
export function explainHealth(what: string, is: ' is' | ', which is', { status }: PersistentVolume): Answer | undefined {
  const message = status?.message ?? '';
  if (status?.reason === 'VolumeConditionAbnormal')
    return trouble(
      `${what}${is} out of order.`,
      [message],
      ['mend or restore the file that is named; the volume comes back by itself, and no other volume waits for it'],
    );
  return undefined;
}
