import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import { ADMIN, KUBELET_CLIENT, nodeIdentity } from '../src/apiserver/bootstrap/identities.ts';
import { silentLog } from '../src/base/log.ts';
import { SystemRandom } from '../src/base/random.ts';
import { SystemClock } from '../src/base/system-clock.ts';
import { createClient } from '../src/client/api-client.ts';
import { HttpsTransport } from '../src/client/https-transport.ts';
import { inProcessTransport } from '../src/client/transport.ts';
import { serviceAccounts } from '../src/api/gen/resources.ts';
import { Certificates } from '../src/cluster/certificates.ts';
import { ControlPlane } from '../src/cluster/control-plane.ts';
import { ensureCertificates } from '../src/cluster/identities.ts';
import { ecKeys } from '../src/cluster/node-keys.ts';
import { openMemoryStore } from '../src/store/memory.ts';
import { defaultStoreSettings } from '../src/store/settings.ts';
import { transportPromises } from './contract/transport.ts';

describe('the ways to an API server', () => {
  const directory = mkdtempSync(join(tmpdir(), 'berth-transport-'));
  const clock = new SystemClock();
  let plane: ControlPlane;
  let https: HttpsTransport;
  before(async () => {
    const authorities = await Certificates.open(directory, clock);
    const names = { nodeName: 'n', serviceIp: '10.96.0.1', addresses: ['127.0.0.1'], extra: [] };
    const certificates = await ensureCertificates(authorities, names, { admin: ADMIN, kubeletClient: KUBELET_CLIENT, node: nodeIdentity('n') });
    plane = await ControlPlane.open({
      clock,
      random: new SystemRandom(),
      keys: ecKeys({ privatePem: certificates.serviceAccountKeyPem }),
      log: silentLog,
      openStore: async () => openMemoryStore({ clock, settings: defaultStoreSettings }),
      yieldToLoop: () => new Promise((resolve) => setImmediate(resolve)),
      addresses: () => ({ serviceIp: '10.96.0.1', serviceCidr: '10.96.0.0/16', advertiseIp: '192.0.2.1', port: 6443 }),
      caPem: authorities.caPem,
      serviceCidr: '10.96.0.0/16',
      nodePorts: { first: 30_000, last: 32_767 },
      runtimeConfig: {},
    });
    const { port } = await plane.api.listen({
      host: '127.0.0.1',
      port: 0,
      tls: { key: certificates.server.keyPem, cert: certificates.server.certPem, clientCa: authorities.caPem },
    });
    await plane.bootstrap();
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
