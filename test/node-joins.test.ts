/** How a machine joins (TLS bootstrapping): it checks cluster-info with its token, asks for a certificate, and gets it approved and signed. */
import assert from 'node:assert/strict';
import { createHash, createHmac, X509Certificate } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { certificateSigningRequests, clusterRoleBindings, configMaps, secrets } from '../src/api/gen/resources.ts';
import { ADMIN, CONTROLLERS } from '../src/apiserver/bootstrap/identities.ts';
import { Disposals } from '../src/base/disposal.ts';
import { SeededRandom } from '../src/base/random.ts';
import { SystemClock } from '../src/base/system-clock.ts';
import { certificateSigner } from '../src/cluster/certificate-signer.ts';
import { Certificates } from '../src/cluster/certificates.ts';
import { hmacKeys } from '../src/cluster/node-keys.ts';
import { startControllers } from '../src/controllers/controllers.ts';
import { openControlPlane } from './fixtures/control-plane.ts';

const TOKEN = { id: 'abcdef', secret: '0123456789abcdef' };
const group = 'rbac.authorization.k8s.io';

async function csrPem(name: string): Promise<string> {
  const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({ name, keys, signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' } });
  return request.toString('pem');
}

it('a machine joins by a bootstrap token', { timeout: 300_000 }, async () => {
  await using ends = new Disposals();
  const directory = await mkdtemp(join(tmpdir(), 'berth-joins-'));
  ends.add(() => rm(directory, { recursive: true }));
  const clock = new SystemClock();
  const random = new SeededRandom(1);
  const authorities = await Certificates.open(directory, clock);
  const plane = ends.use(await openControlPlane({ clock, random, keys: hmacKeys(random.bytes(32), random), caPem: authorities.caPem }));
  const signer = certificateSigner(() => ({ certPem: authorities.caPem, keyPem: authorities.caKeyPem }), clock);
  const sha256 = (data: Uint8Array): Uint8Array => createHash('sha256').update(data).digest();
  ends.use(startControllers({ ...plane.controllerOptions(CONTROLLERS, 'kube-controller-manager'), caPem: authorities.caPem, signer, sha256 }));
  const { client, informers } = plane.componentOptions(ADMIN, 'test');

  const infos = informers.of(configMaps, { namespace: 'kube-public', fieldSelector: 'metadata.name=cluster-info' });
  const requests = informers.of(certificateSigningRequests);
  const seen = <T>(informer: { onChange(handlers: object): Disposable }, look: () => T | undefined): Promise<T> =>
    new Promise((resolve) => {
      const check = (): void => {
        const found = look();
        if (found !== undefined) resolve(found);
      };
      ends.use(informer.onChange({ added: check, updated: check, deleted: check }));
      check();
    });

  await client.create(configMaps, { metadata: { name: 'cluster-info', namespace: 'kube-public' }, data: { kubeconfig: 'where the cluster is' } });
  const token = { 'token-id': TOKEN.id, 'token-secret': TOKEN.secret, 'usage-bootstrap-signing': 'true', 'usage-bootstrap-authentication': 'true' };
  await client.create(secrets, {
    metadata: { name: `bootstrap-token-${TOKEN.id}`, namespace: 'kube-system' },
    type: 'bootstrap.kubernetes.io/token',
    stringData: token,
  });
  const jws = await seen(infos, () => infos.get('cluster-info', 'kube-public')?.data?.[`jws-kubeconfig-${TOKEN.id}`]);
  const [header = '', , signature] = jws.split('.');
  const signed = `${header}.${Buffer.from('where the cluster is').toString('base64url')}`;
  assert.equal(signature, createHmac('sha256', TOKEN.secret).update(signed).digest('base64url'), 'the machine knows its cluster');

  // What kubeadm sets up: bootstrap tokens may ask, and what they ask for their node is approved.
  for (const name of ['system:node-bootstrapper', 'system:certificates.k8s.io:certificatesigningrequests:nodeclient'])
    await client.create(clusterRoleBindings, {
      metadata: { name: `join-${name.split(':').at(-1)}` },
      roleRef: { apiGroup: group, kind: 'ClusterRole', name },
      subjects: [{ apiGroup: group, kind: 'Group', name: 'system:bootstrappers' }],
    });
  const joining = plane.componentOptions({ name: `system:bootstrap:${TOKEN.id}`, groups: ['system:bootstrappers', 'system:authenticated'] }, 'kubelet').client;
  const ask = async (name: string, subject: string): Promise<unknown> =>
    joining.create(certificateSigningRequests, {
      metadata: { name },
      spec: {
        request: Buffer.from(await csrPem(subject)).toString('base64'),
        signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
        usages: ['digital signature', 'client auth'],
      },
    });
  await ask('n1', 'O=system:nodes, CN=system:node:n1');
  const certificate = await seen(requests, () => requests.get('n1')?.status?.certificate);
  assert.match(new X509Certificate(Buffer.from(certificate, 'base64')).subject.replaceAll('\n', ', '), /O=system:nodes, CN=system:node:n1/);
  const [condition] = requests.get('n1')?.status?.conditions ?? [];
  assert.deepEqual(
    [condition?.type, condition?.reason, condition?.message],
    ['Approved', 'AutoApproved', 'Auto approving kubelet client certificate after SubjectAccessReview.'],
  );

  // Another group than that of nodes is for people to approve; the next node's request shows that this one has been passed over.
  await ask('greedy', 'O=system:nodes, O=system:masters, CN=system:node:n2');
  await ask('n3', 'O=system:nodes, CN=system:node:n3');
  await seen(requests, () => requests.get('n3')?.status?.certificate);
  assert.equal(requests.get('greedy')?.status?.conditions, undefined);
});
