import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DerReader, readDer, SEQUENCE } from './der.ts';

const hex = (text: string): Uint8Array => Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

test('what bytes begin with, or why they begin with nothing', () => {
  for (const [bytes, answer] of [
    ['3003020100', 3],
    [`308180${'00'.repeat(128)}`, 128],
    ['', 'asn1: syntax error: sequence truncated'],
    ['30', 'asn1: syntax error: truncated tag or length'],
    ['3082', 'asn1: syntax error: truncated tag or length'],
    ['3080', 'asn1: syntax error: indefinite length found (not DER)'],
    ['3001', 'asn1: syntax error: data truncated'],
    ['308100', 'asn1: structure error: superfluous leading zeros in length'],
    ['308101', 'asn1: structure error: non-minimal length'],
    ['308501ffffffff', 'asn1: structure error: length too large'],
  ] as const) {
    const read = readDer(hex(bytes));
    assert.equal('fault' in read ? read.fault : read.contents.length, answer, bytes);
  }
});

test('any bytes: elements that lie one behind the other, then the end or a fault', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      const reader = new DerReader(bytes);
      let read = 0;
      for (let element = reader.next(); element !== undefined; element = reader.done ? undefined : reader.next()) read += element.whole.length;
      assert.ok(reader.done ? read === bytes.length : reader.fault !== undefined);
    }),
  );
});

test('another tag than the one that is looked for stays where it is', () => {
  const reader = new DerReader(hex('020100'));
  assert.deepEqual([reader.next(SEQUENCE), reader.fault, reader.next()?.tag], [undefined, undefined, 2]);
});
