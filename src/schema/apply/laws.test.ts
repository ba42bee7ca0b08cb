import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Draft, DraftObject, Json, JsonObject, ManagedFieldsEntry } from '../../machinery/object.ts';
import { StatusError } from '../../machinery/status-error.ts';
import { decode, zeroObject } from '../decode.ts';
import { facts } from '../testdata/facts.ts';
import { applyPatch } from './apply-patch.ts';
import { atomOf } from './atom.ts';
import { changed, compare, fieldSetOf } from './compare.ts';
import { difference, equalSets, type FieldSet, has, intersection, isEmpty, members, recursiveDifference, setOf, union } from './field-set.ts';
import { decodeFields, encodeFields, encodeFieldsText } from './fields-v1.ts';
import { merge, removeItems } from './merge.ts';
import { createdFields, groundOf, stripped } from './ownership.ts';
import { readElement } from './path-element.ts';
import { withNamedFields } from './typed.ts';
import { sameButForTimes, trackUpdate } from './track-update.ts';

const TYPE = 'demo.v1.Demo';
const atom = atomOf(facts, TYPE);

const word = fc.constantFrom('a', 'b', 'c', '__proto__', 'x.y/z');
const text = fc.constantFrom('', 'u', 'v', 'w');
const labels = fc.array(fc.tuple(word, text), { maxLength: 3 }).map((pairs) => {
  const out: Record<string, string> = {};
  for (const [key, value] of pairs) Object.defineProperty(out, key, { value, enumerable: true, writable: true, configurable: true });
  return out;
});
const port = fc.record({ port: fc.integer({ min: 1, max: 3 }), protocol: fc.constantFrom('TCP', 'UDP'), name: text }, { requiredKeys: ['port'] });
const ports = fc.uniqueArray(port, { maxLength: 3, selector: (p) => `${p.port}${p.protocol ?? 'TCP'}` });
const item = fc.record({ name: fc.constantFrom('a', 'b', 'c'), value: text, labels, ports }, { requiredKeys: ['name'] });
const spec = fc.record(
  {
    count: fc.constantFrom(0, 1),
    pointer: fc.constantFrom(0, 1, 2),
    text,
    items: fc.uniqueArray(item, { maxLength: 3, selector: (i) => i.name }),
    ports,
    tags: fc.uniqueArray(fc.constantFrom('s', 't', 'u'), { maxLength: 3 }),
    args: fc.array(fc.constantFrom('x', 'y'), { maxLength: 2 }),
    labels,
    selector: fc.record({ matchLabels: labels }),
    source: fc.record({ type: text, a: text }, { requiredKeys: [] }),
    free: fc.dictionary(fc.constantFrom('p', 'q'), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 2 }),
  },
  { requiredKeys: [] },
);
/** What a user sends; through text, so that the keys of users are as a parser makes them. */
const object = fc
  .record({ metadata: fc.record({ labels }, { requiredKeys: [] }), spec })
  .map((value) => JSON.parse(JSON.stringify({ apiVersion: 'demo.io/v1', kind: 'Demo', ...value })) as JsonObject);

const stored = (input: JsonObject): DraftObject => {
  const decoded = decode(facts, TYPE, input);
  if (decoded.fault !== undefined) throw new Error(decoded.fault);
  return decoded.object;
};
const context = { facts, typeName: TYPE, apiVersion: 'demo.io/v1', subresource: '', nowMs: 0 };
const same = (a: FieldSet, b: FieldSet): void => assert.equal(encodeFieldsText(a), encodeFieldsText(b));

const element = fc.constantFrom('f:a', 'f:b', 'k:{"name":"x"}', 'v:"y"', 'i:0');
const set = fc.array(fc.array(element, { minLength: 1, maxLength: 4 }), { maxLength: 8 }).map((paths) => setOf(paths));

