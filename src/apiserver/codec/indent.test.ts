import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { JsonIndent } from './indent.ts';

test('JSON in pieces is indented as JSON.stringify indents the value', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.integer({ min: 1, max: 9 }), (value, length) => {
      const bytes = Buffer.from(JSON.stringify(value));
      const indent = new JsonIndent();
      let out = '';
      const parts: Buffer[] = [];
      for (let at = 0; at < bytes.length; at += length) parts.push(indent.push(bytes.subarray(at, at + length)));
      out = Buffer.concat(parts).toString();
      assert.equal(out, JSON.stringify(value, null, 2));
    }),
  );
});

test('a piece that grows a thousandfold has room', () => {
  const deep = `${'['.repeat(400)}1${',1'.repeat(1000)}${']'.repeat(400)}`;
  assert.equal(new JsonIndent().push(deep).toString(), JSON.stringify(JSON.parse(deep), null, 2));
});
