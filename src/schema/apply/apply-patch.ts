import type { DraftObject, Json, JsonObject, ManagedFieldsEntry } from '../../machinery/object.ts';
import { badRequest, StatusError } from '../../machinery/status-error.ts';
import { formatTime } from '../../machinery/time.ts';
import { decode } from '../decode.ts';
import { equalJson } from '../copy.ts';
import { finished, type Steps } from '../steps.ts';
import { type Comparison, fieldSetOf, isSame } from './compare.ts';
import { applyConflict } from './conflict.ts';
import { difference, EMPTY, equalSets, type FieldSet, intersection, isEmpty, setOf, union } from './field-set.ts';
import { intern } from './fields-v1.ts';
import { lastAppliedFields, noteLastApplied } from './last-applied.ts';
import { decodeManagers, encodeManagersSteps, type Manager, managerId, type Managers, readSetsSteps } from './managed-fields.ts';
import { merge, removeItems } from './merge.ts';
import { afterChange, createdFields, type Ground, stripped, type Taken, takenFields } from './ownership.ts';
import { Shapes } from './shape.ts';
import { scopeOf, withoutManaged, type WriteContext } from './track-update.ts';
import { typedFaults, withNamedFields } from './typed.ts';
import { Changes, ownable, type Reading, Readings } from './versions.ts';

/** Server-side apply (API reference, "Server-Side Apply"; KEP-555). */
export interface AppliedPatch extends WriteContext {
  /** As stored, in the version of the request; undefined: the apply creates the object. */
  readonly live: JsonObject | undefined;
  readonly liveManaged: readonly ManagedFieldsEntry[];
  /** As sent, parsed but not decoded: what it does not name it does not own. */
  readonly patch: JsonObject;
  /** Take fields from others where values conflict. */
  readonly force: boolean;
}

export interface Applied {
  /** Decoded, without managedFields; private to the caller. Defaults are still to come. */
  readonly object: DraftObject;
  readonly managedFields: readonly ManagedFieldsEntry[];
  /** False: the object is as it was, and so are its managers but for the time. */
  readonly changed: boolean;
}

/**
 * Lays the patch over the live object: the applier owns exactly what it names; what it named before and names no more goes,
 * unless somebody else owns it. Throws StatusError: 409 with a cause for each field when others own what would change, 400 or 500 for a
 * patch that is no such object.
 */
export function applyPatch(request: AppliedPatch): Applied {
  return finished(applyPatchSteps(request));
}

/** The same in steps: for an object of tens of thousands of fields each takes some milliseconds. */
export function* applyPatchSteps(request: AppliedPatch): Steps<Applied> {
  const { facts, typeName, apiVersion, versions, patch } = request;
  const readings = new Readings(facts, typeName, apiVersion, versions);
  const { ground } = readings.own;
  checkPatch(ground, patch);
  yield;
  yield* readSetsSteps(request.liveManaged);
  const live = withoutManaged(request.live ?? ground.zero);
  const managers = liveManagers(request, ground, live);
  yield;
  const outcome = yield* applyWithMigration({ request, readings, live, managers });
  const { object } = outcome;
  if (request.manager === KUBECTL) noteLastApplied(object, patch);
  yield;
  const managedFields = yield* encodeManagersSteps(outcome.managers);
  return { object, managedFields, changed: !equalJson(object, live) };
}

const KUBECTL = 'kubectl';

function checkPatch({ atom }: Ground, patch: JsonObject): void {
  const metadata = patch.metadata as JsonObject | undefined;
  if (typeof metadata === 'object' && metadata !== null && (metadata.managedFields ?? null) !== null) throw badRequest('metadata.managedFields must be nil');
  const faults = typedFaults(atom, patch);
  if (faults.length === 0) return;
  const text = faults.length === 1 ? faults[0] : `errors:\n${faults.map((fault) => `  ${fault}`).join('\n')}`;
  throw untypable(patch, text ?? '');
}

/** `failed to create typed patch object (default/web; apps/v1, Kind=Deployment): …` */
function untypable(patch: JsonObject, why: string): StatusError {
  const { namespace = '', name = '' } = (patch.metadata ?? {}) as { readonly namespace?: Json; readonly name?: Json };
  return new StatusError('', `failed to create typed patch object (${String(namespace)}/${String(name)}; ${kindText(patch)}): ${why}`);
}

