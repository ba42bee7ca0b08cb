import { StatusError } from '../../machinery/status-error.ts';
import { negotiateStream } from '../codec/accept.ts';
import { boundOffers, tableForm } from '../codec/representation.ts';
import type { WatchPlan } from '../watch/plan.ts';
import type { Watchers } from '../watch/watchers.ts';
import type { AnswerContext } from './answer.ts';
import { type FrameCache, frameForm, inChunks } from './frames.ts';
import { type AnyResponse, headersOf, isHttp2, writeHead } from './respond.ts';
import { type Flusher, HttpWatchOutput } from './watch-output.ts';

/** Opens a watch over a connection. The head goes out at once: clients wait for it before they count the watch as open. */
export async function startWatch(context: AnswerContext, plan: WatchPlan, watchers: Watchers, frames: FrameCache, flusher: Flusher): Promise<void> {
  const { core, call, response, accept } = context;
  const representation = negotiateStream(accept, boundOffers(plan.binding, core.facts.type(plan.binding.kind.typeName) !== undefined, false));
  const table = representation.as === 'Table' ? tableForm(call, representation) : undefined;
  const form = frameForm(core, plan.binding, representation, table);
  writeHead(response, 200, headersOf(form.contentType, context, call.warnings.texts));
  // HTTP/2 has sent them by now.
  if (!isHttp2(response)) response.flushHeaders();
  const output = new HttpWatchOutput(response, takesChunks(response, context.headOnly) ? inChunks(form) : form, frames, flusher);
  if (plan.refusal !== undefined) return output.end(plan.refusal);
  try {
    const watcher = watchers.start(plan, output);
    response.on('close', () => watcher.close());
    // Whoever went away before this has closed already.
    if ((isHttp2(response) ? response.stream : response).destroyed) watcher.close();
  } catch (thrown) {
    output.end(thrown instanceof StatusError ? thrown : new StatusError('InternalError', String(thrown)));
  }
}

/** HTTP/1.0 has none, an answer to HEAD has no body, and one to a request that was sent ahead has no connection yet. */
function takesChunks(response: AnyResponse, headOnly: boolean): boolean {
  return !headOnly && !isHttp2(response) && response.chunkedEncoding && response.socket !== null;
}
