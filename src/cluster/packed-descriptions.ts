import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { brotliDecompress } from 'node:zlib';
import { type Descriptions, NO_DESCRIPTIONS } from '../apiserver/openapi/descriptions.ts';
import { failure, type Log } from '../base/log.ts';
import type { Json } from '../machinery/object.ts';
import { getOwn } from '../machinery/record.ts';
import type { Describe } from '../schema/openapi.ts';

/** What set-up makes (`scripts/descriptions.ts`): beside the bundles, at the same place from a bundle and from source. */
const FILE = new URL(import.meta.url.endsWith('.ts') ? '../../dist/descriptions' : '../descriptions', import.meta.url);

const unpack = promisify(brotliDecompress);
const NEWLINE = 0x0a;
const TAB = 0x09;

/** Texts about Kubernetes' types from a file, read anew whenever a document is made (4 ms, most of it in Node's thread pool). */
export class PackedDescriptions implements Descriptions {
  readonly #file: URL | string;
  readonly #log: Log;
  #version: Promise<string> | undefined;

  constructor(log: Log, file: URL | string = FILE) {
    this.#log = log;
    this.#file = file;
  }

  /** Of the file as it was when first asked about. */
  version(): Promise<string> {
    this.#version ??= this.#read().then((bytes) => bytes?.toString('latin1', 0, bytes.indexOf(NEWLINE)) ?? '');
    return this.#version;
  }

  async open(): Promise<Describe> {
    const bytes = await this.#read();
    if (bytes === undefined) return NO_DESCRIPTIONS.open();
    try {
      return describeFrom(await unpack(bytes.subarray(bytes.indexOf(NEWLINE) + 1)));
    } catch (thrown) {
      this.#log.warn('the descriptions for kubectl explain are damaged: types only; remove the file and run set-up again', failure(thrown));
      return NO_DESCRIPTIONS.open();
    }
  }

  /** Undefined: set-up has not made them. */
  async #read(): Promise<Buffer | undefined> {
    try {
      return await readFile(this.#file);
    } catch (thrown) {
      this.#log.debug('no descriptions for kubectl explain: types only', failure(thrown));
      return undefined;
    }
  }
}

/** A type's line is parsed when the type is first asked about. */
function describeFrom(text: Buffer): Describe {
  const places = new Map<string, readonly [start: number, end: number]>();
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf(NEWLINE, at);
    const tab = text.indexOf(TAB, at);
    if (end < 0 || tab < 0 || tab > end) throw new Error(`no line of descriptions at byte ${at}`);
    places.set(text.toString('utf8', at, tab), [tab + 1, end]);
    at = end + 1;
  }
  const parsed = new Map<string, Readonly<Record<string, Json>>>();
  return (typeName, field = '') => {
    const place = places.get(typeName);
    if (place === undefined) return undefined;
    const texts = parsed.get(typeName) ?? (JSON.parse(text.toString('utf8', ...place)) as Readonly<Record<string, Json>>);
    parsed.set(typeName, texts);
    const found = getOwn(texts, field);
    return typeof found === 'string' ? found : undefined;
  };
}