/** `apps/v1, Kind=Deployment`; `/v1, Kind=Pod`. */
export function kindText({ apiVersion, kind }: JsonObject): string {
  const version = typeof apiVersion === 'string' ? apiVersion : '';
  return `${version.includes('/') ? version : `/${version}`}, Kind=${typeof kind === 'string' ? kind : ''}`;
}

/** An object whose managers nobody tracked: all of it belongs to `before-first-apply`. */
function liveManagers(request: AppliedPatch, ground: Ground, live: JsonObject): Managers {
  const known = decodeManagers(request.liveManaged) ?? new Map<string, Manager>();
  if (known.size > 0 || request.live === undefined) return known;
  const fields = createdFields(ground, live, scopeOf(request).ignored);
  if (isEmpty(fields)) return known;
  const { apiVersion, subresource, nowMs } = request;
  const before: Manager = { name: 'before-first-apply', operation: 'Update', apiVersion, subresource, time: formatTime(nowMs), fields };
  return new Map([[managerId(before), before]]);
}

interface Situation {
  readonly request: AppliedPatch;
  readonly readings: Readings;
  readonly live: JsonObject;
  readonly managers: Managers;
}

interface Outcome {
  readonly object: DraftObject;
  readonly managers: Managers;
}

function* applyWithMigration(situation: Situation): Steps<Outcome> {
  const { request, readings, live } = situation;
  const first = yield* apply(situation, request.force);
  if (!('conflicts' in first)) return first;
  const allowed = request.manager === KUBECTL ? lastAppliedFields(readings.own.ground.atom, live, request.apiVersion) : undefined;
  if (allowed === undefined) throw applyConflict(first.conflicts);
  const left = first.conflicts.map(({ manager, fields }) => ({ manager, fields: difference(fields, allowed) })).filter(({ fields }) => !isEmpty(fields));
  if (left.length > 0) throw applyConflict(left);
  const forced = yield* apply(situation, true);
  if ('conflicts' in forced) throw applyConflict(forced.conflicts);
  return forced;
}

const named = new WeakMap<Ground, Shapes<FieldSet>>();
/** A patch is beside nothing. */
const NO_ZERO: JsonObject = {};

/** Every path that a patch names, once for each shape of patch: appliers send the same fields again and again. */
function patchFields(ground: Ground, patch: JsonObject): FieldSet {
  let shapes = named.get(ground);
  if (shapes === undefined) named.set(ground, (shapes = new Shapes(ground.atom, NO_ZERO)));
  return shapes.of(patch, () => fieldSetOf(ground.atom, patch));
}

function* apply({ request, readings, live, managers }: Situation, force: boolean): Steps<Outcome | { readonly conflicts: readonly Taken[] }> {
  const scope = scopeOf(request);
  const fields = ownable(patchFields(readings.own.ground, request.patch), scope);
  const mine: Manager = {
    name: request.manager,
    operation: 'Apply',
    apiVersion: request.apiVersion,
    subresource: request.subresource,
    time: formatTime(request.nowMs),
    fields,
  };
  const id = managerId(mine);
  const last = managers.get(id);
  const claimed = new Map(managers).set(id, mine);
  const { object, sent } = yield* laidOver({ request, readings, live, managers: claimed }, last);
  yield;
  const changes = new Changes(readings, live, object, scope, sent);
  if (!isSame(changes.whole)) yield;
  const changesIn = (apiVersion: string) => changes.of(apiVersion);
  const conflicts = takenFields(claimed, id, changesIn);
  if (!force && conflicts.length > 0) return { conflicts };
  yield;
  const after = afterChange(claimed, id, changesIn);
  yield;
  const own = intern(stripped(fields));
  if (isEmpty(own)) after.delete(id);
  else after.set(id, { ...mine, fields: own, time: sameAsBefore(last, own, changes.own) && last?.apiVersion === mine.apiVersion ? last.time : mine.time });
  return { object, managers: after };
}

