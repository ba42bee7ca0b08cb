import { formatTime } from '../../machinery/time.ts';
import { nameSuffix, uuid } from '../../base/random.ts';
import type { FieldError } from '../../machinery/field-error.ts';
import { validateMetadata } from '../../machinery/metadata.ts';
import type { Draft, DraftObject, KubeObject, ManagedFieldsEntry, ObjectMeta } from '../../machinery/object.ts';
import { alreadyExists, badRequest, formatGroupResource, StatusError } from '../../machinery/status-error.ts';
import { zeroObject } from '../../schema/decode.ts';
import type { Core } from '../core.ts';
import { applyDefaults } from '../codec/defaults.ts';
import { expectedOf, readObject } from '../codec/decode.ts';
import { resourcePrefix } from '../registry/keys.ts';
import { objectKey } from '../registry/registry.ts';
import type { Guard } from '../../store/store.ts';
import { Admission } from './admission.ts';
import type { Answer, Call } from './call.ts';
import { commitObject, GuardFailed, settled } from './commit.ts';
import { managersAfter, managersAfterSteps } from './field-manager.ts';
import { inTurns } from './in-turns.ts';
import { metadataOf } from './metadata.ts';
import { refuseInvalid } from './refuse-invalid.ts';
import { committedEntry, putOperation, type StoredForm, toStoredForm } from './stored-form.ts';
import type { Target } from './target.ts';
import { toStorageVersion } from './versions.ts';
import { type WriteOptions, writeOptions } from './write-options.ts';

const NAME_ATTEMPTS = 8;
const MAX_GENERATED_BASE = 58;
const ADMISSION_ATTEMPTS = 50;

export async function createObject(core: Core, call: Call, target: Target): Promise<Answer> {
  const options = writeOptions(call, 'CreateOptions');
  try {
    return await createOnce(core, call, target, options);
  } catch (thrown) {
    if (!(thrown instanceof GuardFailed)) throw thrown;
    // What admission read (a quota) has changed meanwhile: all over again, those who met there one after the other.
    return core.turns.run(thrown.key, () => createInTurn(core, call, target, options, thrown.key));
  }
}

async function createInTurn(core: Core, call: Call, target: Target, options: WriteOptions, met: string): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    await settled(core, met);
    try {
      return await createOnce(core, call, target, options);
    } catch (thrown) {
      if (!(thrown instanceof GuardFailed)) throw thrown;
      if (attempt === ADMISSION_ATTEMPTS) throw thrown.conflict;
    }
  }
}

async function createOnce(core: Core, call: Call, target: Target, options: WriteOptions): Promise<Answer> {
  const draft = await readObject(core, call, expectedOf(target.binding), options.fieldValidation);
  if (call.body.heavy) await core.yieldToLoop();
  applyDefaults(core, target.binding, draft);
  if (call.body.heavy) await core.yieldToLoop();
  return createDraft(core, call, target, draft, options);
}

