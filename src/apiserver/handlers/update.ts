import { badRequest, objectNotFound } from '../../machinery/status-error.ts';
import type { Draft, ObjectMeta } from '../../machinery/object.ts';
import type { Core } from '../core.ts';
import { applyDefaults } from '../codec/defaults.ts';
import { expectedOf, readObject } from '../codec/decode.ts';
import type { Answer, Call } from './call.ts';
import { type ChangeRules, changeObject, type Existing } from './change.ts';
import { metadataOf } from './metadata.ts';
import type { Target } from './target.ts';
import { writeOptions } from './write-options.ts';

export function updateObject(core: Core, call: Call, target: Target): Promise<Answer> {
  const { strategy } = target.binding.stored;
  return replace(core, call, target, objectRules(target), strategy.allowCreateOnUpdate === true);
}

export function objectRules({ binding: { stored } }: Target): ChangeRules {
  const { prepareForUpdate, validateUpdate, resetFields } = stored.strategy;
  return { prepare: prepareForUpdate, validate: validateUpdate, resetFields };
}

/** PUT: of the object or of a subresource with the object's own kind. */
export function replace(core: Core, call: Call, target: Target, rules: ChangeRules, mayCreate = false): Promise<Answer> {
  const options = writeOptions(call, 'UpdateOptions');
  // What was sent is read first: where it makes no sense, nobody looks whether there is such an object.
  const produce = async (existing: Existing | undefined) => {
    const draft = await readObject(core, call, expectedOf(target.binding), options.fieldValidation);
    if (call.body.heavy) await core.yieldToLoop();
    applyDefaults(core, target.binding, draft);
    settleName(target, metadataOf(draft));
    if (existing === undefined && !mayCreate) throw objectNotFound(target.binding.kind, target.name);
    return { draft };
  };
  return changeObject(core, call, target, { options, rules, produce, mayCreate: true });
}

/** Of an object that is posted below another one: it names that one. */
export function settleNamed(target: Target, meta: Draft<ObjectMeta>, kind: string): void {
  if (meta.name !== target.name) throw badRequest(`name in URL does not match name in ${kind} object`);
  settleName(target, meta);
}

/** An absent namespace is taken from the path; what is there must agree with it (apiserver `checkName`). */
export function settleName({ binding, namespace, name }: Target, meta: Draft<ObjectMeta>): void {
  if (!binding.kind.namespaced) delete meta.namespace;
  else if ((meta.namespace ?? '') === '') meta.namespace = namespace;
  else if (meta.namespace !== namespace) throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  if ((meta.name ?? '') === '') throw badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`);
  if (meta.name !== name) throw badRequest(`the name of the object (${meta.name}) does not match the name on the URL (${name})`);
}
