import type { JsonObject, ManagedFieldsEntry } from '../../machinery/object.ts';
import { formatTime } from '../../machinery/time.ts';
import type { Facts } from '../facts.ts';
import { changed, isSame } from './compare.ts';
import { equalSets, type FieldSet, isEmpty, type PathPattern, union } from './field-set.ts';
import {
  asksForReset,
  capUpdaters,
  decodeManagers,
  encodeManagers,
  encodeManagersSteps,
  hasLong,
  hasWide,
  managerId,
  type Manager,
  type Managers,
  readSetsSteps,
} from './managed-fields.ts';
import { afterChange, createdFields, ignoredSet, remembered, stripped } from './ownership.ts';
import { finished, type Steps } from '../steps.ts';
import { Changes, ownable, Readings, type Scope, type VersionLookup } from './versions.ts';

/** Who writes what, in the version of the request. */
export interface WriteContext {
  readonly facts: Facts;
  /** The schema's name: `core.v1.Pod`. */
  readonly typeName: string;
  readonly apiVersion: string;
  readonly manager: string;
  /** Empty for the object itself. */
  readonly subresource: string;
  readonly nowMs: number;
  /**
   * What this path resets whatever the body says, so that nobody comes to own it by it. Default: `status`, and on the status
   * subresource `spec`.
   */
  readonly resetFields?: readonly (readonly string[])[] | undefined;
  /** All that this path writes, when that is little (a pod's resize): nobody comes to own anything else by it. */
  readonly writtenFields?: readonly PathPattern[] | undefined;
  /** The other versions of the kind. Absent: all of them name fields alike. */
  readonly versions?: VersionLookup | undefined;
}

/** A create, update or patch other than apply. */
export interface TrackedWrite extends WriteContext {
  /** As stored, in the version of the request; its managedFields are not looked at. Undefined: `next` is created. */
  readonly live: JsonObject | undefined;
  readonly liveManaged: readonly ManagedFieldsEntry[];
  /** Decoded and defaulted, before admission and before the strategy restores what the path may not change. managedFields as sent. */
  readonly next: JsonObject;
}

/**
 * The managedFields after the write. The writer owns what it changed or added; others lose what it changed or removed. An
 * object whose managers are unknown (empty managedFields) stays so: only an apply begins to track it.
 */
export function trackUpdate(write: TrackedWrite): readonly ManagedFieldsEntry[] {
  return finished(trackUpdateSteps(write));
}

/** The same in steps: for an object of tens of thousands of fields each takes some milliseconds. */
export function* trackUpdateSteps(write: TrackedWrite): Steps<readonly ManagedFieldsEntry[]> {
  const { live, next } = write;
  const readings = new Readings(write.facts, write.typeName, write.apiVersion, write.versions);
  const { ground } = readings.own;
  const scope = scopeOf(write);
  if (live !== undefined && hasLong(write.liveManaged)) yield* readSetsSteps(write.liveManaged);
  const managers = managersOf(write);
  if (live === undefined && managers.size === 0) {
    const fields = createdFields(ground, next, scope.ignored);
    yield;
    if (isEmpty(fields)) return [];
    const mine = new Map([['', writer(write, fields)]]);
    return hasWide(mine) ? yield* encodeManagersSteps(mine) : encodeManagers(mine);
  }
  if (managers.size === 0) return [];
  yield;
  const changes = new Changes(readings, withoutManaged(live ?? ground.zero), withoutManaged(next), scope);
  if (!isSame(changes.whole)) yield;
  const out = afterChange(managers, '', (apiVersion) => changes.of(apiVersion));
  yield;
  const gained = stripped(ownable(changed(changes.own), scope));
  if (!isEmpty(gained)) {
    const mine = writer(write, gained);
    const id = managerId(mine);
    const before = out.get(id);
    out.set(id, before === undefined ? mine : { ...mine, fields: remembered('u', before.fields, gained) });
  }
  yield;
  const all = capUpdaters(out, union);
  return hasWide(all) ? yield* encodeManagersSteps(all) : encodeManagers(all);
}

export const scopeOf = (write: WriteContext): Scope => ({ ignored: ignoredSet(resetFields(write)), only: write.writtenFields });

function resetFields({ resetFields: given, facts, typeName, subresource }: WriteContext): readonly (readonly string[])[] {
  if (given !== undefined) return given;
  if (subresource === 'status') return ONLY_SPEC;
  return subresource === '' && facts.type(typeName)?.fields.status !== undefined ? ONLY_STATUS : NOTHING;
}

const NOTHING: readonly (readonly string[])[] = [];
const ONLY_SPEC = [['spec']] as const;
const ONLY_STATUS = [['status']] as const;

function writer({ manager, apiVersion, subresource, nowMs }: WriteContext, fields: FieldSet): Manager {
  return { name: manager === '' ? 'unknown' : manager, operation: 'Update', apiVersion, subresource, time: formatTime(nowMs), fields };
}

/** The request's own managedFields count when they can be read and are not empty, save on subresources. */
function managersOf({ subresource, live, liveManaged, next }: TrackedWrite): Managers {
  const sent = sentManagers(next);
  if (subresource === '' && sent !== undefined) {
    if (asksForReset(sent)) return NOBODY;
    const decoded = decodeManagers(sent);
    if (decoded !== undefined && decoded.size > 0) return decoded;
  }
  return live === undefined ? NOBODY : (decodeManagers(liveManaged) ?? NOBODY);
}

const NOBODY: Managers = new Map();

function sentManagers({ metadata }: JsonObject): readonly ManagedFieldsEntry[] | undefined {
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) return undefined;
  const { managedFields } = metadata as JsonObject;
  return Array.isArray(managedFields) ? (managedFields as readonly unknown[] as readonly ManagedFieldsEntry[]) : undefined;
}

/** managedFields are bookkeeping about the object, not part of it. */
export function withoutManaged(object: JsonObject): JsonObject {
  const { metadata } = object;
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata) || !Object.hasOwn(metadata, 'managedFields')) return object;
  const { managedFields: _managed, ...rest } = metadata as JsonObject;
  return { ...object, metadata: rest };
}

/**
 * True when two writes of managedFields differ at most in their times: then the write changed nothing, and the old entries are
 * kept so that nothing is stored.
 */
export function sameButForTimes(a: readonly ManagedFieldsEntry[], b: readonly ManagedFieldsEntry[]): boolean {
  if (a.length !== b.length) return false;
  const left = decodeManagers(a);
  const right = decodeManagers(b);
  if (left === undefined || right === undefined || left.size !== right.size) return false;
  for (const [id, { fields, apiVersion }] of left) {
    const other = right.get(id);
    if (other === undefined || other.apiVersion !== apiVersion || !equalSets(fields, other.fields)) return false;
  }
  return true;
}
