import type { DraftObject, Json, JsonObject } from '../../machinery/object.ts';
import { badRequest, type StatusError } from '../../machinery/status-error.ts';
import { cannotBeHandled, decode, type DecodeRefusal, duplicateFieldText, inOrderOfKeys, strictDecodingError, unknownFieldText } from '../../schema/decode.ts';
import { goValueName } from '../../schema/go-type.ts';
import { yamlDuplicatesText, yamlDuplicateText } from '../../schema/yaml.ts';
import type { Core } from '../core.ts';
import type { Call, ParsedBody } from '../handlers/call.ts';
import type { Binding } from '../registry/registry.ts';
import { JSON_TYPE, PROTOBUF_TYPE, YAML_TYPE } from './body.ts';
import { type BodyRefusal, NO_BODY, objectRefusal } from './body-words.ts';
import { typeNameOf } from './protobuf.ts';

export const OBJECT_TYPES = [JSON_TYPE, YAML_TYPE, PROTOBUF_TYPE] as const;

export type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

/** Which version and kind a body must be of. */
export interface Expected {
  readonly apiVersion: string;
  readonly kind: string;
  /** The schema's name. */
  readonly typeName: string;
  /** Older versions of the same fields, which are taken too though nothing else is served in them. */
  readonly olderVersions?: readonly string[];
}

export const expectedOf = ({ apiVersion, kind }: Binding): Expected => ({ apiVersion, kind: kind.kind, typeName: kind.typeName });

/** An object as the schema knows it: pruned, of the right types, private to the caller; its kind and apiVersion are set. */
export async function readObject(core: Core, call: Call, expected: Expected, validation: FieldValidation): Promise<DraftObject> {
  const refuse = objectRefusal(expected.kind);
  const body = await call.body.read(OBJECT_TYPES, refuse);
  if (body === undefined) throw refuse(NO_BODY);
  if (call.body.heavy) await core.yieldToLoop();
  return decodeObject(core, call, await requireObject(call, body, refuse), expected, validation);
}

/** Throws what `refuse` makes of JSON that is no object, or names its kind by something that is no text. To Go, `null` is an object without fields. */
export async function requireObject(call: Call, body: ParsedBody, refuse: BodyRefusal): Promise<ParsedBody> {
  const { value } = body;
  if (value === null) return { ...body, value: {} };
  const why = isObject(value) ? headFault(value) : `json: cannot unmarshal ${goValueName(value)} into Go value of type ${GO_HEAD}`;
  if (why !== undefined) throw refuse({ format: 'json', why, bytes: await call.body.bytes() });
  return body;
}

/** What Go reads the head of an object into. */
const GO_HEAD = String.raw`struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }`;

function headFault({ apiVersion = null, kind = null }: JsonObject): string | undefined {
  for (const [field, value] of [
    ['apiVersion', apiVersion],
    ['kind', kind],
  ] as const) {
    if (value !== null && typeof value !== 'string') return `json: cannot unmarshal ${goValueName(value)} into Go struct field .${field} of type string`;
  }
  return undefined;
}

/** What a client is told of an object that can't be decoded, or not strictly. */
export type DecodeRefused = (refusal: DecodeRefusal, says?: Head) => StatusError;

/** What an object says that it is. */
interface Head {
  readonly apiVersion: string;
  readonly kind: string;
}

export interface DecodeWords {
  readonly refuse: DecodeRefused;
  readonly remarks: (unknownFields: readonly string[], body: ParsedBody) => Remarks;
}

/** What is not as it should be, and can be ignored. */
export interface Remarks {
  readonly strict: readonly string[];
  readonly warnings: readonly string[];
}

/** Those of an object that was sent as it is (apiserver `transformDecodeError`). */
export function objectWords(expected: Expected): DecodeWords {
  return {
    refuse: ({ fault }, { apiVersion, kind } = expected) => badRequest(cannotBeHandled(kind, versionOf(apiVersion), expected.kind, fault)),
    remarks: (unknown, body) => {
      const texts = fieldTexts(unknown, body);
      const { yamlDuplicates = [] } = body;
      if (yamlDuplicates.length === 0) return { strict: texts, warnings: texts };
      return { strict: [yamlDuplicatesText(yamlDuplicates), ...texts], warnings: [...yamlDuplicates.map(yamlDuplicateText), ...texts] };
    },
  };
}

