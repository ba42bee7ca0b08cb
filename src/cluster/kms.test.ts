import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { silentLog } from '../base/log.ts';
import { SeededRandom } from '../base/random.ts';
import { SystemClock } from '../base/system-clock.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import { defaultStoreSettings } from '../store/settings.ts';
import { openSqliteStore } from '../store/sqlite.ts';
import { type Store, StoreError } from '../store/store.ts';
import type { EncryptionProvider } from './encryption-config.ts';
import { encryptionSeal } from './encryption.ts';
import { Kms } from './kms.ts';
import { KmsPlugin } from './kms.fixture.ts';

const root = mkdtempSync(join(tmpdir(), 'berth-kms-'));
after(() => rmSync(root, { recursive: true }));
let made = 0;
const fresh = (): string => join(root, String(++made));

const SECRET = '/registry/core/secrets/default/db';
const PLAIN = 'correct-horse-battery-staple';
const text = (value: Uint8Array | undefined): string => new TextDecoder().decode(value);
const provider = (socket: string): Extract<EncryptionProvider, { kind: 'kms' }> => ({ kind: 'kms', name: 'vault', socket, timeoutMs: 30_000 });

interface Opened extends AsyncDisposable {
  readonly store: Store<number>;
}

async function open(directory: string, socket: string, ...more: EncryptionProvider[]): Promise<Opened> {
  const clock = new SystemClock();
  const seal = await encryptionSeal([{ resources: ['secrets'], providers: [provider(socket), ...more] }], {
    clock,
    random: new SeededRandom(1),
    log: silentLog,
  });
  try {
    const store = await openSqliteStore<number>({ directory, clock, settings: defaultStoreSettings, project: () => 0, log: silentLog, ballastBytes: 0, seal });
    return {
      store,
      [Symbol.asyncDispose]: async () => {
        await store[Symbol.asyncDispose]();
        seal[Symbol.dispose]();
      },
    };
  } catch (thrown) {
    seal[Symbol.dispose]();
    throw thrown;
  }
}

const put = ({ store }: Opened, name: string, value: string): Promise<unknown> =>
  store.commit([{ do: 'put', key: name, value: new TextEncoder().encode(value), projection: 0 }]);
const disk = (directory: string): string =>
  readdirSync(directory)
    .map((file) => readFileSync(join(directory, file), 'latin1'))
    .join('\n');

describe('encryption by a KMS plugin', () => {
  it('what is on the disk needs the plugin; a write does not call it', async () => {
    const [directory, socket] = [fresh(), fresh()];
    await using plugin = await KmsPlugin.listen(socket);
    {
      await using opened = await open(directory, socket);
      const asked = plugin.calls.length;
      for (let at = 0; at < 50; at++) await put(opened, `${SECRET}-${at}`, PLAIN);
      assert.equal(plugin.calls.length, asked);
    }
    const kept = disk(directory);
    assert.ok(!kept.includes(PLAIN));
    assert.ok(kept.includes('k8s:enc:kms:v2:vault:'));
    plugin.calls.length = 0;
    await using opened = await open(directory, socket);
    assert.equal(text(opened.store.get(`${SECRET}-7`)?.value), PLAIN);
    assert.deepEqual(plugin.calls, ['Status', 'Decrypt'], 'one seed, unwrapped once, and used again');
  });

  it('a new key of the plugin is used from the next question on, and for everything from the next start on', async () => {
    const [directory, socket] = [fresh(), fresh()];
    await using plugin = await KmsPlugin.listen(socket);
    {
      await using opened = await open(directory, socket);
      await put(opened, SECRET, PLAIN);
    }
    plugin.rotate('key-2');
    {
      await using opened = await open(directory, socket);
      assert.equal(text(opened.store.get(SECRET)?.value), PLAIN);
    }
    plugin.calls.length = 0;
    await using opened = await open(directory, socket);
    assert.equal(text(opened.store.get(SECRET)?.value), PLAIN);
    assert.deepEqual(plugin.calls, ['Status', 'Decrypt'], 'nothing is left of the first key');
  });

  it('asks every minute, says so when the plugin is not well, and takes a new key', async () => {
    const socket = fresh();
    await using plugin = await KmsPlugin.listen(socket);
    const clock = new VirtualClock();
    // Deadlines are real time.
    using kms = await Kms.open({ provider: { ...provider(socket), timeoutMs: Date.now() + 60_000 }, clock, random: new SeededRandom(1), log: silentLog });
    await kms.prepare([]);
    const first = kms.encrypt(SECRET, Buffer.from(PLAIN));
    assert.equal(kms.decrypt(SECRET, first).stale, false);
    assert.equal(clock.nextInMs(), 60_000);
    plugin.healthz = 'the vault is sealed';
    await kms.ask();
    assert.equal(kms.health, 'the KMS plugin vault: got unexpected healthz status: the vault is sealed');
    assert.equal(text(kms.decrypt(SECRET, kms.encrypt(SECRET, Buffer.from(PLAIN))).value), PLAIN, 'writes go on');
    plugin.healthz = 'ok';
    plugin.rotate('key-2');
    await kms.ask();
    assert.equal(kms.health, undefined);
    const { value, stale } = kms.decrypt(SECRET, first);
    assert.deepEqual([text(value), stale], [PLAIN, true]);
    assert.equal(kms.decrypt(SECRET, kms.encrypt(SECRET, Buffer.from(PLAIN))).stale, false);
    assert.throws(() => kms.decrypt('/registry/core/secrets/default/other', first), /authenticate/);
  });

  it('a start without the plugin, or with one that is not well, says so and changes nothing', async () => {
    const [directory, socket] = [fresh(), fresh()];
    await assert.rejects(open(directory, socket), /the KMS plugin vault does not listen: there is no .*Start it/);
    await using plugin = await KmsPlugin.listen(socket);
    {
      await using opened = await open(directory, socket);
      await put(opened, SECRET, PLAIN);
    }
    plugin.version = 'v1beta1';
    const isSealed = (message: RegExp) => (thrown: unknown) => thrown instanceof StoreError && thrown.code === 'sealed' && message.test(thrown.message);
    await assert.rejects(open(directory, socket), isSealed(/expected KMSv2 API version v2, got v1beta1/));
    plugin.version = 'v2';
    await using opened = await open(directory, socket);
    assert.equal(text(opened.store.get(SECRET)?.value), PLAIN);
  });
});
