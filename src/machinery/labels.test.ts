import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FieldPath, formatFieldError } from './field-error.ts';
import { parseFieldSelector, formatFieldSelector, matchesFields } from './fields.ts';
import { parseSelector } from './label-selector-text.ts';
import {
  formatSelector,
  labelMatcher,
  type Labels,
  matchesLabelSelector,
  matchesSelector,
  type Selector,
  validateLabels,
  validateLabelSelector,
} from './labels.ts';
import { setOwn } from './record.ts';

function selector(text: string): Selector {
  const parsed = parseSelector(text);
  if ('fault' in parsed) throw new Error(parsed.fault);
  return parsed;
}
const hit = (text: string, labels: Labels): boolean => matchesSelector(selector(text), labels);

test('selector texts and what they match', () => {
  const labels = { app: 'web', tier: 'front', n: '5', empty: '' };
  for (const yes of [
    '',
    'app',
    'app=web',
    'app==web',
    'app!=db',
    '!gone',
    'app in (web,db)',
    'app in ( web , db )',
    'gone notin (a)',
    'n>4',
    'n<6',
    'empty=',
    'app=web,tier=front',
    'x!=y',
    'empty in ()',
  ]) {
    assert.equal(hit(yes, labels), true, yes);
  }
  for (const no of ['gone', 'app=db', '!app', 'app notin (web)', 'n>5', 'app>1', 'app=web,tier=back']) assert.equal(hit(no, labels), false, no);
});

test('a matcher made once for a selector says of all labels what the selector says', () => {
  const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', '__proto__');
  const value = fc.constantFrom('', '1', '2', '30', '-4', 'x');
  const requirement = fc.oneof(
    fc.record({ key, operator: fc.constantFrom('in' as const, 'notin' as const), values: fc.uniqueArray(value, { minLength: 1 }) }),
    fc.record({ key, operator: fc.constantFrom('=' as const, '!=' as const), values: fc.tuple(value) }),
    fc.record({ key, operator: fc.constantFrom('exists' as const, '!' as const), values: fc.constant([]) }),
    fc.record({ key, operator: fc.constantFrom('gt' as const, 'lt' as const), values: fc.tuple(fc.constantFrom('1', '2', '-7', '30')) }),
  );
  const labels = fc.array(fc.tuple(key, value)).map((pairs) => {
    const out: Record<string, string> = {};
    for (const [name, each] of pairs) setOwn(out, name, each);
    return out;
  });
  fc.assert(
    fc.property(fc.array(requirement, { maxLength: 14 }), fc.option(labels, { nil: undefined }), fc.boolean(), (requirements, given, nothing) => {
      const selector: Selector = nothing ? { requirements, nothing } : { requirements };
      assert.equal(labelMatcher(selector)(given), matchesSelector(selector, given));
    }),
    { numRuns: 2000 },
  );
});

test('broken selector texts', () => {
  const faults: readonly (readonly [string, RegExp])[] = [
    ['a in', /^unable to parse requirement: found '' expected: '\('$/],
    ['a,', /^found '', expected: identifier after ','$/],
    [',a', /^found ',', expected: !, identifier, or 'end of string'$/],
    ['!=a', /^found '!=', expected: !, identifier, or 'end of string'$/],
    ['!,a', /^unable to parse requirement: found ',', expected: identifier$/],
    ['a b', /^unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt$/],
    ['a=b c', /^found 'c', expected: ',' or 'end of string'$/],
    ['-a=b', /^unable to parse requirement: <nil>: Invalid value: "-a": name part must consist of alphanumeric/],
    ['-a b c', /^unable to parse requirement: <nil>: Invalid value: "-a": name part must/],
    ['A_/-', /^unable to parse requirement: <nil>: Invalid value: "A_\/-": prefix part a lowercase RFC 1123 subdomain .*; name part must/],
    ['a=$', /^unable to parse requirement: values\[0\]\[a\]: Invalid value: "\$": a valid label must be an empty string or consist of/],
    ['a in (-,b,_)', /^unable to parse requirement: \[values\[0\]\[a\]: Invalid value: "-": .*, values\[1\]\[a\]: Invalid value: "_": .*\]$/],
    ['a>b', /the value must be an integer/],
    ['a in (b', /^unable to parse requirement: found '', expected: ',' or '\)'$/],
    ['a in (', /^unable to parse requirement: found '', expected: ',', '\)' or identifier$/],
    ['a in (b,=', /^unable to parse requirement: found '=', expected: ',', or identifier$/],
  ];
  for (const [text, expected] of faults) {
    const parsed = parseSelector(text);
    assert.ok('fault' in parsed, text);
    assert.match(parsed.fault, expected, text);
  }
});

