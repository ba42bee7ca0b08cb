import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recognized } from './certificate-approving.ts';
import type { ParsedRequest } from './certificate-signing.ts';

const node: ParsedRequest = { commonName: 'system:node:n1', organizations: ['system:nodes'], dnsNames: [], ipAddresses: [], otherNames: [] };
const usages = ['digital signature', 'client auth'];
const signerName = 'kubernetes.io/kube-apiserver-client-kubelet';
const spec = { request: '', signerName, usages, username: 'system:bootstrap:abcdef' };

const rows: readonly (readonly [what: string, spec: object, parsed: object, rights: readonly string[]])[] = [
  ['a machine that joins', {}, {}, ['nodeclient']],
  ['a node that renews its own', { username: 'system:node:n1' }, {}, ['selfnodeclient', 'nodeclient']],
  ['with the usage that RSA keys had', { usages: [...usages, 'key encipherment'] }, {}, ['nodeclient']],
  ['too many usages', { usages: [...usages, 'server auth'] }, {}, []],
  ['too few', { usages: ['client auth'] }, {}, []],
  ['another group as well', {}, { organizations: ['system:nodes', 'system:masters'] }, []],
  ['no node', {}, { commonName: 'ann' }, []],
  ['a name besides', {}, { dnsNames: ['kubernetes'] }, []],
  ['another signer', { signerName: 'kubernetes.io/kubelet-serving' }, {}, []],
];
for (const [what, more, parsed, rights] of rows) {
  test(`${what}: ${rights.join(', ') || 'nobody approves it by itself'}`, () => {
    const found = recognized({ metadata: { name: 'r' }, spec: { ...spec, ...more } }, { ...node, ...parsed });
    assert.deepEqual(
      found.map(({ subresource }) => subresource),
      rights,
    );
  });
}
