import type { StatusError } from '../../machinery/status-error.ts';
import { CONTENT_TYPES, type Representation } from '../codec/accept.ts';
import { protobufItem, protobufListHead, protobufListMeta, protobufListTail, protobufObject, typeNameOf } from '../codec/protobuf.ts';
import { prettyList, type ReadableList, yamlList } from '../codec/readable.ts';
import { chooseRepresentation, entryBytes, listMetadata, listWriter, objectJson } from '../codec/representation.ts';
import { formatYaml } from '../../schema/yaml.ts';
import type { Json } from '../../machinery/object.ts';
import type { Core } from '../core.ts';
import type { Answer, Call, ListAnswer } from '../handlers/call.ts';
import { beginBody, sendBytes } from './answer-body.ts';
import { listLength, writeList, writePieces } from './list-writer.ts';
import { type AnyResponse, headersOf, writeHead } from './respond.ts';

/** Writes answers to one connection's requests. */
export interface AnswerContext {
  readonly core: Core;
  readonly call: Call;
  readonly response: AnyResponse;
  readonly auditId: string;
  /** Pairs of header name and value: how the request was classified. */
  readonly flow?: readonly string[] | undefined;
  readonly accept: string | undefined;
  readonly headOnly: boolean;
}

export async function writeAnswer(context: AnswerContext, answer: Answer): Promise<void> {
  const { core, call, response } = context;
  const typeName = messageOf(core, answer);
  const representation = chooseRepresentation(context.accept, answer, typeName !== undefined);
  if (representation.format === 'protobuf' && typeName !== undefined) return writeProtobuf(context, answer, typeName);
  if (answer.as === 'object') return send(context, answer.code, representation, Buffer.from(objectJson(call, answer, representation, core.clock.now())));
  if (answer.as === 'entry') return send(context, answer.code, representation, entryBytes(core, call, answer, representation));
  const writer = listWriter(core, call, answer, representation);
  if (representation.format === 'yaml') return writeReadable(context, answer, await yamlList(writer, answer.entries.length));
  if (isPretty(call)) return writeReadable(context, answer, prettyList(writer, answer.entries.length));
  const headers = headersOf(CONTENT_TYPES.json, context, call.warnings.texts);
  const length = listLength(writer, answer.entries);
  const body = beginBody(response, headers, { bytes: length ?? answer.entries.length * ROW_BYTES, exact: length !== undefined });
  if (context.headOnly) response.end();
  else await writeList(body, writer, answer.entries, core.yieldToLoop);
}

/** About so much is a row of a Table: only to see whether the whole is worth packing. */
const ROW_BYTES = 512;

/** For people: made item by item, so that a long list does not hold the loop. */
async function writeReadable(context: AnswerContext, { entries }: ListAnswer, list: ReadableList): Promise<void> {
  const { core, call, response, headOnly } = context;
  writeHead(response, 200, headersOf(CONTENT_TYPES[list.format], context, call.warnings.texts));
  if (!headOnly) await writeList(response, list, entries, core.yieldToLoop);
  else response.end();
}

/** The message of the answer in Kubernetes' protobuf; undefined where there is none. */
function messageOf({ facts, registry }: Core, answer: Answer): string | undefined {
  if (answer.as === 'object') return typeNameOf(facts, registry, String(answer.body.apiVersion), String(answer.body.kind));
  const { typeName } = answer.binding.kind;
  return facts.type(typeName) === undefined ? undefined : typeName;
}

/** Made anew for every request: whoever asks for it saves its own time, not ours. */
async function writeProtobuf(context: AnswerContext, answer: Answer, typeName: string): Promise<void> {
  const { core, call, response, headOnly } = context;
  const headers = headersOf(CONTENT_TYPES.protobuf, context, call.warnings.texts);
  if (answer.as === 'object') return sendBytes(response, answer.code, headers, protobufObject(core.facts, typeName, answer.body), headOnly);
  if (answer.as === 'entry') {
    const object = core.objects.full(answer.entry, answer.binding);
    return sendBytes(response, answer.code, headers, protobufObject(core.facts, typeName, object), headOnly);
  }
  const { binding, entries } = answer;
  const parts: Buffer[] = [protobufListMeta(core.facts, listMetadata(answer))];
  for (const [at, entry] of entries.entries()) {
    if (at % PROTOBUF_SLICE === PROTOBUF_SLICE - 1) await core.yieldToLoop();
    parts.push(protobufItem(core.facts, typeName, core.objects.full(entry, binding)));
  }
  const size = parts.reduce((sum, { length }) => sum + length, 0);
  const whole = [protobufListHead(binding.apiVersion, binding.kind.listKind, size), ...parts, protobufListTail];
  const body = beginBody(response, headers, { bytes: whole.reduce((sum, { length }) => sum + length, 0), exact: true });
  if (headOnly) response.end();
  else await writePieces(body, whole, core.yieldToLoop);
}

/** Items encoded in one turn: some ten milliseconds of pods. */
const PROTOBUF_SLICE = 50;

export function writeFailure(context: Omit<AnswerContext, 'core'>, error: StatusError): void {
  const { response, call } = context;
  const more: string[] = error.details?.retryAfterSeconds === undefined ? [] : ['Retry-After', String(error.details.retryAfterSeconds)];
  if (error.code === 401) more.push('Www-Authenticate', 'Bearer');
  const headers = headersOf(CONTENT_TYPES.json, context, call.warnings.texts, more);
  sendBytes(response, error.code, headers, prettyIf(call, Buffer.from(JSON.stringify(error.toStatus()))), context.headOnly);
}

async function send(context: AnswerContext, code: number, representation: Representation, json: Buffer): Promise<void> {
  const { call, response, headOnly } = context;
  const headers = headersOf(CONTENT_TYPES[representation.format], context, call.warnings.texts);
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
