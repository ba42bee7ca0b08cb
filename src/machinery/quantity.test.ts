import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  addQuantities,
  canonicalQuantity,
  compareQuantities,
  formatQuantity,
  milliQuantityOf,
  parseQuantity,
  quantityMilliNumber,
  quantityNumber,
  quantityOf,
  readQuantity,
  subtractQuantities,
  ZERO_QUANTITY,
} from './quantity.ts';

const CANONICAL: readonly (readonly [string, string])[] = [
  ['0', '0'],
  ['00', '0'],
  ['-0', '0'],
  ['1', '1'],
  ['+1', '1'],
  ['0.5', '500m'],
  ['1000m', '1'],
  ['1500m', '1500m'],
  ['0.001', '1m'],
  ['1024Mi', '1Gi'],
  ['1Gi', '1Gi'],
  ['1.5Gi', '1536Mi'],
  ['0.5Ki', '512'],
  ['512', '512'],
  ['2048Ki', '2Mi'],
  ['1023Ki', '1023Ki'],
  ['1000', '1k'],
  ['1500', '1500'],
  ['1000k', '1M'],
  ['1e3', '1e3'],
  ['1E3', '1e3'],
  ['12e6', '12e6'],
  ['100e-3', '100e-3'],
  ['1E', '1E'],
  ['.5', '500m'],
  ['5.', '5'],
  ['0.0000000001', '1n'],
  ['-1Ki', '-1Ki'],
  ['-0.5', '-500m'],
  ['1.1Ki', '1126400m'],
  ['1.7Gi', '1825361100800m'],
  ['-1.1Ki', '-1126400m'],
  ['100000000000000000000', '9223372036854775807'],
  ['1n', '1n'],
  ['1000n', '1u'],
  ['0.1Ki', '102400m'],
];
test('the canonical form of a quantity', () => {
  for (const [text, expected] of CANONICAL) assert.equal(canonicalQuantity(text), expected, text);
});

test('what is no quantity', () => {
  for (const text of ['', ' 1', 'a', '1x', '1..2', '1.2.3', '--1', '1ki', '1K', 'Mi', '1e', '1 Gi', '1Gi ', '1mi', '1KiB', '0x1']) {
    assert.equal(typeof readQuantity(text), 'string', text);
  }
  assert.match(readQuantity('1x') as string, /^quantities must match/);
  assert.equal(readQuantity('1Kk'), "unable to parse quantity's suffix");
});

test('arithmetic is exact and rounds up', () => {
  const q = (t: string) => parseQuantity(t) ?? ZERO_QUANTITY;
  assert.equal(formatQuantity(addQuantities(q('0.1'), q('0.2'))), '300m');
  assert.equal(formatQuantity(addQuantities(q('1Gi'), q('512Mi'))), '1536Mi');
  assert.equal(formatQuantity(subtractQuantities(q('1'), q('1500m'))), '-500m');
  assert.equal(compareQuantities(q('1Gi'), q('1G')), 1);
  assert.equal(quantityNumber(q('1500m')), 2);
  assert.equal(quantityMilliNumber(q('1.0001')), 1001);
  assert.equal(formatQuantity(quantityOf(4096, 'BinarySI')), '4Ki');
  assert.equal(formatQuantity(milliQuantityOf(2500)), '2500m');
});

test('the canonical form is stable and means the same', () => {
  const suffix = fc.constantFrom('', 'n', 'u', 'm', 'k', 'M', 'G', 'Ki', 'Mi', 'Gi', 'Ti', 'e2', 'e-4', 'E3');
  fc.assert(
    fc.property(fc.bigInt(-(10n ** 12n), 10n ** 12n), fc.nat(999), suffix, (whole, fraction, unit) => {
      const text = `${whole}.${fraction}${unit}`;
      const once = canonicalQuantity(text);
      assert.ok(once !== undefined);
      assert.equal(canonicalQuantity(once), once);
      assert.ok(quantityNumber(parseQuantity(once) ?? ZERO_QUANTITY) === quantityNumber(parseQuantity(text) ?? ZERO_QUANTITY));
    }),
  );
});

test('no text crashes or hangs the parser', () => {
  fc.assert(fc.property(fc.string(), (text) => void readQuantity(text)));
  fc.assert(fc.property(fc.stringMatching(/^[0-9eEKMGi.+-]{0,20}$/), (text) => void readQuantity(text)));
  readQuantity(`1e${'9'.repeat(900)}`);
  readQuantity(`0.${'0'.repeat(1000)}1`);
});
