import type { Json, JsonObject } from '../machinery/object.ts';
import { badRequest } from '../machinery/status-error.ts';
import { decodeProtobufObject, ProtobufError } from '../schema/protobuf-decode.ts';
import { encodeProtobufObject } from '../schema/protobuf-encode.ts';
import { builtinFacts } from './facts.ts';
import { FACTS } from './gen/facts-data.ts';

/** Options are registered under every group and version; their type is always this one. */
const OPTIONS = new Set(['CreateOptions', 'DeleteOptions', 'GetOptions', 'ListOptions', 'PatchOptions', 'UpdateOptions']);

/** Written as JSON only. */
const TABLE = 'machinery.meta.v1.Table';

let byKind: ReadonlyMap<string, string> | undefined;

/** The type of a kind of Kubernetes 1.36, lists, reviews and options included: `core.v1.Pod`. */
export function typeNameOfKind(apiVersion: string, kind: string): string | undefined {
  if (OPTIONS.has(kind)) return `machinery.meta.v1.${kind}`;
  byKind ??= new Map([...FACTS].flatMap(([name, text]) => kindsIn(text).map((gvk) => [gvk, name] as const)));
  return byKind.get(`${apiVersion.includes('/') ? '' : '/'}${apiVersion}/${kind}`);
}

/** Found in the text, so that no type is parsed that nobody asks for. */
function kindsIn(facts: string): readonly string[] {
  const gvk = /"g":"([^"]*)"/.exec(facts)?.[1];
  return gvk === undefined ? [] : [gvk];
}

/** A body in protobuf as the JSON form of its object, to be decoded like any other. Throws StatusError 400. */
export function readProtobufBody(bytes: Uint8Array): Json {
  try {
    return decodeProtobufObject(builtinFacts, bytes, typeNameOfKind);
  } catch (thrown) {
    if (thrown instanceof ProtobufError) throw badRequest(`the object provided is unrecognized (not a protobuf object): ${thrown.message}`);
    throw thrown;
  }
}

/** An object or a list with kind and apiVersion, in protobuf. Undefined when its kind has no message (custom resources, Table). */
export function writeProtobufBody(object: JsonObject): Uint8Array | undefined {
  const { apiVersion, kind } = object;
  const typeName = typeof apiVersion === 'string' && typeof kind === 'string' ? typeNameOfKind(apiVersion, kind) : undefined;
  return typeName === undefined || typeName === TABLE ? undefined : encodeProtobufObject(builtinFacts, typeName, object);
}
