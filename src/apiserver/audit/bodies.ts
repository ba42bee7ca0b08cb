import type { Json, JsonObject } from '../../machinery/object.ts';
import { listMetadata } from '../codec/representation.ts';
import type { Core } from '../core.ts';
import { decode } from '../../schema/decode.ts';
import { applyDefaults } from '../codec/defaults.ts';
import { typeNameOf } from '../codec/protobuf.ts';
import type { Answer } from '../handlers/call.ts';

/** A longer list is left out of the audit log: its text would hold the loop. */
const MOST_ITEMS = 200;

/**
 * What was sent, as it was understood: with defaults, and without the zeros that protobuf always says. A patch is shown as it came;
 * undefined: it could not be understood.
 */
export function requestBody(core: Core, verb: string, sent: Json | undefined): Json | undefined {
  if (verb !== 'create' && verb !== 'update') return sent;
  if (typeof sent !== 'object' || sent === null || Array.isArray(sent)) return sent;
  const { apiVersion, kind } = sent as JsonObject;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') return sent;
  const typeName = typeNameOf(core.facts, core.registry, apiVersion, kind);
  if (typeName === undefined) return sent;
  const decoded = decode(core.facts, typeName, sent as JsonObject);
  if (decoded.fault !== undefined) return undefined;
  const { object } = decoded;
  const binding = core.registry.findKind(apiVersion, kind);
  if (binding !== undefined) applyDefaults(core, binding, object);
  return { ...object, kind, apiVersion } as Json;
}

/** What was answered, as an object; undefined when it is too long to be recorded. */
export function answerBody({ objects }: Core, answer: Answer): JsonObject | undefined {
  if (answer.as === 'object') return answer.body;
  if (answer.as === 'entry') return objects.full(answer.entry, answer.binding) as unknown as JsonObject;
  const { binding, entries } = answer;
  if (entries.length > MOST_ITEMS) return undefined;
  return {
    kind: binding.kind.listKind,
    apiVersion: binding.apiVersion,
    metadata: listMetadata(answer),
    items: entries.map((entry) => objects.full(entry, binding) as unknown as JsonObject),
  };
}

/** Of an object, or of the items of a list. */
export function withoutManagedFields(value: Json | undefined): Json | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const object = value as JsonObject;
  const { metadata, items } = object;
  const bare =
    typeof metadata === 'object' && metadata !== null && 'managedFields' in metadata ? { ...object, metadata: withoutKey(metadata as JsonObject) } : object;
  return Array.isArray(items) ? ({ ...bare, items: items.map((item) => withoutManagedFields(item)) } as JsonObject) : bare;
}

function withoutKey({ managedFields: _, ...rest }: JsonObject): JsonObject {
  return rest;
}
