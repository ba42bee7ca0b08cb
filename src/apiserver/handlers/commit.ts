import { conflict, MODIFIED, type StatusError } from '../../machinery/status-error.ts';
import { type Committed, type Guard, type Operation, StoreError } from '../../store/store.ts';
import type { Core } from '../core.ts';
import type { Allocation } from '../allocators/services.ts';
import type { Projection } from '../codec/projection.ts';
import { keyTail, resourcePrefix } from '../registry/keys.ts';
import type { StoreWrite } from '../stages.ts';
import type { AlsoUpdate } from './admission.ts';
import { putOperation, toStoredForm } from './stored-form.ts';

/** The commit met a change of what it was based on. `own`: of the object itself, not of one that goes with it. */
export class GuardFailed extends Error {
  override readonly name = 'GuardFailed';
  readonly own: boolean;
  /** Of what had changed. */
  readonly key: string;
  readonly conflict: StatusError;

  constructor(own: boolean, key: string, failed: StatusError) {
    super(failed.message);
    this.own = own;
    this.key = key;
    this.conflict = failed;
  }
}

/** Resolves when nothing that was begun before is still on its way to the disk for this key. */
export async function settled(core: Core, key: string): Promise<void> {
  for (let pending = core.store.settled(key); pending !== undefined; pending = core.store.settled(key)) await pending;
}

export interface ObjectCommit {
  readonly operation: Operation<Projection>;
  readonly guard: Guard;
  /** Something else that must not have changed meanwhile. */
  readonly unchanged?: Guard | undefined;
  readonly also?: readonly AlsoUpdate[] | undefined;
  readonly allocation?: Allocation | undefined;
  readonly lazy?: boolean | undefined;
}

/** One object, and what must change with it, in one commit. Throws GuardFailed, or StoreError. */
export async function commitObject(core: Core, { operation, guard, unchanged, also = [], allocation, lazy }: ObjectCommit): Promise<Committed> {
  const operations = [operation];
  const guards = unchanged === undefined ? [guard] : [guard, unchanged];
  for (const write of also) addWrite(core, write, operations, guards);
  if (allocation !== undefined) {
    operations.push(...allocation.operations);
    guards.push(...allocation.guards);
  }
  const { clock, stages } = core;
  const began = clock.monotonic();
  const end = (failed: boolean): void => stages.storeTimes?.written(operation.key, writeOf(operation, guard), clock.monotonic() - began, failed);
  try {
    const committed = await core.store.commit(operations, guards, lazy === true ? { lazy } : undefined);
    end(false);
    return committed;
  } catch (thrown) {
    const met = thrown instanceof StoreError && thrown.code === 'guard';
    end(!met);
    if (!met) throw thrown;
    const key = guards[thrown.guard?.index ?? 0]?.key ?? guard.key;
    throw new GuardFailed(thrown.guard?.index === 0, key, conflict({ group: '', resource: 'objects' }, key.slice(key.lastIndexOf('/') + 1), MODIFIED));
  }
}

function writeOf(operation: Operation<Projection>, { modRevision }: Guard): StoreWrite {
  if (operation.do === 'delete') return 'delete';
  return modRevision === 0 ? 'create' : 'update';
}

function addWrite(core: Core, { group, resource, read, object }: AlsoUpdate, operations: Operation<Projection>[], guards: Guard[]): void {
  const kind = core.registry.stored(group, resource);
  const { name = '', namespace = '', resourceVersion = '0' } = read.metadata ?? {};
  const key = resourcePrefix(group, resource) + keyTail(namespace, name);
  const binding = kind === undefined ? undefined : core.registry.find(group === '' ? kind.version : `${group}/${kind.version}`, resource);
  if (binding === undefined) throw new RangeError(`no kind is stored as ${group}/${resource}`);
  const entry = core.store.get(key);
  const form = toStoredForm(core.registry, binding, { ...object } as never, entry === undefined ? [] : core.objects.managed(entry));
  operations.push(putOperation(core, binding, key, form));
  guards.push({ key, modRevision: Number(resourceVersion) });
}
