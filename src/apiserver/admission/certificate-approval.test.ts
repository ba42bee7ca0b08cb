import assert from 'node:assert/strict';
import { test } from 'node:test';
import { certificateSigningRequests, podCertificateRequests } from '../../api/gen/resources.ts';
import type { Authorizer } from '../authz/authorizer.ts';
import { certificateApproval } from './certificate-approval.ts';
import { certificateSigning } from './certificate-signing.ts';
import { certificateSubjectRestriction } from './certificate-subject-restriction.ts';
import { type RequestParts, requestOf, run } from './testing.ts';

const refusal = async (plugin: Parameters<typeof run>[0], parts: RequestParts): Promise<string | undefined> => {
  const result = await run(plugin, requestOf(parts));
  return typeof result === 'string' ? result : undefined;
};

test('certificates', async () => {
  const only =
    (name: string): Authorizer =>
    (attributes) => ({ allowed: attributes.name === name && attributes.resource === 'signers', reason: '' });
  const parts = (signerName: string): RequestParts => ({
    operation: 'UPDATE',
    resource: certificateSigningRequests,
    subresource: 'approval',
    name: 'r',
    object: { metadata: { name: 'r' }, spec: { signerName } },
    old: { metadata: { name: 'r' }, spec: { signerName } },
  });
  assert.equal(await refusal(certificateApproval(only('example.com/*')), parts('example.com/x')), undefined);
  assert.match(
    (await refusal(certificateApproval(only('example.com/*')), parts('other.com/x'))) ?? '',
    /user not permitted to approve requests with signerName "other.com\/x"$/,
  );
  const wide = (name: string, width: number): Buffer => Buffer.concat([...Buffer.from(name)].map((each) => Buffer.from([0, 0, 0, each].slice(4 - width))));
  const organization = (name: string, type: number, width: number, long: boolean, header: string): string => {
    const text = wide(name, width);
    const value = Buffer.concat([Buffer.from([0x06, 0x03, 0x55, 0x04, 0x0a, type, ...(long ? [0x81] : []), text.length]), text]);
    return Buffer.from(`-----BEGIN CERTIFICATE REQUEST-----\n${header}${value.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`).toString('base64');
  };
  const asks = (name: string, { type = 0x0c, width = 1, long = false, header = '' } = {}) =>
    refusal(certificateSubjectRestriction, {
      resource: certificateSigningRequests,
      object: { metadata: { name: 'r' }, spec: { signerName: 'kubernetes.io/kube-apiserver-client', request: organization(name, type, width, long, header) } },
    });
  for (const how of [{ type: 0x13 }, { type: 0x1e, width: 2 }, { type: 0x1c, width: 4 }, { long: true }, { header: 'Comment: x\n\n' }]) {
    assert.match((await asks('system:masters', how)) ?? '', /system:masters group is not allowed$/, JSON.stringify(how));
  }
  assert.match((await asks('system:masters')) ?? '', /system:masters group is not allowed$/);
  assert.equal(await asks('system:masters2'), undefined);
});

test('who ends the request of a pod for a certificate must be allowed to sign', async () => {
  const signs: Authorizer = ({ verb, name }) => ({ allowed: verb === 'sign' && name === 'example.com/x', reason: '' });
  const ended = (signerName: string, status: object = { conditions: [{ type: 'Denied', status: 'True' }] }): Promise<string | undefined> =>
    refusal(certificateSigning(signs), {
      operation: 'UPDATE',
      resource: podCertificateRequests,
      subresource: 'status',
      name: 'r',
      object: { metadata: { name: 'r' }, spec: { signerName }, status },
      old: { metadata: { name: 'r' }, spec: { signerName }, status: {} },
    });
  assert.equal(await ended('example.com/x'), undefined);
  assert.equal(await ended('other.com/x', {}), undefined, 'nothing changes');
  assert.match(
    (await ended('other.com/x')) ?? '',
    /^PodCertificateRequest.certificates.k8s.io "r" is invalid: spec.signerName: Forbidden: User ".*" is not permitted to "sign" for signer "other.com\/x"$/,
  );
});