test('sets of paths are sets', () => {
  const keys = (s: FieldSet): Set<string> => new Set(members(s).map((path) => path.join(' ')));
  fc.assert(
    fc.property(set, set, (a, b) => {
      const [x, y] = [keys(a), keys(b)];
      assert.deepEqual(keys(union(a, b)), x.union(y));
      assert.deepEqual(keys(intersection(a, b)), x.intersection(y));
      assert.deepEqual(keys(difference(a, b)), x.difference(y));
      assert.deepEqual([...keys(recursiveDifference(a, b))].sort(), [...x].filter((p) => ![...y].some((q) => p === q || p.startsWith(`${q} `))).sort());
      assert.equal(union(a, intersection(a, b)), a);
      assert.equal(difference(a, difference(b, a)), a);
      assert.ok(members(a).every((path) => has(a, path)));
      assert.equal(equalSets(a, b), encodeFieldsText(a) === encodeFieldsText(b));
    }),
  );
});

test('FieldsV1 written is FieldsV1 read', () => {
  fc.assert(
    fc.property(set, (a) => {
      const object = JSON.parse(JSON.stringify(encodeFields(a))) as JsonObject;
      same(decodeFields(object) as FieldSet, a);
      assert.equal(encodeFields(decodeFields(object) as FieldSet), encodeFields(decodeFields(object) as FieldSet));
    }),
  );
});

test('elements of a kind that nobody knows yet are left out, what is no element spoils the set', () => {
  same(decodeFields({ 'f:a': {}, 'z:new': { 'f:b': {} }, 'f:c': { 'z:new': {} } }) as FieldSet, setOf([['f:a'], ['f:c']]));
  for (const key of ['', 'f', 'name', 'v:', 'k:[]', 'i:x']) assert.equal(decodeFields({ 'f:a': {}, [key]: {} }), undefined, key);
});

test('no FieldsV1 crashes the reader', () => {
  const key = fc.oneof(fc.string(), fc.constantFrom('.', 'f:a', 'k:{}', 'k:[]', 'v:', 'v:1', 'i:x', 'i:1', 'k:{"b":1,"a":2}'));
  const { tree } = fc.letrec((tie) => ({ tree: fc.dictionary(key, fc.oneof({ depthSize: 'small' }, fc.jsonValue(), tie('tree')), { maxKeys: 4 }) }));
  fc.assert(
    fc.property(tree, (value) => {
      const read = decodeFields(value as JsonObject);
      if (read !== undefined) same(decodeFields(encodeFields(read)) as FieldSet, read);
    }),
  );
  assert.equal(readElement('k:{"b":1,"a":2}'), 'k:{"a":2,"b":1}');
});

test('comparing tells the way from one object to the other', () => {
  fc.assert(
    fc.property(object, object, (a, b) => {
      const [from, to] = [stored(a), stored(b)];
      const forth = compare(atom, from, to);
      const back = compare(atom, to, from);
      same(forth.added, back.removed);
      same(forth.removed, back.added);
      same(forth.modified, back.modified);
      assert.ok(isEmpty(changed(compare(atom, from, from))));
      // What was added or modified is in the new object, what was removed is not.
      const present = fieldSetOf(atom, to);
      assert.ok(isEmpty(intersection(forth.removed, present)));
    }),
  );
});

test('merging an object over itself changes nothing, and all that is merged is there', () => {
  fc.assert(
    fc.property(object, object, (a, b) => {
      const live = stored(a);
      assert.deepEqual(stored(merge(atom, live, live) as JsonObject), live);
      const merged = merge(atom, live, b) as JsonObject;
      assert.ok(isEmpty(difference(withNamedFields(fieldSetOf(atom, b), atom), withNamedFields(fieldSetOf(atom, merged), atom))));
      assert.deepEqual(merge(atom, merged, b), merged);
    }),
  );
});

test('taking all owned paths out leaves nothing that was owned', () => {
  fc.assert(
    fc.property(object, (a) => {
      const live = stored(a);
      const own = stripped(fieldSetOf(atom, a));
      const left = removeItems(atom, live, own);
      assert.ok(isEmpty(intersection(fieldSetOf(atom, left as JsonObject), recursiveDifference(own, setOf([])))) || left === null);
    }),
  );
});

