import type { Strategy, StrategyContext } from '../../api/kind.ts';
import { type FieldError, FieldPath, invalid } from '../../machinery/field-error.ts';
import { carryMetadata, validateMetadataUpdate } from '../../machinery/metadata.ts';
import type { Draft, DraftObject, KubeObject, ManagedFieldsEntry } from '../../machinery/object.ts';
import { conflict, invalidObject, MODIFIED, objectNotFound, StatusError } from '../../machinery/status-error.ts';
import type { Core } from '../core.ts';
import type { StoredEntry } from '../codec/projection.ts';
import { objectKey } from '../registry/registry.ts';
import { Admission } from './admission.ts';
import { refused, resourceAttributes } from './attributes.ts';
import type { Answer, Call } from './call.ts';
import { commitObject, GuardFailed, settled } from './commit.ts';
import { createDraft, DOUBLE_OWNERS, DOUBLE_OWNERS_PATCHED, dropDoubleOwners } from './create.ts';
import { endsWithUpdate } from './deletion-rules.ts';
import { type ManagedWrite, managersAfter, managersAfterSteps } from './field-manager.ts';
import { inTurns } from './in-turns.ts';
import { isHeartbeat } from './heartbeat.ts';
import { metadataOf } from './metadata.ts';
import { preconditionFailed } from './precondition.ts';
import { refuseInvalid } from './refuse-invalid.ts';
import { sameObject } from './same.ts';
import { committedEntry, putOperation, type StoredForm, toStoredForm } from './stored-form.ts';
import type { Target } from './target.ts';
import { requestedDraft, toStorageVersion } from './versions.ts';
import type { WriteOptions } from './write-options.ts';

/** How one path (the object, its status, another subresource) may change an object, in the storage version. */
export interface ChangeRules {
  readonly prepare?: ((draft: Draft<KubeObject>, old: KubeObject, context: StrategyContext) => void) | undefined;
  readonly validate?: ((object: KubeObject, old: KubeObject, apiVersion: string, context: StrategyContext) => readonly FieldError[]) | undefined;
  /** For managedFields: what the path resets (default: `status`, and on the status subresource `spec`), or all that it writes. */
  readonly resetFields?: readonly (readonly string[])[] | undefined;
  readonly writtenFields?: readonly (readonly string[])[] | undefined;
}

/** What a change starts from. */
export interface Existing {
  readonly entry: StoredEntry;
  /** Frozen, in the storage version, without managedFields. */
  readonly stored: KubeObject;
  /** A private copy in the requested version, with resourceVersion, without managedFields. */
  readonly draft: () => DraftObject;
  readonly managed: () => readonly ManagedFieldsEntry[];
  /** It, or what was sent, is worked on in several turns of the loop. */
  readonly large: boolean;
}

/** What the object is to become: decoded and defaulted, in the requested version. */
export interface Next {
  readonly draft: DraftObject;
  /** When the owners of fields have been worked out already (apply). */
  readonly managed?: readonly ManagedFieldsEntry[] | undefined;
}

export interface Change {
  readonly options: WriteOptions;
  readonly rules: ChangeRules;
  /** Given nothing when there is no such object and `mayCreate` is set. Called again when the object has changed meanwhile. */
  readonly produce: (existing: Existing | undefined) => Promise<Next> | Next;
  /** An object that is not there is created from what `produce` gives. */
  readonly mayCreate?: boolean | undefined;
  /** False: another admission has spoken for it (binding, eviction). */
  readonly admit?: boolean | undefined;
  /** What the request is answered with, when it is not the object (scale). */
  readonly answer?: ((entry: StoredEntry) => Answer) | undefined;
}

const ATTEMPTS = 100;
/** Larger objects are worked on in several turns of the loop. */
const HEAVY_BYTES = 128 * 1024;

/** Read, change, write: again as long as others are faster, unless the client named the version that it wants to change. */
export function changeObject(core: Core, call: Call, target: Target, change: Change): Promise<Answer> {
  const key = objectKey(target.binding, target.namespace, target.name);
  return core.turns.run(key, () => changeInTurn(core, call, target, change, key));
}

