import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CertificateSigningRequest } from '../api/gen/types/certificates.v1.ts';
import type { Stored } from '../machinery/object.ts';
import { decideSigning, type ParsedRequest, type SigningDecision } from './certificate-signing.ts';

const HOUR = 3_600_000;
const start = Date.UTC(2026, 0, 1);
const client = ['digital signature', 'key encipherment', 'client auth'];
const node: ParsedRequest = { commonName: 'system:node:n1', organizations: ['system:nodes'], dnsNames: [], ipAddresses: [], otherNames: [] };

const request = (
  signer: string,
  usages: readonly string[],
  conditions: readonly string[] = ['Approved'],
  more: object = {},
): Stored<CertificateSigningRequest> => ({
  metadata: { name: 'r', uid: 'u', resourceVersion: '1', creationTimestamp: new Date(start).toISOString() },
  spec: { request: '', signerName: signer, usages },
  status: { conditions: conditions.map((type) => ({ type, status: 'True' })), ...more },
});

const kubelet = 'kubernetes.io/kube-apiserver-client-kubelet';
const serving = 'kubernetes.io/kubelet-serving';
type Row = readonly [string, Stored<CertificateSigningRequest>, ParsedRequest | string, SigningDecision, number?];
const rows: readonly Row[] = [
  ['approved: signed', request('kubernetes.io/kube-apiserver-client', client), { ...node, organizations: [] }, { do: 'sign', seconds: 365 * 86_400 }],
  [
    'shorter on request',
    { ...request(kubelet, client), spec: { request: '', signerName: kubelet, usages: client, expirationSeconds: 600 } },
    node,
    { do: 'sign', seconds: 600 },
  ],
  ['not approved: waits a day', request(kubelet, client, []), node, { do: 'nothing', againAfterMs: 24 * HOUR }],
  ['a signer of somebody else', request('example.com/x', client), node, { do: 'nothing', againAfterMs: 24 * HOUR }],
  ['denied: kept for an hour', request(kubelet, client, ['Denied']), node, { do: 'nothing', againAfterMs: HOUR }],
  ['an hour later', request(kubelet, client, ['Denied']), node, { do: 'delete' }, HOUR],
  ['signed long ago', request(kubelet, client, ['Approved'], { certificate: 'x' }), node, { do: 'delete' }, 2 * HOUR],
  ['unreadable', request(kubelet, client), 'unable to parse csr: x', { do: 'fail', message: 'unable to parse csr: x' }],
  [
    'another group',
    request(kubelet, client),
    { ...node, organizations: ['system:masters'] },
    { do: 'fail', message: 'subject organization is not system:nodes' },
  ],
  ...['kubernetes.io/kube-apiserver-client', 'kubernetes.io/legacy-unknown'].map(
    (signer): Row => [
      `the group that may do everything, by ${signer}`,
      request(signer, client),
      { ...node, organizations: ['devs', 'system:masters'] },
      { do: 'fail', message: 'subject organization system:masters is not allowed' },
    ],
  ),
  ['another name', request(kubelet, client), { ...node, commonName: 'ann' }, { do: 'fail', message: 'subject common name does not begin with system:node: ' }],
  [
    'too many usages',
    request(kubelet, [...client, 'server auth']),
    node,
    { do: 'fail', message: 'usages did not match [client auth digital signature key encipherment]' },
  ],
  [
    'too few usages',
    request('kubernetes.io/kube-apiserver-client', ['digital signature']),
    node,
    { do: 'fail', message: 'missing required usage for client certificate: client auth' },
  ],
  [
    'usages of no client',
    request('kubernetes.io/kube-apiserver-client', ['client auth', 'server auth']),
    node,
    { do: 'fail', message: 'invalid usage for client certificate: server auth' },
  ],
  [
    'a kubelet that does not say all of its usages',
    request(kubelet, ['client auth']),
    node,
    { do: 'fail', message: 'usages did not match [client auth digital signature key encipherment]' },
  ],
  ['a kubelet whose key enciphers nothing', request(kubelet, ['client auth', 'digital signature']), node, { do: 'sign', seconds: 365 * 86_400 }],
  ...(
    [
      [{ dnsNames: ['n1'] }, 'DNS subjectAltNames are not allowed'],
      [{ otherNames: [{ type: 'email', value: 'a@b' }] }, 'Email subjectAltNames are not allowed'],
      [{ ipAddresses: ['10.0.0.1'] }, 'IP subjectAltNames are not allowed'],
      [{ otherNames: [{ type: 'url', value: 'spiffe://x' }] }, 'URI subjectAltNames are not allowed'],
    ] as const
  ).map(
    ([names, message]): Row => [`a kubelet's client with ${JSON.stringify(names)}`, request(kubelet, client), { ...node, ...names }, { do: 'fail', message }],
  ),
  [
    'serving for a mailbox',
    request(serving, ['digital signature', 'server auth']),
    { ...node, dnsNames: ['n1'], otherNames: [{ type: 'email', value: 'a@b' }] },
    { do: 'fail', message: 'Email subjectAltNames are not allowed' },
  ],
  [
    'shorter than anybody may ask for',
    { ...request(kubelet, client), spec: { request: '', signerName: kubelet, usages: client, expirationSeconds: 60 } },
    node,
    { do: 'sign', seconds: 600 },
  ],
  ['serving without an address', request(serving, ['digital signature', 'server auth']), node, { do: 'fail', message: 'DNS or IP subjectAltName is required' }],
  ['serving', request(serving, ['digital signature', 'server auth']), { ...node, ipAddresses: ['10.0.0.1'] }, { do: 'sign', seconds: 365 * 86_400 }],
];

for (const [what, object, parsed, decision, afterMs = 0] of rows) test(what, () => assert.deepEqual(decideSigning(object, parsed, start + afterMs), decision));
