import type { StatusError } from '../../machinery/status-error.ts';
import { CONTENT_TYPES, plainJson, type Representation, refusalRepresentation } from '../codec/accept.ts';
import {
  listTags,
  PARTIAL_TYPE,
  partialObject,
  protobufItem,
  protobufListHead,
  protobufListMeta,
  protobufListTail,
  protobufObject,
  protobufPartial,
  typeNameOf,
} from '../codec/protobuf.ts';
import { partialOf } from '../tables/table.ts';
import { yamlList } from '../codec/readable.ts';
import { chooseRepresentation, entryBytes, isLarge, listMetadata, listWriter, objectJson } from '../codec/representation.ts';
import { Slices } from '../../base/loop-turns.ts';
import type { JsonObject, KubeObject } from '../../machinery/object.ts';
import { JsonIndent } from '../codec/indent.ts';
import { jsonPieces } from '../codec/json-pieces.ts';
import type { StoredEntry } from '../codec/projection.ts';
import type { YamlWriter } from '../codec/yaml-thread.ts';
import type { Core } from '../core.ts';
import { NotAllowed } from '../handlers/attributes.ts';
import type { Answer, Call, ListAnswer } from '../handlers/call.ts';
import type { Binding } from '../registry/registry.ts';
import { beginBody, sendBody } from './answer-body.ts';
import { listLength, writeIndented, writeIndentedList, writeList, writePieces } from './list-writer.ts';
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
  readonly writeYaml: YamlWriter;
}

/** Go's encoder ends JSON with it, unless it is indented. */
const LINE = '\n';

export async function writeAnswer(context: AnswerContext, answer: Answer): Promise<void> {
  const { core, call, response } = context;
  const typeName = messageOf(core, answer);
  const representation = chooseRepresentation(context.accept, answer, typeName !== undefined);
  if (representation.format === 'protobuf') return writeProtobuf(context, answer, representation, typeName ?? '');
  const pretty = isPretty(call, representation);
  const end = pretty ? '' : LINE;
  if (answer.as === 'object') return send(context, answer.code, representation, Buffer.from(objectJson(call, answer, representation, core.clock.now()) + end));
  if (answer.as === 'entry') return send(context, answer.code, representation, await entryBytes(core, call, answer, representation, end));
  const { entries } = answer;
  const writer = listWriter(core, call, answer, representation, end);
  const headers = headersOf(CONTENT_TYPES[representation.format], context, call.warnings.texts);
  if (representation.format === 'yaml') {
    const list = await yamlList(writer, entries.length, context.writeYaml);
    return context.headOnly ? sendHead(context, headers) : writeList(beginBody(response, headers, { bytes: 0, exact: false }), list, entries, core.yieldToLoop);
  }
  const length = await listLength(writer, entries, core.yieldToLoop);
  const guess = { bytes: length ?? entries.length * ROW_BYTES, exact: length !== undefined && !pretty };
  if (context.headOnly && pretty) return sendHead(context, headers);
  const body = beginBody(response, headers, guess);
  if (context.headOnly) response.end();
  else await (pretty ? writeIndentedList : writeList)(body, writer, entries, core.yieldToLoop);
}

/** About so much is a row of a Table: only to see whether the whole is worth packing. */
const ROW_BYTES = 512;

function sendHead({ response }: AnswerContext, headers: string[]): void {
  writeHead(response, 200, headers);
  response.end();
}

/** The message of the answer in Kubernetes' protobuf; undefined where there is none. */
function messageOf({ facts, registry }: Core, answer: Answer): string | undefined {
  if (answer.as === 'object') return typeNameOf(facts, registry, String(answer.body.apiVersion), String(answer.body.kind));
  const { typeName } = answer.binding.kind;
  return facts.type(typeName) === undefined ? undefined : typeName;
}

/** Made anew for every request: whoever asks for it saves its own time, not ours. */
async function writeProtobuf(context: AnswerContext, answer: Answer, representation: Representation, typeName: string): Promise<void> {
  const { core, call, response, headOnly } = context;
  const headers = headersOf(CONTENT_TYPES.protobuf, context, call.warnings.texts);
  const partial = representation.as !== undefined;
  if (answer.as === 'object') {
    const bytes = partial
      ? protobufPartial(core.facts, partialOf(answer.body, representation.metaVersion), representation)
      : protobufObject(core.facts, typeName, answer.body);
    return sendBody(response, answer.code, headers, bytes, headOnly, core.yieldToLoop);
  }
  if (answer.as === 'entry') {
    const object = partial ? partialObject(answer.entry, representation) : await shown(core, answer.entry, answer.binding);
    return sendBody(response, answer.code, headers, protobufObject(core.facts, partial ? PARTIAL_TYPE : typeName, object), headOnly, core.yieldToLoop);
  }
  const list = await protobufListOf(core, answer, representation);
  const body = beginBody(response, headers, { bytes: list.bytes, exact: true });
  if (headOnly) response.end();
  else await writePieces(body, list.pieces(), core.yieldToLoop, PROTOBUF_TURN_BYTES);
}

/** What is made in one turn: some five milliseconds. */
const PROTOBUF_TURN_BYTES = 128 * 1024;
/** Items that have been encoded to know their length are kept up to here, and written as they are; those beyond are encoded again. */
const KEPT_BYTES = 16 * 1024 * 1024;

