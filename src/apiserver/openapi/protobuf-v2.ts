import type { Json, JsonObject } from '../../machinery/object.ts';

/**
 * An OpenAPI 2 document in the protobuf form that kubectl asks for (`application/com.github.proto-openapi.spec.v2@v1.0+protobuf`):
 * gnostic's OpenAPIv2.proto. Only the messages and fields that our documents use are here, with their numbers.
 */
export function encodeDocumentV2(document: JsonObject): Uint8Array {
  return message(
    text(1, document['swagger']),
    nested(2, info(object(document['info']))),
    nested(8, message(...entries(document['paths']).map(([path, item]) => nested(2, named(path, pathItem(object(item))))))),
    nested(9, namedSchemas(document['definitions'])),
    ...list(document['security']).map((each) => nested(12, securityRequirement(object(each)))),
    nested(13, message(...entries(document['securityDefinitions']).map(([name, item]) => nested(1, named(name, nested(2, apiKey(object(item)))))))),
  );
}

type Bytes = Buffer;

function info(value: JsonObject): Bytes {
  return message(text(1, value['title']), text(2, value['version']));
}

const OPERATIONS = [['get', 2], ['put', 3], ['post', 4], ['delete', 5], ['patch', 8]] as const;

function pathItem(value: JsonObject): Bytes {
  const operations = OPERATIONS.filter(([name]) => value[name] !== undefined).map(([name, number]) => nested(number, operation(object(value[name]))));
  return message(...operations, ...list(value['parameters']).map((each) => nested(9, parametersItem(object(each)))));
}

function operation(value: JsonObject): Bytes {
  return message(
    ...texts(1, value['tags']),
    text(3, value['description']),
    text(5, value['operationId']),
    ...texts(6, value['produces']),
    ...texts(7, value['consumes']),
    ...list(value['parameters']).map((each) => nested(8, parametersItem(object(each)))),
    nested(9, message(...entries(value['responses']).map(([code, response]) => nested(1, named(code, nested(1, responseOf(object(response)))))))),
    ...texts(10, value['schemes']),
    ...extensions(13, value),
  );
}

/** A parameter in the body, in the query or in the path. */
function parametersItem(value: JsonObject): Bytes {
  if (value['in'] === 'body') {
    const body = message(text(1, value['description']), text(2, value['name']), text(3, value['in']), flag(4, value['required']), nested(5, schema(object(value['schema']))));
    return nested(1, nested(1, body));
  }
  const head = [flag(1, value['required']), text(2, value['in']), text(3, value['description']), text(4, value['name'])];
  const query = value['in'] === 'query';
  const own = query
    ? message(...head, text(6, value['type']), flag(20, value['uniqueItems']))
    : message(...head, text(5, value['type']), flag(19, value['uniqueItems']));
  return nested(1, nested(2, nested(query ? 3 : 4, own)));
}

function responseOf(value: JsonObject): Bytes {
  const body = value['schema'];
  return message(text(1, value['description']), ...(body === undefined ? [] : [nested(2, nested(1, schema(object(body))))]));
}

function schema(value: JsonObject): Bytes {
  return message(
    text(1, value['$ref']),
    text(2, value['format']),
    text(4, value['description']),
    ...(value['default'] === undefined ? [] : [nested(5, any(value['default']))]),
    ...texts(19, value['required']),
    ...list(value['enum']).map((each) => nested(20, any(each))),
    ...(value['additionalProperties'] === undefined ? [] : [nested(21, nested(1, schema(object(value['additionalProperties']))))]),
    ...(value['type'] === undefined ? [] : [nested(22, text(1, value['type']))]),
    ...(value['items'] === undefined ? [] : [nested(23, nested(1, schema(object(value['items']))))]),
    ...(value['properties'] === undefined ? [] : [nested(25, namedSchemas(value['properties']))]),
    ...extensions(31, value),
  );
}

function namedSchemas(value: Json | undefined): Bytes {
  return message(...entries(value).map(([name, each]) => nested(1, named(name, schema(object(each))))));
}

function apiKey(value: JsonObject): Bytes {
  return message(text(1, value['type']), text(2, value['name']), text(3, value['in']), text(4, value['description']));
}

function securityRequirement(value: JsonObject): Bytes {
  return message(...entries(value).map(([name, scopes]) => nested(1, message(text(1, name), nested(2, message(...texts(1, scopes)))))));
}

/** Names that start with `x-`, their values as YAML; JSON is YAML. */
function extensions(number: number, value: JsonObject): readonly Bytes[] {
  return entries(value)
    .filter(([name]) => name.startsWith('x-'))
    .map(([name, each]) => nested(number, message(text(1, name), nested(2, any(each)))));
}

function any(value: Json): Bytes {
  return text(2, JSON.stringify(value));
}

function named(name: string, value: Bytes): Bytes {
  return message(text(1, name), nested(2, value));
}

function object(value: Json | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

function entries(value: Json | undefined): readonly (readonly [string, Json])[] {
  return Object.entries(object(value)).filter((entry): entry is [string, Json] => entry[1] !== undefined);
}

function list(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}

const NOTHING: Bytes = Buffer.alloc(0);

function message(...fields: readonly Bytes[]): Bytes {
  return Buffer.concat(fields);
}

/** Wire type 2 with its length. */
function nested(number: number, content: Bytes): Bytes {
  return Buffer.concat([varint((number << 3) | 2), varint(content.length), content]);
}

function text(number: number, value: Json | undefined): Bytes {
  return typeof value === 'string' && value !== '' ? nested(number, Buffer.from(value, 'utf8')) : NOTHING;
}

function texts(number: number, value: Json | undefined): readonly Bytes[] {
  return list(value).map((each) => text(number, each));
}

function flag(number: number, value: Json | undefined): Bytes {
  return value === true ? Buffer.concat([varint(number << 3), varint(1)]) : NOTHING;
}

function varint(value: number): Bytes {
  const bytes: number[] = [];
  let left = value;
  while (left > 127) {
    bytes.push((left & 127) | 128);
    left = Math.floor(left / 128);
  }
  bytes.push(left);
  return Buffer.from(bytes);
}
