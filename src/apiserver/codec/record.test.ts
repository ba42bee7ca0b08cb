import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { KubeObject, ManagedFieldsEntry } from '../../machinery/object.ts';
import { encodeRecord, managedText, parseBody, parseManaged, readSegments, recordApiVersion, withHead } from './record.ts';

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');

test('a stored object is its JSON without head, managedFields in a segment of their own', () => {
  const object = { kind: 'X', apiVersion: 'v1', metadata: { labels: { a: 'b' }, name: 'n', resourceVersion: '9', managedFields: [] }, spec: { é: '☂' } };
  const record = encodeRecord('apps/v1', object, '[{"manager":"m"}]');
  assert.equal(text(record.value.subarray(record.start)), '"name":"n","labels":{"a":"b"},"managedFields":[{"manager":"m"}]},"spec":{"é":"☂"}}');
  assert.equal(managedText(record.value, record), '[{"manager":"m"}]');
  assert.equal(recordApiVersion(record.value), 'apps/v1');
});

test('whatever is stored is read back', () => {
  const names = fc.oneof(fc.constantFrom('__proto__', 'constructor', 'k"é\\', ''), fc.string());
  const spec = fc.dictionary(names, fc.jsonValue({ maxDepth: 3 }), { noNullPrototype: false });
  const managed = fc.array(fc.record({ manager: fc.string(), operation: fc.constant('Update') }, { noNullPrototype: true }), { maxLength: 3 });
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), spec, managed, fc.boolean(), (name, data, entries, empty) => {
      const object = { metadata: { name, annotations: { a: name } }, ...(empty ? {} : { data }) } as unknown as KubeObject;
      const record = encodeRecord('v1', object, entries.length === 0 ? '' : JSON.stringify(entries));
      const segments = readSegments(record.value);
      assert.deepEqual(segments, { start: record.start, managedStart: record.managedStart, managedEnd: record.managedEnd });
      assert.deepEqual(parseBody(record.value, segments), JSON.parse(JSON.stringify(object)));
      assert.deepEqual(parseManaged(record.value, segments), entries as readonly ManagedFieldsEntry[]);
    }),
  );
});

test('equal objects have equal bytes, whatever the order of their metadata', () => {
  const one = encodeRecord('v1', { metadata: { name: 'n', uid: 'u', generation: 1 } }, '');
  const two = encodeRecord('v1', { metadata: { generation: 1, uid: 'u', name: 'n' } }, '');
  assert.deepEqual(one.value, two.value);
});

test('the head carries kind, apiVersion and version first', () => {
  const whole = withHead({ metadata: { name: 'n' } }, 'Pod', 'v1', '7');
  assert.equal(JSON.stringify(whole), '{"kind":"Pod","apiVersion":"v1","metadata":{"name":"n","resourceVersion":"7"}}');
});

test('a record of a format that this version does not know is refused', () => {
  assert.throws(() => readSegments(new Uint8Array([9, 0])), /has format 9/);
});
