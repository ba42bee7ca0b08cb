import type { StatusError } from '../../machinery/status-error.ts';
import { CONTENT_TYPES, type Representation } from '../codec/accept.ts';
import { chooseRepresentation, entryBytes, listWriter } from '../codec/representation.ts';
import { formatYaml } from '../../schema/yaml.ts';
import type { Json } from '../../machinery/object.ts';
import type { Core } from '../core.ts';
import type { Answer, Call } from '../handlers/call.ts';
import { listLength, writeList } from './list-writer.ts';
import { type AnyResponse, headersOf, sendBytes, writeHead } from './respond.ts';

/** Writes answers to one connection's requests. */
export interface AnswerContext {
  readonly core: Core;
  readonly call: Call;
  readonly response: AnyResponse;
  readonly auditId: string;
  readonly accept: string | undefined;
  readonly headOnly: boolean;
}

export async function writeAnswer(context: AnswerContext, answer: Answer): Promise<void> {
  const { core, call, response } = context;
  const representation = chooseRepresentation(context.accept, answer, false);
  if (answer.as === 'object') return send(context, answer.code, representation, Buffer.from(JSON.stringify(answer.body)));
  if (answer.as === 'entry') return send(context, answer.code, representation, entryBytes(core, call, answer, representation));
  const writer = listWriter(core, call, answer, representation);
  if (representation.format === 'yaml' || isPretty(call)) {
    const parts: Buffer[] = [Buffer.from(writer.head)];
    answer.entries.forEach((entry, at) => {
      if (at > 0) parts.push(Buffer.from(','));
      for (const piece of writer.piece(entry)) parts.push(Buffer.from(piece));
    });
    parts.push(Buffer.from(writer.tail));
    return send(context, 200, representation, Buffer.concat(parts));
  }
  const headers = headersOf(CONTENT_TYPES.json, context.auditId, call.warnings.texts);
  const length = listLength(writer, answer.entries);
  if (length !== undefined) headers.push('Content-Length', String(length));
  writeHead(response, 200, headers);
  if (context.headOnly) response.end();
  else await writeList(response, writer, answer.entries, core.yieldToLoop);
}

export function writeFailure(context: Omit<AnswerContext, 'core'>, error: StatusError): void {
  const { response, auditId, call } = context;
  const more: string[] = error.details?.retryAfterSeconds === undefined ? [] : ['Retry-After', String(error.details.retryAfterSeconds)];
  if (error.code === 401) more.push('Www-Authenticate', 'Bearer');
  const headers = headersOf(CONTENT_TYPES.json, auditId, call.warnings.texts, more);
  sendBytes(response, error.code, headers, prettyIf(call, Buffer.from(JSON.stringify(error.toStatus()))), context.headOnly);
}

async function send(context: AnswerContext, code: number, representation: Representation, json: Buffer): Promise<void> {
  const { call, response, auditId, headOnly } = context;
  const headers = headersOf(CONTENT_TYPES[representation.format], auditId, call.warnings.texts);
  const body = representation.format === 'yaml' ? await formatYaml(JSON.parse(json.toString()) as Json) : prettyIf(call, json);
  sendBytes(response, code, headers, body, headOnly);
}

const PRETTY_AGENT = /^(?:curl|Wget|Mozilla\/5\.0)/;

/** People who look at it with a browser or curl get it indented, as from Kubernetes. */
export function isPretty(call: Call): boolean {
  const asked = call.query.get('pretty');
  if (asked !== undefined) return asked !== 'false' && asked !== '0';
  return PRETTY_AGENT.test(call.userAgent);
}

const prettyIf = (call: Call, json: Buffer): Buffer | string => (isPretty(call) ? JSON.stringify(JSON.parse(json.toString()), null, 2) : json);

