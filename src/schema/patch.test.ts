import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { DraftObject, Json, JsonObject } from '../machinery/object.ts';
import { FieldPath, formatFieldError } from '../machinery/field-error.ts';
import { StatusError } from '../machinery/status-error.ts';
import { equalJson } from './copy.ts';
import { applyDefaults } from './default.ts';
import { applyJsonPatch, checkOperations } from './json-patch.ts';
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
    // Within lists too, where no object was.
    [{ a: 1 }, { a: [null, { b: null, c: 1 }], d: [{ e: null }] }, { a: [null, { c: 1 }], d: [{}] }],
    [{ a: {} }, { a: [{ b: null }] }, { a: [{ b: null }] }],
  ];
  for (const [document, patch, expected] of rows) assert.deepEqual(applyMergePatch(document, patch), expected);
  assert.equal(
    code(() => applyMergePatch({}, [1])),
    400,
  );
});

// Not once: a list in the place of an object keeps the nulls in it, a list in the place of a list does not.
test('merge patch: applying three times is applying twice', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.dictionary(fc.string(), fc.jsonValue()), (document, patch) => {
      const twice = applyMergePatch(applyMergePatch(document as JsonObject, patch as Json), patch as Json);
      assert.ok(equalJson(applyMergePatch(twice, patch as Json), twice));
    }),
    { examples: [[{ '': {} }, { '': [{ '': null }] }]] },
  );
});

const document = { foo: ['bar', 'baz'], a: { b: 1 }, 'm~n/o': 2, '~1': 3, nothing: null };

for (const [patch, expected] of [
  [[{ op: 'add', path: '/foo/1', value: 'qux' }], { foo: ['bar', 'qux', 'baz'] }],
  [[{ op: 'add', path: '/foo/2', value: 'qux' }], { foo: ['bar', 'baz', 'qux'] }],
  [[{ op: 'add', path: '/foo/-', value: 'qux' }], { foo: ['bar', 'baz', 'qux'] }],
  // Negative places count from the end: of what is there, or of what will be there.
  [[{ op: 'add', path: '/foo/-1', value: 'qux' }], { foo: ['bar', 'baz', 'qux'] }],
  [[{ op: 'add', path: '/foo/-3', value: 'qux' }], { foo: ['qux', 'bar', 'baz'] }],
  [[{ op: 'replace', path: '/foo/-1', value: 'x' }], { foo: ['bar', 'x'] }],
  [[{ op: 'replace', path: '/foo/01', value: 'x' }], { foo: ['bar', 'x'] }],
  [[{ op: 'remove', path: '/foo/0' }], { foo: ['baz'] }],
  [[{ op: 'remove', path: '/foo/-2' }], { foo: ['baz'] }],
  [[{ op: 'remove', path: '/nothing' }], { nothing: undefined }],
  [[{ op: 'replace', path: '/a/b', value: null }], { a: { b: null } }],
  // What an object lacks can be replaced all the same, and what an operation does not say is null.
  [[{ op: 'replace', path: '/a/c', value: 2 }], { a: { b: 1, c: 2 } }],
  [[{ op: 'replace', path: '/a/b' }], { a: { b: null } }],
  [[{ op: 'add', path: '/a/c' }], { a: { b: 1, c: null } }],
  [[{ op: 'copy', from: '/a/zzz', path: '/a/c' }], { a: { b: 1, c: null } }],
  [[{ op: 'move', from: '/a/b', path: '/c' }], { a: {}, c: 1 }],
  [[{ op: 'move', from: '/foo/0', path: '/foo/-' }], { foo: ['baz', 'bar'] }],
  [[{ op: 'move', from: '/a', path: '/a' }], {}],
  [[{ op: 'copy', from: '/foo', path: '/a/c' }], { a: { b: 1, c: ['bar', 'baz'] } }],
  [[{ op: 'copy', from: '/foo/-1', path: '/a/c' }], { a: { b: 1, c: 'baz' } }],
  [[{ op: 'test', path: '/m~0n~1o', value: 2 }], {}],
  [[{ op: 'test', path: '/~01', value: 3 }], {}],
  [[{ op: 'test', path: '/nothing', value: null }], {}],
  [[{ op: 'test', path: '/nothing' }], {}],
  [[{ op: 'test', path: '/absent' }], {}],
  [[{ op: 'test', path: '/absent', value: null }], {}],
  [[{ op: 'test', path: '', value: document }], {}],
  // What stands before the first slash does not count.
  [[{ op: 'add', path: 'what/c', value: 1 }], { c: 1 }],
  [[], {}],
] as const)
  test(`JSON patch: ${JSON.stringify(patch)}`, () => {
    const done = applyJsonPatch(document, patch as unknown as Json);
    const wanted = JSON.parse(JSON.stringify({ ...document, ...expected })) as Json;
    assert.ok(equalJson(done as Json, wanted), JSON.stringify(done));
  });

