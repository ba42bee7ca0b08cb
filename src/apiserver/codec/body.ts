import type { Json } from '../../machinery/object.ts';
import { StatusError } from '../../machinery/status-error.ts';
import { notedKeys, scanJson } from '../../schema/json-scan.ts';
import type { CallBody, ParsedBody } from '../handlers/call.ts';
import type { BodyRefusal } from './body-words.ts';
import { type JsonScanner, TOO_MANY_VALUES, type YamlReader } from './yaml-thread.ts';
import { countKeys, defaultBounds, JsonScan, type ScanFault } from './scan.ts';

/** Kubernetes' own bound on a request body. */
export const MAX_BODY_BYTES = 3 * 1024 * 1024;

export const tooLargeBody = (limit = MAX_BODY_BYTES): StatusError => tooLarge(`limit is ${limit}`);

export const JSON_TYPE = 'application/json';
export const YAML_TYPE = 'application/yaml';
export const PROTOBUF_TYPE = 'application/vnd.kubernetes.protobuf';

/** Reads a message of Kubernetes' protobuf into the JSON form, with its kind. Given by the composition of kinds. */
export type ProtobufReader = (bytes: Uint8Array) => Json;

/** How bodies that are no JSON are read. */
export interface BodyReaders {
  readonly protobuf: ProtobufReader;
  readonly yaml: YamlReader;
  /** What stands twice in a long text, or makes it no JSON, is looked for elsewhere. */
  readonly scan: JsonScanner;
  readonly yieldToLoop: () => Promise<void>;
}

/** From here on a body is worked on in several turns: it holds thousands of values. */
const HEAVY_BYTES = 64 * 1024;
const HEAVY_TOKENS = 4000;

/** Bytes that came over a connection, scanned on the way. */
export class BytesBody implements CallBody {
  readonly contentType: string;
  heavy = false;
  readonly #source: () => Promise<{ readonly bytes: Uint8Array; readonly scan: JsonScan | undefined }>;
  readonly #readers: BodyReaders;
  #read: Promise<{ readonly bytes: Uint8Array; readonly scan: JsonScan | undefined }> | undefined;

  constructor(contentType: string, source: () => Promise<{ readonly bytes: Uint8Array; readonly scan: JsonScan | undefined }>, readers: BodyReaders) {
    this.contentType = contentType;
    this.#source = source;
    this.#readers = readers;
  }

