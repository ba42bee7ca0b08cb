import type { DraftObject } from '../../machinery/object.ts';
import { deepFreeze } from '../../machinery/record.ts';
import { conflict, MODIFIED, objectNotFound, type StatusDetails } from '../../machinery/status-error.ts';
import type { Core } from '../core.ts';
import { atRevision, type StoredEntry } from '../codec/projection.ts';
import { type Binding, objectKey } from '../registry/registry.ts';
import { Admission } from './admission.ts';
import type { Answer, Call } from './call.ts';
import { commitObject, GuardFailed, settled } from './commit.ts';
import { checkDeletePreconditions, type DeleteOptions, readDeleteOptions } from './delete-options.ts';
import { decideDeletion, type MetadataChange } from './deletion.ts';
import { orphansByDefault, returnsObject } from './deletion-rules.ts';
import { metadataOf } from './metadata.ts';
import { committedEntry, putOperation, toStoredForm } from './stored-form.ts';
import type { Target } from './target.ts';
import { storedDraft } from './versions.ts';

const JOB_WARNING =
  'child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning';
const ATTEMPTS = 100;

export async function deleteObject(core: Core, call: Call, target: Target): Promise<Answer> {
  const options = await readDeleteOptions(core, call);
  if (
    target.binding.kind.group === 'batch' &&
    orphansByDefault(target.binding) &&
    options.propagationPolicy === undefined &&
    options.orphanDependents === undefined
  ) {
    call.warnings.add(JOB_WARNING);
  }
  return deletionAnswer(target.binding, options, await deleteStored(core, call, target, options));
}

export interface Deleted {
  readonly entry: StoredEntry;
  /** False: it is marked, and waits for finalizers or its grace period. */
  readonly gone: boolean;
}

/** Deletes or marks, with admission. Throws 404 and 409. */
export async function deleteStored(core: Core, call: Call, target: Target, options: DeleteOptions, { admit = true } = {}): Promise<Deleted> {
  const { binding, namespace, name } = target;
  const key = objectKey(binding, namespace, name);
  for (let attempt = 1; ; attempt++) {
    await settled(core, key);
    const entry = core.store.get(key);
    if (entry === undefined) throw objectNotFound(binding.kind, name);
    checkDeletePreconditions(binding, entry.projection, entry.modRevision, options);
    try {
      return await attemptDelete(core, call, target, options, entry, admit);
    } catch (thrown) {
      if (!(thrown instanceof GuardFailed)) throw thrown;
      if (attempt === ATTEMPTS) throw conflict(binding.kind, name, MODIFIED);
      await settled(core, thrown.key);
    }
  }
}

async function attemptDelete(core: Core, call: Call, target: Target, options: DeleteOptions, entry: StoredEntry, admit: boolean): Promise<Deleted> {
  const { binding } = target;
  const old = core.objects.as(entry, binding);
  const about = { operation: 'DELETE', name: target.name, object: undefined, old, options: options.json, dryRun: options.dryRun } as const;
  const admission = new Admission(core, call, target, about);
  if (admit) {
    await admission.mutate();
    await admission.validate();
  }
  const stored = core.objects.of(entry);
  const decision = decideDeletion(binding, stored, options, core.clock.now());
  if (decision.do === 'nothing') return { entry, gone: false };
  const { key, modRevision } = entry;
  const guard = { key, modRevision };
  if (decision.do === 'delete') {
    const last = decision.metadata === undefined ? entry : await markLast(core, binding, entry, decision.metadata, options.dryRun);
    if (options.dryRun) return { entry: last, gone: true };
    const { revision } = await commitObject(core, {
      operation: { do: 'delete', key },
      guard: { key, modRevision: last.modRevision },
      also: admission.also,
      allocation: core.services?.release(binding, stored),
    });
    return { entry: atRevision(last, revision), gone: true };
  }
  const form = marked(core, binding, entry, decision.metadata, decision.terminating);
  if (options.dryRun) return { entry: committedEntry(key, form, modRevision, entry.createRevision), gone: false };
  const { revision } = await commitObject(core, { operation: putOperation(core, binding, key, form), guard, also: admission.also });
  return { entry: committedEntry(key, form, revision, entry.createRevision), gone: false };
}

/** What goes without grace is seen to be ending before it is gone, as it is in Kubernetes: watchers get MODIFIED, then DELETED. */
async function markLast(core: Core, binding: Binding, entry: StoredEntry, change: MetadataChange, dryRun: boolean): Promise<StoredEntry> {
  const { key, modRevision, createRevision } = entry;
  const form = marked(core, binding, entry, change, false);
  if (dryRun) return committedEntry(key, form, modRevision, createRevision);
  const { revision } = await commitObject(core, { operation: putOperation(core, binding, key, form), guard: { key, modRevision } });
  return committedEntry(key, form, revision, createRevision);
}

function marked(core: Core, binding: Binding, entry: StoredEntry, change: MetadataChange, terminating: boolean) {
  const draft = storedDraft(entry, binding);
  Object.assign(metadataOf(draft), change);
  // Only namespaces have finalizers in their spec, and they show in their phase that they end.
  if (terminating) draft.status = { ...(draft.status as DraftObject | undefined), phase: 'Terminating' };
  return toStoredForm(core.registry, binding, draft, core.objects.managed(entry));
}

/** The object while it is still there (or where the kind says so), else a Status. */
function deletionAnswer(binding: Binding, options: DeleteOptions, { entry, gone }: Deleted): Answer {
  if (!gone) {
    const accepted = options.orphanDependents === false;
    return { as: 'entry', code: accepted ? 202 : 200, binding, entry };
  }
  if (returnsObject(binding.stored)) return { as: 'entry', code: 200, binding, entry };
  const { group, resource } = binding.kind;
  const { name, uid } = entry.projection;
  const details: StatusDetails = { name, ...(group === '' ? {} : { group }), kind: resource, uid };
  return { as: 'object', code: 200, body: deepFreeze({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details: details as never }) };
}
