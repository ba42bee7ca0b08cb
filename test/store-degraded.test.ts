/** A store whose disk fails, is read-only or full: what a user of the API sees of it, and that it heals by itself. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { Agent } from 'node:https';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { configMaps, events } from '../src/api/gen/resources.ts';
import { ADMIN } from '../src/apiserver/bootstrap/identities.ts';
import { Disposals } from '../src/base/disposal.ts';
import { silentLog } from '../src/base/log.ts';
import { SystemClock } from '../src/base/system-clock.ts';
import { VirtualClock } from '../src/base/virtual-clock.ts';
import { createClient } from '../src/client/api-client.ts';
import { inProcessTransport } from '../src/client/transport.ts';
import { Certificates } from '../src/cluster/certificates.ts';
import type { ControlPlane } from '../src/cluster/control-plane.ts';
import type { StatusError } from '../src/machinery/status-error.ts';
import type { Journal } from '../src/store/journal.ts';
import { MvccStore } from '../src/store/mvcc.ts';
import { defaultStoreSettings } from '../src/store/settings.ts';
import { openSqliteStore } from '../src/store/sqlite.ts';
import { type Store, StoreError } from '../src/store/store.ts';
import { exchange } from './apiserver-exchange.ts';
import { openControlPlane } from './fixtures/control-plane.ts';

const drain = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A disk that says why it takes nothing, or takes everything. */
class Disk implements Journal {
  readonly reservedRevision = Number.POSITIVE_INFINITY;
  readonly lazyMs = 0;
  fault: string | undefined;
  readonly #obey = async (): Promise<void> => {
    if (this.fault !== undefined) throw new Error(this.fault);
  };
  readonly append = this.#obey;
  readonly remove = this.#obey;
  readonly probe = this.#obey;
  async close(): Promise<void> {}
}

function plane(disk: Disk, clock: VirtualClock): Promise<ControlPlane> {
  return openControlPlane({
    clock,
    openStore: async () => new MvccStore({ journal: disk, clock, settings: defaultStoreSettings }),
    yieldToLoop: () => Promise.resolve(),
  });
}

/** What an administrator is answered over HTTPS. */
async function overHttps(api: ControlPlane['api'], ends: Disposals): Promise<(path: string) => Promise<string>> {
  const directory = mkdtempSync(join(tmpdir(), 'berth-degraded-'));
  ends.add(() => rmSync(directory, { recursive: true }));
  const certificates = await Certificates.open(directory, new SystemClock());
  const issue = (usages: readonly ('server' | 'client')[]) =>
    certificates.issue({ commonName: 'kubernetes-admin', organizations: ['system:masters'], dnsNames: [], ipAddresses: ['127.0.0.1'], usages });
  const server = await issue(['server']);
  const { port } = await api.listen({ host: '127.0.0.1', port: 0, tls: { key: server.keyPem, cert: server.certPem, clientCa: certificates.caPem } });
  const mine = await issue(['client']);
  const agent = new Agent({ key: mine.keyPem, cert: mine.certPem, keepAlive: true });
  ends.add(() => agent.destroy());
  return async (path) => {
    const { code, text } = await exchange(port, certificates.caPem, agent, 'GET', path, undefined);
    return `${code} ${text}`;
  };
}

describe('an API server whose store takes no writes', () => {
  for (const cause of ['disk I/O error', 'attempt to write a readonly database', 'database or disk is full'])
    it(`${cause}: writes say so, reads go on, health and metrics show it at once, and it heals by itself, with an event`, async () => {
      const disk = new Disk();
      // Certificates are of today.
      const clock = new VirtualClock(Date.now());
      await using ends = new Disposals();
      const { api } = ends.use(await plane(disk, clock));
      const client = createClient(inProcessTransport(api.handler, ADMIN, 'test'), 'test');
      const ask = await overHttps(api, ends);
      const create = (name: string): Promise<unknown> => client.create(configMaps, { metadata: { name, namespace: 'default' } });
      await create('before');
      const told: string[] = [];
      const watch = await client.watch(
        configMaps,
        { resourceVersion: '' },
        { events: (batch) => told.push(...batch.map(({ object }) => object.metadata.name)), closed: () => {} },
      );
      assert.match(await ask('/metrics'), /berth_store_writable 1/);

      disk.fault = cause;
      for (const name of ['refused', 'refused-as-well'])
        await assert.rejects(create(name), (thrown: StatusError) => [500, 503].includes(thrown.code) && thrown.message.includes(cause));
      assert.match(await ask('/readyz'), /^500 [^]*\[-\]store failed: reason withheld/);
      assert.equal(await ask('/readyz/store'), `500 internal server error: ${cause}\n`);
      // Whoever restarts what does not live would take the reads away as well.
      assert.equal(await ask('/livez'), '200 ok');
      assert.match(await ask('/metrics'), /berth_store_writable 0/);
      assert.equal((await client.get(configMaps, 'before', 'default')).metadata.name, 'before');
      const names = async (): Promise<readonly string[]> =>
        (await client.list(configMaps, { namespace: 'default' })).items.map(({ metadata }) => metadata.name);
      assert.deepEqual(
        (await names()).filter((name) => name !== 'kube-root-ca.crt'),
        ['before'],
      );

      await clock.advance(20_000, drain);
      assert.match(await ask('/readyz'), /store failed/);
      disk.fault = undefined;
      await clock.advance(1_000, drain);
      assert.equal(await ask('/readyz'), '200 ok');
      assert.match(await ask('/metrics'), /berth_store_writable 1/);
      await create('after');
      assert.deepEqual(
        (await names()).filter((name) => name !== 'kube-root-ca.crt'),
        ['after', 'before'],
      );
      assert.equal(told.at(-1), 'after');
      assert.ok(!told.includes('refused'));
      const said = (await client.list(events, { namespace: 'default' })).items.filter(({ reason }) => reason === 'StoreReadOnly');
      assert.deepEqual(
        said.map(({ message, involvedObject }) => `${involvedObject.kind} ${involvedObject.name}: ${message}`),
        [`Service kubernetes: The store took no writes for 21 s: ${cause}. It takes them again; everything that was acknowledged is there`],
      );
      watch.close();
    });
});

