import { CONTENT_TYPES, type Representation } from '../codec/accept.ts';
import { PARTIAL_TYPE, partialObject, protobufEvent, protobufObject } from '../codec/protobuf.ts';
import type { StoredEntry } from '../codec/projection.ts';
import { objectBytes, partialBytes } from '../codec/render.ts';
import type { Core } from '../core.ts';
import type { JsonObject, KubeObject } from '../../machinery/object.ts';
import type { StatusError } from '../../machinery/status-error.ts';
import type { Binding } from '../registry/registry.ts';
import { columnDefinitions } from '../tables/cells.ts';
import { oneRowTable, type TableForm } from '../tables/table.ts';
import type { Told, ToldEvent } from '../watch/events.ts';
import { bookmarkObject } from '../watch/in-process.ts';

/** How the events of a watch are written: one for all watches of a kind and form. */
export interface FrameForm {
  readonly core: Core;
  readonly binding: Binding;
  readonly representation: Representation;
  readonly table: TableForm | undefined;
  readonly contentType: string;
  /** Frames come as chunks of HTTP/1.1 (RFC 9112 section 7.1), so that this too is made once for all connections. */
  readonly chunked: boolean;
  /** The same for watches that may share bytes. */
  readonly key: string;
}

/** Without chunks; see `inChunks`. */
export function frameForm(core: Core, binding: Binding, representation: Representation, table: TableForm | undefined): FrameForm {
  const { as = '', metaVersion } = representation;
  return {
    core,
    binding,
    representation,
    table,
    contentType: representation.format === 'protobuf' ? `${CONTENT_TYPES.protobuf};stream=watch` : CONTENT_TYPES[representation.format],
    chunked: false,
    key: `${representation.format};${binding.apiVersion}/${binding.kind.resource};${as};${metaVersion};${table?.include ?? ''}`,
  };
}

export const inChunks = (form: FrameForm): FrameForm => ({ ...form, chunked: true, key: `${form.key};chunked` });

/** The bytes of a frame as the form wants them. */
export function framed({ chunked }: FrameForm, bytes: Buffer): Buffer {
  return chunked ? Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, CRLF]) : bytes;
}

const CRLF = Buffer.from('\r\n');
const LINE = '}\n';

/** One line of a watch. `first`: a Table shows its columns once. */
export const frameOf = (form: FrameForm, told: Told, first: boolean): Buffer => framed(form, lineOf(form, told, first));

function lineOf(form: FrameForm, told: Told, first: boolean): Buffer {
  if (told.type === 'BOOKMARK') return bookmarkLine(form, told.revision, told.initialEnd, first);
  const head = `{"type":"${told.type}","object":`;
  const { core, binding, representation, table } = form;
  if (table !== undefined) {
    const body = oneRowTable(
      core,
      binding,
      told.entry,
      core.objects.as(told.entry, binding),
      table,
      core.clock.now(),
      first ? columnDefinitions(binding.kind) : '[]',
    );
    return Buffer.concat([Buffer.from(head), body, Buffer.from(LINE)]);
  }
  if (representation.format === 'protobuf') return protobufEvent(told.type, protobufOf(form, told.entry));
  if (representation.as !== undefined) return partialBytes(told.entry, representation.metaVersion, head, LINE);
  return objectBytes(core, binding, told.entry, head, LINE);
}

function protobufOf({ core, binding, representation }: FrameForm, entry: StoredEntry): Uint8Array {
  if (representation.as !== undefined) return protobufObject(core.facts, PARTIAL_TYPE, partialObject(entry, representation));
  return protobufObject(core.facts, binding.kind.typeName, core.objects.passing(entry, binding));
}

function bookmarkLine(form: FrameForm, revision: number, initialEnd: boolean, first: boolean): Buffer {
  const { binding, representation, table } = form;
  const plain = bookmarkObject(binding, revision, initialEnd);
  let object: JsonObject | KubeObject = plain;
  if (table !== undefined) {
    object = {
      kind: 'Table',
      apiVersion: `meta.k8s.io/${table.metaVersion}`,
      metadata: plain.metadata,
      columnDefinitions: first ? JSON.parse(columnDefinitions(binding.kind)) : [],
      rows: [],
    } as unknown as JsonObject;
  } else if (representation.as !== undefined) {
    object = { kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${representation.metaVersion}`, metadata: plain.metadata } as unknown as JsonObject;
  }
  const type = representation.as === undefined ? binding.kind.typeName : PARTIAL_TYPE;
  if (representation.format === 'protobuf') return protobufEvent('BOOKMARK', protobufObject(form.core.facts, type, object));
  return Buffer.from(`{"type":"BOOKMARK","object":${JSON.stringify(object)}${LINE}`);
}

/** The last event of a watch that failed. */
export const errorFrame = (form: FrameForm, error: StatusError): Buffer => framed(form, errorLine(form, error));

function errorLine({ core, representation }: FrameForm, error: StatusError): Buffer {
  const status = error.toStatus();
  if (representation.format !== 'protobuf') return Buffer.from(`{"type":"ERROR","object":${JSON.stringify(status)}${LINE}`);
  return protobufEvent('ERROR', protobufObject(core.facts, 'machinery.meta.v1.Status', status as unknown as JsonObject));
}

const MAX_EVENTS = 1024;
const MAX_BYTES = 8 * 1024 * 1024;

/**
 * Bytes of events that several watches are told, made once. Bounded: what falls out is made again.
 */
export class FrameCache {
  readonly #frames = new Map<ToldEvent, Map<string, Buffer>>();
  readonly #joined = new WeakMap<readonly Told[], Map<string, Buffer>>();
  #bytes = 0;

  /** The bytes of all of them together. `told` is the same array for watches that are told the same. */
  of(form: FrameForm, told: readonly Told[]): Buffer {
    if (told.length === 1) return this.#one(form, told[0] as Told);
    let forms = this.#joined.get(told);
    if (forms === undefined) {
      forms = new Map();
      this.#joined.set(told, forms);
    }
    let bytes = forms.get(form.key);
    if (bytes === undefined) {
      bytes = Buffer.concat(told.map((one) => this.#one(form, one)));
      forms.set(form.key, bytes);
    }
    return bytes;
  }

  #one(form: FrameForm, told: Told): Buffer {
    if (told.type === 'BOOKMARK') return frameOf(form, told, false);
    let forms = this.#frames.get(told);
    if (forms === undefined) {
      forms = new Map();
      this.#frames.set(told, forms);
    }
    let bytes = forms.get(form.key);
    if (bytes === undefined) {
      bytes = frameOf(form, told, false);
      forms.set(form.key, bytes);
      this.#bytes += bytes.length;
      this.#trim();
    }
    return bytes;
  }

  #trim(): void {
    for (const [oldest, forms] of this.#frames) {
      if (this.#frames.size <= 1 || (this.#bytes <= MAX_BYTES && this.#frames.size <= MAX_EVENTS)) return;
      for (const bytes of forms.values()) this.#bytes -= bytes.length;
      this.#frames.delete(oldest);
    }
  }
}
