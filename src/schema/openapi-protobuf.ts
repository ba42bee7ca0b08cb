import type { Json, JsonObject } from '../machinery/object.ts';
import { atOnce } from './openapi.ts';
import { ProtobufWriter } from './protobuf-writer.ts';

/**
 * The Swagger document in protobuf: the only form that kubectl
 * before 1.27 asks for. Messages and numbers are those of gnostic's OpenAPIv2.proto; extensions travel as JSON text, which is YAML.
 */
export const encodeOpenApiV2 = (document: JsonObject): Uint8Array => atOnce(encodeOpenApiV2Steps(document));

/** The same in short steps (see `openApiV2Steps`). */
export function* encodeOpenApiV2Steps(document: JsonObject): Generator<undefined, Uint8Array> {
  const out = new ProtobufWriter();
  out.text(1, text(document.swagger));
  out.message(2, (info) => {
    const given = object(document.info);
    info.text(1, text(given.title));
    info.text(2, text(given.version));
  });
  out.encoded(8, yield* writeAll(document.paths, 2, writePath));
  out.encoded(9, yield* writeAll(document.definitions, 1, writeSchema));
  return out.finish();
}

function* writeAll(
  values: Json | undefined,
  number: number,
  write: (out: ProtobufWriter, value: JsonObject) => void,
): Generator<undefined, readonly Uint8Array[]> {
  const parts: Uint8Array[] = [];
  for (const [name, value] of entries(values)) {
    const part = new ProtobufWriter();
    part.message(number, (named) => writeNamed(named, name, (inner) => write(inner, object(value))));
    parts.push(part.finish());
    yield undefined;
  }
  return parts;
}

/** The Content-Type of the answer. */
export const OPENAPI_V2_PROTOBUF = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';
/** What clients ask for; no legal media type, so the answer never carries it. */
export const OPENAPI_V2_PROTOBUF_ASKED = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';

const text = (value: Json | undefined): string => (typeof value === 'string' ? value : '');
const object = (value: Json | undefined): JsonObject => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {});
const list = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? (value as readonly Json[]) : []);

function entries(value: Json | undefined): readonly (readonly [string, Json])[] {
  return Object.entries(object(value)).flatMap(([name, item]) => (item === undefined ? [] : [[name, item] as const]));
}

function writeNamed(out: ProtobufWriter, name: string, value: (out: ProtobufWriter) => void): void {
  out.text(1, name);
  out.message(2, value);
}

function writeTexts(out: ProtobufWriter, number: number, value: Json | undefined): void {
  for (const item of list(value)) out.text(number, text(item), true);
}

function writeAny(out: ProtobufWriter, number: number, value: Json): void {
  out.message(number, (any) => any.text(2, JSON.stringify(value)));
}

function writeExtensions(out: ProtobufWriter, number: number, value: JsonObject): void {
  for (const [name, item] of entries(value)) {
    if (!name.startsWith('x-')) continue;
    out.message(number, (named) => {
      named.text(1, name);
      writeAny(named, 2, item);
    });
  }
}

const METHODS: readonly (readonly [string, number])[] = [
  ['get', 2],
  ['put', 3],
  ['post', 4],
  ['delete', 5],
  ['options', 6],
  ['head', 7],
  ['patch', 8],
];

function writePath(out: ProtobufWriter, item: JsonObject): void {
  for (const [method, number] of METHODS) {
    const operation = item[method];
    if (operation !== undefined) out.message(number, (value) => writeOperation(value, object(operation)));
  }
  for (const parameter of list(item.parameters)) out.message(9, (value) => writeParameter(value, object(parameter)));
}

function writeOperation(out: ProtobufWriter, operation: JsonObject): void {
  writeTexts(out, 1, operation.tags);
  out.text(3, text(operation.description));
  out.text(5, text(operation.operationId));
  writeTexts(out, 6, operation.produces);
  writeTexts(out, 7, operation.consumes);
  for (const parameter of list(operation.parameters)) out.message(8, (value) => writeParameter(value, object(parameter)));
  out.message(9, (responses) => {
    for (const [code, response] of entries(operation.responses)) {
      responses.message(1, (named) => writeNamed(named, code, (value) => value.message(1, (inner) => writeResponse(inner, object(response)))));
    }
  });
  writeTexts(out, 10, operation.schemes);
  writeExtensions(out, 13, operation);
}

function writeResponse(out: ProtobufWriter, response: JsonObject): void {
  out.text(1, text(response.description));
  if (response.schema !== undefined) out.message(2, (item) => item.message(1, (schema) => writeSchema(schema, object(response.schema))));
}

/** ParametersItem → Parameter → body, query or path. */
function writeParameter(out: ProtobufWriter, parameter: JsonObject): void {
  out.message(1, (value) => {
    if (parameter.in === 'body') value.message(1, (body) => writeBody(body, parameter));
    else value.message(2, (other) => other.message(parameter.in === 'path' ? 4 : 3, (inner) => writePlainParameter(inner, parameter)));
  });
}

function writeBody(out: ProtobufWriter, parameter: JsonObject): void {
  out.text(2, text(parameter.name));
  out.text(3, 'body');
  out.bool(4, parameter.required === true);
  out.message(5, (schema) => writeSchema(schema, object(parameter.schema)));
}

/** A query parameter has one field more before its type. */
function writePlainParameter(out: ProtobufWriter, parameter: JsonObject): void {
  out.bool(1, parameter.required === true);
  out.text(2, text(parameter.in));
  out.text(3, text(parameter.description));
  out.text(4, text(parameter.name));
  out.text(parameter.in === 'path' ? 5 : 6, text(parameter.type));
  out.bool(parameter.in === 'path' ? 19 : 20, parameter.uniqueItems === true);
}

function writeSchema(out: ProtobufWriter, schema: JsonObject): void {
  out.text(1, text(schema.$ref));
  out.text(2, text(schema.format));
  out.text(4, text(schema.description));
  if (schema.default !== undefined) writeAny(out, 5, schema.default);
  writeTexts(out, 19, schema.required);
  for (const value of list(schema.enum)) writeAny(out, 20, value);
  const more = schema.additionalProperties;
  if (typeof more === 'boolean') out.message(21, (item) => item.bool(2, more));
  else if (more !== undefined) out.message(21, (item) => item.message(1, (inner) => writeSchema(inner, object(more))));
  if (schema.type !== undefined) out.message(22, (type) => type.text(1, text(schema.type)));
  if (schema.items !== undefined) out.message(23, (items) => items.message(1, (inner) => writeSchema(inner, object(schema.items))));
  if (schema.properties !== undefined) {
    out.message(25, (all) => {
      for (const [name, value] of entries(schema.properties)) all.message(1, (named) => writeNamed(named, name, (inner) => writeSchema(inner, object(value))));
    });
  }
  writeExtensions(out, 31, schema);
}
