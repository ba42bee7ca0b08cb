import type { DraftJson, DraftObject, Json, JsonObject } from '../machinery/object.ts';
import { getOwn, hasOwn, setOwn } from '../machinery/record.ts';
import { badRequest, StatusError } from '../machinery/status-error.ts';
import { copyJson, copyObject, equalJson } from './copy.ts';
import { goValueName } from './go-type.ts';
import { finished, type Steps } from './steps.ts';

/**
 * RFC 6902 as Kubernetes applies it: 400 for a patch that is none, 413 for more than 10,000 operations, 422 for one that
 * can't be applied (a failed test included). Negative indices count from the end; what an object lacks reads as null, and can be
 * replaced; a value that is not given is null. The document is not changed.
 */
export const MAX_OPERATIONS = 10_000;
/** What `copy` may add up to in all, in characters of JSON. */
const MAX_COPIED = 3 * 1024 * 1024;
/** What insertions into and removals from lists may move in all, in elements: they cost as much as the list is long. */
const MAX_MOVED = 100_000_000;

export function applyJsonPatch(document: JsonObject, patch: Json): DraftObject {
  return finished(applyJsonPatchSteps(document, patch));
}

/** What is done between two pauses: so many operations, or so much copied and moved by them. */
const STEP_OPERATIONS = 2000;
const STEP_COPIED = 256 * 1024;
const STEP_MOVED = 4_000_000;

/** The same in steps of some milliseconds. */
export function* applyJsonPatchSteps(document: JsonObject, patch: Json): Steps<DraftObject> {
  const operations = patch ?? [];
  if (!Array.isArray(operations)) throw badRequest(`json: cannot unmarshal ${goValueName(patch)} into Go value of type jsonpatch.Patch`);
  if (operations.length > MAX_OPERATIONS) {
    const why = `The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${operations.length}`;
    throw new StatusError('RequestEntityTooLarge', `Request entity too large: ${why}`);
  }
  const state: State = { root: copyObject(document), copied: 0, moved: 0 };
  let before = { at: 0, copied: 0, moved: 0 };
  for (const [at, operation] of (operations as readonly Json[]).entries()) {
    applyOperation(state, readOperation(operation));
    const { copied, moved } = state;
    if (at - before.at < STEP_OPERATIONS && copied - before.copied < STEP_COPIED && moved - before.moved < STEP_MOVED) continue;
    before = { at, copied, moved };
    yield;
  }
  const { root } = state;
  if (typeof root !== 'object' || root === null || Array.isArray(root)) throw rejected('the document is no longer an object');
  return root;
}

/** The 422 of a patch that does not apply. Its cause is not told to the client: so Kubernetes. */
export function rejected(why: string): StatusError {
  return new StatusError('Invalid', 'the server rejected our request due to an error in our request', { details: {}, cause: new Error(why) });
}

const TEXTS = ['op', 'path', 'from'];

/** Where the operations have fields that no operation has: `[0].foo`. Throws 400 when they are no operations. For those who want it told. */
export function checkOperations(patch: Json): readonly string[] {
  const cannot = (value: Json | undefined, into: string): StatusError =>
    badRequest(`error decoding patch: json: cannot unmarshal ${goValueName(value)} into Go ${into}`);
  if (patch === null) return [];
  if (!Array.isArray(patch)) throw cannot(patch, 'value of type []handlers.jsonPatchOp');
  const unknown: string[] = [];
  for (const [at, operation] of (patch as readonly Json[]).entries()) {
    if (operation === null) continue;
    if (typeof operation !== 'object' || Array.isArray(operation)) throw cannot(operation, 'value of type handlers.jsonPatchOp');
    for (const [name, value] of Object.entries(operation as JsonObject)) {
      if (name === 'value') continue;
      if (!TEXTS.includes(name)) unknown.push(`[${at}].${name}`);
      else if (typeof value !== 'string' && value !== null) throw cannot(value, `struct field jsonPatchOp.${name} of type string`);
    }
  }
  return unknown.slice(0, MAX_UNKNOWN);
}

const MAX_UNKNOWN = 100;

interface State {
  root: DraftJson;
  copied: number;
  moved: number;
}

interface Operation {
  readonly op: string;
  readonly path: Pointer;
  /** Of `move` and `copy`. */
  readonly from: Pointer;
  readonly value: Json;
}

/** The steps to a value; none: the document itself. Undefined: the text was no path. */
type Pointer = readonly string[] | undefined;

