import type { Json, JsonObject } from '../../machinery/object.ts';

/** Fields of events.k8s.io/v1 and their names in the core group, where events are stored. */
const NEW_TO_CORE: readonly (readonly [inNew: string, inCore: string])[] = [
  ['regarding', 'involvedObject'],
  ['note', 'message'],
  ['reportingController', 'reportingComponent'],
  ['deprecatedSource', 'source'],
  ['deprecatedFirstTimestamp', 'firstTimestamp'],
  ['deprecatedLastTimestamp', 'lastTimestamp'],
  ['deprecatedCount', 'count'],
];

export function eventToStorage(event: JsonObject): JsonObject {
  return renamed(event, new Map(NEW_TO_CORE), 'v1', { involvedObject: {}, source: {}, firstTimestamp: null, lastTimestamp: null });
}

export function eventFromStorage(event: JsonObject): JsonObject {
  return renamed(event, new Map(NEW_TO_CORE.map(([inNew, inCore]) => [inCore, inNew])), 'events.k8s.io/v1', {});
}

function renamed(event: JsonObject, names: ReadonlyMap<string, string>, apiVersion: string, always: JsonObject): JsonObject {
  const out: Record<string, Json | undefined> = { ...always };
  for (const [field, value] of Object.entries(event)) out[names.get(field) ?? field] = value;
  // An absent apiVersion stays absent: items of typed lists carry none.
  if (event.apiVersion !== undefined) out.apiVersion = apiVersion;
  return out;
}
