import { FieldPath, invalid } from '../../machinery/field-error.ts';
import type { DraftObject, Json, JsonObject } from '../../machinery/object.ts';
import { badRequest, invalidObject, objectNotFound, StatusError } from '../../machinery/status-error.ts';
import { decode, strictDecodingError, unknownFieldText } from '../../schema/decode.ts';
import { printValue } from '../../schema/go-print.ts';
import { applyJsonPatch, applyJsonPatchSteps, checkOperations } from '../../schema/json-patch.ts';
import { applyMergePatch } from '../../schema/merge-patch.ts';
import { applyStrategicMerge } from '../../schema/strategic-merge.ts';
import type { Core } from '../core.ts';
import { unsupportedMediaType } from '../codec/body.ts';
import { applyDefaults } from '../codec/defaults.ts';
import { type Expected, expectedOf, kindFault, namedAs, noteTexts } from '../codec/decode.ts';
import { applyObject } from './apply.ts';
import type { Answer, Call, ParsedBody } from './call.ts';
import { type ChangeRules, changeObject, type Existing } from './change.ts';
import { inTurns } from './in-turns.ts';
import { objectRules } from './update.ts';
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
        applyDefaults(core, target.binding, draft);
        return { draft };
      }
      const draft = await patchInTurns(core, call, work);
      applyDefaults(core, target.binding, draft);
      return { draft };
    },
  });
}

async function patchInTurns(core: Core, call: Call, work: PatchWork): Promise<DraftObject> {
  const { expected, document, type, body } = work;
  const told = faultsOfPatch(work);
  const value =
    type === JSON_PATCH ? await inTurns(core, true, applyJsonPatchSteps(document, body.value)) : applyPatch(core, expected, document, type, body.value);
  await core.yieldToLoop();
  const draft = decodePatched(core, call, { ...work, told }, value);
  await core.yieldToLoop();
  return draft;
}

export async function readPatch(call: Call): Promise<{ readonly body: ParsedBody; readonly type: string }> {
  const type = call.body.contentType;
  if (!TYPES.includes(type)) throw unsupportedMediaType(TYPES);
  const body = await call.body.read(TYPES, 'Patch');
  if (body === undefined) throw badRequest('the patch is empty');
  return { body, type };
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
  const told = faultsOfPatch(work);
  return decodePatched(core, call, { ...work, told }, applyPatch(core, expected, document, type, body.value));
}

/** What is to be said of the patch itself, to those who want to hear of it. Throws 400 when it is none. */
function faultsOfPatch({ type, body, options }: PatchWork): readonly string[] {
  if (options.fieldValidation === 'Ignore') return [];
  if (type !== JSON_PATCH) return body.duplicates;
  const unknown = checkOperations(body.value).map(unknownFieldText);
  const texts = [...unknown, ...body.duplicates].map((text) => `json patch ${text}`);
  return texts.sort((a, b) => operationOf(a) - operationOf(b));
}

/** `… "[3].path"` → 3. */
const operationOf = (text: string): number => Number(/\[(\d+)\]/.exec(text)?.[1] ?? 0);

/** What a patch has made is no such object: 422, with what was made of it, or for a strategic merge the patch itself. */
function decodePatched(core: Core, call: Call, work: PatchWork & { readonly told: readonly string[] }, patched: JsonObject): DraftObject {
  const { expected, type, options, told } = work;
  const strategic = type === STRATEGIC_PATCH;
  const invalidPatch = (why: string): StatusError => {
    const shown = strategic ? printValue(work.body.value) : JSON.stringify(patched);
    return invalidObject({ group: '', kind: '' }, '', [invalid(new FieldPath('patch'), shown, why)]);
  };
  const fault = strategic ? undefined : kindFault(patched, expected);
  if (fault !== undefined) throw invalidPatch(fault);
  const decoded = decode(core.facts, expected.typeName, patched);
  if (decoded.fault !== undefined) throw invalidPatch(strategic ? restoreFault(decoded.fault) : decoded.fault);
  const unknown = [...decoded.unknownFields].sort().map(unknownFieldText);
  noteTexts(call, [...told, ...unknown], options.fieldValidation, (texts) => invalidPatch(strictDecodingError(texts)));
  return namedAs(decoded.object, expected);
}

const RESTORE = /^json: cannot unmarshal (\w+)( \S+)? into Go (?:struct field \S+|value) of type (.+)$/;

/** A fault of Go's decoder in the words of the converter that the values of a strategic merge go through. */
function restoreFault(fault: string): string {
  const [, kind = '', number, type = ''] = RESTORE.exec(fault) ?? [];
  if (type === '') return fault;
  const from = { number: number === undefined ? 'int64' : 'float64', array: 'slice', object: 'map' }[kind] ?? kind;
  if (type.startsWith('[]')) return `cannot restore slice from ${from}`;
  if (type.startsWith('map[')) return `cannot restore map from ${from}`;
  return type.includes('.') ? `cannot restore struct from: ${from}` : `unrecognized type: ${type}`;
}

function applyPatch(core: Core, { typeName, kind }: Expected, document: JsonObject, type: string, patch: Json): JsonObject {
  if (type === JSON_PATCH) return applyJsonPatch(document, patch);
  if (type === MERGE_PATCH) return applyMergePatch(document, patch);
  if (core.facts.type(typeName) !== undefined) return applyStrategicMerge(core.facts, typeName, document, patch);
  throw new StatusError('UnsupportedMediaType', `the body of the request was in an unknown format - ${kind} takes no strategic merge patch`);
}

const isObject = (value: Json): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);
