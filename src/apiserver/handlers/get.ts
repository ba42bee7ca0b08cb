import { objectNotFound } from '../../machinery/status-error.ts';
import type { Core } from '../core.ts';
import type { StoredEntry } from '../codec/projection.ts';
import { objectKey } from '../registry/registry.ts';
import type { Answer, Call } from './call.ts';
import { requireVersion } from './freshness.ts';
import { parseResourceVersion } from './query.ts';
import type { Target } from './target.ts';

/** What is visible now is as new as any acknowledged write, so a resourceVersion only asks whether this server knows it yet. */
export function getObject(core: Core, call: Call, target: Target): Answer {
  requireVersion(core, parseResourceVersion(call.query.get('resourceVersion')));
  return { as: 'entry', code: 200, binding: target.binding, entry: mustFind(core, target) };
}

export function mustFind(core: Core, { binding, namespace, name }: Target): StoredEntry {
  const entry = core.store.get(objectKey(binding, namespace, name));
  if (entry === undefined) throw objectNotFound(binding.kind, name);
  return entry;
}
