import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { DraftObject, Json, JsonObject } from '../machinery/object.ts';
import { FieldPath, formatFieldError } from '../machinery/field-error.ts';
import { StatusError } from '../machinery/status-error.ts';
import { equalJson } from './copy.ts';
import { applyDefaults } from './default.ts';
import { applyJsonPatch } from './json-patch.ts';
import { applyMergePatch } from './merge-patch.ts';
import { applyStrategicMerge } from './strategic-merge.ts';
import { facts } from './testdata/facts.ts';
import { validateEnums, validateRequired } from './validate-enums.ts';

const code = (run: () => unknown): number => {
  try {
    run();
    return 0;
  } catch (error) {
    if (error instanceof StatusError) return error.code;
    throw error;
  }
};

test('merge patch: the examples of RFC 7386', () => {
  const rows: readonly (readonly [JsonObject, Json, JsonObject])[] = [
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ];
  for (const [document, patch, expected] of rows) assert.deepEqual(applyMergePatch(document, patch), expected);
  assert.equal(
    code(() => applyMergePatch({}, [1])),
    400,
  );
});

test('merge patch: applying twice is applying once', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.dictionary(fc.string(), fc.jsonValue()), (document, patch) => {
      const once = applyMergePatch(document as JsonObject, patch as Json);
      assert.ok(equalJson(applyMergePatch(once, patch as Json), once));
    }),
  );
});

test('JSON patch: operations', () => {
  const document = { foo: ['bar', 'baz'], a: { b: 1 }, 'm~n/o': 2 };
  const rows: readonly (readonly [Json, Json])[] = [
    [[{ op: 'add', path: '/foo/1', value: 'qux' }], { ...document, foo: ['bar', 'qux', 'baz'] }],
    [[{ op: 'add', path: '/foo/-', value: 'qux' }], { ...document, foo: ['bar', 'baz', 'qux'] }],
    [[{ op: 'remove', path: '/foo/0' }], { ...document, foo: ['baz'] }],
    [[{ op: 'replace', path: '/a/b', value: null }], { ...document, a: { b: null } }],
    [[{ op: 'move', from: '/a/b', path: '/c' }], { ...document, a: {}, c: 1 }],
    [[{ op: 'copy', from: '/foo', path: '/a/c' }], { ...document, a: { b: 1, c: ['bar', 'baz'] } }],
    [[{ op: 'test', path: '/m~0n~1o', value: 2 }], document],
    [[{ op: 'replace', path: '/foo/-1', value: 'x' }], { ...document, foo: ['bar', 'x'] }],
  ];
  for (const [patch, expected] of rows) assert.deepEqual(applyJsonPatch(document, patch), expected, JSON.stringify(patch));
  assert.deepEqual(document.foo, ['bar', 'baz']);
  for (const patch of [
    [{ op: 'test', path: '/a/b', value: 2 }],
    [{ op: 'remove', path: '/zzz' }],
    [{ op: 'add', path: '/x/y', value: 1 }],
    [{ op: 'replace', path: '/zzz', value: 1 }],
    [{ op: 'add', path: '/foo/9', value: 1 }],
    [{ op: 'move', from: '/a', path: '/a/b' }],
    [{ op: 'what', path: '/a' }],
  ]) {
    assert.equal(
      code(() => applyJsonPatch(document, patch as Json)),
      422,
      JSON.stringify(patch),
    );
  }
  assert.equal(
    code(() => applyJsonPatch(document, {})),
    400,
  );
  assert.equal(
    code(() => applyJsonPatch(document, Array(10_001).fill({ op: 'test', path: '/foo/0', value: 'bar' }) as Json)),
    413,
  );
  const doubling = Array(60).fill({ op: 'copy', from: '/foo', path: '/foo/-' }) as Json;
  assert.equal(
    code(() => applyJsonPatch(document, doubling)),
    422,
  );
  const own = applyJsonPatch({}, [{ op: 'add', path: '/__proto__', value: 'x' }]);
  assert.equal(JSON.stringify(own), '{"__proto__":"x"}');
});

test('JSON patch: nothing crashes it', () => {
  const path = fc.constantFrom('', '/', '/a', '/a/0', '/a/-', '/b/c', '/__proto__/x', 'a', '/a/-1', '/a/01');
  const operation = fc.record(
    { op: fc.constantFrom('add', 'remove', 'replace', 'move', 'copy', 'test', 'x'), path, from: path, value: fc.jsonValue() },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(operation, fc.jsonValue())), (patch) => void code(() => applyJsonPatch({ a: [1, { b: 2 }], b: { c: 1 } }, patch as Json))),
  );
});

const strategic = (document: unknown, patch: unknown): unknown => applyStrategicMerge(facts, 'demo.v1.DemoSpec', document as JsonObject, patch as Json);

