import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { JsonObject, ManagedFieldsEntry } from '../../machinery/object.ts';
import { setOf } from './field-set.ts';
import { encodeFields, intern } from './fields-v1.ts';
import { formatManagedFields, parseManagedFields } from './managed-fields.ts';

const text = fc.oneof(fc.constantFrom('"fieldsV1":{', 'a"fieldsV1', '\\', '}', 'ü'), fc.string());
const foreign = fc.letrec<{ set: JsonObject }>((tie) => ({
  set: fc.dictionary(
    text.map((name) => `f:${name}`),
    fc.oneof({ depthSize: 'small' }, fc.constant({}), tie('set')),
    { maxKeys: 3, noNullPrototype: true },
  ),
})).set;
const own = fc
  .array(
    fc.array(
      text.map((name) => `f:${name}`),
      { minLength: 1, maxLength: 3 },
    ),
    { minLength: 1, maxLength: 4 },
  )
  .map((paths) => encodeFields(setOf(paths)));
const entry: fc.Arbitrary<ManagedFieldsEntry> = fc.record(
  { manager: text, operation: fc.constant('Update'), time: text, fieldsType: fc.constant('FieldsV1'), fieldsV1: fc.oneof(own, foreign), subresource: text },
  { requiredKeys: ['operation'], noNullPrototype: true },
);

test('entries are written as JSON and read back, whatever their strings hold', () => {
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 4 }), (entries) => {
      const written = formatManagedFields(entries);
      assert.deepEqual(JSON.parse(written), JSON.parse(JSON.stringify(entries)));
      const read = parseManagedFields(written);
      assert.deepEqual(JSON.parse(JSON.stringify(read)), JSON.parse(written));
      assert.equal(formatManagedFields(read), written);
    }),
    { numRuns: 500 },
  );
});

test('sets that are read again are the same objects', () => {
  const fieldsV1 = encodeFields(intern(setOf([['f:spec', 'f:replicas']])));
  const [read] = parseManagedFields(formatManagedFields([{ manager: 'm', fieldsV1 }]));
  assert.equal(read?.fieldsV1, fieldsV1);
});
