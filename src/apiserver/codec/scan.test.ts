import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { countKeys, countTokens, JsonScan } from './scan.ts';

test('counts keys as the parsed value has them, wherever the pieces are cut', () => {
  fc.assert(
    fc.property(fc.json(), fc.nat({ max: 40 }), (json, cut) => {
      const bytes = Buffer.from(json);
      const scan = new JsonScan();
      scan.push(bytes.subarray(0, cut));
      scan.push(bytes.subarray(cut));
      assert.equal(scan.keys, countKeys(JSON.parse(json)));
      assert.equal(scan.fault, undefined);
    }),
  );
});

test('doubled keys are counted twice', () => {
  const scan = new JsonScan();
  scan.push(Buffer.from('{"a":1,"a":{"b":":{"}}'));
  assert.equal(scan.keys, 3);
});

test('depth and number of values are bounded', () => {
  const deep = new JsonScan({ maxDepth: 3, maxTokens: 100 });
  deep.push(Buffer.from('[[['));
  assert.equal(deep.fault, undefined);
  deep.push(Buffer.from('['));
  assert.equal(deep.fault, 'too deep');
  const wide = new JsonScan({ maxDepth: 3, maxTokens: 4 });
  wide.push(Buffer.from('[1,1,1,1,1]'));
  assert.equal(wide.fault, 'too many values');
});

test('values of what was no JSON are counted alike', () => {
  for (const text of ['1', '[]', '{}', '[1,2,[3]]', '{"a":{"b":[1,2],"c":{}},"d":null}']) {
    const scan = new JsonScan();
    scan.push(Buffer.from(text));
    assert.equal(countTokens(JSON.parse(text)), scan.tokens, text);
  }
});
