import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import type { PolicyRule } from '../../api/gen/types/rbac.v1.ts';
import { StatusError } from '../../machinery/status-error.ts';
import { parseProxyName } from '../subresources/proxy-target.ts';
import { signJwt, verifyJwt } from '../authn/jwt.ts';
import { discoveryForm } from '../discovery/negotiate.ts';
import { pathAttributes, resourceAttributes } from './authorizer.ts';
import { missingRules, ruleAllows } from './rules.ts';

const user = { name: 'ann', groups: [] };
const some = <T>(...values: readonly T[]) => fc.subarray([...values], { minLength: 1 });

const resourceRule: fc.Arbitrary<PolicyRule> = fc.record({
  verbs: some('get', 'list', '*'),
  apiGroups: some('', 'apps', '*'),
  resources: some('pods', 'pods/log', '*/log', 'deployments', '*'),
  resourceNames: fc.subarray(['a', 'b']),
});
const pathRule: fc.Arbitrary<PolicyRule> = fc.record({ verbs: some('get', '*'), nonResourceURLs: some('/healthz', '/healthz/*', '/api*', '*') });
const rule = fc.oneof(resourceRule, pathRule);

const questions = [
  ...['get', 'list', 'delete'].flatMap((verb) =>
    ['', 'apps', 'batch'].flatMap((group) =>
      [
        ['pods', ''],
        ['pods', 'log'],
        ['deployments', ''],
        ['deployments', 'log'],
        ['pods', 'exec'],
      ].flatMap(([resource = '', subresource = '']) => ['', 'a', 'c'].map((name) => resourceAttributes({ user, verb, group, resource, subresource, name }))),
    ),
  ),
  ...['/healthz', '/healthz/etcd', '/api', '/apis', '/metrics'].flatMap((path) => ['get', 'post'].map((verb) => pathAttributes({ user, verb, path }))),
];

test('whoever lacks no rule of a role may do all that the role allows', () => {
  fc.assert(
    fc.property(fc.array(rule, { maxLength: 4 }), rule, (owned, wanted) => {
      if (missingRules(owned, [wanted]).length > 0) return;
      for (const question of questions) {
        if (ruleAllows(wanted, question))
          assert.ok(
            owned.some((own) => ruleAllows(own, question)),
            JSON.stringify(question),
          );
      }
    }),
    { numRuns: 3000 },
  );
});

test('a rule lacks nothing of itself, and with the missing rules added nothing is missing', () => {
  fc.assert(
    fc.property(fc.array(rule, { maxLength: 4 }), rule, (owned, wanted) => {
      assert.deepEqual(missingRules([wanted], [wanted]), []);
      assert.deepEqual(missingRules([...owned, ...missingRules(owned, [wanted])], [wanted]), []);
    }),
  );
});

const keys = {
  digest: (data: Uint8Array) => createHash('sha256').update(data).digest(),
  secret: (length: number) => new Uint8Array(length),
  signing: { algorithm: 'HS256' as const, keyId: 'k' },
  sign: (data: Uint8Array) => createHmac('sha256', 'x').update(data).digest(),
  verify: (id: string, data: Uint8Array, signature: Uint8Array) => id === 'k' && createHmac('sha256', 'x').update(data).digest().equals(signature),
};

test('a token is read back, and no change of one character makes another good one', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.string()), fc.nat(), fc.constantFrom('A', 'b', '9', '-', '.', '=', ' '), (claims, at, letter) => {
      const token = signJwt(claims, keys);
      assert.deepEqual(verifyJwt(token, keys), JSON.parse(JSON.stringify(claims)));
      const place = at % token.length;
      const other = token.slice(0, place) + letter + token.slice(place + 1);
      if (other !== token) assert.equal(verifyJwt(other, keys), undefined);
    }),
  );
});

test('no header, name or token breaks a parser', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.array(fc.constantFrom('a', '.', ';', ',', '=', '/', 'q', ':', '*', ' ')), (text, parts) => {
      for (const each of [text, parts.join('')]) {
        assert.equal(verifyJwt(each, keys), undefined);
        try {
          discoveryForm(each);
        } catch (thrown) {
          assert.ok(thrown instanceof StatusError && thrown.reason === 'NotAcceptable', String(thrown));
        }
        parseProxyName(each);
      }
    }),
  );
});