/** The live object with the patch over it, less what the applier owned before and nobody owns now: as it was sent, and in its stored form. */
function* laidOver(
  { request: { patch }, readings, live, managers }: Situation,
  last: Manager | undefined,
): Steps<{ readonly sent: JsonObject; readonly object: DraftObject }> {
  const { ground } = readings.own;
  const merged = asObject(merge(ground.atom, live, patch) ?? {});
  yield;
  const pruned = last === undefined ? merged : yield* prune({ readings, merged, last, managers });
  // A container that the patch names empty is gone with its last part, and stands again.
  const whole = pruned === merged ? merged : asObject(merge(ground.atom, pruned, patch) ?? {});
  yield;
  const decoded = decode(ground.facts, ground.typeName, whole);
  if (decoded.fault !== undefined) throw badRequest(decoded.fault);
  return { sent: whole, object: decoded.object };
}

/** An apply that changes nothing leaves its time as it was, so that nothing is stored. */
function sameAsBefore(last: Manager | undefined, own: FieldSet, { added, modified }: Comparison): boolean {
  return last !== undefined && equalSets(last.fields, own) && isEmpty(added) && isEmpty(modified);
}

interface Pruning {
  readonly readings: Readings;
  readonly merged: JsonObject;
  readonly last: Manager;
  readonly managers: Managers;
}

/**
 * Takes out what the applier owned before, then puts back what anybody (itself as of now included) owns: in the version in which
 * the applier named its fields first, then in those of the others, since what is gone may be needed to convert.
 */
function* prune({ readings, merged, last, managers }: Pruning): Steps<JsonObject> {
  const reading = readings.of(last.apiVersion);
  if (reading === undefined) return merged;
  const owned = ownedByReading(readings, managers);
  if (isEmpty(difference(last.fields, owned.get(reading) ?? EMPTY))) return merged;
  const { atom } = reading.ground;
  yield;
  const whole = reading.to(merged);
  const before = withNamedFields(last.fields, atom);
  const rest = asObject(removeItems(atom, whole, before));
  yield;
  let left = yield* putBack(reading, whole, rest, owned.get(reading) ?? EMPTY);
  for (const [other, fields] of owned) {
    if (other === reading) continue;
    const [all, some] = [other.to(reading.back(whole)), other.to(reading.back(left))];
    left = reading.to(other.back(yield* putBack(other, all, some, fields)));
  }
  // Of what is gone now, only what the applier itself had owned was its to remove.
  yield;
  const all = namedFields(reading, whole);
  yield;
  const kept = namedFields(reading, left);
  yield;
  const lost = intersection(difference(all, kept), before);
  return reading.back(asObject(removeItems(atom, whole, withoutRoots(lost))));
}

function ownedByReading(readings: Readings, managers: Managers): Map<Reading, FieldSet> {
  const owned = new Map<Reading, FieldSet>();
  for (const { apiVersion, fields } of managers.values()) {
    const reading = readings.of(apiVersion);
    if (reading !== undefined) owned.set(reading, union(owned.get(reading) ?? EMPTY, fields));
  }
  return owned;
}

/** `whole` without what is neither left nor owned. */
function* putBack(reading: Reading, whole: JsonObject, left: JsonObject, owned: FieldSet): Steps<JsonObject> {
  const { atom } = reading.ground;
  const kept = union(namedFields(reading, left), withNamedFields(owned, atom));
  yield;
  const gone = difference(namedFields(reading, whole), kept);
  yield;
  return asObject(removeItems(atom, whole, withoutRoots(gone)));
}

const namedFields = ({ ground: { atom } }: Reading, object: JsonObject): FieldSet => withNamedFields(fieldSetOf(atom, object), atom);

/** An object always keeps these, whoever owned them. */
const ROOTS = setOf([
  ['f:apiVersion'],
  ['f:kind'],
  ['f:metadata'],
  ['f:metadata', 'f:name'],
  ['f:metadata', 'f:namespace'],
  ['f:metadata', 'f:uid'],
  ['f:metadata', 'f:resourceVersion'],
  ['f:metadata', 'f:creationTimestamp'],
  ['f:metadata', 'f:generation'],
]);
const withoutRoots = (set: FieldSet): FieldSet => difference(set, ROOTS);
const asObject = (value: Json): JsonObject => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {});
