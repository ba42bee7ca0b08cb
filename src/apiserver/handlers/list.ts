import { Slices } from '../../base/loop-turns.ts';
import { badRequest, expired } from '../../machinery/status-error.ts';
import { type Page, StoreError } from '../../store/store.ts';
import type { Core } from '../core.ts';
import type { Projection, StoredEntry } from '../codec/projection.ts';
import { keyTail } from '../registry/keys.ts';
import type { Binding } from '../registry/registry.ts';
import type { Call, ListAnswer } from './call.ts';
import { type ContinueToken, formatContinue, parseContinue } from './continue-token.ts';
import { requireVersion, tooLargeVersion } from './freshness.ts';
import { type ListOptions, parseListOptions } from './list-options.ts';
import { parseSelection, type Selection } from './selection.ts';
import type { Target } from './target.ts';

const TOO_OLD = 'The resourceVersion for the provided list is too old.';
const TOKEN_TOO_OLD =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue ' +
  'parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided ' +
  'token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was ' +
  'returned and now may show up in the list.';

export function listObjects(core: Core, call: Call, target: Target): Promise<ListAnswer> {
  const options = parseListOptions(call.query, false);
  return list(core, target.binding, target.namespace, options, parseSelection(target.binding, options.labelSelector, options.fieldSelector));
}

/** The keys that a list or watch of the collection looks at. */
export function collectionPrefix(binding: Binding, namespace: string): string {
  return binding.kind.namespaced && namespace !== '' ? `${binding.prefix}${namespace}/` : binding.prefix;
}

export async function list(core: Core, binding: Binding, namespace: string, options: ListOptions, selection: Selection): Promise<ListAnswer> {
  const inNamespace = binding.kind.namespaced && namespace === '' ? (selection.namespace ?? '') : namespace;
  if (selection.name !== undefined && options.continueToken === '' && isCurrent(options)) {
    const one = listOne(core, binding, inNamespace, selection.name, options, selection);
    if (one !== undefined) return one;
  }
  const prefix = collectionPrefix(binding, inNamespace);
  const token = options.continueToken === '' ? undefined : parseContinue(options.continueToken);
  if (token !== undefined && options.resourceVersion !== undefined && options.resourceVersion !== 0) {
    throw badRequest('specifying resource version is not allowed when using continue');
  }
  const indexed = await readIndexed(core, binding, prefix, options, token, selection);
  const page = indexed === undefined ? await readPage(core, prefix, options, token, selection) : await selected(core, indexed, options.limit, selection);
  return answer(binding, prefix, page, options, selection);
}

/** Whether the current state answers it. */
function isCurrent({ resourceVersion, match, limit }: ListOptions): boolean {
  if (resourceVersion === undefined || resourceVersion === 0) return true;
  return match === 'NotOlderThan' || (match === '' && limit === 0);
}

/** By name in one namespace: no list is needed. */
function listOne(core: Core, binding: Binding, namespace: string, name: string, options: ListOptions, selection: Selection): ListAnswer | undefined {
  if (binding.kind.namespaced && namespace === '') return undefined;
  requireVersion(core, options.resourceVersion ?? 0);
  const entry = core.store.get(binding.prefix + keyTail(binding.kind.namespaced ? namespace : '', name));
  const entries: StoredEntry[] = entry !== undefined && selection.matches(entry.projection) ? [entry] : [];
  return { as: 'list', binding, entries, resourceVersion: String(core.store.revision), continueToken: '', remaining: undefined };
}

async function readPage(core: Core, prefix: string, options: ListOptions, token: ContinueToken | undefined, selection: Selection): Promise<Page<Projection>> {
  const revision = wantedRevision(core, options, token);
  const after = token === undefined ? {} : { after: prefix + token.start };
  const whole = options.limit === 0 || !selection.everything;
  const limit = whole ? {} : { limit: options.limit };
  if (revision === 0) {
    // Several may have come in one turn, and each takes milliseconds to look at so many.
    if (whole && core.store.count(prefix) > LOOKED_AT) await core.yieldToLoop();
    const page = core.store.list(prefix, { ...limit, ...after });
    return selection.everything ? page : selected(core, page, options.limit, selection);
  }
  try {
    if (options.limit > 0 && selection.everything) return await core.store.listAt(prefix, revision, { ...limit, ...after });
    return await selectedAt(core, prefix, revision, after, options.limit, selection);
  } catch (thrown) {
    if (!(thrown instanceof StoreError)) throw thrown;
    if (thrown.code === 'future') throw tooLargeVersion(revision, core.store.revision);
    if (thrown.code !== 'compacted') throw thrown;
    if (token === undefined) throw expired(TOO_OLD);
    throw expired(TOKEN_TOO_OLD, formatContinue({ revision: -1, start: token.start }));
  }
}