function readOperation(operation: Json): Operation {
  if (typeof operation !== 'object' || Array.isArray(operation)) {
    throw badRequest(`json: cannot unmarshal ${goValueName(operation)} into Go value of type jsonpatch.Operation`);
  }
  const fields = (operation ?? {}) as JsonObject;
  const op = getOwn(fields, 'op');
  const path = getOwn(fields, 'path');
  const from = getOwn(fields, 'from');
  if (typeof path !== 'string') throw rejected('operation without path');
  if ((op === 'move' || op === 'copy') && typeof from !== 'string') throw rejected(`${op} without from`);
  return {
    op: typeof op === 'string' ? op : 'unknown',
    path: readPointer(path),
    from: typeof from === 'string' ? readPointer(from) : undefined,
    value: getOwn(fields, 'value') ?? null,
  };
}

/** RFC 6901, but that what stands before the first slash does not count. */
function readPointer(text: string): Pointer {
  if (text === '') return [];
  const [, ...parts] = text.split('/');
  return parts.length === 0 ? undefined : parts.map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function applyOperation(state: State, { op, path, from, value }: Operation): void {
  switch (op) {
    case 'add':
      return add(state, placeOf(state, path), copyJson(value));
    case 'replace':
      return replace(state, path, copyJson(value));
    case 'remove':
      remove(state, placeOf(state, path));
      return;
    case 'test':
      if (!equalJson(find(state, path) ?? null, value)) throw rejected(`testing value /${String(path?.join('/'))} failed`);
      return;
    case 'move':
      // The two steps one after the other: what moves into itself finds no place.
      return moveTo(state, path, remove(state, placeOf(state, from)));
    case 'copy': {
      if (path?.length === 0 || from?.length === 0) throw rejected('the document itself can not be copied');
      const copied = copyJson((find(state, from) ?? null) as Json);
      const place = placeOf(state, path);
      state.copied += JSON.stringify(copied).length;
      if (state.copied > MAX_COPIED) throw rejected(`copies add up to more than ${MAX_COPIED} bytes`);
      return add(state, place, copied);
    }
    default:
      throw rejected(`Unexpected kind: ${op}`);
  }
}

const moveTo = (state: State, path: Pointer, value: DraftJson): void => add(state, placeOf(state, path), value);

/** Where a value stands or is to stand. */
interface Place {
  readonly parent: DraftObject | DraftJson[];
  readonly last: string;
}

function placeOf(state: State, path: Pointer): Place {
  const last = path?.at(-1);
  if (path === undefined || last === undefined) throw rejected('doc is missing path');
  let node: DraftJson | undefined = state.root;
  for (const part of path.slice(0, -1)) node = childOf(node, part);
  if (typeof node !== 'object' || node === null) throw rejected(`doc is missing path: /${path.join('/')}`);
  return { parent: node, last };
}

function childOf(node: DraftJson | undefined, part: string): DraftJson | undefined {
  if (typeof node !== 'object' || node === null) return undefined;
  return Array.isArray(node) ? node[indexOf(part, node.length)] : (getOwn(node, part) as DraftJson | undefined);
}

/** Of one of so many places. */
function indexOf(part: string, places: number): number {
  const index = /^[+-]?\d{1,10}$/.test(part) ? Number(part) : Number.NaN;
  const at = index < 0 ? index + places : index;
  if (!(at >= 0 && at < places)) throw rejected(`Unable to access invalid index: ${part}`);
  return at;
}

/** Undefined where an object has no such field. */
function find(state: State, path: Pointer): DraftJson | undefined {
  if (path?.length === 0) return state.root;
  const { parent, last } = placeOf(state, path);
  return childOf(parent, last);
}

function add(state: State, { parent, last }: Place, value: DraftJson): void {
  if (!Array.isArray(parent)) {
    setOwn<DraftJson | undefined>(parent, last, value);
    return;
  }
  const at = last === '-' ? parent.length : indexOf(last, parent.length + 1);
  countMoved(state, parent.length - at);
  parent.splice(at, 0, value);
}

function countMoved(state: State, elements: number): void {
  state.moved += elements;
  if (state.moved > MAX_MOVED) throw rejected('the operations on lists add up to too much work');
}

function replace(state: State, path: Pointer, value: DraftJson): void {
  if (path?.length === 0) {
    if (typeof value !== 'object' || value === null) throw rejected('replace operation value must be object or array');
    state.root = value;
    return;
  }
  const { parent, last } = placeOf(state, path);
  if (Array.isArray(parent)) parent[indexOf(last, parent.length)] = value;
  else setOwn<DraftJson | undefined>(parent, last, value);
}

function remove(state: State, { parent, last }: Place): DraftJson {
  if (Array.isArray(parent)) {
    const at = indexOf(last, parent.length);
    countMoved(state, parent.length - at);
    return parent.splice(at, 1)[0] as DraftJson;
  }
  if (!hasOwn(parent, last)) throw rejected(`Unable to remove nonexistent key: ${last}`);
  const value = parent[last] as DraftJson;
  delete parent[last];
  return value;
}
