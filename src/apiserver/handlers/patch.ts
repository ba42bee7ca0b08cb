import { FieldPath, invalid } from '../../machinery/field-error.ts';
import type { DraftObject, Json, JsonObject } from '../../machinery/object.ts';
import { invalidObject, objectNotFound, StatusError } from '../../machinery/status-error.ts';
import { duplicateFieldText, unknownFieldText } from '../../schema/decode.ts';
import { printValue } from '../../schema/go-print.ts';
import { applyJsonPatch, applyJsonPatchSteps, checkOperations } from '../../schema/json-patch.ts';
import { applyMergePatch } from '../../schema/merge-patch.ts';
import { applyStrategicMerge } from '../../schema/strategic-merge.ts';
import type { Core } from '../core.ts';
import { unsupportedMediaType } from '../codec/body.ts';
import { applyRefusal, type BodyRefusal, NO_BODY, patchRefusal, strategicPatchRefusal } from '../codec/body-words.ts';
import { applyDefaults } from '../codec/defaults.ts';
import { MAX_TOLD, checkKind, decodeInWords, type DecodeWords, type Expected, expectedOf } from '../codec/decode.ts';
import { applyObject } from './apply.ts';
import type { Answer, Call, ParsedBody } from './call.ts';
import { type ChangeRules, changeObject, type Existing } from './change.ts';
import { inTurns } from './in-turns.ts';
import { metadataOf } from './metadata.ts';
import { objectRules, settleName } from './update.ts';
import type { Target } from './target.ts';
import { type WriteOptions, writeOptions } from './write-options.ts';

export const JSON_PATCH = 'application/json-patch+json';
export const MERGE_PATCH = 'application/merge-patch+json';
export const STRATEGIC_PATCH = 'application/strategic-merge-patch+json';
export const APPLY_PATCH = 'application/apply-patch+yaml';
const TYPES = [JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, APPLY_PATCH];

export function patchObject(core: Core, call: Call, target: Target): Promise<Answer> {
  return patchWith(core, call, target, objectRules(target));
}

/** All forms of PATCH on an object, or on a subresource with the object's own kind. */
export async function patchWith(core: Core, call: Call, target: Target, rules: ChangeRules): Promise<Answer> {
  const { body, type } = await readPatch(call);
  if (type === APPLY_PATCH) return applyObject(core, call, target, body, rules);
  const options = writeOptions(call, 'PatchOptions');
  const expected = expectedOf(target.binding);
  return changeObject(core, call, target, {
    options,
    rules,
    produce: async (existing) => {
      if (existing === undefined) throw objectNotFound(target.binding.kind, target.name);
      const document = documentOf(core, target, existing, type === JSON_PATCH && mayNameManagers(body.value));
      const work = { expected, document, type, body, options };
      if (!existing.large) {
        const draft = patchDocument(core, call, work);
        settleName(target, metadataOf(draft));
        applyDefaults(core, target.binding, draft);
        return { draft };
      }
      const draft = await patchInTurns(core, call, work);
      settleName(target, metadataOf(draft));
      applyDefaults(core, target.binding, draft);
      return { draft };
    },
  });
}

async function patchInTurns(core: Core, call: Call, work: PatchWork): Promise<DraftObject> {
  const { expected, document, type, body } = work;
  const faults = faultsOfPatch(work);
  const value =
    type === JSON_PATCH ? await inTurns(core, true, applyJsonPatchSteps(document, body.value)) : applyPatch(core, expected, document, type, body.value);
  await core.yieldToLoop();
  const draft = decodePatched(core, call, work, faults, value);
  await core.yieldToLoop();
  return draft;
}

export async function readPatch(call: Call): Promise<{ readonly body: ParsedBody; readonly type: string }> {
  const type = call.body.contentType;
  if (!TYPES.includes(type)) throw unsupportedMediaType(TYPES);
  const refuse = refusalOf(type);
  const body = await call.body.read(TYPES, refuse);
  // Nothing is an object without fields in YAML.
  if (body === undefined && type !== APPLY_PATCH) throw refuse(NO_BODY);
  return { body: body ?? { value: {}, duplicates: [] }, type };
}

