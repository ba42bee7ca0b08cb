/** The process that is killed: an API server above the SQLite store of a directory. Says its port and its CA, then serves. */
import { join } from 'node:path';
import { builtinKinds } from '../../src/api/registry.ts';
import { createProjector } from '../../src/apiserver/codec/projection.ts';
import { createRegistry } from '../../src/apiserver/server.ts';
import { startTestServer } from '../../src/apiserver/testing.ts';
import { silentLog } from '../../src/base/log.ts';
import { SystemClock } from '../../src/base/system-clock.ts';
import { Certificates } from '../../src/cluster/certificates.ts';
import { defaultStoreSettings } from '../../src/store/settings.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';

const [directory = ''] = process.argv.slice(2);
const clock = new SystemClock();
const certificates = await Certificates.open(directory, clock);
const pair = await certificates.issue({ commonName: 'server', organizations: [], dnsNames: [], ipAddresses: ['127.0.0.1'], usages: ['server'] });
const store = await openSqliteStore({
  directory: join(directory, 'store'),
  clock,
  settings: defaultStoreSettings,
  project: createProjector(createRegistry(builtinKinds())),
  log: silentLog,
  ballastBytes: 0,
});
const server = startTestServer({ clock, store, yieldToLoop: () => new Promise((resolve) => setImmediate(resolve)) });
const { port } = await server.api.listen({ host: '127.0.0.1', port: 0, tls: { key: pair.keyPem, cert: pair.certPem, clientCa: certificates.caPem } });
process.stdout.write(`${JSON.stringify({ port, ca: certificates.caPem })}\n`);
