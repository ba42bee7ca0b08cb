import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { scanJson } from './json-scan.ts';
import { measureJson, parseJson } from './parse-json.ts';
import { formatYaml, parseYaml, yamlDuplicateText } from './yaml.ts';

test('duplicate keys are named by their path', () => {
  const rows: readonly (readonly [string, readonly string[]])[] = [
    ['{}', []],
    ['{"a":1,"b":{"a":2}}', []],
    ['{"a":1,"a":2}', ['a']],
    ['{"a":1,"a":2,"a":3}', ['a']],
    ['{"spec":{"c":[{"n":1},{"n":1,"x":{"y":1,"y":2}}]}}', ['spec.c[1].x.y']],
    ['{"a":":","b\\"":1,"b\\u0022":2}', ['b"']],
    ['{"__proto__":1,"__proto__":2}', ['__proto__']],
  ];
  for (const [text, expected] of rows) {
    const parsed = parseJson(text);
    assert.ok(parsed.fault === undefined, text);
    assert.deepEqual(parsed.duplicates, expected, text);
  }
});

test('what is no JSON, in the words of Go', () => {
  const rows: readonly (readonly [string, string])[] = [
    ['', 'unexpected end of JSON input'],
    ['{', 'unexpected end of JSON input'],
    ['{"a"', 'unexpected end of JSON input'],
    ['{a', "invalid character 'a' looking for beginning of object key string"],
    ['{"a" 1', "invalid character '1' after object key"],
    ['{"a":1 "b"', "invalid character '\"' after object key:value pair"],
    ['{"a":}', "invalid character '}' looking for beginning of value"],
    ['[1 2]', "invalid character '2' after array element"],
    ['{} x', "invalid character 'x' after top-level value"],
    ['tru ', "invalid character ' ' in literal true (expecting 'e')"],
    ['"\n"', "invalid character '\\n' in string literal"],
    ['01', "invalid character '1' after top-level value"],
    ['1.x', "invalid character 'x' after decimal point in numeric literal"],
  ];
  for (const [text, fault] of rows) assert.deepEqual(parseJson(text), { fault }, text);
});

/** JSON whose numbers a double can hold: of -6e323 JSON.parse makes -Infinity, which would be written as null. */
function isKept(text: string): boolean {
  let finite = true;
  try {
    JSON.parse(text, (_, value: unknown) => {
      if (typeof value === 'number' && !Number.isFinite(value)) finite = false;
      return value;
    });
  } catch {
    return false;
  }
  return finite;
}

test('the scanner agrees with JSON.parse about what is JSON', () => {
  const broken = fc.tuple(fc.json(), fc.nat(), fc.string({ maxLength: 2 })).map(([text, at, junk]) => {
    const place = at % (text.length + 1);
    return text.slice(0, place) + junk + text.slice(place + 1);
  });
  fc.assert(
    fc.property(fc.oneof(fc.json(), broken, fc.string()), (text) => {
      const valid = isKept(text);
      assert.equal(scanJson(text, 10_000).fault === undefined, valid);
      assert.equal(parseJson(text).fault === undefined, valid);
    }),
    { examples: [['-6e323'], ['[1,2e999]']] },
  );
});

test('a value without duplicates has as many keys as its text', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const parsed = parseJson(JSON.stringify(value));
      assert.ok(parsed.fault === undefined);
      assert.deepEqual(parsed.duplicates, []);
    }),
  );
});

test('depth and size have bounds', () => {
  const deep = '['.repeat(1_500_000);
  assert.deepEqual(parseJson(deep), { fault: 'exceeded max depth' });
  assert.equal(measureJson(deep).depth, 1_500_000);
  assert.deepEqual(parseJson('[1,2,3]', { maxDepth: 5, maxTokens: 3 }), { fault: 'more than 3 values' });
  const nested = `${'['.repeat(9000)}${']'.repeat(9000)}`;
  assert.equal(parseJson(nested).fault, undefined);
});

