import type { RawResponse } from '../stages.ts';
import type { AnswerContext } from './answer.ts';
import { plainJson, refusalRepresentation } from '../codec/accept.ts';
import { isPretty } from './answer.ts';
import { sendBody } from './answer-body.ts';
import { headersOf } from './respond.ts';

/** The answer of a route that is no resource. */
export async function writeRaw(context: AnswerContext, { code, headers = {}, body, shownAs }: RawResponse): Promise<void> {
  const { call, core, response, headOnly } = context;
  const { 'content-type': contentType = 'application/json', ...rest } = headers;
  const all = headersOf(contentType, context, call.warnings.texts, Object.entries(rest).flat());
  await sendBody(response, code, all, await shown(context, body, shownAs), headOnly, core.yieldToLoop);
}

async function shown({ call, accept, writeYaml }: AnswerContext, body: RawResponse['body'], shownAs: RawResponse['shownAs']): Promise<string | Uint8Array> {
  const text = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
  if (shownAs === 'yaml') return writeYaml(Buffer.from(text).toString());
  const indented = shownAs === 'indented' || (shownAs === 'json' && isPretty(call, refusalRepresentation(accept) ?? plainJson));
  return indented ? JSON.stringify(JSON.parse(Buffer.from(text).toString()), null, 2) : text;
}
