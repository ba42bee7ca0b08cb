import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { builtinFacts } from '../api/facts.ts';
import { RESOURCES } from '../api/gen/kinds.ts';
import type { JsonObject } from '../machinery/object.ts';
import { decode } from './decode.ts';
import type { TypeRef } from './facts.ts';
import { decodeProtobufMessage } from './protobuf-decode.ts';
import { encodeProtobufMessage } from './protobuf-encode.ts';
import { ProtobufError, WireReader, WireWriter } from './protobuf-wire.ts';

const TEXT = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 12 }), fc.constantFrom('', '__proto__', 'constructor', 'a.b/c', 'ünï-çødé'));
const TIME = fc.integer({ min: 1, max: 4_000_000_000 }).map((s) => new Date(s * 1000).toISOString().replace('.000Z', 'Z'));

/** Values in their canonical form, as they come out of the decoder. */
const SCALARS: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  'machinery.api.resource.Quantity': fc.constantFrom('0', '100m', '1Gi', '1500m', '5', '10G', '-3Mi'),
  'machinery.meta.v1.Time': TIME,
  'machinery.meta.v1.MicroTime': fc.tuple(TIME, fc.integer({ min: 0, max: 999_999 })).map(([t, us]) => t.replace('Z', `.${String(us).padStart(6, '0')}Z`)),
  'machinery.util.intstr.IntOrString': fc.oneof(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), TEXT),
  'machinery.runtime.RawExtension': fc.dictionary(TEXT, fc.oneof(TEXT, fc.integer(), fc.boolean())),
  'machinery.meta.v1.FieldsV1': fc.dictionary(TEXT, fc.constant({})),
  'machinery.meta.v1.Duration': fc.integer({ min: 0, max: 86_400 }).map((s) => `${Math.floor(s / 3600)}h${Math.floor((s % 3600) / 60)}m${s % 60}s`),
  'apiextensions.v1.JSON': fc.oneof(TEXT, fc.integer(), fc.boolean(), fc.dictionary(TEXT, fc.integer())),
  'apiextensions.v1.JSONSchemaPropsOrArray': fc.constantFrom<unknown>({ type: 'string' }, [{ type: 'string' }, { type: 'integer' }]),
  'apiextensions.v1.JSONSchemaPropsOrBool': fc.constantFrom<unknown>(true, false, { type: 'string' }),
  'apiextensions.v1.JSONSchemaPropsOrStringArray': fc.constantFrom<unknown>(['a', 'b'], { type: 'string' }),
};

function valueOf(ref: TypeRef, depth: number): fc.Arbitrary<unknown> {
  if (typeof ref === 'object') {
    if ('list' in ref) return fc.array(valueOf(ref.list, depth - 1), { maxLength: 2 });
    return fc.dictionary(TEXT, valueOf(ref.map, depth - 1), { maxKeys: 2 });
  }
  const scalar = SCALARS[ref];
  if (scalar !== undefined) return scalar;
  switch (ref) {
    case 'string':
      return TEXT;
    case 'boolean':
      return fc.boolean();
    case 'integer:int32':
      return fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
    case 'integer:int64':
      return fc.maxSafeInteger();
    case 'number:double':
      return fc.double({ noNaN: true, noDefaultInfinity: true });
    case 'string:byte':
      return fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes).toString('base64'));
    default:
      return objectOf(ref, depth - 1);
  }
}

/** An object with some of the fields of its type. */
function objectOf(typeName: string, depth: number): fc.Arbitrary<Record<string, unknown>> {
  const type = builtinFacts.type(typeName);
  assert.ok(type !== undefined, typeName);
  // An empty list of managedFields has a meaning in JSON that protobuf can't say.
  const wanted = Object.entries(type.fields).filter(([name]) => name !== 'kind' && name !== 'apiVersion' && name !== 'managedFields');
  if (depth <= 0 || wanted.length === 0) return fc.constant({});
  return fc
    .subarray(wanted, { maxLength: Math.min(5, wanted.length) })
    .chain((some) => fc.record(Object.fromEntries(some.map(([name, field]) => [name, valueOf(field.type, depth)]))));
}