/** What an index has of the present; undefined: all of the collection is looked at. */
async function readIndexed(
  core: Core,
  binding: Binding,
  prefix: string,
  options: ListOptions,
  token: ContinueToken | undefined,
  selection: Selection,
): Promise<Page<Projection> | undefined> {
  if (selection.equalities.length === 0 || wantedRevision(core, options, token) !== 0) return undefined;
  const found = await core.indexes.find(binding.prefix, selection.equalities);
  if (found === undefined) return undefined;
  const after = token === undefined ? '' : prefix + token.start;
  const entries = found.entries.filter(({ key }) => key.startsWith(prefix) && key > after);
  return { revision: found.revision, entries: entries.sort((a, b) => (a.key < b.key ? -1 : 1)), more: false };
}

/** Entries that are looked at in one turn of the loop: a millisecond. */
const LOOKED_AT = 5000;

/** Of the entries as they were in one moment those that match, looked at in slices. */
async function selected(core: Core, { revision, entries }: Page<Projection>, limit: number, { matches }: Selection): Promise<Page<Projection>> {
  const slices = new Slices(core.yieldToLoop, LOOKED_AT);
  const found: StoredEntry[] = [];
  for (const entry of entries) {
    if (limit > 0 && found.length === limit) return { revision, entries: found, more: true };
    if (matches(entry.projection)) found.push(entry);
    const turn = slices.spend(1);
    if (turn !== undefined) await turn;
  }
  return { revision, entries: found, more: false };
}

/** What one list may hold of values that only it still needs. Whoever wants more asks for pages. */
const MOST_OLD_BYTES = 16 * 1024 * 1024;

/** Of the entries as they were at a revision those that match, page by page: not all of what is on the disk comes to memory. Throws StoreError. */
async function selectedAt(
  { store, yieldToLoop }: Core,
  prefix: string,
  revision: number,
  from: { readonly after?: string },
  limit: number,
  { matches }: Selection,
): Promise<Page<Projection>> {
  const found: StoredEntry[] = [];
  let oldBytes = 0;
  for (let after = from; ; await yieldToLoop()) {
    const { entries, more } = await store.listAt(prefix, revision, { limit: LOOKED_AT, ...after });
    for (const entry of entries) {
      if (!matches(entry.projection)) continue;
      if (limit > 0 && found.length === limit) return { revision, entries: found, more: true };
      found.push(entry);
      if (store.get(entry.key) !== entry) oldBytes += entry.value.byteLength;
    }
    const isFull = oldBytes > MOST_OLD_BYTES;
    if (isFull && limit === 0) throw new StoreError('compacted', `revision ${revision} is not read as a whole: too much of it is on the disk alone`);
    const last = entries.at(-1);
    if (!more || last === undefined) return { revision, entries: found, more: false };
    if (isFull) return { revision, entries: found, more: true };
    after = { after: last.key };
  }
}

/** 0: what is visible now. */
function wantedRevision(core: Core, options: ListOptions, token: ContinueToken | undefined): number {
  if (token !== undefined) return Math.max(0, token.revision);
  const version = options.resourceVersion ?? 0;
  if (version === 0) return 0;
  if (!isCurrent(options)) return version;
  requireVersion(core, version);
  return 0;
}

function answer(binding: Binding, prefix: string, page: Page<Projection>, options: ListOptions, selection: Selection): ListAnswer {
  const last = page.entries.at(-1);
  const goesOn = options.limit > 0 && page.more && last !== undefined;
  return {
    as: 'list',
    binding,
    entries: page.entries,
    resourceVersion: String(page.revision),
    continueToken: goesOn ? formatContinue({ revision: page.revision, start: last.key.slice(prefix.length) }) : '',
    remaining: goesOn && selection.everything ? page.remaining : undefined,
  };
}
