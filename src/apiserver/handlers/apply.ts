import type { JsonObject } from '../../machinery/object.ts';
import { badRequest } from '../../machinery/status-error.ts';
import { applyPatchSteps } from '../../schema/apply/apply-patch.ts';
import { finished } from '../../schema/steps.ts';
import type { Core } from '../core.ts';
import { applyDefaults } from '../codec/defaults.ts';
import { checkKind, type Expected, expectedOf, noteFields } from '../codec/decode.ts';
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
  noteFields(call, expected, [], body.duplicates, options.fieldValidation);
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
export function appliedPatch({ value }: ParsedBody, expected: Expected): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw badRequest('error decoding YAML: the patch is no object');
  const patch = value as JsonObject;
  checkKind(patch, expected);
  if ((patch.kind ?? '') === '' || (patch.apiVersion ?? '') === '') {
    throw badRequest(`invalid object type: ${(patch.kind ?? '') === '' ? 'kind' : 'apiVersion'} is missing`);
  }
  return patch;
}
