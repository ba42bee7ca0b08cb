import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Secret, ServiceAccount } from '../api/gen/types/core.v1.ts';
import type { Stored } from '../machinery/object.ts';
import { decideToken } from './service-account-tokens.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const WHOLE = { token: base64('t'), namespace: base64('shop'), 'ca.crt': base64('CA') };
const account = { metadata: { name: 'robot', namespace: 'shop', uid: 'u1', resourceVersion: '1' } } as Stored<ServiceAccount>;
const secret = (data: Readonly<Record<string, string>>, annotations: Readonly<Record<string, string>> = {}, more: object = {}): Stored<Secret> =>
  ({
    metadata: {
      name: 'robot-token',
      namespace: 'shop',
      uid: 's',
      resourceVersion: '2',
      annotations: { 'kubernetes.io/service-account.name': 'robot', ...annotations },
      ...more,
    },
    type: 'kubernetes.io/service-account-token',
    data,
  }) as Stored<Secret>;

describe('Secrets with a token of a service account', () => {
  const uid = (of: string) => ({ 'kubernetes.io/service-account.uid': of });
  const rows = [
    ['of an account that lives', secret(WHOLE, uid('u1')), account, { do: 'nothing' }],
    ['of an account that is gone', secret(WHOLE, uid('u1')), undefined, { do: 'delete' }],
    ['of an account that never was', secret({}), undefined, { do: 'delete' }],
    ['of an earlier account of that name', secret(WHOLE, uid('u0')), account, { do: 'delete' }],
    [
      'whose token was taken out',
      secret({ namespace: WHOLE.namespace }, uid('u1')),
      account,
      { do: 'fill', data: { namespace: WHOLE.namespace, 'ca.crt': WHOLE['ca.crt'] } },
    ],
    ['with an earlier CA', secret({ ...WHOLE, 'ca.crt': base64('old') }, uid('u1')), account, { do: 'fill', data: WHOLE }],
    ['that is being deleted', secret({}, {}, { deletionTimestamp: '2026-06-01T00:00:00Z' }), undefined, { do: 'nothing' }],
    ['of another type', { ...secret({}), type: 'Opaque' }, undefined, { do: 'nothing' }],
    ['that has gone', undefined, undefined, { do: 'nothing' }],
  ] as const;
  for (const [what, given, owner, decision] of rows) test(what, () => assert.deepEqual(decideToken(given, owner, 'CA'), decision));
});