  async bytes(): Promise<Uint8Array> {
    this.#read ??= this.#source();
    return (await this.#read).bytes;
  }

  async read(accepted: readonly string[], refuse: BodyRefusal): Promise<ParsedBody | undefined> {
    this.#read ??= this.#source();
    const { bytes, scan } = await this.#read;
    if (bytes.byteLength === 0) return undefined;
    this.heavy = bytes.byteLength > HEAVY_BYTES || (scan !== undefined && scan.tokens > HEAVY_TOKENS);
    const type = this.contentType === '' ? (accepted[0] ?? JSON_TYPE) : this.contentType;
    if (!accepted.includes(type)) throw unsupportedMediaType(accepted);
    if (this.heavy) await this.#readers.yieldToLoop();
    if (type === PROTOBUF_TYPE) return { value: this.#readers.protobuf(bytes), duplicates: [] };
    if (type.endsWith('yaml')) return parseYamlBody(bytes, refuse, this.#readers);
    return this.heavy ? parseJsonInTurns(bytes, scan, refuse, this.#readers) : parseJsonBody(bytes, scan, refuse);
  }
}

export function unsupportedMediaType(accepted: readonly string[]): StatusError {
  return new StatusError('UnsupportedMediaType', `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`);
}

const MAX_DEPTH = defaultBounds.maxDepth;

/** `scan`: of the same bytes, where they were scanned as they came. */
export function parseJsonBody(bytes: Uint8Array, scan: JsonScan | undefined, refuse: BodyRefusal): ParsedBody {
  const scanned = scan ?? new JsonScan();
  if (scan === undefined) scanned.push(bytes);
  if (scanned.fault !== undefined) throw tooMuch(scanned.fault);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    throw refuse({ format: 'json', why: scanJson(text, MAX_DEPTH).fault ?? 'invalid JSON', bytes });
  }
  if (scanned.keys === countKeys(value)) return { value, duplicates: [] };
  const { fault, duplicates } = scanJson(text, MAX_DEPTH);
  if (fault !== undefined) throw refuse({ format: 'json', why: fault, bytes });
  return { value, duplicates, noted: (unknown) => notedKeys(text, MAX_DEPTH, unknown) };
}

/** The same for a long one, in several turns of the loop. */
async function parseJsonInTurns(
  bytes: Uint8Array,
  scan: JsonScan | undefined,
  refuse: BodyRefusal,
  { scan: scanElsewhere, yieldToLoop }: BodyReaders,
): Promise<ParsedBody> {
  const scanned = scan ?? new JsonScan();
  if (scan === undefined) scanned.push(bytes);
  if (scanned.fault !== undefined) throw tooMuch(scanned.fault);
  let value: Json | undefined;
  try {
    value = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')) as Json;
  } catch {
    // Why is said below.
  }
  await yieldToLoop();
  if (value !== undefined && scanned.keys === countKeys(value)) return { value, duplicates: [] };
  const { fault, duplicates } = await scanElsewhere(bytes, MAX_DEPTH);
  if (fault === undefined && value !== undefined) return { value, duplicates };
  throw refuse({ format: 'json', why: fault ?? 'invalid JSON', bytes });
}

async function parseYamlBody(bytes: Uint8Array, refuse: BodyRefusal, readers: BodyReaders): Promise<ParsedBody> {
  const first = bytes.find((c) => c > 0x20);
  // kubectl says YAML and sends JSON, which is YAML too and much faster to read.
  if (first === 0x7b || first === 0x5b) {
    try {
      const parsed = bytes.byteLength > HEAVY_BYTES ? await parseJsonInTurns(bytes, undefined, refuse, readers) : parseJsonBody(bytes, undefined, refuse);
      // What stands twice is told in YAML's words.
      if (parsed.duplicates.length === 0 || bytes.byteLength > MAX_YAML_BYTES) return { ...parsed, yaml: true };
    } catch (thrown) {
      if (thrown instanceof StatusError && thrown.reason === 'RequestEntityTooLarge') throw thrown;
    }
  }
  if (bytes.byteLength > MAX_YAML_BYTES) throw tooLargeBody(MAX_YAML_BYTES);
  const parsed = await readers.yaml(bytes);
  if (!('fault' in parsed)) return { ...parsed, yaml: true };
  throw parsed.fault === TOO_MANY_VALUES ? tooMuch('too many values') : refuse({ format: 'yaml', why: parsed.fault, bytes });
}

// A second of the thread that reads it.
const MAX_YAML_BYTES = 1024 * 1024;

export const tooLarge = (why: string): StatusError => new StatusError('RequestEntityTooLarge', `Request entity too large: ${why}`);

const tooMuch = (fault: ScanFault): StatusError => tooLarge(`the body is ${fault === 'too deep' ? 'nested too deeply' : 'made of too many values'}`);

/** An object that was handed over in process: it is only read; decoding makes the copy that is kept (`schema/decode.ts`). */
export class ObjectBody implements CallBody {
  readonly contentType: string;
  readonly heavy = false;
  readonly #value: Json | undefined;

  constructor(contentType: string | undefined, value: Json | undefined) {
    this.contentType = contentType ?? JSON_TYPE;
    this.#value = value;
  }

  async bytes(): Promise<Uint8Array> {
    return this.#value === undefined ? new Uint8Array(0) : Buffer.from(JSON.stringify(this.#value));
  }

  async read(accepted: readonly string[]): Promise<ParsedBody | undefined> {
    if (this.#value === undefined) return undefined;
    if (!accepted.includes(this.contentType)) throw unsupportedMediaType(accepted);
    return { value: this.#value, duplicates: [] };
  }
}