test('strategic merge: lists by their key', () => {
  const items = [
    { name: 'a', value: '1' },
    { name: 'b', value: '2' },
  ];
  const rows: readonly (readonly [string, unknown, unknown, unknown])[] = [
    [
      'an item is merged',
      { items },
      { items: [{ name: 'b', value: '3' }] },
      {
        items: [
          { name: 'a', value: '1' },
          { name: 'b', value: '3' },
        ],
      },
    ],
    ['an item is added', { items }, { items: [{ name: 'c' }] }, { items: [{ name: 'c' }, ...items] }],
    ['an item is deleted', { items }, { items: [{ $patch: 'delete', name: 'a' }] }, { items: [items[1]] }],
    ['the list is replaced', { items }, { items: [{ $patch: 'replace' }, { name: 'z' }] }, { items: [{ name: 'z' }] }],
    ['the list goes', { items }, { items: null }, {}],
    ['a field of an item goes', { items }, { items: [{ name: 'a', value: null }] }, { items: [{ name: 'a' }, items[1]] }],
    [
      'the order is set',
      { items },
      { '$setElementOrder/items': [{ name: 'c' }, { name: 'b' }], items: [{ name: 'c' }] },
      { items: [{ name: 'c' }, { name: 'a', value: '1' }, { name: 'b', value: '2' }] },
    ],
    ['only the order is set', { items }, { '$setElementOrder/items': [{ name: 'b' }, { name: 'a' }] }, { items: [items[1], items[0]] }],
    ['a set is merged', { tags: ['a', 'b'] }, { tags: ['b', 'c'] }, { tags: ['a', 'b', 'c'] }],
    ['out of a set', { tags: ['a', 'b'] }, { '$deleteFromPrimitiveList/tags': ['a'] }, { tags: ['b'] }],
    ['an atomic list is replaced', { args: ['a', 'b'] }, { args: ['c'] }, { args: ['c'] }],
    ['a map is replaced on request', { labels: { a: '1' } }, { labels: { $patch: 'replace', b: '2' } }, { labels: { b: '2' } }],
    ['a map is emptied', { labels: { a: '1' } }, { labels: { $patch: 'delete' } }, { labels: {} }],
    [
      'only named keys stay',
      { source: { type: 'a', a: 'x' } },
      { source: { $retainKeys: ['type', 'b'], type: 'b', b: 'y' } },
      { source: { type: 'b', b: 'y' } },
    ],
    ['a key goes', { labels: { a: '1', b: '2' } }, { labels: { a: null } }, { labels: { b: '2' } }],
    ['nulls have no effect where nothing is', {}, { labels: { a: null, b: '1' } }, { labels: { b: '1' } }],
    [
      'lists in lists',
      { items: [{ name: 'a', ports: [{ port: 1, name: 'x' }] }] },
      { items: [{ name: 'a', ports: [{ port: 2 }] }] },
      { items: [{ name: 'a', ports: [{ port: 2 }, { port: 1, name: 'x' }] }] },
    ],
  ];
  for (const [name, document, patch, expected] of rows) assert.deepEqual(strategic(document, patch), expected, name);
});

test('strategic merge: broken patches', () => {
  assert.equal(
    code(() => strategic({ items: [{ name: 'a' }] }, { items: [{ value: 'x' }] })),
    500,
  );
  assert.equal(
    code(() => strategic({ labels: { a: 'b' } }, { labels: { $patch: 'what' } })),
    500,
  );
  assert.equal(
    code(() => strategic({ source: {} }, { source: { $retainKeys: ['a'], b: 'x' } })),
    400,
  );
  assert.equal(
    code(() => strategic({}, [])),
    400,
  );
  fc.assert(
    fc.property(
      fc.dictionary(
        fc.constantFrom('items', 'tags', 'labels', '$patch', '$retainKeys', '$setElementOrder/items', '$deleteFromPrimitiveList/tags'),
        fc.jsonValue(),
      ),
      (patch) => {
        code(() => strategic({ items: [{ name: 'a' }], tags: ['x'], labels: { a: 'b' } }, patch));
      },
    ),
  );
});

test('strategic merge: applying twice is applying once', () => {
  const item = fc.record({ name: fc.constantFrom('a', 'b', 'c'), value: fc.string() });
  const spec = fc.record(
    {
      items: fc.uniqueArray(item, { selector: (i) => i.name }),
      tags: fc.uniqueArray(fc.constantFrom('x', 'y')),
      labels: fc.dictionary(fc.string(), fc.string()),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(spec, spec, (document, patch) => {
      const once = strategic(document, patch);
      assert.ok(equalJson(strategic(once, patch) as Json, once as Json));
    }),
  );
});

test('declared defaults', () => {
  const draft: DraftObject = { spec: { ports: [{ port: 1 }, { port: 2, protocol: 'UDP' }], mode: 'B' }, status: {} };
  applyDefaults(facts, 'demo.v1.Demo', draft);
  assert.deepEqual(draft, {
    spec: {
      ports: [
        { port: 1, protocol: 'TCP' },
        { port: 2, protocol: 'UDP' },
      ],
      mode: 'B',
    },
    status: {},
  });
});

test('closed sets and required fields', () => {
  const object = { spec: { mode: 'C', items: [{ value: 'x' }] } };
  const root = new FieldPath();
  assert.deepEqual(validateEnums(facts, 'demo.v1.Demo', object, root).map(formatFieldError), ['spec.mode: Unsupported value: "C": supported values: "A", "B"']);
  assert.deepEqual(validateRequired(facts, 'demo.v1.Demo', object, root).map(formatFieldError), ['spec.items[0].name: Required value']);
});
