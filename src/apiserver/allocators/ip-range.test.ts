import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contains, ipAt, parseIp, parseIpRange } from './ip-range.ts';

test('an IPv4 range without its first and last address', () => {
  const range = parseIpRange('10.96.0.0/24');
  assert.equal(range.size, 254);
  assert.equal(ipAt(range, 1), '10.96.0.1');
  assert.equal(ipAt(range, 254), '10.96.0.254');
  for (const [ip, inside] of [
    ['10.96.0.0', false],
    ['10.96.0.1', true],
    ['10.96.0.254', true],
    ['10.96.0.255', false],
    ['10.97.0.1', false],
    ['fd00::1', false],
    ['x', false],
  ] as const)
    assert.equal(contains(range, ip), inside, ip);
});

test('an IPv6 range, written as RFC 5952 says', () => {
  const range = parseIpRange('fd00:10:96::/112');
  assert.equal(ipAt(range, 1), 'fd00:10:96::1');
  assert.equal(ipAt(range, 0xabc), 'fd00:10:96::abc');
  assert.equal(range.size, 65_535);
  assert.ok(contains(range, 'fd00:10:96:0::ffff'));
});

test('what is no address or range', () => {
  for (const text of ['1.2.3', '1.2.3.256', '01.2.3.4', '::1::', '1:2:3:4:5:6:7:8:9', 'g::', '']) assert.equal(parseIp(text), undefined, text);
  for (const text of ['10.0.0.0', '10.0.0.0/33', '10.0.0.0/31', 'x/8', '10.0.0.0/-1']) assert.throws(() => parseIpRange(text), RangeError, text);
});
