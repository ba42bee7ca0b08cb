/** Certificate signing requests from request to certificate: test/e2e/auth/certificates.go. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { CertificateSigner } from '../../src/controllers/certificate-signing.ts';
import type { JsonObject } from '../../src/machinery/object.ts';
import { as, type Cluster, meta, openCluster, specOf, statusOf } from './cluster.ts';
import { CSR } from './minimal.ts';

const ALL = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
const MERGE = { contentType: 'application/merge-patch+json' };
const SIGNER = 'kubernetes.io/kube-apiserver-client';
const csr = (name: string, more: object = {}): JsonObject => ({
  apiVersion: 'certificates.k8s.io/v1',
  kind: 'CertificateSigningRequest',
  metadata: { name },
  spec: { request: CSR, signerName: SIGNER, usages: ['digital signature', 'key encipherment', 'client auth'], ...more },
});
const ISSUED = [
  'MIIBbzCCARWgAwIBAgIUIwmU3oasc5YqSGVLhkurzVoRgGYwCgYIKoZIzj0EAwIw',
  'DDEKMAgGA1UEAwwBYTAgFw0yNjExMzAwNzIxNTJaGA8yMTI2MTEwNjA3MjE1Mlow',
  'DDEKMAgGA1UEAwwBYTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABBl4D5VTCuH7',
  'bWnCafqYs2j+c3ohijEH9E1SxbWhEXmtMHqHYevfYYy6qyYYNUEtGvOwqJKpkKvh',
  'xTz1L+2A6VajUzBRMB0GA1UdDgQWBBQqO3bDViYATrJcHYITEpYcWVHaOzAfBgNV',
  'HSMEGDAWgBQqO3bDViYATrJcHYITEpYcWVHaOzAPBgNVHRMBAf8EBTADAQH/MAoG',
  'CCqGSM49BAMCA0gAMEUCIQD4TQ15sxE/hy/fK4/RH4adDLStjSjLOKCfXpCs66vw',
  'hwIgD9eo9y2HvhjFLE19joGhQp2+ehtBGM+2By2F0BOklzQ=',
];
/** The authority itself has tests of its own. */
const signer: CertificateSigner = {
  parse: () => Promise.resolve({ commonName: 'crud', organizations: [], dnsNames: [], ipAddresses: [], otherNames: [] }),
  sign: () => Promise.resolve(`-----BEGIN CERTIFICATE-----\n${ISSUED.join('\n')}\n-----END CERTIFICATE-----\n`),
};

