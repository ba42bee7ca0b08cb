/** `kill -9` while stored values are encrypted anew: all can be read afterwards, and the next start goes on. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { silentLog } from '../src/base/log.ts';
import { SystemRandom } from '../src/base/random.ts';
import { SystemClock } from '../src/base/system-clock.ts';
import { encryptionRules } from '../src/cluster/encryption-config.ts';
import { encryptionSeal } from '../src/cluster/encryption.ts';
import type { Json } from '../src/machinery/object.ts';
import { defaultStoreSettings } from '../src/store/settings.ts';
import { openSqliteStore } from '../src/store/sqlite.ts';
import type { Store } from '../src/store/store.ts';

const root = mkdtempSync(join(tmpdir(), 'berth-encryption-crash-'));
after(() => rmSync(root, { recursive: true }));
let made = 0;
const fresh = (): string => join(root, String(++made));

const SECRET = '/registry/core/secrets/default/db';
const PLAIN = 'correct-horse-battery-staple';
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (value: Uint8Array | undefined): string => new TextDecoder().decode(value);
const disk = (directory: string): string =>
  readdirSync(directory)
    .map((file) => readFileSync(join(directory, file), 'latin1'))
    .join('\n');

/** The first key writes. */
const config = (...names: readonly ('one' | 'two')[]): Json => ({
  apiVersion: 'apiserver.config.k8s.io/v1',
  kind: 'EncryptionConfiguration',
  resources: [
    {
      resources: ['secrets'],
      providers: [{ aesgcm: { keys: names.map((name) => ({ name, secret: Buffer.alloc(32, name).toString('base64') })) } }],
    },
  ],
});

async function open(directory: string, ...names: readonly ('one' | 'two')[]): Promise<Store<number>> {
  const clock = new SystemClock();
  const seal = await encryptionSeal(encryptionRules(config(...names)).rules, { clock, random: new SystemRandom(), log: silentLog });
  return openSqliteStore<number>({ directory, clock, settings: defaultStoreSettings, project: () => 0, log: silentLog, ballastBytes: 0, seal });
}

describe('encryption at rest, killed while it encrypts anew', () => {
  const VALUES = 450;
  const rotate = (directory: string, killAt: number): { readonly signal: string | null; readonly sealed: number } => {
    const child = join(import.meta.dirname, 'encryption-crash-child.ts');
    const { signal, status, stdout, stderr } = spawnSync(process.execPath, [child, directory, JSON.stringify(config('two', 'one')), String(killAt)], {
      encoding: 'utf8',
    });
    assert.ok(signal === 'SIGKILL' || status === 0, stderr);
    return { signal, sealed: Number(stdout) };
  };

  it('every value can be read after each kill, and the next start goes on where it was', async () => {
    const directory = fresh();
    let store = await open(directory, 'one');
    await store.commit(Array.from({ length: VALUES }, (_, at) => ({ do: 'put', key: `${SECRET}-${at}`, value: bytes(`${PLAIN}-${at}`), projection: 0 })));
    await store[Symbol.asyncDispose]();
    // In the first batch, between two, and when all but the last is written.
    for (const killAt of [1, 150, 201, 199, 50]) {
      assert.equal(rotate(directory, killAt).signal, 'SIGKILL');
      store = await open(directory, 'one', 'two');
      const read = Array.from({ length: VALUES }, (_, at) => text(store.get(`${SECRET}-${at}`)?.value));
      assert.deepEqual(
        read,
        Array.from({ length: VALUES }, (_, at) => `${PLAIN}-${at}`),
      );
      await store[Symbol.asyncDispose]();
    }
  });

  it('what was done before the kill is not done again', async () => {
    const directory = fresh();
    const store = await open(directory, 'one');
    await store.commit(Array.from({ length: VALUES }, (_, at) => ({ do: 'put', key: `${SECRET}-${at}`, value: bytes(PLAIN), projection: 0 })));
    await store[Symbol.asyncDispose]();
    assert.equal(rotate(directory, 201).signal, 'SIGKILL');
    assert.deepEqual(rotate(directory, 0), { signal: null, sealed: VALUES - 200 });
    const done = await open(directory, 'two');
    assert.equal(text(done.get(`${SECRET}-0`)?.value), PLAIN);
    await done[Symbol.asyncDispose]();
    assert.ok(!disk(directory).includes('k8s:enc:aesgcm:v1:one:'));
  });
});
