import type { JsonObject } from '../../machinery/object.ts';
import { badRequest, conflict } from '../../machinery/status-error.ts';
import { applyPatchSteps, kindText } from '../../schema/apply/apply-patch.ts';
import { duplicateFieldText } from '../../schema/decode.ts';
import { goValueName } from '../../schema/go-type.ts';
import { finished } from '../../schema/steps.ts';
import { yamlDuplicatesText, yamlDuplicateText } from '../../schema/yaml.ts';
import type { Core } from '../core.ts';
import { applyDefaults } from '../codec/defaults.ts';
import { type Expected, expectedOf, type FieldValidation, noteRemarks } from '../codec/decode.ts';
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

/** Keys that stand twice, told when all else is well. Unknown fields are refused anyway: nobody could own them. */
export function noteDuplicates(call: Call, { duplicates, yamlDuplicates = [] }: ParsedBody, validation: FieldValidation): void {
  const strict = yamlDuplicates.length === 0 ? duplicates.map(duplicateFieldText) : [yamlDuplicatesText(yamlDuplicates)];
  const warnings = yamlDuplicates.length === 0 ? strict : yamlDuplicates.map(yamlDuplicateText);
  noteRemarks(call, { strict, warnings }, validation, () => badRequest(`error strict decoding YAML: error converting YAML to JSON: ${strict.join(', ')}`));
}

/** An applied object must say what it is. */
export function appliedPatch({ value }: ParsedBody, { apiVersion, kind }: Expected): JsonObject {
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw badRequest(
      `error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${goValueName(value)} into Go value of type map[string]interface {}`,
    );
  }
  const patch = (value ?? {}) as JsonObject;
  if (patch['kind'] !== kind || patch['apiVersion'] !== apiVersion) throw badRequest(`invalid object type: ${kindText(patch)}`);
  return patch;
}
