import type { DraftObject, Json, JsonObject } from '../machinery/object.ts';
import { newCursor, structPlan } from './decode-plan.ts';
import { DecodeFault } from './decode-scalar.ts';
import type { Facts } from './facts.ts';

/**
 * What a write is turned into before anything else looks at it, in process as over the wire (laws 4 and 7): the object that
 * Kubernetes' own decoder and encoder would leave. Unknown fields are dropped and named; null is absent; zero values that Go
 * omits vanish and those that it prints appear (`status: {}`, `resources: {}`); quantities and times are canonical; fields
 * stand in the order of the tables, map keys sorted, so equal objects have equal bytes.
 *
 * Two differences from Go on purpose: where Go prints null for an empty list or map, `[]` or `{}` stands (types promise a
 * list); and whole numbers beyond 2^53 are refused rather than rounded.
 */
export type Decoded = Decodable | DecodeRefusal;

export interface Decodable {
  /** Private to the caller: shares nothing with the input. */
  readonly object: DraftObject;
  /** `spec.template.spec.containers[0].foo`, in the order of the input. Words for a warning: `unknown field "…"`. */
  readonly unknownFields: readonly string[];
  readonly fault?: undefined;
}

export interface DecodeRefusal {
  /** In the words of Go's decoder: `json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32`. */
  readonly fault: string;
  /** The same in the words of apimachinery's converter: `cannot restore slice from map`. */
  readonly converting: string;
}

export function decode(facts: Facts, typeName: string, input: JsonObject): Decoded {
  const plan = structPlan(facts, typeName);
  const cursor = newCursor();
  try {
    const object = plan.decode(input, cursor);
    const { unknown } = cursor;
    return { object, unknownFields: unknown.length > 1 ? inOrder(input, unknown, Object.keys) : unknown };
  } catch (error) {
    if (error instanceof DecodeFault) return { fault: error.message, converting: error.converting ?? error.message };
    throw error;
  }
}

/** As YAML's are told, which becomes JSON with sorted keys before anything looks at it. */
export const inOrderOfKeys = (input: JsonObject, paths: readonly string[]): readonly string[] => inOrder(input, paths, (object) => Object.keys(object).sort());

/** As they stand in the input: clients show them in this order. Only those found are looked for, so nothing deep is walked in vain. */
function inOrder(input: JsonObject, paths: readonly string[], keysOf: (object: JsonObject) => readonly string[]): readonly string[] {
  const wanted = new Set(paths);
  const found: string[] = [];
  const visit = (value: Json | undefined, path: string): void => {
    if (found.length === paths.length) return;
    if (wanted.has(path)) found.push(path);
    else if (Array.isArray(value)) value.forEach((item: Json, i) => visit(item, `${path}[${i}]`));
    else if (typeof value === 'object' && value !== null) {
      for (const key of keysOf(value as JsonObject)) {
        if (found.length === paths.length) return;
        visit((value as JsonObject)[key], path === '' ? key : `${path}.${key}`);
      }
    }
  };
  visit(input, '');
  return found.length === paths.length ? found : paths;
}

/** The object of a type with nothing set: what Go's zero value prints. */
export function zeroObject(facts: Facts, typeName: string): DraftObject {
  return structPlan(facts, typeName).zero();
}

/** `unknown field "spec.foo"`: the words of warnings and of strict decoding errors. */
export const unknownFieldText = (path: string): string => `unknown field "${path}"`;
export const duplicateFieldText = (path: string): string => `duplicate field "${path}"`;

/** `strict decoding error: unknown field "a", duplicate field "b"`. */
export const strictDecodingError = (texts: readonly string[]): string => `strict decoding error: ${texts.join(', ')}`;

/** The message of the 400 that a body gets which is no such object. `kind` and `version`: what it says it is. */
export function cannotBeHandled(kind: string, version: string, expected: string, fault: string): string {
  return `${kind} in version ${JSON.stringify(version)} cannot be handled as a ${expected}: ${fault}`;
}
