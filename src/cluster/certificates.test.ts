import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { VirtualClock } from '../base/virtual-clock.ts';
import { type CertificateRequest, Certificates } from './certificates.ts';

const DAY_MS = 86_400_000;
const server: CertificateRequest = {
  commonName: 'kube-apiserver',
  organizations: [],
  dnsNames: ['localhost', 'kubernetes.default.svc'],
  ipAddresses: ['127.0.0.1', '10.96.0.1', '::1'],
  usages: ['server'],
};
const admin: CertificateRequest = { commonName: 'kubernetes-admin', organizations: ['system:masters'], dnsNames: [], ipAddresses: [], usages: ['client'] };

async function inDirectory(run: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'berth-pki-'));
  try {
    await run(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

test('certificates are made once, chain to the authority, and are private', async () => {
  await inDirectory(async (directory) => {
    const clock = new VirtualClock(Date.UTC(2026, 5, 1));
    const first = await Certificates.open(directory, clock);
    const pair = await first.ensure('apiserver', server);
    const client = await first.ensure('admin', admin);
    const ca = new X509Certificate(first.caPem);
    const leaf = new X509Certificate(pair.certPem);
    assert.equal(ca.ca, true);
    assert.equal(leaf.checkIssued(ca) && leaf.verify(ca.publicKey), true);
    assert.equal(new X509Certificate(client.certPem).subject, 'O=system:masters\nCN=kubernetes-admin');
    for (const file of ['ca.key', 'ca.crt', 'apiserver.key', 'admin.key']) assert.equal((await stat(join(directory, file))).mode & 0o777, 0o600, file);

    const again = await Certificates.open(directory, clock);
    assert.equal(again.caPem, first.caPem);
    assert.deepEqual(await again.ensure('apiserver', server), pair);
  });
});

test('a certificate is made again for a new address and before it expires', async () => {
  await inDirectory(async (directory) => {
    const clock = new VirtualClock(Date.UTC(2026, 5, 1));
    const all = await Certificates.open(directory, clock);
    const pair = await all.ensure('apiserver', server);
    const moved = await all.ensure('apiserver', { ...server, ipAddresses: [...server.ipAddresses, '192.168.7.9'] });
    assert.notEqual(moved.certPem, pair.certPem);

    const later = await Certificates.open(directory, new VirtualClock(Date.UTC(2026, 5, 1) + 300 * DAY_MS));
    assert.equal(later.caPem, all.caPem);
    assert.notEqual((await later.ensure('apiserver', server)).certPem, moved.certPem);

    const years = new VirtualClock(Date.UTC(2026, 5, 1) + 9 * 365 * DAY_MS);
    const renewed = await Certificates.open(directory, years);
    assert.notEqual(renewed.caPem, all.caPem);
    assert.equal(new X509Certificate(pair.certPem).verify(new X509Certificate(renewed.caPem).publicKey), true, 'the key stays');
  });
});