const open = (directory: string): Promise<Store<number>> =>
  openSqliteStore<number>({
    directory,
    clock: new SystemClock(),
    settings: defaultStoreSettings,
    project: (_, value) => value.byteLength,
    log: silentLog,
    ballastBytes: 0,
  });
const write = (store: Store<number>, key: string): Promise<unknown> => store.commit([{ do: 'put', key, value: new Uint8Array(3000), projection: 3000 }]);
const unavailable = (thrown: unknown): boolean =>
  thrown instanceof StoreError && thrown.code === 'unavailable' && /I\/O error|read-?only/i.test(thrown.message);

async function healed(store: Store<number>): Promise<void> {
  if (store.health.state === 'ok') return;
  await new Promise<void>((resolve) => {
    const listening = store.onHealth(({ state }) => {
      if (state !== 'ok') return;
      listening[Symbol.dispose]();
      resolve();
    });
  });
}

/** Why disks can't be broken here; undefined: they can. */
function whyNoFaults(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  const directory = mkdtempSync(join(tmpdir(), 'berth-degraded-'));
  const file = join(directory, 'file');
  try {
    writeFileSync(file, '');
    execFileSync('chattr', ['+i', file], { stdio: 'ignore' });
    execFileSync('chattr', ['-i', file], { stdio: 'ignore' });
    return existsSync('/sys/fs/ext4') ? undefined : 'needs ext4';
  } catch {
    return 'needs a file system with immutable files';
  } finally {
    rmSync(directory, { recursive: true });
  }
}

describe('a store on a disk that fails', { skip: whyNoFaults() ?? false }, () => {
  it('a file that can not be written (I/O error): refused, read, and healed by itself; nothing acknowledged is lost', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'berth-degraded-'));
    const wal = join(directory, 'state.db-wal');
    let store = await open(directory);
    try {
      await write(store, '/before');
      execFileSync('chattr', ['+i', wal]);
      for (const key of ['/a', '/b']) await assert.rejects(write(store, key), unavailable);
      assert.equal(store.health.state, 'read-only');
      assert.deepEqual([store.count('/'), store.get('/before')?.projection], [1, 3000]);
      execFileSync('chattr', ['-i', wal]);
      await healed(store);
      await write(store, '/after');
      await store[Symbol.asyncDispose]();
      store = await open(directory);
      assert.deepEqual(
        store.list('/').entries.map(({ key }) => key),
        ['/after', '/before'],
      );
    } finally {
      if (existsSync(wal)) execFileSync('chattr', ['-i', wal]);
      await store[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true });
    }
  });

  it('a file system that turned read-only under it (ext4 after an error): refused, read, closed; the next start has everything', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'berth-degraded-'));
    const image = join(directory, 'disk.img');
    const at = join(directory, 'at');
    writeFileSync(image, '');
    truncateSync(image, 64 * 1024 * 1024);
    execFileSync('mkfs.ext4', ['-q', '-F', image]);
    execFileSync('mkdir', [at]);
    const mount = (): void => void execFileSync('mount', ['-o', 'loop,errors=remount-ro', image, at]);
    mount();
    try {
      let store = await open(join(at, 'store'));
      await write(store, '/before');
      const device = execFileSync('findmnt', ['-no', 'SOURCE', at]).toString().trim().replace('/dev/', '');
      assert.ok(readdirSync('/sys/fs/ext4').includes(device), device);
      writeFileSync(`/sys/fs/ext4/${device}/trigger_fs_error`, '1');
      for (const key of ['/a', '/b']) await assert.rejects(write(store, key), unavailable);
      assert.equal(store.health.state, 'read-only');
      assert.deepEqual([store.count('/'), store.get('/before')?.projection], [1, 3000]);
      await store[Symbol.asyncDispose]();
      execFileSync('umount', [at]);
      mount();
      store = await open(join(at, 'store'));
      await write(store, '/after');
      assert.deepEqual(
        store.list('/').entries.map(({ key }) => key),
        ['/after', '/before'],
      );
      await store[Symbol.asyncDispose]();
    } finally {
      execFileSync('umount', [at]);
      rmSync(directory, { recursive: true });
    }
  });
});
