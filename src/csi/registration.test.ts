import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentLog } from '../base/log.ts';
import { SystemClock } from '../base/system-clock.ts';
import { CsiServer } from './grpc.ts';
import { Registration } from './registration.ts';

test('a socket appears and its driver is registered; it goes and the driver is gone', { timeout: 300_000 }, async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'berth-reg-'));
  t.after(() => rm(directory, { recursive: true }));
  const names: string[] = [];
  const arrived = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  const notified = Promise.withResolvers<unknown>();
  let tell = (): void => {};
  await using registration = await Registration.start({
    clock: new SystemClock(),
    log: silentLog,
    sockets: async () => (await readdir(directory)).filter((name) => name.endsWith('-reg.sock')).map((name) => join(directory, name)),
    watch: async (changed) => {
      tell = changed;
      return { [Symbol.dispose]: () => {} };
    },
    registered: async ({ name }) => {
      names.push(name);
      arrived.resolve();
    },
    gone: async () => gone.resolve(),
  });

  const server = await CsiServer.open();
  server.serve('csi.v1.Identity', { GetPluginInfo: async () => ({ name: 'a.example.com', vendor_version: '1' }) });
  server.serve('pluginregistration.Registration', {
    GetInfo: async () => ({ type: 'CSIPlugin', name: 'a.example.com', endpoint: join(directory, 'csi.sock'), supported_versions: ['1.0.0'] }),
    NotifyRegistrationStatus: async (status) => {
      notified.resolve(status);
      return {};
    },
  });
  await server.listen(join(directory, 'csi.sock'));
  await server.listen(join(directory, 'a-reg.sock'));
  tell();
  await arrived.promise;
  assert.deepEqual(await notified.promise, { plugin_registered: true, error: '' });
  assert.deepEqual(names, ['a.example.com']);

  await rm(join(directory, 'a-reg.sock'));
  tell();
  await gone.promise;
  await registration[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});
