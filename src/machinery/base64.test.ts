import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeBase64 } from './base64.ts';

const text = (encoded: string): string | undefined => {
  const bytes = decodeBase64(encoded);
  return bytes === undefined ? undefined : Buffer.from(bytes).toString();
};

test('line breaks within base64 are ignored, other white space is none of it', () => {
  assert.equal(text('aGVs\nbG8g\r\nd29y\rbGQ='), 'hello world');
  for (const blank of [' ', '\t', '\f', '\v', '\u00a0']) assert.equal(text(`aGVs${blank}bG8=`), undefined, JSON.stringify(blank));
});

test('padding must be there, and no bit beyond the last byte', () => {
  assert.equal(text('aGVsbG8='), 'hello');
  for (const wrong of ['aGVsbG8', 'aGVsbG9=', 'aGVsbG8==', 'a', '=']) assert.equal(text(wrong), undefined, wrong);
});
