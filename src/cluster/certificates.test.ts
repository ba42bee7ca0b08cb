import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { VirtualClock } from '../base/virtual-clock.ts';
import { certificateSigner } from './certificate-signer.ts';
import { newKeyPem } from './certificate-issue.ts';
import { type CertificateRequest, Certificates, type KeyPair } from './certificates.ts';
import { DataDirectoryError } from './data-directory.ts';
import { ecKeys } from './node-keys.ts';
import { ensureCertificates, keepCertificatesFresh } from './identities.ts';

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

test('a key for signing is made once and stays: not even years later are its signatures lost', async () => {
  await inDirectory(async (directory) => {
    const clock = new VirtualClock();
    const made = await (await Certificates.open(directory, clock)).key('service-account');
    await clock.advance(3_000 * DAY_MS, async () => {});
    assert.equal(await (await Certificates.open(directory, clock)).key('service-account'), made);
    assert.equal((await stat(join(directory, 'service-account.key'))).mode & 0o777, 0o600);
  });
});

test('a request is read, and signed for its own key and names', async () => {
  await inDirectory(async (directory) => {
    const clock = new VirtualClock(Date.UTC(2026, 5, 1));
    const all = await Certificates.open(directory, clock);
    const signer = certificateSigner(() => ({ certPem: all.caPem, keyPem: all.caKeyPem }), clock);
    const lib = await import('@peculiar/x509');
    const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
    const request = await lib.Pkcs10CertificateRequestGenerator.create({
      name: [{ O: ['system:nodes'] }, { CN: ['system:node:n1'] }],
      keys,
      signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
      extensions: [
        new lib.SubjectAlternativeNameExtension([
          { type: 'dns', value: 'n1' },
          { type: 'ip', value: '10.0.0.1' },
        ]),
        new lib.BasicConstraintsExtension(true),
      ],
    });
    const pem = request.toString('pem');
    assert.deepEqual(await signer.parse(pem), {
      commonName: 'system:node:n1',
      organizations: ['system:nodes'],
      dnsNames: ['n1'],
      ipAddresses: ['10.0.0.1'],
      otherNames: [],
    });
    const certificate = new X509Certificate(await signer.sign(pem, { seconds: 600, usages: ['digital signature', 'server auth'] }));
    assert.equal(certificate.verify(new X509Certificate(all.caPem).publicKey), true);
    assert.deepEqual(
      [certificate.subject, certificate.subjectAltName, certificate.ca],
      ['O=system:nodes\nCN=system:node:n1', 'DNS:n1, IP Address:10.0.0.1', false],
    );
    assert.equal(Date.parse(certificate.validTo), clock.now() + 600_000);
    const broken = new Uint8Array(request.rawData.slice(0));
    broken[broken.length - 1] = (broken.at(-1) ?? 0) ^ 1;
    await assert.rejects(signer.parse(lib.PemConverter.encode(broken, 'CERTIFICATE REQUEST')), /signature/);
    await assert.rejects(signer.parse('nonsense'));
  });
});

for (const [about, damage, says] of [
  ['an empty ca.crt', { 'ca.crt': '' }, /^\S+\/ca\.crt is damaged: restore it from a copy, or remove it, .*; nothing was changed$/],
  ['a torn ca.key', { 'ca.key': '-----BEGIN PRIVATE KEY-----\nMIGH' }, /^\S+\/ca\.key is damaged: restore both of ca\.crt and ca\.key/],
  ['no ca.key', { 'ca.key': undefined }, /^\S+\/ca\.key is missing: restore both/],
  ['a ca.key of another authority', { 'ca.key': newKeyPem() }, /^\S+\/ca\.crt is not of \S+\/ca\.key: restore both/],
  ['zeros in apiserver.crt', { 'apiserver.crt': '\0'.repeat(1_000) }, /^\S+\/apiserver\.crt is damaged: remove apiserver\.crt and apiserver\.key/],
  ['a torn service-account.key', { 'service-account.key': '-----BEGIN' }, /^\S+\/service-account\.key is damaged: restore it from a copy/],
] as const) {
  test(`${about}: one line names the file and the remedy, and nothing is written over`, async () => {
    await inDirectory(async (directory) => {
      const clock = new VirtualClock(Date.UTC(2026, 5, 1));
      await openAll(directory, clock);
      for (const [file, text] of Object.entries(damage))
        await (text === undefined ? rm(join(directory, file)) : writeFile(join(directory, file), text, { mode: 0o600 }));
      const before = await contents(directory);
      await assert.rejects(openAll(directory, clock), (thrown: unknown) => thrown instanceof DataDirectoryError && says.test(thrown.message));
      assert.deepEqual(await contents(directory), before);
    });
  });
}