/** So many are told, each once (sigs.k8s.io/json `saveStrictError`). */
export const MAX_TOLD = 100;

function fieldTexts(unknown: readonly string[], { value, yaml = false, duplicates, noted }: ParsedBody): readonly string[] {
  const texts =
    duplicates.length === 0
      ? (yaml ? inOrderOfKeys(value as JsonObject, unknown) : unknown).map(unknownFieldText)
      : (noted?.(unknown).map(({ path, again }) => (again ? duplicateFieldText(path) : unknownFieldText(path))) ?? [
          ...unknown.map(unknownFieldText),
          ...duplicates.map(duplicateFieldText),
        ]);
  return [...new Set(texts)].slice(0, MAX_TOLD);
}

export function decodeObject(core: Core, call: Call, body: ParsedBody, expected: Expected, validation: FieldValidation): DraftObject {
  const words = objectWords(expected);
  checkKind(core, body.value as JsonObject, expected, words.refuse);
  return decodeInWords(core, call, body, { expected, validation, words });
}

export interface Decoding {
  readonly expected: Expected;
  readonly validation: FieldValidation;
  readonly words: DecodeWords;
}

/** Whatever the object says that it is. */
export function decodeInWords(core: Core, call: Call, body: ParsedBody, { expected, validation, words }: Decoding): DraftObject {
  const decoded = decode(core.facts, expected.typeName, body.value as JsonObject);
  if (decoded.fault !== undefined) throw words.refuse(decoded);
  noteRemarks(call, words.remarks(decoded.unknownFields, body), validation, (text) => words.refuse({ fault: text, converting: text }));
  const { object } = decoded;
  object.kind = expected.kind;
  object.apiVersion = expected.apiVersion;
  return object;
}

/** A refusal, or a warning for each, or nothing: `fieldValidation` says which. */
export function noteRemarks(call: Call, { strict, warnings }: Remarks, validation: FieldValidation, refuse: (strict: string) => StatusError): void {
  if (validation === 'Ignore' || strict.length === 0) return;
  if (validation === 'Strict') throw refuse(strictDecodingError(strict));
  for (const text of warnings) call.warnings.add(text);
}

const versionOf = (apiVersion: string): string => apiVersion.slice(apiVersion.indexOf('/') + 1);
const groupOf = (apiVersion: string): string => (apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '');
const isObject = (value: Json): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Where Kubernetes registers its kinds: part of a message that people know. */
const SCHEME = 'pkg/api/legacyscheme/scheme.go:30';

export const notRegistered = (apiVersion: string, kind: string): string => `no kind "${kind}" is registered for version "${apiVersion}" in scheme "${SCHEME}"`;

/** An absent kind or version is taken for the expected one. */
export function checkKind(core: Core, given: JsonObject, expected: Expected, refuse: DecodeRefused): void {
  const apiVersion = orExpected(given['apiVersion'], expected.apiVersion);
  const kind = orExpected(given['kind'], expected.kind);
  if (kind === expected.kind && (apiVersion === expected.apiVersion || expected.olderVersions?.includes(apiVersion) === true)) return;
  const fault = conversionFault(core, apiVersion, kind, expected);
  if (fault === undefined) throw badRequest(`the API version in the data (${apiVersion}) does not match the expected API version (${expected.apiVersion})`);
  throw refuse({ fault, converting: fault }, { apiVersion, kind });
}

const orExpected = (given: Json | undefined, expected: string): string => (typeof given === 'string' && given !== '' ? given : expected);

/** Undefined: it is the same kind in another version. */
function conversionFault({ facts, registry }: Core, apiVersion: string, kind: string, expected: Expected): string | undefined {
  if (typeNameOf(facts, registry, apiVersion, kind) === undefined) return notRegistered(apiVersion, kind);
  const found = registry.findKind(apiVersion, kind)?.prefix;
  const sameKind = found === undefined ? kind === expected.kind : found === registry.findKind(expected.apiVersion, expected.kind)?.prefix;
  if (sameKind) return undefined;
  // Go's packages: of a version, and of what all versions of a group are converted to.
  const hub = groupOf(expected.apiVersion).split('.')[0] ?? '';
  return `converting (${versionOf(apiVersion)}.${kind}) to (${hub === '' ? 'core' : hub}.${expected.kind}): unknown conversion`;
}
