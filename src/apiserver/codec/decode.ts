import type { DraftObject, Json, JsonObject } from '../../machinery/object.ts';
import { badRequest, type StatusError } from '../../machinery/status-error.ts';
import { cannotBeHandled, decode, strictDecodingError, unknownFieldText } from '../../schema/decode.ts';
import type { Core } from '../core.ts';
import type { Call, ParsedBody } from '../handlers/call.ts';
import type { Binding } from '../registry/registry.ts';
import { JSON_TYPE, PROTOBUF_TYPE, YAML_TYPE } from './body.ts';

export const OBJECT_TYPES = [JSON_TYPE, YAML_TYPE, PROTOBUF_TYPE] as const;

export type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

/** Which version and kind a body must be of. */
export interface Expected {
  readonly apiVersion: string;
  readonly kind: string;
  /** The schema's name. */
  readonly typeName: string;
}

export const expectedOf = ({ apiVersion, kind }: Binding): Expected => ({ apiVersion, kind: kind.kind, typeName: kind.typeName });

/** An object as the schema knows it: pruned, of the right types, private to the caller; its kind and apiVersion are set. */
export async function readObject(core: Core, call: Call, expected: Expected, validation: FieldValidation): Promise<DraftObject> {
  const body = await call.body.read(OBJECT_TYPES, expected.kind);
  if (body === undefined) throw badRequest('the request body is empty');
  if (call.body.heavy) await core.yieldToLoop();
  return decodeObject(core, call, body, expected, validation);
}

export function decodeObject(core: Core, call: Call, body: ParsedBody, expected: Expected, validation: FieldValidation): DraftObject {
  const given = asObject(body.value);
  checkKind(given, expected);
  const decoded = decode(core.facts, expected.typeName, given);
  if (decoded.fault !== undefined) throw cannotHandle(expected, decoded.fault);
  noteFields(call, expected, decoded.unknownFields, body, validation);
  return namedAs(decoded.object, expected);
}

/** With its kind and version. */
export function namedAs(object: DraftObject, { apiVersion, kind }: Expected): DraftObject {
  object.kind = kind;
  object.apiVersion = apiVersion;
  return object;
}

/** 400, or a warning for each, or nothing: `fieldValidation` says which. */
function noteFields(call: Call, expected: Expected, unknownFields: readonly string[], body: ParsedBody, validation: FieldValidation): void {
  const { duplicates, yaml } = body;
  const unknown = unknownFields.map(unknownFieldText);
  noteTexts(call, yaml ? [...duplicates, ...unknown] : [...unknown, ...duplicates], validation, (texts) =>
    cannotHandle(expected, strictDecodingError(yaml && duplicates.length > 0 ? [duplicatesText(body), ...unknown] : texts)),
  );
}

/** Of YAML all in one, as its library says it. */
export const duplicatesText = ({ duplicates, yaml }: ParsedBody): string =>
  yaml ? `yaml: unmarshal errors:\n${duplicates.map((text) => `  ${text}`).join('\n')}` : duplicates.join(', ');

/** The same for texts of any kind; `refusal` when the client is strict. */
export function noteTexts(call: Call, texts: readonly string[], validation: FieldValidation, refusal: (texts: readonly string[]) => StatusError): void {
  if (validation === 'Ignore' || texts.length === 0) return;
  if (validation === 'Strict') throw refusal(texts);
  for (const text of texts) call.warnings.add(text);
}

export function cannotHandle({ apiVersion, kind }: Expected, fault: string): StatusError {
  const version = apiVersion.slice(apiVersion.indexOf('/') + 1);
  return badRequest(cannotBeHandled(kind, version, fault));
}

function asObject(value: Json): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw badRequest("the object provided is unrecognized (must be of type Object): couldn't get version/kind; json parse error: the body is no object");
}

/** An absent kind or version is taken for the expected one. */
function checkKind(object: JsonObject, expected: Expected): void {
  const fault = kindFault(object, expected);
  if (fault !== undefined) throw badRequest(fault);
}

export function kindFault(object: JsonObject, { apiVersion, kind }: Expected): string | undefined {
  const { apiVersion: givenVersion = '', kind: givenKind = '' } = object;
  if (typeof givenVersion !== 'string' || typeof givenKind !== 'string')
    return "the object provided is unrecognized (must be of type Object): couldn't get version/kind; json parse error: kind and apiVersion must be strings";
  if (givenVersion !== '' && givenVersion !== apiVersion)
    return `the API version in the data (${givenVersion}) does not match the expected API version (${apiVersion})`;
  if (givenKind !== '' && givenKind !== kind) {
    const version = JSON.stringify(apiVersion.slice(apiVersion.indexOf('/') + 1));
    return `${givenKind} in version ${version} cannot be handled as a ${kind}: converting (${givenKind}) to (${kind}): unknown conversion`;
  }
  return undefined;
}