for (const patch of [
  { op: 'test', path: '/a/b', value: 2 },
  { op: 'test', path: '/a/b' },
  { op: 'test', path: '/absent', value: 1 },
  { op: 'test', path: '/foo/2', value: null },
  { op: 'test', path: '/absent/x', value: null },
  { op: 'test', path: '', value: {} },
  { op: 'remove', path: '/zzz' },
  { op: 'remove', path: '/foo/2' },
  { op: 'remove', path: '/foo/-3' },
  { op: 'remove', path: '/foo/-' },
  { op: 'remove', path: '' },
  { op: 'add', path: '', value: {} },
  { op: 'add', path: 'foo', value: 1 },
  { op: 'add', path: '/x/y', value: 1 },
  { op: 'add', path: '/nothing/y', value: 1 },
  { op: 'add', path: '/a/b/c', value: 1 },
  { op: 'add', path: '/foo/3', value: 1 },
  { op: 'add', path: '/foo/-4', value: 1 },
  { op: 'add', path: '/foo/x', value: 1 },
  { op: 'replace', path: '/zzz/y', value: 1 },
  { op: 'replace', path: '/foo/2', value: 1 },
  { op: 'replace', path: '/foo/-', value: 1 },
  { op: 'replace', path: '', value: 1 },
  { op: 'move', from: '/a', path: '/a/b' },
  { op: 'move', from: '/zzz', path: '/a/c' },
  { op: 'move', path: '/a/c' },
  { op: 'copy', from: '/foo/2', path: '/a/c' },
  { op: 'copy', from: '/a', path: '/x/y' },
  { op: 'copy', path: '/a/c' },
  { op: 'what', path: '/a' },
  { path: '/a' },
  { op: 'add', value: 1 },
])
  test(`JSON patch that does not apply: ${JSON.stringify(patch)}`, () => {
    assert.equal(
      code(() => applyJsonPatch(document, [patch])),
      422,
    );
  });

test('JSON patch: bounds, and what is none', () => {
  assert.deepEqual(document.foo, ['bar', 'baz']);
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

test('JSON patch: what is said of the form of its operations', () => {
  const told = (patch: Json): string | readonly string[] => {
    try {
      return checkOperations(patch);
    } catch (error) {
      return (error as StatusError).message;
    }
  };
  const rows: readonly (readonly [Json, string | readonly string[]])[] = [
    [{}, 'json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp'],
    [[1], 'json: cannot unmarshal number into Go value of type handlers.jsonPatchOp'],
    [[{ op: 'add', path: 1 }], 'json: cannot unmarshal number into Go struct field jsonPatchOp.path of type string'],
    [[{ op: 'add', path: '/a', from: {} }], 'json: cannot unmarshal object into Go struct field jsonPatchOp.from of type string'],
    [
      [
        { op: 'add', path: '/a', value: { x: 1 }, foo: 1 },
        { op: null, path: '/a', bar: 1, value: 1 },
      ],
      ['[0].foo', '[1].bar'],
    ],
    [null, []],
  ];
  for (const [patch, expected] of rows) assert.deepEqual(told(patch), typeof expected === 'string' ? `error decoding patch: ${expected}` : expected);
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
    ['nothing is said', { text: 'x' }, null, { text: 'x' }],
    ['every item of a key goes', { items: [...items, { name: 'a' }] }, { items: [{ $patch: 'delete', name: 'a' }] }, { items: [items[1]] }],
    ['an item is replaced', { items }, { items: [{ $patch: 'replace' }] }, { items: [] }],
    [
      'a deleted item may be out of the order',
      { items },
      { '$setElementOrder/items': [{ name: 'b' }, { name: 'c' }], items: [{ $patch: 'delete', name: 'a' }, { name: 'c' }] },
      { items: [items[1], { name: 'c' }] },
    ],
    ['what should go of an atomic list is the new list', { args: ['a', 'b'] }, { '$deleteFromPrimitiveList/args': ['a'] }, { args: ['a'] }],
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
  const rows: readonly (readonly [document: unknown, patch: unknown, code: number, message: string])[] = [
    [{ items: [{ name: 'a' }] }, { items: [{ value: 'x' }] }, 500, 'map: map[value:x] does not contain declared merge key: name'],
    [
      { items: [{ name: 'a' }] },
      { items: [{ $patch: 'delete', value: 'x' }] },
      500,
      'map: map[$patch:delete value:x] does not contain declared merge key: name',
    ],
    [{ labels: { a: 'b' } }, { labels: { $patch: 'what', z: 'y' } }, 500, 'unknown patch type: what in map: map[$patch:what z:y]'],
    [{ labels: { a: 'b' } }, { labels: { $patch: 'merge' } }, 500, 'unknown patch type: merge in map: map[$patch:merge]'],
    [{ items: [{ name: 'a' }] }, { items: [{ $patch: 'merge', name: 'a' }] }, 500, 'merging lists cannot yet be specified in the patch'],
    [{ source: {} }, { source: { $retainKeys: ['a'], b: 'x' } }, 400, 'invalid patch format of retainKeys'],
    [{ source: {} }, { source: { $retainKeys: 'a' } }, 400, 'invalid patch format of retainKeys'],
    [{ tags: ['a'] }, { tags: ['b', 1] }, 500, 'list element types are not identical: [[a] [b 1]]'],
    [{ tags: [] }, { tags: [['b']] }, 422, 'the server rejected our request due to an error in our request'],
    [{ tags: [{ a: 1 }] }, { tags: [{ a: 1 }] }, 500, 'cannot merge lists without merge key for type string'],
    [{}, [], 400, 'json: cannot unmarshal array into Go value of type map[string]interface {}'],
    [{}, { '$setElementOrder/items': 'a' }, 500, 'expected a []interface {}, but received a string'],
    [
      { items: [{ name: 'a' }, { name: 'b' }] },
      { '$setElementOrder/items': [{ name: 'a' }, { name: 'b' }], items: [{ name: 'b' }, { name: 'a' }] },
      500,
      "The order in patch list:\n[map[name:b] map[name:a]]\n doesn't match $setElementOrder list:\n[map[name:a] map[name:b]]\n",
    ],
    [{ tags: ['a'] }, { '$setElementOrder/tags': ['a'], tags: ['b'] }, 500, "The order in patch list:\n[b]\n doesn't match $setElementOrder list:\n[a]\n"],
  ];
  for (const [document, patch, status, message] of rows) {
    assert.throws(
      () => strategic(document, patch),
      (thrown) => thrown instanceof StatusError && thrown.code === status && thrown.message === message,
      `${JSON.stringify(patch)}: ${message}`,
    );
  }
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