describe('a certificate signing request', { timeout: 60_000 }, () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await openCluster({ signer });
  });
  after(() => cluster[Symbol.asyncDispose]());

  const approve = async (name: string, type = 'Approved') =>
    cluster.ask('PUT', `${ALL}/${name}/approval`, {
      ...(await cluster.get(`${ALL}/${name}`)),
      status: { conditions: [{ type, status: 'True', reason: 'E2E', message: 'Set from an e2e test' }] },
    });

  it('names who asks, whatever it says itself, and is signed once it is approved', async () => {
    const { body } = await cluster.ask('POST', ALL, csr('signed', { username: 'forged', groups: ['others'] }), as('ann', 'devs', 'system:masters'));
    assert.deepEqual([specOf(body)['username'], specOf(body)['groups']], ['ann', ['devs', 'system:masters', 'system:authenticated']]);
    await cluster.settle(2);
    assert.equal(statusOf(await cluster.get(`${ALL}/signed`))['certificate'], undefined);
    const approved = (await approve('signed')).body;
    const [condition] = statusOf(approved)['conditions'] as readonly JsonObject[];
    assert.deepEqual([condition?.['type'], typeof condition?.['lastUpdateTime'], typeof condition?.['lastTransitionTime']], ['Approved', 'string', 'string']);
    await cluster.settle(2);
    const certificate = Buffer.from(String(statusOf(await cluster.get(`${ALL}/signed`))['certificate']), 'base64').toString();
    assert.match(certificate, /^-----BEGIN CERTIFICATE-----\n/);
  });

  it('that its own key has not signed is refused, and so is one that is none', async () => {
    const pem = Buffer.from(CSR, 'base64').toString();
    const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
    const said = async (bytes: Buffer): Promise<string> => {
      const request = btoa(`-----BEGIN CERTIFICATE REQUEST-----\n${bytes.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`);
      const { code, message } = await cluster.refusal('POST', ALL, csr('forged', { request }));
      assert.equal(code, 422);
      return message.replace(request, 'REQUEST');
    };
    const invalid = 'CertificateSigningRequest.certificates.k8s.io "forged" is invalid: spec.request: Invalid value: "REQUEST": ';
    const forged = Buffer.from(der);
    forged.write('brud', forged.indexOf('crud'));
    assert.equal(await said(forged), `${invalid}x509: ECDSA verification failure`);
    assert.equal(await said(der.subarray(1)), `${invalid}asn1: structure error: length too large`);
  });

  it('that is denied stays without a certificate, and can not be approved after that', async () => {
    await cluster.ask('POST', ALL, csr('denied'));
    await approve('denied', 'Denied');
    await cluster.settle(2);
    assert.equal(statusOf(await cluster.get(`${ALL}/denied`))['certificate'], undefined);
    const before = await cluster.get(`${ALL}/denied`);
    const refused = await cluster.refusal('PUT', `${ALL}/denied/approval`, {
      ...before,
      status: { conditions: [{ type: 'Approved', status: 'True', reason: 'x' }] },
    });
    assert.equal(refused.code, 422);
  });

  it('is approved only through its own path, by who may approve for the signer', async () => {
    await cluster.ask('POST', ALL, csr('paths'));
    const condition = { type: 'Approved', status: 'True', reason: 'x', message: 'y' };
    await cluster.ask('PATCH', `${ALL}/paths`, { metadata: { annotations: { patched: 'true' } }, status: { conditions: [condition] } }, MERGE);
    const patched = await cluster.get(`${ALL}/paths`);
    assert.deepEqual([meta(patched)['annotations'], statusOf(patched)['conditions']], [{ patched: 'true' }, undefined]);
    const refused = await cluster.refusal('PATCH', `${ALL}/paths/approval`, { status: { conditions: [condition] } }, { ...MERGE, ...as('ann') });
    assert.deepEqual([refused.code, refused.reason], [403, 'Forbidden']);
  });

  it('has a status of its own: certificate and conditions, not the spec', async () => {
    await cluster.ask('POST', ALL, csr('status', { signerName: 'example.com/signer' }));
    const certificate = Buffer.from('-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----\n').toString('base64');
    const wrong = await cluster.refusal('PATCH', `${ALL}/status/status`, { status: { certificate } }, MERGE);
    assert.equal(wrong.code, 422, 'what is no certificate is not kept');
    const condition = { type: 'StatusUpdate', status: 'True', reason: 'E2E', message: 'Set from e2e test' };
    const { body } = await cluster.ask(
      'PATCH',
      `${ALL}/status/status`,
      { spec: { signerName: 'example.com/other' }, status: { conditions: [condition] } },
      MERGE,
    );
    const [kept] = statusOf(body)['conditions'] as readonly JsonObject[];
    assert.deepEqual([specOf(body)['signerName'], kept?.['type']], ['example.com/signer', 'StatusUpdate']);
  });

  it('runs through its life: listed, watched, deleted, deleted as a collection', async () => {
    const watch = await cluster.watch(
      `${ALL}?labelSelector=life%3Dyes&resourceVersion=${String(meta(await cluster.get(`${ALL}?limit=1`))['resourceVersion'])}`,
    );
    for (const name of ['l1', 'l2', 'l3']) {
      const body = csr(name, { signerName: 'example.com/signer' });
      await cluster.ask('POST', ALL, { ...body, metadata: { name, labels: { life: 'yes' } } });
    }
    await cluster.ask('DELETE', `${ALL}/l1`);
    assert.equal((await cluster.refusal('GET', `${ALL}/l1`)).reason, 'NotFound');
    await cluster.ask('DELETE', `${ALL}?labelSelector=life%3Dyes`);
    assert.deepEqual(await cluster.items(`${ALL}?labelSelector=life%3Dyes`), []);
    await cluster.settle(1);
    assert.deepEqual(
      watch.events.map(({ type }) => type),
      ['ADDED', 'ADDED', 'ADDED', 'DELETED', 'DELETED', 'DELETED'],
    );
    watch.close();
  });
});
