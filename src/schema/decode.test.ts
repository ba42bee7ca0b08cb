import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { JsonObject } from '../machinery/object.ts';
import { setOwn } from '../machinery/record.ts';
import { cannotBeHandled, decode, duplicateFieldText, strictDecodingError, unknownFieldText, zeroObject } from './decode.ts';
import type { Facts } from './facts.ts';
import { facts } from './testdata/facts.ts';

const accept = (type: string, input: unknown) => {
  const decoded = decode(facts, type, input as JsonObject);
  if (decoded.fault !== undefined) throw new Error(decoded.fault);
  return decoded;
};
const json = (type: string, input: unknown): string => JSON.stringify(accept(type, input).object);
const fault = (type: string, input: unknown): string => decode(facts, type, input as JsonObject).fault ?? 'accepted';

test('what Go prints of a zero value', () => {
  assert.equal(
    JSON.stringify(zeroObject(facts, 'demo.v1.Demo')),
    '{"metadata":{},"spec":{"count":0,"items":[],"resources":{},"when":null,"size":"0","port":0},"status":{}}',
  );
});

test('null is absent, zeros that Go omits vanish, pointers keep theirs', () => {
  const spec = { count: 0, flag: false, text: '', pointer: 0, items: null, tags: [], labels: {}, resources: null, when: null, size: null };
  assert.equal(
    json('demo.v1.Demo', { kind: 'Demo', apiVersion: '', spec, status: null }),
    '{"kind":"Demo","metadata":{},"spec":{"count":0,"pointer":0,"items":[],"resources":{},"when":null,"size":"0","port":0},"status":{}}',
  );
});

test('values are canonical and keys sorted', () => {
  const spec = {
    size: '1024Mi',
    when: '2026-01-02T03:04:05.9+01:00',
    micro: '2026-01-02T03:04:05.000001Z',
    data: { b: 'YR==', a: 'YQ==\n' },
    count: -0,
    port: '80',
  };
  assert.equal(
    json('demo.v1.Demo', { spec }),
    '{"metadata":{},"spec":{"count":0,"items":[],"data":{"a":"YQ==","b":"YQ=="},"resources":{},"when":"2026-01-02T02:04:05Z","micro":"2026-01-02T03:04:05.000001Z","size":"1Gi","port":"80"},"status":{}}',
  );
});

test('faults in the words of Go', () => {
  const rows: readonly (readonly [unknown, string])[] = [
    [{ spec: { pointer: 'x' } }, 'json: cannot unmarshal string into Go struct field DemoSpec.spec.pointer of type int32'],
    [{ spec: { pointer: 1.5 } }, 'json: cannot unmarshal number 1.5 into Go struct field DemoSpec.spec.pointer of type int32'],
    [{ spec: { pointer: 2147483648 } }, 'json: cannot unmarshal number 2147483648 into Go struct field DemoSpec.spec.pointer of type int32'],
    [{ spec: [] }, 'json: cannot unmarshal array into Go struct field Demo.spec of type v1.DemoSpec'],
    [{ spec: { items: {} } }, 'json: cannot unmarshal object into Go struct field DemoSpec.spec.items of type []v1.Item'],
    [{ spec: { items: [{}, { name: 5 }] } }, 'json: cannot unmarshal number into Go struct field Item.spec.items.name of type string'],
    [{ metadata: { labels: { a: true } } }, 'json: cannot unmarshal bool into Go struct field Meta.metadata.labels of type string'],
    [{ spec: { labels: 'x' } }, 'json: cannot unmarshal string into Go struct field DemoSpec.spec.labels of type map[string]string'],
    [{ spec: { size: '1x' } }, "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"],
    [{ spec: { data: { a: '%' } } }, 'illegal base64 data at input byte 0'],
    [{ spec: { data: { a: 'YQ' } } }, 'illegal base64 data at input byte 0'],
    [{ spec: { when: 5 } }, 'json: cannot unmarshal number into Go value of type string'],
    [{ spec: { when: 'x' } }, 'parsing time "x" as "2006-01-02T15:04:05Z07:00": cannot parse "x" as "2006"'],
    [{ spec: { port: true } }, 'json: cannot unmarshal bool into Go value of type int32'],
    [[], 'json: cannot unmarshal array into Go value of type v1.Demo'],
  ];
  for (const [input, expected] of rows) assert.equal(fault('demo.v1.Demo', input), expected);
  assert.equal(cannotBeHandled('Demo', 'v1', 'Demo', 'x'), 'Demo in version "v1" cannot be handled as a Demo: x');
});

test('unknown fields are dropped and named', () => {
  const decoded = accept('demo.v1.Demo', { Spec: {}, spec: { items: [{ name: 'a', foo: 1 }], byName: { k: { bar: 1 } }, baz: null } });
  assert.deepEqual(decoded.unknownFields, ['Spec', 'spec.items[0].foo', 'spec.byName.k.bar', 'spec.baz']);
  assert.equal(strictDecodingError([unknownFieldText('a'), duplicateFieldText('b')]), 'strict decoding error: unknown field "a", duplicate field "b"');
});

test('keys of users are kept whatever they are called', () => {
  const labels: Record<string, string> = {};
  setOwn(labels, '__proto__', 'x');
  labels.constructor = 'y' as never;
  const { object } = accept('demo.v1.Demo', { metadata: { labels } });
  assert.equal(JSON.stringify(object.metadata), '{"labels":{"__proto__":"x","constructor":"y"}}');
});

test('the result is private', () => {
  const input = { spec: { items: [{ name: 'a' }], free: { x: [1] } } };
  const { object } = accept('demo.v1.Demo', input);
  const spec = object.spec as unknown as typeof input.spec;
  assert.notEqual(spec.items[0], input.spec.items[0]);
  assert.notEqual(spec.free.x, input.spec.free.x);
});

test('deep and circular values are refused, not followed', () => {
  const circle: Record<string, unknown> = {};
  circle.self = circle;
  assert.equal(fault('demo.v1.Demo', { spec: { tree: circle } }), 'exceeded max depth');
  assert.equal(fault('demo.v1.Demo', { spec: { free: circle } }), 'exceeded max depth');
});

test('decoding twice is decoding once', () => {
  const scalar = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null), fc.double(), fc.constantFrom('1Gi', '0.1', '2026-01-02T03:04:05Z'));
  const name = fc.constantFrom('metadata', 'spec', 'count', 'items', 'name', 'labels', 'size', 'when', 'flag', 'pointer', 'status', 'free', 'port', 'tree');
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof({ maxDepth: 5 }, scalar, fc.array(tie('tree'), { maxLength: 3 }), fc.dictionary(name, tie('tree'), { maxKeys: 6 })),
  }));
  fc.assert(
    fc.property(fc.dictionary(name, tree), (input) => {
      const once = decode(facts, 'demo.v1.Demo', input as JsonObject);
      if (once.fault !== undefined) return;
      const twice = accept('demo.v1.Demo', once.object);
      assert.equal(JSON.stringify(twice.object), JSON.stringify(once.object));
      assert.deepEqual(twice.unknownFields, []);
      assert.deepEqual(accept('demo.v1.Demo', JSON.parse(JSON.stringify(input))).object, once.object);
    }),
  );
});

test('plans are kept per table', () => {
  const other: Facts = { type: (name) => (name === 'demo.v1.Demo' ? { name, fields: { x: { type: 'string', pointer: true } } } : undefined) };
  assert.deepEqual(decode(other, 'demo.v1.Demo', { x: '' } as JsonObject), { object: { x: '' }, unknownFields: [] });
});
