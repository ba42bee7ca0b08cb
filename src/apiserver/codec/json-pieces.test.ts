import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { jsonPieces } from './json-pieces.ts';

test('the pieces together are what JSON.stringify makes of the value', () => {
  const leaf = fc.oneof(fc.string({ unit: 'binary', maxLength: 40 }), fc.integer(), fc.boolean(), fc.constant(null));
  const long = fc
    .tuple(fc.string({ unit: 'binary', minLength: 1, maxLength: 7 }), fc.integer({ min: 1, max: 20_000 }))
    .map(([text, times]) => text.repeat(times));
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof({ depthSize: 'small', withCrossShrink: true }, leaf, long, fc.array(tie('value')), fc.dictionary(fc.string(), tie('value'))),
  }));
  fc.assert(
    fc.property(value, (each) => {
      assert.equal([...jsonPieces(each)].join(''), JSON.stringify(each));
    }),
    { numRuns: 200 },
  );
});

test('a text of megabytes and a list of thousands come in pieces of 32 thousand characters, and fields without a value are left out', () => {
  const value = {
    message: '\u{1f600}a"\n'.repeat(300_000),
    nothing: undefined,
    list: Array.from({ length: 20_000 }, (_, i) => ({ field: `f[${i}]`, none: undefined })),
    last: {},
  };
  const pieces = [...jsonPieces(value)];
  assert.equal(pieces.join(''), JSON.stringify(value));
  // A character may take six in JSON.
  assert.ok(Math.max(...pieces.map(({ length }) => length)) < 6 * 2 * 32 * 1024);
  assert.ok(pieces.length > 40);
});