function refusalOf(type: string): BodyRefusal {
  if (type === APPLY_PATCH) return applyRefusal;
  return type === STRATEGIC_PATCH ? strategicPatchRefusal : patchRefusal;
}

/**
 * What a patch applies to: the object as a client reads it, frozen. Without managedFields where nothing depends on them: a patch that
 * does not name them leaves them to the server, and one that does replaces the list.
 */
function documentOf(core: Core, { binding }: Target, existing: Existing, managers: boolean): JsonObject {
  return (managers ? core.objects.full(existing.entry, binding) : core.objects.as(existing.entry, binding)) as unknown as JsonObject;
}

const METADATA = '/metadata';

/** A JSON patch may look at single entries, or at all metadata. */
function mayNameManagers(patch: Json): boolean {
  if (!Array.isArray(patch)) return false;
  const names = (path: unknown): boolean => typeof path === 'string' && (path === '' || path === METADATA || path.startsWith(`${METADATA}/managedFields`));
  return patch.some((operation) => isObject(operation) && (names(operation.path) || names(operation.from)));
}

export interface PatchWork {
  readonly expected: Expected;
  readonly document: JsonObject;
  readonly type: string;
  readonly body: ParsedBody;
  readonly options: WriteOptions;
}

export function patchDocument(core: Core, call: Call, work: PatchWork): DraftObject {
  const { expected, document, type, body } = work;
  const faults = faultsOfPatch(work);
  return decodePatched(core, call, work, faults, applyPatch(core, expected, document, type, body.value));
}

/** What is to be said of the patch itself, to those who want to hear of it. Throws 400 when it is none. */
function faultsOfPatch({ type, body, options }: PatchWork): readonly string[] {
  if (options.fieldValidation === 'Ignore') return [];
  const twice = body.duplicates.map(duplicateFieldText);
  if (type !== JSON_PATCH) return twice;
  const texts = [...checkOperations(body.value).map(unknownFieldText), ...twice].map((text) => `json patch ${text}`);
  return texts.sort((a, b) => operationOf(a) - operationOf(b));
}

/** `… "[3].path"` → 3. */
const operationOf = (text: string): number => Number(/\[(\d+)\]/.exec(text)?.[1] ?? 0);

function decodePatched(core: Core, call: Call, work: PatchWork, faults: readonly string[], patched: JsonObject): DraftObject {
  const { expected, type, body, options } = work;
  const words = patchWords(type, body.value, faults, patched);
  // What a strategic merge makes is of the type that it was, whatever it says.
  if (type !== STRATEGIC_PATCH) checkKind(core, patched, expected, words.refuse);
  return decodeInWords(core, call, { value: patched, duplicates: [] }, { expected, validation: options.fieldValidation, words });
}

/** What a client is told of what a patch has made (apiserver `jsonPatcher` and `smpPatcher`): 422, with the patch or its result. */
function patchWords(type: string, patch: Json, faults: readonly string[], patched: JsonObject): DecodeWords {
  const strategic = type === STRATEGIC_PATCH;
  return {
    refuse: ({ fault, converting }) => {
      const value = strategic ? printValue(patch) : JSON.stringify(patched);
      return invalidObject({ group: '', kind: '' }, '', [invalid(new FieldPath('patch'), value, strategic ? converting : fault)]);
    },
    remarks: (unknown) => {
      const texts = [...faults, ...unknown.toSorted().slice(0, MAX_TOLD).map(unknownFieldText)];
      return { strict: texts, warnings: texts };
    },
  };
}

function applyPatch(core: Core, { typeName, kind }: Expected, document: JsonObject, type: string, patch: Json): JsonObject {
  if (type === JSON_PATCH) return applyJsonPatch(document, patch);
  if (type === MERGE_PATCH) return applyMergePatch(document, patch);
  if (core.facts.type(typeName) !== undefined) return applyStrategicMerge(core.facts, typeName, document, patch);
  throw new StatusError('UnsupportedMediaType', `the body of the request was in an unknown format - ${kind} takes no strategic merge patch`);
}

const isObject = (value: Json): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);
