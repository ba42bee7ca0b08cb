import type { JsonObject } from '../../machinery/object.ts';
import { badRequest, conflict } from '../../machinery/status-error.ts';
import { applyPatchSteps } from '../../schema/apply/apply-patch.ts';
import { goValueName } from '../../schema/go-type.ts';
import { finished } from '../../schema/steps.ts';
import type { Core } from '../core.ts';
import { applyDefaults } from '../codec/defaults.ts';
import { duplicatesText, type Expected, expectedOf, type FieldValidation, noteTexts } from '../codec/decode.ts';
import type { Answer, Call, ParsedBody } from './call.ts';
import { type ChangeRules, changeObject, type Existing, type Next } from './change.ts';
import { versionsOf } from './field-manager.ts';
import { inTurns } from './in-turns.ts';
import { metadataOf } from './metadata.ts';
import { settleName } from './update.ts';
import type { Target } from './target.ts';
import { writeOptions } from './write-options.ts';

/** Server-side apply: of the object (which it may create) or of a subresource. */
export function applyObject(core: Core, call: Call, target: Target, body: ParsedBody, rules: ChangeRules): Promise<Answer> {
  const options = writeOptions(call, 'PatchOptions', true);
  const { binding } = target;
  const expected = expectedOf(binding);
  const patch = appliedPatch(body, expected);
  const produce = async (existing: Existing | undefined): Promise<Next> => {
    const steps = applyPatchSteps({
      facts: core.facts,
      typeName: binding.kind.typeName,
      apiVersion: binding.apiVersion,
      versions: versionsOf(core, binding),
      manager: options.fieldManager,
      subresource: target.subresource,
      resetFields: rules.resetFields,
      writtenFields: rules.writtenFields,
      nowMs: core.clock.now(),
      live: existing === undefined ? undefined : (core.objects.as(existing.entry, binding) as unknown as JsonObject),
      liveManaged: existing?.managed() ?? [],
      patch,
      force: options.force,
    });
    const large = existing?.large ?? call.body.heavy;
    const applied = large ? await inTurns(core, large, steps) : finished(steps);
    if (large) await core.yieldToLoop();
    noteDuplicates(call, body, options.fieldValidation);
    const draft = applied.object;
    const { uid = '' } = metadataOf(draft);
    if (existing === undefined && uid !== '') {
      throw conflict(binding.kind, target.name, `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`);
    }
    settleName(target, metadataOf(draft));
    applyDefaults(core, binding, draft);
    return { draft, managed: applied.managedFields };
  };
  return changeObject(core, call, target, { options, rules, produce, mayCreate: target.subresource === '' });
}

/** Told when all else is well. Unknown fields are refused anyway: nobody could own them. */
export function noteDuplicates(call: Call, body: ParsedBody, validation: FieldValidation): void {
  noteTexts(call, body.duplicates, validation, () => badRequest(`error strict decoding YAML: error converting YAML to JSON: ${duplicatesText(body)}`));
}

/** An applied object must say what it is. */
export function appliedPatch({ value }: ParsedBody, { apiVersion, kind }: Expected): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw badRequest(
      `error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${goValueName(value)} into Go value of type map[string]interface {}`,
    );
  const patch = value as JsonObject;
  if (patch.kind !== kind || patch.apiVersion !== apiVersion) throw badRequest(`invalid object type: ${kindOf(patch)}`);
  return patch;
}

/** `apps/v1, Kind=Deployment`; `/v1, Kind=Pod`. */
function kindOf({ apiVersion, kind }: JsonObject): string {
  const version = typeof apiVersion === 'string' ? apiVersion : '';
  return `${version.includes('/') ? version : `/${version}`}, Kind=${typeof kind === 'string' ? kind : ''}`;
}