test('a first start that was killed after ca.key, or a removed ca.crt: the key gets its certificate, and what it signed stays valid', async () => {
  await inDirectory(async (directory) => {
    const clock = new VirtualClock(Date.UTC(2026, 5, 1));
    const pair = await (await Certificates.open(directory, clock)).ensure('apiserver', server);
    await rm(join(directory, 'ca.crt'));
    const again = await Certificates.open(directory, clock);
    assert.deepEqual(await again.ensure('apiserver', server), pair);
  });
});

test('a renewal that was killed between the two files is made again', async () => {
  await inDirectory(async (directory) => {
    const all = await Certificates.open(directory, new VirtualClock(Date.UTC(2026, 5, 1)));
    await all.ensure('apiserver', server);
    const keyPem = newKeyPem();
    await writeFile(join(directory, 'apiserver.key'), keyPem);
    const pair = await all.ensure('apiserver', server);
    assert.equal(new X509Certificate(pair.certPem).checkPrivateKey(createPrivateKey(pair.keyPem)), true);
    assert.notEqual(pair.keyPem, keyPem);
  });
});

/** Everything that a start asks for. */
async function openAll(directory: string, clock: VirtualClock): Promise<void> {
  const all = await Certificates.open(directory, clock);
  await all.ensure('apiserver', server);
  await all.key('service-account');
}

async function contents(directory: string): Promise<Readonly<Record<string, string>>> {
  const names = (await readdir(directory)).sort();
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await readFile(join(directory, name), 'utf8')] as const)));
}

test('every certificate of a cluster is renewed before it ends, and handed to whoever uses it', async () =>
  inDirectory(async (directory) => {
    const clock = new VirtualClock();
    const certificates = await Certificates.open(directory, clock);
    const names = { nodeName: 'n1', serviceIp: '10.96.0.1', addresses: ['192.0.2.1'], extra: [] };
    const user = (name: string) => ({ name, groups: ['system:authenticated'] });
    const users = { admin: user('admin'), kubeletClient: user('apiserver'), node: user('system:node:n1') };
    const before = await ensureCertificates(certificates, names, users);
    const endsMs = Date.parse(new X509Certificate(before.node.certPem).validTo);
    /** What one look comes to, some time later; `expected`: how many it waits for. */
    const afterLook = async (ms: number, expected: number): Promise<ReadonlyMap<string, string>> => {
      const handed = new Map<string, string>();
      const all = Promise.withResolvers<void>();
      const take = (leaf: string) => (pair: KeyPair) => {
        handed.set(leaf, pair.certPem);
        if (handed.size === expected) all.resolve();
      };
      const renewed = { server: take('server'), admin: take('admin'), kubeletClient: take('kubeletClient'), node: take('node') };
      const faults: unknown[] = [];
      const kept = keepCertificatesFresh(certificates, { names, users }, renewed, (_leaf, cause) => {
        faults.push(cause);
        all.resolve();
      });
      await clock.advance(ms, async () => {});
      if (expected > 0) await all.promise;
      await kept[Symbol.asyncDispose]();
      assert.deepEqual(faults, []);
      return handed;
    };
    assert.equal((await afterLook(DAY_MS, 0)).size, 0, 'a day later nothing has to be renewed');
    const handed = await afterLook(Math.ceil((endsMs - clock.now()) * 0.7), 4);
    for (const leaf of ['server', 'admin', 'kubeletClient', 'node'] as const) {
      const fresh = new X509Certificate(handed.get(leaf) ?? '');
      assert.ok(Date.parse(fresh.validTo) > endsMs, leaf);
      assert.equal(fresh.subject, new X509Certificate(before[leaf].certPem).subject);
    }
  }));

test('the key of tokens is changed by putting it aside: what it signed stays good until its file is removed', async () =>
  inDirectory(async (directory) => {
    const open = async () => {
      const certificates = await Certificates.open(directory, new VirtualClock());
      return ecKeys({ privatePem: await certificates.key('service-account'), trustedPems: await certificates.earlierKeys('service-account') });
    };
    const data = new TextEncoder().encode('header.claims');
    const before = await open();
    const signature = before.sign(data);
    await rename(join(directory, 'service-account.key'), join(directory, 'service-account-2025.key'));
    const after = await open();
    assert.notEqual(after.signing.keyId, before.signing.keyId);
    assert.equal(after.verify(before.signing.keyId, data, signature), true);
    assert.deepEqual(
      after.publicKeys?.().map(({ kid }) => kid),
      [after.signing.keyId, before.signing.keyId],
    );
    await rm(join(directory, 'service-account-2025.key'));
    assert.equal((await open()).verify(before.signing.keyId, data, signature), false);
    await writeFile(join(directory, 'service-account-x.pub'), 'nothing');
    await assert.rejects(open(), /service-account-x\.pub is damaged: restore it from a copy, or remove it/);
  }));
