import type { JsonObject } from '../../machinery/object.ts';
import { badRequest } from '../../machinery/status-error.ts';
import { applyPatchSteps, noSuchType } from '../../schema/apply/apply-patch.ts';
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
  noteDuplicates(call, body, options.fieldValidation);
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
    const draft = applied.object;
    settleName(target, metadataOf(draft));
    applyDefaults(core, binding, draft);
    return { draft, managed: applied.managedFields };
  };
  return changeObject(core, call, target, { options, rules, produce, mayCreate: target.subresource === '' });
}

/** An applied object must say what it is. */
export function appliedPatch({ value }: ParsedBody, { apiVersion, kind }: Expected): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw badRequest(`error decoding YAML: json: cannot unmarshal ${goValueName(value)} into Go value of type map[string]interface {}`);
  }
  const patch = value as JsonObject;
  const given = typeof patch['apiVersion'] === 'string' ? patch['apiVersion'] : '';
  if (given !== apiVersion) throw badRequest(`Incorrect version specified in apply patch. Specified patch version: ${given}, expected: ${apiVersion}`);
  if (patch['kind'] !== kind) throw noSuchType(patch);
  return patch;
}

/** Keys that stand twice; what the schema does not know is refused by the apply itself. */
export function noteDuplicates(call: Call, { duplicates, yamlDuplicates = [] }: ParsedBody, validation: FieldValidation): void {
  const strict = yamlDuplicates.length === 0 ? duplicates.map(duplicateFieldText) : [yamlDuplicatesText(yamlDuplicates)];
  const warnings = yamlDuplicates.length === 0 ? strict : yamlDuplicates.map(yamlDuplicateText);
  noteRemarks(call, { strict, warnings }, validation, () => badRequest(`error strict decoding YAML: error converting YAML to JSON: ${strict.join(', ')}`));
}