test('objects of one shape have one owner’s set, worked out once', () => {
  const ground = groundOf(facts, TYPE);
  fc.assert(
    fc.property(object, (a) => {
      const next = stored(a);
      const direct = compare(atom, zeroObject(facts, TYPE), next);
      same(createdFields(ground, next, setOf([])), stripped(union(direct.added, direct.modified)));
    }),
    { numRuns: 500 },
  );
});

type Step = { readonly who: string; readonly how: 'apply' | 'force' | 'update'; readonly object: JsonObject };
const step: fc.Arbitrary<Step> = fc.record({ who: fc.constantFrom('p', 'q', 'r'), how: fc.constantFrom('apply', 'force', 'update'), object });

interface State {
  readonly live: DraftObject | undefined;
  readonly managed: readonly ManagedFieldsEntry[];
}

function take({ live, managed }: State, { who, how, object: sent }: Step): State {
  if (how === 'update') {
    const next = stored(sent);
    return { live: next, managed: trackUpdate({ ...context, manager: who, live, liveManaged: managed, next }) };
  }
  try {
    const done = applyPatch({ ...context, manager: who, live, liveManaged: managed, patch: sent, force: how === 'force' });
    return { live: done.object, managed: done.managedFields };
  } catch (error) {
    if (error instanceof StatusError && error.code === 409) return { live, managed };
    throw error;
  }
}

const owned = (managed: readonly ManagedFieldsEntry[], who: string, operation: string): FieldSet =>
  decodeFields(managed.find((m) => m.manager === who && m.operation === operation)?.fieldsV1 ?? {}) ?? setOf([]);

test('whatever is done in whatever order', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 6 }), (steps) => {
      let state: State = { live: undefined, managed: [] };
      for (const one of steps) {
        const before = state;
        state = take(state, one);
        if (state.live === undefined) continue;
        // Stored objects are canonical.
        assert.deepEqual(stored(state.live), state.live);
        if (state === before || (state.managed === before.managed && state.live === before.live)) continue;
        if (one.how === 'update') continue;
        // An applier owns exactly what it named, and all of it has its values.
        same(owned(state.managed, one.who, 'Apply'), stripped(fieldSetOf(atom, one.object)));
        assert.deepEqual(stored(merge(atom, state.live, one.object) as JsonObject), state.live);
        // Doing it again changes nothing. (What is not stored, as an empty map, is added again: others who named it stand against that.)
        if (!isEmpty(difference(withNamedFields(fieldSetOf(atom, one.object), atom), withNamedFields(fieldSetOf(atom, state.live), atom)))) continue;
        const again = applyPatch({ ...context, manager: one.who, live: state.live, liveManaged: state.managed, patch: one.object, force: false, nowMs: 9000 });
        assert.deepEqual(again.object, state.live);
        assert.ok(!again.changed && sameButForTimes(again.managedFields, state.managed));
      }
    }),
    { numRuns: 300 },
  );
});

test('an update that changes nothing leaves all managers as they were', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 4 }), (steps) => {
      const state = steps.reduce<State>(take, { live: undefined, managed: [] });
      if (state.live === undefined) return;
      assert.deepEqual(
        trackUpdate({ ...context, manager: 'other', live: state.live, liveManaged: state.managed, next: state.live, nowMs: 9000 }),
        state.managed,
      );
    }),
  );
});

test('the applied object is not shared with what it was made of', () => {
  const patch: JsonObject = { apiVersion: 'demo.io/v1', kind: 'Demo', spec: { args: ['x'] } };
  const done = applyPatch({ ...context, manager: 'p', live: undefined, liveManaged: [], patch, force: false });
  const args = (done.object.spec as Draft<{ args: Json[] }>).args;
  assert.notEqual(args, (patch.spec as { readonly args: Json }).args);
});
