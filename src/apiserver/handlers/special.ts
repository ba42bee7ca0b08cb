import type { Json, JsonObject } from '../../machinery/object.ts';
import { deepFreeze } from '../../machinery/record.ts';
import { objectNotFound } from '../../machinery/status-error.ts';
import type { Core } from '../core.ts';
import { applyDefaults } from '../codec/defaults.ts';
import { expectedOf, readObject } from '../codec/decode.ts';
import { objectKey } from '../registry/registry.ts';
import type { ObjectSubresource, SubresourceCall, VirtualCall, VirtualResource } from '../stages.ts';
import { Admission } from './admission.ts';
import type { Answer, Call } from './call.ts';
import { metadataOf } from './metadata.ts';
import { methodNotServed, type Target } from './target.ts';
import { writeOptions } from './write-options.ts';

/** A kind that is not stored: reviews, componentstatuses. */
export async function callVirtual(core: Core, call: Call, target: Target, virtual: VirtualResource, verb: string): Promise<Answer> {
  const { binding, namespace } = target;
  const about: VirtualCall = { user: call.user, kind: binding.kind, namespace, nowMs: core.clock.now(), reader: core.reader };
  if (verb === 'create' && virtual.create !== undefined && target.name === '') {
    const options = writeOptions(call, 'CreateOptions');
    const draft = await readObject(core, call, expectedOf(binding), options.fieldValidation);
    const { heavy } = call.body;
    if (heavy) await core.yieldToLoop();
    applyDefaults(core, binding, draft);
    if (binding.kind.namespaced && namespace !== '') metadataOf(draft).namespace ??= namespace;
    const admission = new Admission(core, call, target, {
      operation: 'CREATE',
      name: '',
      object: draft,
      old: undefined,
      options: options.json,
      dryRun: options.dryRun,
    });
    await admission.mutate();
    await admission.validate();
    if (heavy) await core.yieldToLoop();
    const given = deepFreeze(draft) as JsonObject;
    if (heavy) await core.yieldToLoop();
    const body = await virtual.create(about, given);
    if (heavy) await core.yieldToLoop();
    return { as: 'object', code: 201, body: deepFreeze(body) };
  }
  if (verb === 'get' && virtual.get !== undefined)
    return { as: 'object', code: 200, body: deepFreeze(await virtual.get(about, target.name)), shown: binding.kind };
  if (verb === 'list' && virtual.list !== undefined) {
    const items: readonly Json[] = await virtual.list(about);
    const body: JsonObject = { kind: binding.kind.listKind, apiVersion: binding.apiVersion, metadata: { resourceVersion: String(core.store.revision) }, items };
    return { as: 'object', code: 200, body: deepFreeze(body), shown: binding.kind };
  }
  throw methodNotServed();
}

/** One whose body and answer are objects (serviceaccounts/token). */
export async function callObjectSubresource(core: Core, call: Call, target: Target, handler: ObjectSubresource): Promise<Answer> {
  const { binding, namespace, name, subresource } = target;
  const entry = core.store.get(objectKey(binding, namespace, name));
  if (entry === undefined) throw objectNotFound(binding.kind, name);
  const parent = core.objects.as(entry, binding);
  const kind = binding.kind.subresources[subresource]?.kind;
  const options = writeOptions(call, call.method === 'POST' ? 'CreateOptions' : 'UpdateOptions');
  let body: JsonObject | undefined;
  if (call.method !== 'GET' && kind !== undefined) {
    const apiVersion = kind.group === '' ? kind.version : `${kind.group}/${kind.version}`;
    const draft = await readObject(core, call, { apiVersion, kind: kind.kind, typeName: subresourceType(core, kind) }, options.fieldValidation);
    const admission = new Admission(core, call, target, {
      operation: 'CREATE',
      name,
      object: draft,
      old: undefined,
      options: options.json,
      dryRun: options.dryRun,
    });
    await admission.mutate();
    await admission.validate();
    body = deepFreeze(draft) as JsonObject;
  }
  const about: SubresourceCall = {
    user: call.user,
    kind: binding.kind,
    namespace,
    name,
    subresource,
    method: call.method,
    rest: target.rest,
    query: call.query.pairs,
    parent,
    reader: core.reader,
    nowMs: core.clock.now(),
    dryRun: options.dryRun,
    signal: call.signal,
    warn: (text) => call.warnings.add(text),
  };
  const { code, body: answer } = await handler.handle(about, body);
  return { as: 'object', code, body: deepFreeze(answer) };
}

/** The schema's name of a kind that is only a subresource: `authentication.v1.TokenRequest`. */
export function subresourceType(core: Core, { group, version, kind }: { readonly group: string; readonly version: string; readonly kind: string }): string {
  const first = group === '' ? 'core' : (group.split('.')[0] ?? group);
  const name = `${first}.${version}.${kind}`;
  if (core.facts.type(name) === undefined) throw new RangeError(`no type ${name} in the tables`);
  return name;
}
