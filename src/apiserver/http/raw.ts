import type { RawResponse } from '../stages.ts';
import type { AnswerContext } from './answer.ts';
import { sendBytes } from './answer-body.ts';
import { headersOf } from './respond.ts';

/** The answer of a route that is no resource. */
export function writeRaw(context: AnswerContext, { code, headers = {}, body }: RawResponse): Promise<void> {
  const { call, response, headOnly } = context;
  const { 'content-type': contentType = 'application/json', ...rest } = headers;
  const plain = typeof body === 'string' || body instanceof Uint8Array;
  const all = headersOf(contentType, context, call.warnings.texts, Object.entries(rest).flat());
  sendBytes(response, code, all, plain ? body : JSON.stringify(body), headOnly);
  return Promise.resolve();
}
