import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentLog } from '../base/log.ts';
import { SystemRandom } from '../base/random.ts';
import { SystemClock } from '../base/system-clock.ts';
import { CsiServer } from '../csi/grpc.ts';
import { openSystemHost } from '../host/system.ts';
import { NodeDrivers } from './csi-drivers.ts';

/** A driver's two sockets: its own, and the one in the registry; gives what the kubelet told it. */
async function serveDriver(name: string, directory: string, root: string): Promise<{ readonly told: Promise<unknown>; readonly server: CsiServer }> {
  const server = await CsiServer.open();
  const { promise, resolve } = Promise.withResolvers<unknown>();
  server.serve('csi.v1.Identity', { GetPluginInfo: async () => ({ name, vendor_version: '1' }) });
  server.serve('pluginregistration.Registration', {
    GetInfo: async () => ({ type: 'CSIPlugin', name, endpoint: join(directory, `${name}.sock`), supported_versions: ['1.0.0'] }),
    NotifyRegistrationStatus: async (status) => {
      resolve(status);
      return {};
    },
  });
  await server.listen(join(directory, `${name}.sock`));
  await server.listen(join(root, 'plugins_registry', `${name}-reg.sock`));
  return { told: promise, server };
}

test('drivers that register by a socket stand beside the node’s own, whose name nobody else may take', { timeout: 300_000 }, async () => {
  const clock = new SystemClock();
  await using host = openSystemHost({ clock, random: new SystemRandom() });
  const directory = await mkdtemp(join(tmpdir(), 'berth-drv-'));
  const root = join(directory, 'kubelet');
  // Of the node's own driver nothing is asked here.
  const own = { name: 'own.example.com' } as never;
  const servers: CsiServer[] = [];
  try {
    await using drivers = await NodeDrivers.open({ own: [own], rootDirectory: root, host, clock, log: silentLog });
    const { promise, resolve } = Promise.withResolvers<void>();
    drivers.onChange(() => resolve());
    const other = await serveDriver('other.example.com', directory, root);
    servers.push(other.server);
    assert.deepEqual(await other.told, { plugin_registered: true, error: '' });
    await promise;
    assert.deepEqual(
      drivers.list().map((d) => d.name),
      ['own.example.com', 'other.example.com'],
    );
    const thief = await serveDriver('own.example.com', directory, root);
    servers.push(thief.server);
    const refused = (await thief.told) as { readonly plugin_registered: boolean; readonly error: string };
    assert.deepEqual([refused.plugin_registered, /is part of this node/.test(refused.error)], [false, true]);
    assert.equal(drivers.find('own.example.com'), own);
  } finally {
    for (const server of servers) await server[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  }
});
