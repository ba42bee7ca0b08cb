import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type ConditionLike, withCondition } from './conditions.ts';
import { formatFieldError } from './field-error.ts';
import { scaledAmount } from './int-or-string.ts';
import { utf8Length, validateMetadata, validateMetadataUpdate } from './metadata.ts';
import { dns1035LabelFaults, dns1123LabelFaults, portNameFaults, qualifiedNameFaults } from './names.ts';
import { canonicalMicroTime, canonicalTime, formatDuration, formatMicroTime, formatTime, humanDuration, parseDuration, parseTime } from './time.ts';

test('names in Kubernetes words', () => {
  assert.deepEqual(dns1123LabelFaults('A'), [
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
  ]);
  assert.deepEqual(dns1123LabelFaults('a'.repeat(64)), ['must be no more than 63 bytes']);
  assert.equal(dns1035LabelFaults('1a').length, 1);
  assert.deepEqual(qualifiedNameFaults('/x'), ['prefix part must be non-empty']);
  assert.equal(qualifiedNameFaults('a/b/c').length, 1);
  assert.deepEqual(qualifiedNameFaults('example.com/My_Name'), []);
  assert.deepEqual(portNameFaults('80'), ['must contain at least one letter (a-z)']);
  fc.assert(fc.property(fc.string(), (s) => void [dns1123LabelFaults(s), qualifiedNameFaults(s), portNameFaults(s)]));
});

test('metadata of a new object', () => {
  const rows: readonly (readonly [Parameters<typeof validateMetadata>[0], readonly string[]])[] = [
    [{ name: 'a', namespace: 'b' }, []],
    [{ namespace: 'b' }, ['metadata.name: Required value: name or generateName is required']],
    [{ name: 'a', generateName: 'a-', namespace: 'b' }, []],
    [{ name: 'a' }, ['metadata.namespace: Required value']],
    [{ name: 'a', namespace: 'b', annotations: { k: 'x'.repeat(300_000) } }, ['metadata.annotations: Too long: may not be more than 262144 bytes']],
    [
      { name: 'a', namespace: 'b', finalizers: ['orphan', 'foregroundDeletion'] },
      ['metadata.finalizers: Invalid value: ["orphan","foregroundDeletion"]: finalizer orphan and foregroundDeletion cannot be both set'],
    ],
  ];
  for (const [meta, expected] of rows) assert.deepEqual(validateMetadata(meta, { namespaced: true }).map(formatFieldError), expected);
  assert.deepEqual(validateMetadata({ name: 'a', namespace: 'b' }, { namespaced: false }).map(formatFieldError), [
    'metadata.namespace: Forbidden: not allowed on this type',
  ]);
});

test('metadata of an update', () => {
  const old = { name: 'a', uid: '1', resourceVersion: '5', creationTimestamp: '2026-01-01T00:00:00Z' };
  assert.deepEqual(validateMetadataUpdate(old, old), []);
  assert.deepEqual(validateMetadataUpdate({ ...old, uid: '2' }, old).map(formatFieldError), ['metadata.uid: Invalid value: "2": field is immutable']);
  const dying = { ...old, deletionTimestamp: '2026-01-01T00:00:00Z' };
  assert.deepEqual(validateMetadataUpdate({ ...dying, finalizers: ['a.b/c'] }, dying).map(formatFieldError), [
    'metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"a.b/c"}',
  ]);
});

test('times', () => {
  assert.equal(formatTime(0), '1970-01-01T00:00:00Z');
  assert.equal(formatMicroTime(1.25), '1970-01-01T00:00:00.001250Z');
  assert.equal(parseTime('1970-01-01T01:00:00+01:00'), 0);
  assert.equal(canonicalTime('2026-02-03T04:05:06.789+02:00'), '2026-02-03T02:05:06Z');
  assert.equal(canonicalMicroTime('2026-02-03T04:05:06.123456Z'), '2026-02-03T04:05:06.123456Z');
  assert.deepEqual(canonicalTime('x'), { fault: 'parsing time "x" as "2006-01-02T15:04:05Z07:00": cannot parse "x" as "2006"' });
  assert.deepEqual(canonicalTime('2026-02-30T00:00:00Z'), { fault: 'parsing time "2026-02-30T00:00:00Z": day out of range' });
  assert.deepEqual(canonicalMicroTime('2026-02-03T04:05:06Z'), {
    fault: 'parsing time "2026-02-03T04:05:06Z" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "Z" as ".000000"',
  });
  fc.assert(
    fc.property(fc.date({ min: new Date(0), max: new Date(4e12), noInvalidDate: true }), (d) => {
      const text = formatTime(d.getTime());
      assert.equal(parseTime(text), Math.floor(d.getTime() / 1000) * 1000);
      assert.equal(canonicalTime(text), text);
    }),
  );
  fc.assert(fc.property(fc.string(), (s) => void [canonicalTime(s), canonicalMicroTime(s), parseDuration(s)]));
});

test('durations', () => {
  for (const [ms, text] of [
    [0, '0s'],
    [1500, '1.5s'],
    [5_400_000, '1h30m0s'],
    [0.001, '1µs'],
    [20, '20ms'],
  ] as const) {
    assert.equal(formatDuration(ms), text);
    assert.equal(parseDuration(text), ms);
  }
  assert.equal(parseDuration('1x'), undefined);
  // Beyond 63 bits of nanoseconds.
  assert.equal(parseDuration('2562048h'), undefined);
  assert.equal(parseDuration('2562047h'), 2_562_047 * 3_600_000);
  for (const [s, text] of [
    [5, '5s'],
    [119, '119s'],
    [200, '3m20s'],
    [3600, '60m'],
    [4 * 3600, '4h'],
    [50 * 3600, '2d2h'],
    [800 * 86400, '2y70d'],
  ] as const)
    assert.equal(humanDuration(s * 1000), text);
});

test('conditions keep their transition time while the status stays', () => {
  interface Condition extends ConditionLike {
    readonly reason?: string;
  }
  const first = withCondition<Condition>([], { type: 'Ready', status: 'False' }, 0);
  const second = withCondition<Condition>(first, { type: 'Ready', status: 'False', reason: 'Why' }, 5000);
  assert.deepEqual(second, [{ type: 'Ready', status: 'False', reason: 'Why', lastTransitionTime: '1970-01-01T00:00:00Z' }]);
  assert.equal(withCondition<Condition>(second, { type: 'Ready', status: 'False', reason: 'Why' }, 9000), second);
  assert.equal(withCondition<Condition>(second, { type: 'Ready', status: 'True' }, 9000)[0]?.lastTransitionTime, '1970-01-01T00:00:09Z');
});

test('amounts and lengths', () => {
  assert.equal(scaledAmount('25%', 3, 'up'), 1);
  assert.equal(scaledAmount('25%', 3, 'down'), 0);
  assert.equal(scaledAmount('x', 3, 'up'), undefined);
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (s) => assert.equal(utf8Length(s), Buffer.byteLength(s))));
});