/** Creates what has been decoded and defaulted. `owners`: of its fields, when they are known (apply). Throws GuardFailed when another object of the same commit has changed. */
export async function createDraft(
  core: Core,
  call: Call,
  target: Target,
  draft: DraftObject,
  options: WriteOptions,
  owners?: readonly ManagedFieldsEntry[],
): Promise<Answer> {
  const { binding } = target;
  const nowMs = core.clock.now();
  const meta = metadataOf(draft);
  settleNamespace(target, meta);
  const versioned = Number(meta.resourceVersion ?? '0') > 0;
  wipeSystemFields(meta);
  dropDoubleOwners(call, meta, DOUBLE_OWNERS);
  const { heavy } = call.body;
  const write = { binding, options, subresource: target.subresource, live: undefined, liveManaged: [], next: draft, nowMs };
  const managed = owners ?? (heavy ? await inTurns(core, heavy, managersAfterSteps(core, write)) : managersAfter(core, write));
  if (heavy) await core.yieldToLoop();
  const admission = new Admission(core, call, target, {
    operation: 'CREATE',
    name: meta.name ?? '',
    object: draft,
    old: undefined,
    options: options.json,
    dryRun: options.dryRun,
  });
  const home = namespaceGuard(core, target, meta);
  await admission.mutate();
  signRequester(call, target, draft);
  const stored = toStorageVersion(binding, draft);
  const made = metadataOf(stored);
  const generated = (made.name ?? '') === '' && (made.generateName ?? '') !== '';
  if (generated) made.name = generateName(core, made.generateName ?? '');
  made.uid = uuid(core.random);
  made.creationTimestamp = formatTime(nowMs);
  binding.stored.strategy.prepareForCreate?.(stored as unknown as Draft<KubeObject>, { nowMs, newName: () => uuid(core.random) });
  emptyStatus(core, binding, stored);
  const allocation = core.services?.allocate(binding, stored, undefined);
  if (heavy) await core.yieldToLoop();
  const errors = validate(core, target, call, stored);
  if (errors.length > 0) await refuseInvalid(core, binding.kind, made.name ?? '', errors);
  if (heavy) await core.yieldToLoop();
  await admission.validate();
  if (heavy) await core.yieldToLoop();
  if (options.dryRun) return dryRunAnswer(core, target, stored, managed);
  // A store's refusal, not an API's (etcd3 `ErrResourceVersionSetOnCreate`): without a reason.
  if (versioned) throw new StatusError('', 'resourceVersion should not be set on objects to be created');
  for (let attempt = 1; ; attempt++) {
    const key = objectKey(binding, made.namespace ?? '', made.name ?? '');
    const form = toStoredForm(core.registry, binding, stored, managed);
    try {
      const { revision } = await commitObject(core, {
        operation: putOperation(core, binding, key, form),
        guard: { key, modRevision: 0 },
        unchanged: home,
        also: admission.also,
        allocation,
      });
      return { as: 'entry', code: 201, binding, entry: committedEntry(key, form, revision) };
    } catch (thrown) {
      if (!(thrown instanceof GuardFailed) || !thrown.own) throw thrown;
      // Whoever was first may be on the way to the disk still, and may not get there: only what is durable is told (law 6).
      await settled(core, key);
      if (!generated && core.store.get(key) !== undefined) throw exists(core, target, key, made.name ?? '');
      if (allocation !== undefined) throw thrown;
      if (attempt === NAME_ATTEMPTS) throw generated ? noUniqueName(target, made.name ?? '') : thrown;
      if (generated) made.name = generateName(core, made.generateName ?? '');
    }
  }
}

/** What admission sees of the namespace must hold when the object is there: else something could come into one that is ending, after it was emptied. */
function namespaceGuard(core: Core, { binding }: Target, { namespace = '' }: ObjectMeta): Guard | undefined {
  const entry = binding.kind.namespaced ? core.store.get(resourcePrefix('', 'namespaces') + namespace) : undefined;
  return entry === undefined ? undefined : { key: entry.key, modRevision: entry.modRevision };
}

function settleNamespace({ binding, namespace }: Target, meta: Draft<ObjectMeta>): void {
  if (!binding.kind.namespaced) delete meta.namespace;
  else if ((meta.namespace ?? '') === '') meta.namespace = namespace;
  else if (meta.namespace !== namespace) throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
}

function wipeSystemFields(meta: Draft<ObjectMeta>): void {
  for (const field of ['uid', 'creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds', 'selfLink', 'resourceVersion', 'generation'] as const)
    delete meta[field];
}

const doubleOwners = (when: string): string =>
  `.metadata.ownerReferences contains duplicate entries${when}; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: `;
export const DOUBLE_OWNERS = doubleOwners('');
/** Of a patch it is what came of it that is looked at. */
export const DOUBLE_OWNERS_PATCHED = doubleOwners(' after mutating admission happens');