function canonical(typeName: string, object: JsonObject): JsonObject {
  const decoded = decode(builtinFacts, typeName, object);
  assert.ok('object' in decoded, JSON.stringify(decoded));
  return decoded.object;
}

const KINDS = [...new Set(RESOURCES.map((row) => row.typeName))];

test('every kind: what is encoded and decoded is the same object', () => {
  const anyKind = fc.constantFrom(...KINDS).chain((typeName) => fc.tuple(fc.constant(typeName), objectOf(typeName, 7)));
  fc.assert(
    fc.property(anyKind, ([typeName, object]) => {
      const before = canonical(typeName, object as JsonObject);
      const after = canonical(typeName, decodeProtobufMessage(builtinFacts, typeName, encodeProtobufMessage(builtinFacts, typeName, before)));
      assert.equal(JSON.stringify(after), JSON.stringify(before));
    }),
    { numRuns: 1500 },
  );
});

test('any bytes: an object or a ProtobufError, never anything else', () => {
  fc.assert(
    fc.property(fc.constantFrom(...KINDS), fc.uint8Array({ maxLength: 60 }), (typeName, bytes) => {
      try {
        decodeProtobufMessage(builtinFacts, typeName, bytes);
      } catch (thrown) {
        assert.ok(thrown instanceof ProtobufError, String(thrown));
      }
    }),
    { numRuns: 2000 },
  );
});

test('a type with an encoding of its own takes no other wire type', () => {
  for (const [typeName, hex] of [
    // The value of a limit, a time, a port and a raw extension, each with field 1 of the other wire type.
    ['core.v1.ResourceRequirements', '0a09 0a03637075 1202 0801'],
    ['machinery.meta.v1.ObjectMeta', '4203 0a0161'],
    ['core.v1.ServicePort', '2203 0a0161'],
    ['apps.v1.ControllerRevision', '1202 0801'],
  ] as const) {
    const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
    assert.throws(() => decodeProtobufMessage(builtinFacts, typeName, bytes), { name: 'ProtobufError', message: /^proto: wrong wireType = \d for field 1$/ });
  }
});

test('zeros behind pointers survive; others vanish', () => {
  // replicas 0 (a pointer) and minReadySeconds 0 (a value), as Go writes both.
  const bytes = Uint8Array.from([0x12, 0x04, 0x08, 0x00, 0x28, 0x00]);
  const object = canonical('apps.v1.Deployment', decodeProtobufMessage(builtinFacts, 'apps.v1.Deployment', bytes));
  assert.equal((object.spec as JsonObject).replicas, 0);
  assert.ok(!Object.hasOwn(object.spec as JsonObject, 'minReadySeconds'));
});

test('depth is bounded', () => {
  let schema = new Uint8Array();
  for (let i = 0; i < 5000; i++) {
    const writer = new WireWriter();
    writer.bytes(schema);
    // JSONSchemaProps.not
    writer.tag(28, 2);
    schema = new Uint8Array(writer.finish());
  }
  assert.throws(() => decodeProtobufMessage(builtinFacts, 'apiextensions.v1.JSONSchemaProps', schema), /exceeded max depth/);
});

test('varints at the edges of 64 bits', () => {
  for (const value of [0n, 1n, 127n, 128n, 2n ** 28n - 1n, 2n ** 28n, 2n ** 31n, 2n ** 32n, 2n ** 63n, 2n ** 64n - 1n]) {
    const writer = new WireWriter();
    writer.varint(value);
    assert.equal(new WireReader(writer.finish()).varint(), value);
  }
  assert.throws(() => new WireReader(new Uint8Array(11).fill(0xff)).varint(), /integer overflow/);
});