async function changeInTurn(core: Core, call: Call, target: Target, change: Change, key: string): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    // A change that is on its way to the disk is waited for: it is neither shown nor a conflict.
    await settled(core, key);
    const entry = core.store.get(key);
    try {
      if (entry !== undefined) return await attemptChange(core, call, target, change, entry);
      if (change.mayCreate !== true) throw objectNotFound(target.binding.kind, target.name);
      return await createByChange(core, call, target, change);
    } catch (thrown) {
      const again = thrown instanceof GuardFailed || (entry === undefined && isAlreadyThere(thrown));
      if (!again) throw thrown;
      if (attempt === ATTEMPTS) throw conflict(target.binding.kind, target.name, MODIFIED);
      if (thrown instanceof GuardFailed) await settled(core, thrown.key);
    }
  }
}

const isAlreadyThere = (thrown: unknown): boolean => thrown instanceof StatusError && thrown.reason === 'AlreadyExists';

async function createByChange(core: Core, call: Call, target: Target, change: Change): Promise<Answer> {
  const { draft, managed } = await change.produce(undefined);
  const meta = metadataOf(draft);
  // Whoever names a uid or a version means an object that is no longer there.
  if (meta.uid !== undefined && meta.uid !== '') throw preconditionFailed(target.binding, target.namespace, target.name, 'UID', meta.uid, '');
  if ((meta.resourceVersion ?? '') !== '') throw objectNotFound(target.binding.kind, target.name);
  await allowCreate(core, call, target);
  return createDraft(core, call, target, draft, change.options, managed);
}

/** The right to change what is there is no right to create it (apiserver `withAuthorization` of update and patch). */
async function allowCreate(core: Core, call: Call, target: Target): Promise<void> {
  const attributes = { ...resourceAttributes(call, target), verb: 'create' };
  const decision = await core.stages.authorize(attributes);
  if (!decision.allowed) throw refused(attributes, decision);
}

async function attemptChange(core: Core, call: Call, target: Target, change: Change, entry: StoredEntry): Promise<Answer> {
  const { binding } = target;
  const { options, rules } = change;
  const nowMs = core.clock.now();
  const heavy = call.body.heavy || entry.value.byteLength > HEAVY_BYTES;
  if (heavy) await inTurns(core, heavy, core.objects.readSteps(entry));
  const stored = core.objects.of(entry);
  let managedBefore = heavy ? await inTurns(core, heavy, core.objects.managedSteps(entry)) : undefined;
  const existing: Existing = {
    entry,
    stored,
    draft: () => requestedDraft(entry, binding),
    managed: () => (managedBefore ??= core.objects.managed(entry)),
    large: heavy,
  };
  if (heavy) await core.yieldToLoop();
  const next = await change.produce(existing);
  if (heavy) await core.yieldToLoop();
  checkPreconditions(call, target, next.draft, entry);
  dropDoubleOwners(call, metadataOf(next.draft), call.method === 'PATCH' ? DOUBLE_OWNERS_PATCHED : DOUBLE_OWNERS);
  const write = (): ManagedWrite => ({
    binding,
    options,
    subresource: target.subresource,
    rules,
    live: core.objects.as(entry, binding),
    liveManaged: existing.managed(),
    next: next.draft,
    nowMs,
  });
  const managed = next.managed ?? (heavy ? await inTurns(core, heavy, managersAfterSteps(core, write())) : managersAfter(core, write()));
  if (heavy) await core.yieldToLoop();
  const admission = new Admission(core, call, target, {
    operation: 'UPDATE',
    name: target.name,
    object: next.draft,
    old: core.objects.as(entry, binding),
    options: options.json,
    dryRun: options.dryRun,
  });
  if (change.admit !== false) await admission.mutate();
  const draft = toStorageVersion(binding, next.draft);
  carryMetadata(metadataOf(draft), stored.metadata ?? {});
  rules.prepare?.(draft as unknown as Draft<KubeObject>, stored, { nowMs });
  const allocation = target.subresource === '' ? core.services?.allocate(binding, draft, stored) : undefined;
  if (heavy) await core.yieldToLoop();
  const errors = validate(target, call, rules, { draft, old: stored, nowMs });
  if (errors.length > 0) await refuseInvalid(core, binding.kind, stored.metadata?.name ?? '', errors);
  if (heavy) await core.yieldToLoop();
  if (change.admit !== false) await admission.validate();
  if (heavy) await core.yieldToLoop();
  const form = toStoredForm(core.registry, binding, draft, managed);
  if (heavy) await core.yieldToLoop();
  const answer = change.answer ?? ((of: StoredEntry): Answer => ({ as: 'entry', code: 200, binding, entry: of }));
  if (sameObject({ entry, stored, managed: existing.managed() }, form, managed)) return answer(entry);
  if (options.dryRun) return answer(committedEntry(entry.key, form, entry.modRevision, entry.createRevision));
  const revision = await commit(core, target, { entry, stored, form, admission, allocation });
  return answer(committedEntry(entry.key, form, revision, entry.createRevision));
}