export function dropDoubleOwners(call: Call, meta: Draft<ObjectMeta>, warning: string): void {
  const owners = meta.ownerReferences;
  if (owners === undefined || owners.length < 2) return;
  const seen = new Set<string>();
  const double: string[] = [];
  const single = owners.filter((owner) => {
    const text = JSON.stringify([owner.apiVersion, owner.kind, owner.name, owner.uid, owner.controller ?? null, owner.blockOwnerDeletion ?? null]);
    if (seen.has(text)) {
      double.push(owner.uid);
      return false;
    }
    seen.add(text);
    return true;
  });
  if (double.length === 0) return;
  meta.ownerReferences = single;
  call.warnings.add(warning + double.join(', '));
}

/** A certificate signing request names who asks, whatever its author says. */
function signRequester({ user }: Call, { binding: { kind } }: Target, draft: DraftObject): void {
  if (kind.group !== 'certificates.k8s.io' || kind.resource !== 'certificatesigningrequests') return;
  const { username: _u, uid: _i, groups: _g, extra: _e, ...spec } = (draft.spec ?? {}) as DraftObject;
  const extra = Object.entries(user.extra ?? {}).map(([key, values]): [string, string[]] => [key, [...values]]);
  draft.spec = {
    ...spec,
    username: user.name,
    ...(user.uid === undefined || user.uid === '' ? {} : { uid: user.uid }),
    ...(user.groups.length === 0 ? {} : { groups: [...user.groups] }),
    ...(extra.length === 0 ? {} : { extra: Object.fromEntries(extra) }),
  };
}

/** A status that nobody has written yet is there, with its zeros, as Go prints it. */
function emptyStatus(core: Core, { stored }: Target['binding'], draft: DraftObject): void {
  const { status } = zeroObject(core.facts, stored.typeName);
  if (status !== undefined) draft.status = { ...(status as DraftObject), ...(draft.status as DraftObject | undefined) };
}

const generateName = (core: Core, base: string): string => base.slice(0, MAX_GENERATED_BASE) + nameSuffix(core.random);

function validate({ verify }: Core, { binding }: Target, call: Call, draft: DraftObject): readonly FieldError[] {
  const object = draft as unknown as KubeObject;
  const { strategy, namespaced } = binding.stored;
  const errors: FieldError[] = [
    ...validateMetadata(object.metadata ?? {}, { namespaced, validateName: strategy.validateName }),
    ...(strategy.validateCreate?.(object, binding.apiVersion, { verify }) ?? []),
  ];
  if (errors.length === 0) for (const text of strategy.warnings?.(object, undefined) ?? []) call.warnings.add(text);
  return errors;
}

function dryRunAnswer(core: Core, target: Target, draft: DraftObject, managed: readonly ManagedFieldsEntry[]): Answer {
  const form: StoredForm = toStoredForm(core.registry, target.binding, draft, managed);
  const { name = '', namespace = '' } = form.body.metadata ?? {};
  const key = objectKey(target.binding, namespace, name);
  if (core.store.get(key) !== undefined) throw exists(core, target, key, name);
  return { as: 'entry', code: 201, binding: target.binding, entry: committedEntry(key, form, 0) };
}

function exists(core: Core, { binding }: Target, key: string, name: string): StatusError {
  const error = alreadyExists(binding.kind, name);
  if (core.store.get(key)?.projection.deleting !== true) return error;
  return new StatusError('AlreadyExists', `object is being deleted: ${error.message}`, error.details === undefined ? {} : { details: error.details });
}

function noUniqueName({ binding }: Target, name: string): StatusError {
  const { group, resource } = binding.kind;
  const message = `${formatGroupResource(binding.kind)} ${JSON.stringify(name)} already exists, the server was not able to generate a unique name for the object`;
  return new StatusError('AlreadyExists', message, {
    details: { name, ...(group === '' ? {} : { group }), kind: resource, retryAfterSeconds: 1 },
  });
}