test('prototype names are ordinary labels', () => {
  const labels: Record<string, string> = {};
  assert.equal(hit('constructor', labels), false);
  setOwn(labels, '__proto__', 'x');
  assert.deepEqual(validateLabels({ constructor: 'a' } as unknown as Labels, new FieldPath('metadata').child('labels')), []);
  assert.equal(matchesLabelSelector({ matchExpressions: [{ key: 'toString', operator: 'Exists' }] }, labels), false);
});

test('selector objects', () => {
  assert.equal(matchesLabelSelector(undefined, { a: 'b' }), false);
  assert.equal(matchesLabelSelector({}, {}), true);
  const both = { matchLabels: { a: 'b' }, matchExpressions: [{ key: 'c', operator: 'NotIn', values: ['d'] }] };
  assert.equal(matchesLabelSelector(both, { a: 'b' }), true);
  assert.equal(matchesLabelSelector(both, { a: 'b', c: 'd' }), false);
  const errors = validateLabelSelector(
    {
      matchExpressions: [
        { key: 'a', operator: 'In' },
        { key: 'b', operator: 'Exists', values: ['x'] },
        { key: 'c', operator: 'Is' },
      ],
    },
    new FieldPath('spec').child('selector'),
  );
  assert.deepEqual(errors.map(formatFieldError), [
    "spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
    "spec.selector.matchExpressions[1].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
    'spec.selector.matchExpressions[2].operator: Invalid value: "Is": not a valid selector operator',
  ]);
});

test('formatting and parsing are inverse', () => {
  const word = fc.stringMatching(/^[a-z][a-z0-9]{0,5}$/);
  const requirement = fc.oneof(
    word,
    word.map((k) => `!${k}`),
    fc.tuple(word, word).map(([k, v]) => `${k}=${v}`),
    fc.tuple(word, word).map(([k, v]) => `${k}!=${v}`),
    fc.tuple(word, fc.array(word, { minLength: 1 })).map(([k, v]) => `${k} in (${v.join(',')})`),
  );
  fc.assert(
    fc.property(fc.array(requirement), fc.dictionary(word, word), (parts, labels) => {
      const parsed = parseSelector(parts.join(','));
      if ('fault' in parsed) return; // keys such as "in" are operators
      const again = selector(formatSelector(parsed));
      assert.equal(formatSelector(again), formatSelector(parsed));
      assert.equal(matchesSelector(again, labels), matchesSelector(parsed, labels));
    }),
  );
  fc.assert(fc.property(fc.string(), (text) => void parseSelector(text)));
});

test('field selectors', () => {
  const parsed = parseFieldSelector('metadata.name=x,status.phase!=Running,a==b\\,c');
  assert.deepEqual(parsed, [
    { field: 'metadata.name', equal: true, value: 'x' },
    { field: 'status.phase', equal: false, value: 'Running' },
    { field: 'a', equal: true, value: 'b,c' },
  ]);
  assert.deepEqual(parseFieldSelector(''), []);
  assert.deepEqual(parseFieldSelector('abc'), { fault: "invalid selector: 'abc'; can't understand 'abc'" });
  assert.deepEqual(parseFieldSelector('a=b=c'), { fault: 'invalid field selector: unescaped character in value: 61' });
  assert.deepEqual(parseFieldSelector('a=b\\c'), { fault: 'invalid field selector: invalid escape sequence: \\c' });
  assert.ok(matchesFields([{ field: 'a', equal: false, value: 'x' }], () => 'y'));
  fc.assert(
    fc.property(fc.array(fc.record({ field: fc.stringMatching(/^[a-z.]{1,8}$/), equal: fc.boolean(), value: fc.string() })), (s) => {
      assert.deepEqual(
        parseFieldSelector(formatFieldSelector(s)),
        s.map((r) => ({ ...r })),
      );
    }),
  );
  fc.assert(fc.property(fc.string(), (text) => void parseFieldSelector(text)));
});
