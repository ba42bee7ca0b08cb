import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import { ADMIN, KUBELET_CLIENT, nodeIdentity } from '../src/apiserver/bootstrap/identities.ts';
import { SystemRandom } from '../src/base/random.ts';
import { SystemClock } from '../src/base/system-clock.ts';
import { createClient } from '../src/client/api-client.ts';
import { HttpsTransport } from '../src/client/https-transport.ts';
import { inProcessTransport } from '../src/client/transport.ts';
import { serviceAccounts } from '../src/api/gen/resources.ts';
import { Certificates } from '../src/cluster/certificates.ts';
import type { ControlPlane } from '../src/cluster/control-plane.ts';
import { ensureCertificates } from '../src/cluster/identities.ts';
import { ecKeys } from '../src/cluster/node-keys.ts';
import { transportPromises } from './contract/transport.ts';
import { openControlPlane } from './fixtures/control-plane.ts';

describe('the ways to an API server', () => {
  const directory = mkdtempSync(join(tmpdir(), 'berth-transport-'));
  const clock = new SystemClock();
  let plane: ControlPlane;
  let https: HttpsTransport;
  before(async () => {
    const authorities = await Certificates.open(directory, clock);
    const names = { nodeName: 'n', serviceIp: '10.96.0.1', addresses: ['127.0.0.1'], extra: [] };
    const certificates = await ensureCertificates(authorities, names, { admin: ADMIN, kubeletClient: KUBELET_CLIENT, node: nodeIdentity('n') });
    plane = await openControlPlane({
      clock,
      random: new SystemRandom(),
      keys: ecKeys({ privatePem: certificates.serviceAccountKeyPem }),
      caPem: authorities.caPem,
    });
    const { port } = await plane.api.listen({
      host: '127.0.0.1',
      port: 0,
      tls: { key: certificates.server.keyPem, cert: certificates.server.certPem, clientCa: authorities.caPem },
    });
    // Pods need it; here no controller makes it.
    await createClient(inProcessTransport(plane.api.handler, ADMIN, 'test')).create(serviceAccounts, { metadata: { name: 'default', namespace: 'default' } });
    https = new HttpsTransport({
      server: `https://127.0.0.1:${port}`,
      ca: authorities.caPem,
      certificate: { certificate: certificates.admin.certPem, key: certificates.admin.keyPem },
      userAgent: 'test',
    });
  });
  after(async () => {
    https[Symbol.dispose]();
    await plane[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true, force: true });
  });

  describe('in process', () => transportPromises('direct', async () => createClient(inProcessTransport(plane.api.handler, ADMIN, 'test'))));
  describe('over HTTPS', () => transportPromises('https', async () => createClient(https)));
});
