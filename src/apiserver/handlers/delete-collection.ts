import { StatusError } from '../../machinery/status-error.ts';
import type { Core } from '../core.ts';
import type { StoredEntry } from '../codec/projection.ts';
import type { ListAnswer, Call } from './call.ts';
import { deleteStored } from './delete.ts';
import { readDeleteOptions } from './delete-options.ts';
import { list } from './list.ts';
import { parseListOptions } from './list-options.ts';
import { parseSelection } from './selection.ts';
import type { Target } from './target.ts';

/** So many are on their way to the disk at a time: enough for one group commit. */
const ABREAST = 64;

/** Deletes what is selected now, each by itself; answers with the list of them as it was. */
export async function deleteCollection(core: Core, call: Call, target: Target): Promise<ListAnswer> {
  const { binding, namespace } = target;
  const options = await readDeleteOptions(core, call);
  const listing = parseListOptions(call.query, false);
  const answer = await list(core, binding, namespace, listing, parseSelection(binding, listing.labelSelector, listing.fieldSelector));
  for (let from = 0; from < answer.entries.length; from += ABREAST) {
    if (from > 0) await core.yieldToLoop();
    const some = answer.entries.slice(from, from + ABREAST);
    await Promise.all(some.map((entry) => deleteOne(entry)));
  }
  return answer;

  async function deleteOne({ projection }: StoredEntry): Promise<void> {
    try {
      await deleteStored(core, call, { ...target, namespace: projection.namespace, name: projection.name }, options);
    } catch (thrown) {
      // Somebody else was faster.
      if (!(thrown instanceof StatusError) || thrown.reason !== 'NotFound') throw thrown;
    }
  }
}