/** The envelope says how long the list is, so every item is encoded before the first one is written. */
async function protobufListOf(
  core: Core,
  answer: ListAnswer,
  representation: Representation,
): Promise<{ readonly bytes: number; readonly pieces: () => AsyncGenerator<Uint8Array> }> {
  const { binding, entries } = answer;
  const slices = new Slices(core.yieldToLoop, PROTOBUF_TURN_BYTES);
  const partial = representation.as !== undefined;
  const tags = listTags(representation);
  const itemOf = (entry: StoredEntry): KubeObject | JsonObject | Promise<KubeObject> =>
    partial ? partialObject(entry, representation) : isLarge(entry) ? shown(core, entry, binding) : core.objects.passing(entry, binding);
  const itemType = partial ? PARTIAL_TYPE : binding.kind.typeName;
  const encode = async (entry: StoredEntry): Promise<Buffer> => {
    const object = itemOf(entry);
    const item = protobufItem(core.facts, itemType, object instanceof Promise ? await object : object, tags);
    const turn = slices.spend(entry.value.byteLength);
    if (turn !== undefined) await turn;
    return item;
  };
  const meta = protobufListMeta(core.facts, listMetadata(answer), tags);
  const kept: Buffer[] = [];
  let keptBytes = 0;
  let size = meta.length;
  for (const entry of entries) {
    const item = await encode(entry);
    size += item.length;
    if (keptBytes + item.length > KEPT_BYTES) keptBytes = KEPT_BYTES;
    else {
      kept.push(item);
      keptBytes += item.length;
    }
  }
  const { as, metaVersion } = representation;
  const head = as === undefined ? protobufListHead(binding.apiVersion, binding.kind.listKind, size) : protobufListHead(`meta.k8s.io/${metaVersion}`, as, size);
  const metaFirst = tags.metadata < tags.items;
  async function* pieces(): AsyncGenerator<Uint8Array> {
    yield head;
    if (metaFirst) yield meta;
    for (const [at, entry] of entries.entries()) yield kept[at] ?? (await encode(entry));
    if (!metaFirst) yield meta;
    yield protobufListTail;
  }
  return { bytes: head.length + size + protobufListTail.length, pieces };
}

/** An object as clients see it, only to be written; a large one in several turns. */
function shown(core: Core, entry: StoredEntry, binding: Binding): KubeObject | Promise<KubeObject> {
  return isLarge(entry) ? core.objects.passingInTurns(entry, binding, core.yieldToLoop) : core.objects.passing(entry, binding);
}

/** A refusal in the form that the client takes (apiserver `ErrorNegotiated`). */
export async function writeFailure(context: AnswerContext, error: StatusError): Promise<void> {
  const { core, response, call, headOnly } = context;
  const retrySeconds = error.details?.retryAfterSeconds ?? 0;
  const more: string[] = retrySeconds > 0 ? ['Retry-After', String(retrySeconds)] : [];
  if (error instanceof NotAllowed) more.push('X-Content-Type-Options', 'nosniff');
  const representation = refusalRepresentation(context.accept);
  const { format } = representation ?? plainJson;
  const headers = headersOf(CONTENT_TYPES[format], context, call.warnings.texts, more);
  const status = error.toStatus();
  const pretty = representation === undefined || isPretty(call, representation);
  let body: Uint8Array | string;
  if (format === 'protobuf') body = protobufObject(core.facts, 'machinery.meta.v1.Status', status as unknown as JsonObject);
  else if (format === 'yaml') body = await context.writeYaml(JSON.stringify(status));
  else if (error.message.length >= SHORT_BYTES) return writeLongFailure(context, error, headers, pretty);
  else body = pretty ? JSON.stringify(status, null, 2) : JSON.stringify(status) + LINE;
  await sendBody(response, error.code, headers, body, headOnly, core.yieldToLoop);
}

/** Thousands of faults, or a name of a megabyte that is said again and again: put together as it is written. */
async function writeLongFailure({ core, response, headOnly }: AnswerContext, error: StatusError, headers: string[], pretty: boolean): Promise<void> {
  writeHead(response, error.code, headers);
  const pieces = jsonPieces(error.toStatus());
  if (headOnly) response.end();
  else if (pretty) await writeIndented(response, pieces, core.yieldToLoop);
  else await writePieces(response, bytesOf(pieces, [LINE]), core.yieldToLoop);
}

function* bytesOf(...texts: readonly Iterable<string>[]): Generator<Buffer, void> {
  for (const some of texts) for (const text of some) yield Buffer.from(text);
}

async function send(context: AnswerContext, code: number, representation: Representation, json: Buffer): Promise<void> {
  const { core, call, response, headOnly } = context;
  const headers = headersOf(CONTENT_TYPES[representation.format], context, call.warnings.texts);
  if (representation.format === 'yaml') return sendBody(response, code, headers, await context.writeYaml(json.toString()), headOnly, core.yieldToLoop);
  if (!isPretty(call, representation)) return sendBody(response, code, headers, json, headOnly, core.yieldToLoop);
  if (json.length <= SHORT_BYTES) return sendBody(response, code, headers, new JsonIndent().push(json), headOnly, core.yieldToLoop);
  writeHead(response, code, headers);
  if (headOnly) response.end();
  else await writeIndented(response, [json], core.yieldToLoop);
}

/** So much is indented at once. */
const SHORT_BYTES = 64 * 1024;

const PRETTY_AGENT = /^(?:curl|Wget|Mozilla\/5\.0)/;

/** What Go's `strconv.ParseBool` takes for true. */
const TRUE: ReadonlySet<string> = new Set(['1', 't', 'T', 'TRUE', 'true', 'True']);

/** People who look at it with a browser or curl get it indented, as from Kubernetes. */
export function isPretty({ query, userAgent }: Call, { pretty = false }: Representation): boolean {
  const asked = query.get('pretty') ?? '';
  return pretty || (asked === '' ? PRETTY_AGENT.test(userAgent) : TRUE.has(asked));
}