test('a number beyond a double is refused, it would be written as null', async () => {
  for (const text of ['1e309', '[-1e309]', '{"a":{"b":1e309}}']) {
    assert.match(parseJson(text).fault ?? '', /^json: cannot unmarshal number -?1e309 into Go value of type float64$/);
  }
  for (const [text, word] of [
    ['a: .inf', '+Inf'],
    ['a: [-.inf]', '-Inf'],
    ['a: .nan', 'NaN'],
    ['{"a":1e309}', '+Inf'],
  ]) {
    assert.equal((await parseYaml(text ?? '')).fault, `yaml: json: unsupported value: ${word}`);
  }
});

test('YAML: a key that is no text is refused, one within another is not written out at each level', async () => {
  assert.match((await parseYaml('? [a]\n: b\n')).fault ?? '', /^yaml: unsupported map key/);
  // Doubling at each level, its key would have 2^400 characters.
  assert.match((await parseYaml(`${'? '.repeat(400)}a`)).fault ?? '', /^yaml: unsupported map key/);
});

test('YAML is version 1.1', async () => {
  const parsed = await parseYaml('mode: 0400\nyes: no\nport: "80"\nwhen: 2026-01-02T03:04:05Z\n__proto__: x\nnil: ~\n');
  assert.ok(parsed.fault === undefined);
  assert.equal(JSON.stringify(parsed.value), '{"mode":256,"true":false,"port":"80","when":"2026-01-02T03:04:05Z","__proto__":"x","nil":null}');
});

test('YAML sees duplicates, the first of several documents, and anchors', async () => {
  const twice = await parseYaml('a: 1\nb:\n  c: 1\n  c: 2\n');
  assert.ok(twice.fault === undefined);
  assert.deepEqual(twice.duplicates, [{ line: 4, key: 'c' }]);
  assert.deepEqual(twice.duplicates.map(yamlDuplicateText), ['line 4: key "c" already set in map']);
  const firsts = { '---\na: 1\n---\nb: 2\n': { a: 1 }, 'a: 1\n---\nb: [\n': { a: 1 }, '---\n---\nb: 2\n': null, '# only a comment\n---\nb: 2\n': { b: 2 } };
  for (const [text, value] of Object.entries({ ...firsts, '': null, '{"a":1}\n---\nb: 2\n': { a: 1 } })) {
    const first = await parseYaml(text);
    assert.deepEqual(first.fault === undefined ? first.value : first, value, text);
  }
  const merged = await parseYaml('base: &b {x: 1}\nuse:\n  <<: *b\n  z: 2\n');
  assert.ok(merged.fault === undefined);
  assert.deepEqual(merged.value, { base: { x: 1 }, use: { x: 1, z: 2 } });
  assert.ok((await parseYaml('a: [1')).fault !== undefined);
  assert.ok((await parseYaml(`a: ${'['.repeat(5000)}`)).fault !== undefined);
  const bomb = `a: &a [1,1,1,1,1,1,1,1,1]\n${'bcdefghi'
    .split('')
    .map(
      (c, i) =>
        `${c}: &${c} [${Array(9)
          .fill(`*${'abcdefghi'.charAt(i)}`)
          .join(',')}]`,
    )
    .join('\n')}`;
  assert.ok((await parseYaml(bomb)).fault !== undefined);
});

test('YAML written keeps lines of blanks', async () => {
  for (const text of [' \n', 'a\n \n', '\n999 *\n \n', 'a \nb', ' x\n', 'a\nb\n', `${'a *\n'.repeat(12)} \n`]) {
    const parsed = await parseYaml(await formatYaml({ text }));
    assert.deepEqual(parsed.fault === undefined ? parsed.value : parsed, { text });
  }
});

test('YAML written is YAML read', async () => {
  await fc.assert(
    fc.asyncProperty(fc.dictionary(fc.string(), fc.jsonValue()), async (value) => {
      const clean = JSON.parse(JSON.stringify(value));
      const parsed = await parseYaml(await formatYaml(clean));
      if (parsed.fault !== undefined) throw new Error(parsed.fault);
      assert.deepEqual(parsed.value, clean);
    }),
    { numRuns: 200 },
  );
  await fc.assert(
    fc.asyncProperty(fc.string(), async (text) => {
      await parseYaml(text);
    }),
  );
});
