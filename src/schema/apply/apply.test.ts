import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DraftObject, JsonObject, ManagedFieldsEntry } from '../../machinery/object.ts';
import { StatusError } from '../../machinery/status-error.ts';
import { decode } from '../decode.ts';
import { facts } from '../testdata/facts.ts';
import { applyPatch } from './apply-patch.ts';
import { atomOf } from './atom.ts';
import { merge } from './merge.ts';
import { trackUpdate } from './track-update.ts';

/** An object under several hands: every operation is one second after the last. */
class Story {
  object: DraftObject | undefined;
  managed: readonly ManagedFieldsEntry[] = [];
  #second = 0;

  apply(manager: string, spec: unknown, { force = false, status = false, metadata = {} } = {}): this {
    const body = status ? { status: spec } : { spec };
    const patch = { apiVersion: 'demo.io/v1', kind: 'Demo', metadata: { name: 'x', ...metadata }, ...body } as unknown as JsonObject;
    const done = applyPatch({ ...this.#context(manager, status ? 'status' : ''), live: this.object, liveManaged: this.managed, patch, force });
    this.object = done.object;
    this.managed = done.managedFields;
    return this;
  }

  update(
    manager: string,
    change: (object: { metadata: Record<string, unknown>; spec: Record<string, unknown>; status: Record<string, unknown> }) => void,
    subresource = '',
  ): this {
    const next = JSON.parse(JSON.stringify(this.object ?? { apiVersion: 'demo.io/v1', kind: 'Demo', metadata: { name: 'x' }, spec: {}, status: {} }));
    change(next);
    const decoded = decode(facts, 'demo.v1.Demo', next);
    if (decoded.fault !== undefined) throw new Error(decoded.fault);
    this.managed = trackUpdate({ ...this.#context(manager, subresource), live: this.object, liveManaged: this.managed, next: decoded.object });
    this.object = decoded.object;
    delete (this.object.metadata as DraftObject).managedFields;
    return this;
  }

  #context(manager: string, subresource: string) {
    return { facts, typeName: 'demo.v1.Demo', apiVersion: 'demo.io/v1', manager, subresource, nowMs: this.#second++ * 1000 };
  }

  get spec(): unknown {
    return this.object?.spec;
  }

  /** `manager/operation: fields`. */
  get owners(): Record<string, unknown> {
    return Object.fromEntries(this.managed.map((m) => [`${m.manager} ${m.operation}${m.subresource === undefined ? '' : ` ${m.subresource}`}`, m.fieldsV1]));
  }
}

function refusal(run: () => unknown): StatusError {
  try {
    run();
  } catch (error) {
    if (error instanceof StatusError) return error;
    throw error;
  }
  throw new Error('accepted');
}

test('a creator owns what it sent and what stands beside it, not the bookkeeping', () => {
  const story = new Story().update('kubectl-create', (o) => {
    o.metadata.labels = { app: 'a' };
    Object.assign(o.spec, { pointer: 0, items: [{ name: 'i', value: 'v' }], tags: ['t'], selector: { matchLabels: { app: 'a' } } });
    o.status.ready = 1;
  });
  assert.deepEqual(story.managed, [
    {
      manager: 'kubectl-create',
      operation: 'Update',
      apiVersion: 'demo.io/v1',
      time: '1970-01-01T00:00:00Z',
      fieldsType: 'FieldsV1',
      fieldsV1: {
        'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } },
        'f:spec': {
          'f:items': { 'k:{"name":"i"}': { '.': {}, 'f:name': {}, 'f:value': {} } },
          'f:pointer': {},
          'f:selector': {},
          'f:tags': { '.': {}, 'v:"t"': {} },
        },
      },
    },
  ]);
});

test('an applier owns what it names', () => {
  const story = new Story().apply('a', { pointer: 1, items: [{ name: 'i', value: 'v' }], ports: [{ port: 80 }], tags: ['t'], args: ['x'], labels: { k: 'v' } });
  assert.deepEqual(story.owners, {
    'a Apply': {
      'f:spec': {
        'f:args': {},
        'f:items': { 'k:{"name":"i"}': { '.': {}, 'f:name': {}, 'f:value': {} } },
        'f:labels': { 'f:k': {} },
        'f:pointer': {},
        'f:ports': { 'k:{"port":80,"protocol":"TCP"}': { '.': {}, 'f:port': {} } },
        'f:tags': { 'v:"t"': {} },
      },
    },
  });
  assert.deepEqual(story.spec, {
    count: 0,
    pointer: 1,
    items: [{ name: 'i', value: 'v' }],
    ports: [{ port: 80 }],
    tags: ['t'],
    args: ['x'],
    labels: { k: 'v' },
    resources: {},
    when: null,
    size: '0',
    port: 0,
  });
});

test('a conflict names the manager and the field; force takes it', () => {
  const story = new Story().update('kubectl-client-side-apply', (o) => Object.assign(o.spec, { pointer: 3 }));
  const one = refusal(() => story.apply('me', { pointer: 5 }));
  assert.equal(one.code, 409);
  assert.equal(one.message, 'Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using demo.io/v1: .spec.pointer');
  assert.deepEqual(one.details, {
    causes: [{ reason: 'FieldManagerConflict', message: 'conflict with "kubectl-client-side-apply" using demo.io/v1', field: '.spec.pointer' }],
  });
  story.apply('me', { pointer: 5 }, { force: true });
  assert.deepEqual(story.owners, { 'me Apply': { 'f:spec': { 'f:pointer': {} } } });
  assert.equal((story.spec as { pointer: number }).pointer, 5);
});

test('several conflicts are grouped by manager', () => {
  const story = new Story().apply('a', { pointer: 1, text: 'a' }).apply('b', { items: [{ name: 'i', value: 'b' }] });
  const many = refusal(() => story.apply('c', { pointer: 2, text: 'c', items: [{ name: 'i', value: 'c' }] }));
  assert.equal(
    many.message,
    'Apply failed with 3 conflicts: conflicts with "a":\n- .spec.pointer\n- .spec.text\nconflicts with "b":\n- .spec.items[name="i"].value',
  );
});

test('equal values are shared without a conflict', () => {
  const story = new Story().apply('a', { pointer: 1 }).apply('b', { pointer: 1 });
  assert.deepEqual(Object.keys(story.owners), ['a Apply', 'b Apply']);
  const refused = refusal(() => story.apply('b', { pointer: 2 }));
  assert.match(refused.message, /conflict with "a": .spec.pointer/);
});

test('what an applier no longer names goes, unless somebody else owns it', () => {
  const story = new Story().apply('a', {
    pointer: 1,
    text: 'x',
    items: [{ name: 'i' }, { name: 'j', value: 'v' }],
    labels: { k: 'v', l: 'w' },
    tags: ['s', 't'],
  });
  story.apply('b', { text: 'x', items: [{ name: 'j' }], tags: ['t'] });
  story.apply('a', { labels: { l: 'w' } });
  assert.deepEqual(story.spec, { count: 0, text: 'x', items: [{ name: 'j' }], labels: { l: 'w' }, tags: ['t'], resources: {}, when: null, size: '0', port: 0 });
  assert.deepEqual(story.owners, {
    'a Apply': { 'f:spec': { 'f:labels': { 'f:l': {} } } },
    'b Apply': { 'f:spec': { 'f:items': { 'k:{"name":"j"}': { '.': {}, 'f:name': {} } }, 'f:tags': { 'v:"t"': {} }, 'f:text': {} } },
  });
});

test('whoever owns an item takes it away whole', () => {
  const story = new Story().apply('a', { items: [{ name: 'i', value: 'v' }] }).update('b', (o) => {
    (o.spec.items as { labels?: unknown }[])[0] = { ...(o.spec.items as object[])[0], labels: { x: 'y' } };
  });
  story.apply('a', { items: [] });
  assert.deepEqual((story.spec as { items: unknown }).items, []);
  assert.deepEqual(story.owners, {});
});

test('an update takes what it changes, from appliers too', () => {
  const story = new Story().apply('a', { pointer: 1, text: 'x' }).update('scaler', (o) => Object.assign(o.spec, { pointer: 9 }));
  assert.deepEqual(story.owners, { 'a Apply': { 'f:spec': { 'f:text': {} } }, 'scaler Update': { 'f:spec': { 'f:pointer': {} } } });
  assert.match(refusal(() => story.apply('a', { pointer: 1, text: 'x' })).message, /conflict with "scaler" using demo.io\/v1: .spec.pointer/);
});

test('an update that changes nothing changes no owner and no time', () => {
  const story = new Story().update('a', (o) => Object.assign(o.spec, { pointer: 1 }));
  const before = story.managed;
  story.update('b', () => undefined);
  assert.deepEqual(story.managed, before);
});

test('what an update removes belongs to nobody', () => {
  const story = new Story().apply('a', { labels: { k: 'v' }, pointer: 1 }).update('b', (o) => {
    delete o.spec.labels;
  });
  assert.deepEqual(story.owners, { 'a Apply': { 'f:spec': { 'f:pointer': {} } } });
});

test('status is its own writer’s: the object path can not take it, nor the status path the spec', () => {
  const story = new Story().update('a', (o) => Object.assign(o.spec, { pointer: 1 }));
  story.update(
    'controller',
    (o) => {
      Object.assign(o.status, { ready: 2, conditions: [{ type: 'Ready', status: 'True' }] });
      o.spec.pointer = 7;
    },
    'status',
  );
  assert.deepEqual(story.owners, {
    'a Update': { 'f:spec': { 'f:pointer': {} } },
    'controller Update status': {
      'f:status': { 'f:conditions': { '.': {}, 'k:{"type":"Ready"}': { '.': {}, 'f:status': {}, 'f:type': {} } }, 'f:ready': {} },
    },
  });
  story.update('user', (o) => Object.assign(o.status, { ready: 5 }));
  assert.equal(Object.keys(story.owners).length, 2);
  const conflict = refusal(() => story.apply('me', { ready: 9 }, { status: true }));
  assert.equal(conflict.message, 'Apply failed with 1 conflict: conflict with "controller" with subresource "status" using demo.io/v1: .status.ready');
});

test('an object that nobody tracked belongs to before-first-apply', () => {
  const story = new Story().update('a', (o) => Object.assign(o.spec, { pointer: 1, text: 'x' }));
  story.managed = [];
  story.update('b', (o) => Object.assign(o.spec, { pointer: 2 }));
  assert.deepEqual(story.managed, []);
  assert.match(refusal(() => story.apply('me', { pointer: 3 })).message, /conflict with "before-first-apply" using demo.io\/v1/);
  story.apply('me', { pointer: 2 });
  assert.deepEqual(story.owners, {
    'before-first-apply Update': { 'f:spec': { 'f:pointer': {}, 'f:text': {} } },
    'me Apply': { 'f:spec': { 'f:pointer': {} } },
  });
});

test('kubectl takes over from its client side without a conflict', () => {
  const applied = { apiVersion: 'demo.io/v1', kind: 'Demo', metadata: { name: 'x', annotations: {} }, spec: { pointer: 1, text: 'x' } };
  const last = (o: { metadata: Record<string, unknown>; spec: Record<string, unknown> }): void => {
    o.metadata.annotations = { 'kubectl.kubernetes.io/last-applied-configuration': `${JSON.stringify(applied)}\n` };
    Object.assign(o.spec, applied.spec);
  };
  const story = new Story().update('kubectl-client-side-apply', last);
  assert.equal(refusal(() => story.apply('other', { pointer: 2 })).code, 409);
  story.apply('kubectl', { pointer: 2, text: 'x' });
  assert.equal((story.spec as { pointer: number }).pointer, 2);
  const { annotations } = story.object?.metadata as { annotations: Record<string, string> };
  assert.deepEqual(JSON.parse(annotations['kubectl.kubernetes.io/last-applied-configuration'] as string).spec, { pointer: 2, text: 'x' });
  story.update('scaler', (o) => Object.assign(o.spec, { pointer: 5 }));
  assert.equal(refusal(() => story.apply('kubectl', { pointer: 2, text: 'x' })).code, 409);
});

test('the list follows the applier’s order, with the others between', () => {
  const names = (story: Story): string => (story.spec as { items: { name: string }[] }).items.map((i) => i.name).join('');
  const item = (name: string) => ({ name });
  const story = new Story().apply('a', { items: ['a', 'b', 'c'].map(item) });
  assert.equal(names(story.apply('b', { items: ['x', 'b'].map(item) })), 'axbc');
  assert.equal(names(story.apply('a', { items: ['c', 'b', 'a'].map(item) })), 'xcba');
});

test('atomic values are one field', () => {
  const story = new Story().apply('a', { args: ['x'], selector: { matchLabels: { a: 'b' } }, nodes: { a: 'b' } });
  assert.deepEqual(story.owners, { 'a Apply': { 'f:spec': { 'f:args': {}, 'f:nodes': {}, 'f:selector': {} } } });
  assert.match(refusal(() => story.apply('b', { args: ['y'], nodes: { c: 'd' } })).message, /2 conflicts/);
});

test('untyped values are owned key by key', () => {
  const story = new Story().apply('a', { free: { x: { y: 1 }, z: [1] } });
  assert.deepEqual(story.owners['a Apply'], { 'f:spec': { 'f:free': { 'f:x': { '.': {}, 'f:y': {} }, 'f:z': {} } } });
});

test('patches that are no such object', () => {
  const story = new Story();
  const rows: readonly (readonly [unknown, string])[] = [
    [{ foo: 1 }, '.spec.foo: field not declared in schema'],
    // Each map tells of one such field only.
    [{ foo: 1, bar: 2 }, '.spec.foo: field not declared in schema'],
    [{ pointer: 'x' }, '.spec.pointer: expected numeric (int or float), got string'],
    [{ pointer: { a: 1 } }, '.spec.pointer: expected numeric (int or float), got map[string]interface {}'],
    [{ text: 443 }, '.spec.text: expected string, got &value.valueUnstructured{Value:443}'],
    [{ text: ['a', 1] }, '.spec.text: expected string, got &value.valueUnstructured{Value:[]interface {}{"a", 1}}'],
    [{ flag: 'yes' }, '.spec.flag: expected boolean, got &{yes}'],
    [{ size: { b: 1, a: [2] } }, '.spec.size: expected any scalar, got &{map[a:[2] b:1]}'],
    [
      { items: [{ value: 'v' }, { value: 'w' }] },
      `.spec.items: element 0: associative list with keys has an element that omits key field "name" (and doesn't have default value)`,
    ],
    [{ items: [null] }, '.spec.items: element 0: associative list with keys may not have a null element'],
    [{ items: [{ name: 'a' }, 'b'] }, '.spec.items: element 1: associative list with keys may not have non-map elements'],
    [{ tags: ['a', null] }, `.spec.tags: element 1: associative list without keys has an element that's an explicit null`],
    [{ tags: [{}] }, `.spec.tags: element 0: associative list without keys has an element that's a map type`],
    [{ tags: [[]] }, '.spec.tags: element 0: not supported: associative list with lists as elements'],
    [{ items: [{ name: 'a' }, { name: 'a' }] }, '.spec.items: duplicate entries for key [name="a"]'],
    [{ tags: ['a', 'a'] }, '.spec.tags: duplicate entries for key [="a"]'],
    [{ labels: [] }, '.spec.labels: expected map, got &{[]}'],
    [{ items: { a: 'b' } }, '.spec.items: expected list, got &{map[a:b]}'],
    [
      { args: [1], nodes: { a: true } },
      'errors:\n  .spec.args[0]: expected string, got &value.valueUnstructured{Value:1}\n  .spec.nodes.a: expected string, got &value.valueUnstructured{Value:true}',
    ],
  ];
  for (const [spec, fault] of rows) {
    assert.equal(refusal(() => story.apply('a', spec)).message, `failed to create typed patch object (/x; demo.io/v1, Kind=Demo): ${fault}`);
  }
  assert.equal(refusal(() => story.apply('a', {}, { metadata: { managedFields: [] } })).message, 'metadata.managedFields must be nil');
});

test('managedFields can be edited and reset, but not by accident', () => {
  const story = new Story().update('a', (o) => Object.assign(o.spec, { pointer: 1 }));
  const before = story.managed;
  story.update('b', (o) => (o.metadata.managedFields = [{ manager: 'broken' }]));
  assert.deepEqual(story.managed, before);
  story.update('b', (o) => (o.metadata.managedFields = [{ ...before[0], manager: 'renamed' }]));
  assert.deepEqual(Object.keys(story.owners), ['renamed Update']);
  story.update('b', (o) => (o.metadata.managedFields = [{}]));
  assert.deepEqual(story.managed, []);
});

test('more than ten updaters are gathered', () => {
  const story = new Story().update('m0', (o) => (o.spec.labels = { l0: '0' }));
  for (let i = 1; i <= 12; i++) story.update(`m${i}`, (o) => ((o.spec.labels as Record<string, string>)[`l${i}`] = 'x'));
  assert.equal(story.managed.length, 10);
  assert.deepEqual(story.owners['ancient-changes Update'], { 'f:spec': { 'f:labels': { '.': {}, 'f:l0': {}, 'f:l1': {}, 'f:l2': {}, 'f:l3': {} } } });
});

test('applying again changes nothing, not even the time', () => {
  const story = new Story().apply('a', { pointer: 1, size: '1Gi', items: [{ name: 'i' }] });
  const before = story.managed;
  story.apply('a', { pointer: 1, size: '1Gi', items: [{ name: 'i' }] });
  assert.deepEqual(story.managed, before);
});

/** Applied over live: the rows are of sets, whose items are their own keys. */
const ORDERS: readonly (readonly [live: string, applied: string, merged: string])[] = [
  ['abc', 'ab', 'abc'],
  ['ab', 'abc', 'abc'],
  ['abc', '', 'abc'],
  ['', 'abc', 'abc'],
  ['ab', 'ba', 'ba'],
  ['abc', 'def', 'abcdef'],
  ['abc', 'cdef', 'abcdef'],
  ['abcgf', 'cdef', 'abcgdef'],
  ['cdef', 'ace', 'acdef'],
  ['abcxyz', 'def', 'abcxyzdef'],
  ['abcxyz', 'defxyz', 'abcdefxyz'],
  ['cagf', 'cfag', 'cfag'],
  ['abcd', 'defa', 'bcdefa'],
  ['cdefghij', '2h3e4kl', 'cdfg2hij3e4kl'],
  ['abcdefghij', '1b2h3e4kl', 'a1bcdfg2hij3e4kl'],
  // Live items that share a key stay as they are, unless the applier names it.
  ['abcdec', '1b2ed', 'a1bc2ecd'],
  ['abcdec', '1b2ced', 'a1b2ced'],
  ['aabb', 'bcd', 'aabcd'],
  ['aabb', '', 'aabb'],
  ['cagfca', 'cfag', 'cfag'],
  ['aba', 'b', 'aba'],
  ['aba', 'a', 'ab'],
];

for (const [live, applied, merged] of ORDERS)
  test(`the items of ${live} with ${applied || 'nothing'} over them come as ${merged || 'nothing'}`, () => {
    const tags = (text: string): JsonObject => ({ spec: { tags: [...text] } });
    const { spec } = merge(atomOf(facts, 'demo.v1.Demo'), tags(live), tags(applied)) as { readonly spec: { readonly tags: readonly string[] } };
    assert.equal(spec.tags.join(''), merged);
  });

test('null over what has parts of its own takes nothing away', () => {
  const story = new Story().apply('a', { labels: { k: 'v' }, items: [{ name: 'i' }], free: { x: 1 }, text: 't' });
  story.apply('b', { labels: null, items: null, free: null, pointer: 1 });
  const { labels, items, free } = story.spec as JsonObject;
  assert.deepEqual([labels, items, free], [{ k: 'v' }, [{ name: 'i' }], { x: 1 }]);
  assert.deepEqual(story.owners['b Apply'], { 'f:spec': { 'f:free': {}, 'f:items': {}, 'f:labels': {}, 'f:pointer': {} } });
  assert.match(refusal(() => story.apply('b', { text: null })).message, /conflict with "a": .spec.text/);
});

test('items that come to share a key are one field of who made them so', () => {
  const both = (o: { spec: Record<string, unknown> }): unknown =>
    (o.spec.items = [
      { name: 'i', value: '1' },
      { name: 'i', labels: { x: 'y' } },
      { name: 'j', value: '3' },
    ]);
  const story = new Story().update('one', (o) => {
    o.spec.items = [
      { name: 'i', value: '1' },
      { name: 'j', value: '3' },
    ];
  });
  story.update('two', both);
  const j = { '.': {}, 'f:name': {}, 'f:value': {} };
  assert.deepEqual(story.owners, {
    'one Update': { 'f:spec': { 'f:items': { 'k:{"name":"j"}': j } } },
    'two Update': { 'f:spec': { 'f:items': { 'k:{"name":"i"}': {} } } },
  });
  story.update('three', (o) => (o.spec.items as object[]).splice(1, 1));
  assert.deepEqual(story.owners, {
    'one Update': { 'f:spec': { 'f:items': { 'k:{"name":"j"}': j } } },
    'three Update': { 'f:spec': { 'f:items': { 'k:{"name":"i"}': j } } },
  });
});

test('who applies one of the items that share a key stands against who owns them', () => {
  const story = new Story().update('one', (o) => {
    o.spec.items = [
      { name: 'i', value: '1' },
      { name: 'i', value: '2' },
      { name: 'j', value: '3' },
    ];
  });
  assert.deepEqual(
    refusal(() => story.apply('me', { items: [{ name: 'i', value: '2' }] })).details?.causes?.map(({ field }) => field),
    ['.spec.items[name="i"]'],
  );
  story.apply('me', { items: [{ name: 'i', value: '4' }] }, { force: true });
  assert.deepEqual((story.spec as JsonObject).items, [
    { name: 'i', value: '4' },
    { name: 'j', value: '3' },
  ]);
  const item = { '.': {}, 'f:name': {}, 'f:value': {} };
  assert.deepEqual(story.owners, {
    'me Apply': { 'f:spec': { 'f:items': { 'k:{"name":"i"}': item } } },
    'one Update': { 'f:spec': { 'f:items': { 'k:{"name":"j"}': item } } },
  });
});

test('a conflict names fields before what lies deeper, and ports by their number', () => {
  const ports = [
    { port: 80, name: 'a' },
    { port: 443, name: 'b' },
    { port: 443, protocol: 'UDP', name: 'c' },
  ];
  const story = new Story().apply('a', { items: [{ name: 'i', value: 'v', ports }], pointer: 1, text: 'x', tags: ['t'] });
  const other = ports.map((port) => ({ ...port, name: 'z' }));
  const { details } = refusal(() => story.apply('b', { items: [{ name: 'i', value: 'w', ports: other }], pointer: 2, text: 'y', tags: ['t'] }));
  assert.deepEqual(
    details?.causes?.map(({ field }) => field),
    [
      '.spec.pointer',
      '.spec.text',
      '.spec.items[name="i"].value',
      '.spec.items[name="i"].ports[port=80,protocol="TCP"].name',
      '.spec.items[name="i"].ports[port=443,protocol="TCP"].name',
      '.spec.items[name="i"].ports[port=443,protocol="UDP"].name',
    ],
  );
});

test('what is applied is compared as it was sent: another spelling is a change, and so is a zero that is not stored', () => {
  const story = new Story().apply('a', { size: '500m', flag: false });
  assert.match(refusal(() => story.apply('b', { size: '0.5' })).message, /1 conflict: conflict with "a": .spec.size$/);
  assert.match(refusal(() => story.apply('b', { flag: false })).message, /1 conflict: conflict with "a": .spec.flag$/);
  const before = [story.object, story.owners];
  story.apply('a', { size: '0.5', flag: false });
  assert.deepEqual([story.object, story.owners], before);
});

const LAST = 'kubectl.kubernetes.io/last-applied-configuration';

test('the record of client-side apply is kept as kubectl would write it, and goes when it is too long', () => {
  const story = new Story().update('kubectl-client-side-apply', (o) => {
    o.metadata.annotations = { [LAST]: '{}', own: 'x' };
  });
  story.apply('kubectl', { text: 'a<b & c', pointer: 1 }, { metadata: { annotations: { z: 'y' } } });
  const annotations = (): Record<string, string> => (story.object?.metadata as { annotations: Record<string, string> }).annotations;
  assert.equal(
    annotations()[LAST],
    '{"apiVersion":"demo.io/v1","kind":"Demo","metadata":{"annotations":{"z":"y"},"name":"x"},"spec":{"pointer":1,"text":"a\\u003cb \\u0026 c"}}\n',
  );
  story.apply('kubectl', { pointer: 1 });
  assert.equal(annotations()[LAST], '{"apiVersion":"demo.io/v1","kind":"Demo","metadata":{"name":"x"},"spec":{"pointer":1}}\n');
  story.apply('kubectl', { text: 'x'.repeat(256 * 1024) });
  assert.deepEqual(Object.keys(annotations()), ['own']);
  // An empty one is none.
  story.update('editor', (o) => (o.metadata.annotations = { [LAST]: '' }));
  story.apply('kubectl', { text: 't' }, { force: true });
  assert.equal(annotations()[LAST], '');
});

test('a record of client-side apply that is of another version, or is no such object, gives no right', () => {
  for (const record of [
    { apiVersion: 'demo.io/v0', kind: 'Demo', metadata: { name: 'x' }, spec: { pointer: 1 } },
    { apiVersion: 'demo.io/v1', metadata: { name: 'x' }, spec: { pointer: 1 } },
    { apiVersion: 'demo.io/v1', kind: 'Demo', metadata: { name: 'x' }, spec: { pointer: 1, what: 2 } },
  ]) {
    const story = new Story().update('kubectl-client-side-apply', (o) => {
      o.metadata.annotations = { [LAST]: JSON.stringify(record) };
      o.spec.pointer = 1;
    });
    assert.match(refusal(() => story.apply('kubectl', { pointer: 2 })).message, /.spec.pointer/, JSON.stringify(record));
  }
});

test('a writer without a name is unknown', () => {
  assert.deepEqual(Object.keys(new Story().update('', (o) => (o.spec.pointer = 1)).owners), ['unknown Update']);
});
