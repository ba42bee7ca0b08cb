import type { DraftJson, DraftObject, Json, JsonObject } from '../machinery/object.ts';
import { getOwn, hasOwn, setOwn } from '../machinery/record.ts';
import { badRequest, StatusError } from '../machinery/status-error.ts';
import { copyJson, copyObject, equalJson } from './copy.ts';
import { goValueName } from './go-type.ts';
import { finished, type Steps } from './steps.ts';

/**
 * RFC 6902 as Kubernetes applies it: 400 for a patch that is none, 413 for more than 10,000 operations, 422 for one that
 * can't be applied (a failed test included). Negative indices count from the end. The document is not changed.
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
  if (!Array.isArray(patch)) throw notOperations(`${goValueName(patch)} into Go value of type []handlers.jsonPatchOp`);
  if (patch.length > MAX_OPERATIONS) {
    const why = `The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${patch.length}`;
    throw new StatusError('RequestEntityTooLarge', `Request entity too large: ${why}`);
  }
  const state: State = { root: copyObject(document), copied: 0, moved: 0 };
  let before = { at: 0, copied: 0, moved: 0 };
  for (const [at, operation] of (patch as readonly Json[]).entries()) {
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

const notOperations = (what: string): StatusError => badRequest(`error decoding patch: json: cannot unmarshal ${what}`);

/** The 422 of a patch that does not apply. Its cause is not told to the client: so Kubernetes. */
export function rejected(why: string): StatusError {
  return new StatusError('Invalid', 'the server rejected our request due to an error in our request', { details: {}, cause: new Error(why) });
}

interface State {
  root: DraftJson;
  copied: number;
  moved: number;
}

interface Operation {
  readonly op: string;
  readonly path: readonly string[];
  readonly from: readonly string[] | undefined;
  readonly value: Json | undefined;
}

function readOperation(operation: Json): Operation {
  if (typeof operation !== 'object' || operation === null || Array.isArray(operation)) {
    throw notOperations(`${goValueName(operation)} into Go value of type handlers.jsonPatchOp`);
  }
  const fields = operation as JsonObject;
  const op = getOwn(fields, 'op');
  const path = getOwn(fields, 'path');
  const from = getOwn(fields, 'from');
  if (typeof op !== 'string') throw rejected('operation without op');
  if (typeof path !== 'string') throw rejected('operation without path');
  return { op, path: readPointer(path), from: typeof from === 'string' ? readPointer(from) : undefined, value: getOwn(fields, 'value') };
}

/** RFC 6901. */
function readPointer(text: string): readonly string[] {
  if (text === '') return [];
  if (!text.startsWith('/')) throw rejected(`path ${text} does not start with a slash`);
  return text
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function applyOperation(state: State, { op, path, from, value }: Operation): void {
  switch (op) {
    case 'add':
      return add(state, path, copyJson(given(value, op)));
    case 'replace':
      return replace(state, path, copyJson(given(value, op)));
    case 'remove':
      remove(state, path);
      return;
    case 'test':
      if (!equalJson(find(state, path, 'test') ?? null, value ?? null)) throw rejected(`testing value /${path.join('/')} failed`);
      return;
    case 'move':
      if (from !== undefined && from.length < path.length && from.every((part, i) => part === path[i])) throw rejected('a value can not move into itself');
      return add(state, path, remove(state, fromOf(from, op)));
    case 'copy': {
      const copied = copyJson((find(state, fromOf(from, op)) ?? null) as Json);
      state.copied += JSON.stringify(copied).length;
      if (state.copied > MAX_COPIED) throw rejected(`copies add up to more than ${MAX_COPIED} bytes`);
      return add(state, path, copied);
    }
    default:
      throw rejected(`Unexpected kind: ${op}`);
  }
}

function given(value: Json | undefined, op: string): Json {
  if (value === undefined) throw rejected(`${op} without value`);
  return value;
}

function fromOf(from: readonly string[] | undefined, op: string): readonly string[] {
  if (from === undefined) throw rejected(`${op} without from`);
  return from;
}

/** The object or array that holds the last part of the path. */
function parentOf(state: State, path: readonly string[]): DraftObject | DraftJson[] {
  let node: DraftJson | undefined = state.root;
  for (const part of path.slice(0, -1)) node = childOf(node, part);
  if (typeof node !== 'object' || node === null) throw rejected(`doc is missing path: /${path.join('/')}`);
  return node;
}

function childOf(node: DraftJson | undefined, part: string): DraftJson | undefined {
  if (typeof node !== 'object' || node === null) return undefined;
  if (!Array.isArray(node)) return getOwn(node, part) as DraftJson | undefined;
  const at = indexOf(part, node.length);
  return at === undefined ? undefined : node[at];
}

/** 0 to length-1, or negative from the end. */
function indexOf(part: string, length: number): number | undefined {
  if (!/^-?(?:0|[1-9]\d{0,9})$/.test(part)) return undefined;
  const at = Number(part) < 0 ? Number(part) + length : Number(part);
  return at >= 0 && at < length ? at : undefined;
}

function find(state: State, path: readonly string[], missing: 'test' | 'fail' = 'fail'): DraftJson | undefined {
  if (path.length === 0) return state.root;
  const value = childOf(parentOf(state, path), path.at(-1) as string);
  if (value === undefined && missing === 'fail') throw rejected(`doc is missing key: /${path.join('/')}`);
  return value;
}

function add(state: State, path: readonly string[], value: DraftJson): void {
  if (path.length === 0) {
    state.root = value;
    return;
  }
  const parent = parentOf(state, path);
  const last = path.at(-1) as string;
  if (!Array.isArray(parent)) {
    setOwn<DraftJson | undefined>(parent, last, value);
    return;
  }
  const at = last === '-' || last === String(parent.length) ? parent.length : indexOf(last, parent.length);
  if (at === undefined) throw rejected(`Unable to access invalid index: ${last}`);
  countMoved(state, parent.length - at);
  parent.splice(at, 0, value);
}

function countMoved(state: State, elements: number): void {
  state.moved += elements;
  if (state.moved > MAX_MOVED) throw rejected('the operations on lists add up to too much work');
}

function replace(state: State, path: readonly string[], value: DraftJson): void {
  find(state, path);
  if (path.length === 0) {
    state.root = value;
    return;
  }
  const parent = parentOf(state, path);
  const last = path.at(-1) as string;
  if (Array.isArray(parent)) parent[indexOf(last, parent.length) as number] = value;
  else setOwn<DraftJson | undefined>(parent, last, value);
}

function remove(state: State, path: readonly string[]): DraftJson {
  if (path.length === 0) throw rejected('the document itself can not be removed');
  const parent = parentOf(state, path);
  const last = path.at(-1) as string;
  if (Array.isArray(parent)) {
    const at = indexOf(last, parent.length);
    if (at === undefined) throw rejected(`Unable to access invalid index: ${last}`);
    countMoved(state, parent.length - at);
    return parent.splice(at, 1)[0] as DraftJson;
  }
  if (!hasOwn(parent, last)) throw rejected(`Unable to remove nonexistent key: ${last}`);
  const value = parent[last] as DraftJson;
  delete parent[last];
  return value;
}
