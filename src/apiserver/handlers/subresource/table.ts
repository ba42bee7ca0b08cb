import type { Core } from '../../core.ts';
import type { Answer, Call } from '../call.ts';
import type { ChangeRules } from '../change.ts';
import { getObject } from '../get.ts';
import { patchWith } from '../patch.ts';
import { methodNotServed, type Target } from '../target.ts';
import { replace } from '../update.ts';
import { bindPod } from './binding.ts';
import { evictPod } from './eviction.ts';
import { approvalRules, ephemeralContainersRules, finalizeRules, resizeRules } from './rules.ts';
import { serveScale } from './scale.ts';

export type SubresourceHandler = (core: Core, call: Call, target: Target) => Answer | Promise<Answer>;

/** The subresources that the core itself serves. Undefined: none of this name. */
export function subresourceHandler(target: Target): SubresourceHandler | undefined {
  const { subresource } = target;
  const { resource } = target.binding.kind;
  if (subresource === 'status') return own(statusRules(target));
  if (subresource === 'scale') return serveScale;
  switch (`${resource}/${subresource}`) {
    case 'pods/binding':
      return posted(bindPod);
    case 'pods/eviction':
      return posted(evictPod);
    case 'pods/ephemeralcontainers':
      return own(ephemeralContainersRules);
    case 'pods/resize':
      return own(resizeRules);
    case 'namespaces/finalize':
      return own(finalizeRules);
    case 'certificatesigningrequests/approval':
      return own(approvalRules);
    default:
      return undefined;
  }
}

/** A subresource with the object's own kind: GET shows the object, PUT and PATCH change their part of it. */
function own(rules: ChangeRules): SubresourceHandler {
  return (core, call, target) => {
    if (call.method === 'GET') return getObject(core, call, target);
    if (call.method === 'PUT') return replace(core, call, target, rules);
    if (call.method === 'PATCH') return patchWith(core, call, target, rules);
    throw methodNotServed();
  };
}

function posted(handler: SubresourceHandler): SubresourceHandler {
  return (core, call, target) => {
    if (call.method !== 'POST') throw methodNotServed();
    return handler(core, call, target);
  };
}

function statusRules({ binding: { stored } }: Target): ChangeRules {
  const { prepareForUpdate, validateUpdate, resetFields } = stored.strategy.status ?? {};
  return { prepare: prepareForUpdate, validate: validateUpdate, resetFields };
}