/** The version and the uid that the client names must be those of the object. A patch that says another uid tries to change it: that is refused later. */
function checkPreconditions(call: Call, { binding, namespace, name }: Target, draft: DraftObject, entry: StoredEntry): void {
  const meta = metadataOf(draft);
  const { uid } = entry.projection;
  if (call.method !== 'PATCH' && meta.uid !== undefined && meta.uid !== '' && meta.uid !== uid)
    throw preconditionFailed(binding, namespace, name, 'UID', meta.uid, uid);
  const version = meta.resourceVersion ?? '';
  if (version === '' || version === '0') {
    if (binding.stored.strategy.allowUnconditionalUpdate === true) meta.resourceVersion = String(entry.modRevision);
    else {
      const missing = invalid(new FieldPath('metadata').child('resourceVersion'), 0, 'must be specified for an update');
      throw invalidObject({ group: binding.kind.group, kind: binding.kind.resource }, name, [missing]);
    }
  } else if (version !== String(entry.modRevision)) throw conflict(binding.kind, name, MODIFIED);
}

interface Changed {
  readonly draft: DraftObject;
  readonly old: KubeObject;
  readonly nowMs: number;
}

function validate({ binding, subresource }: Target, call: Call, rules: ChangeRules, { draft, old, nowMs }: Changed): readonly FieldError[] {
  const object = draft as unknown as KubeObject;
  const errors = [
    ...validateMetadataUpdate(object.metadata ?? {}, old.metadata ?? {}),
    ...(rules.validate?.(object, old, binding.apiVersion, { nowMs }) ?? []),
  ];
  if (errors.length > 0) return errors;
  for (const text of warningsOf(binding.stored.strategy, subresource)?.(object, old) ?? []) call.warnings.add(text);
  return errors;
}

/** Writers of a status can't help what people asked for: they hear of the status alone. */
function warningsOf(strategy: Strategy, subresource: string): Strategy['warnings'] | NonNullable<Strategy['status']>['warnings'] {
  if (subresource === 'status') return strategy.status?.warnings;
  return subresource === '' || subresource === 'scale' ? strategy.warnings : undefined;
}

interface Ready {
  readonly entry: StoredEntry;
  readonly stored: KubeObject;
  readonly form: StoredForm;
  readonly admission: Admission;
  readonly allocation: Parameters<typeof commitObject>[1]['allocation'];
}

async function commit(core: Core, { binding }: Target, { entry, stored, form, admission, allocation }: Ready): Promise<number> {
  const { key, modRevision } = entry;
  const guard = { key, modRevision };
  // The update that takes the last finalizer away is the deletion that was waiting for it.
  if (endsWithUpdate(binding, form.body, stored)) {
    const released = core.services?.release(binding, stored);
    const { revision } = await commitObject(core, { operation: { do: 'delete', key }, guard, also: admission.also, allocation: released });
    return revision;
  }
  const lazy = admission.also.length === 0 && isHeartbeat(binding, form.body, stored);
  const { revision } = await commitObject(core, { operation: putOperation(core, binding, key, form), guard, also: admission.also, allocation, lazy });
  return revision;
}
