import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { silentLog } from '../base/log.ts';
import { SystemRandom } from '../base/random.ts';
import { SystemClock } from '../base/system-clock.ts';
import { formatFieldError } from '../machinery/field-error.ts';
import type { Json } from '../machinery/object.ts';
import { defaultStoreSettings } from '../store/settings.ts';
import { openSqliteStore } from '../store/sqlite.ts';
import { type Store, StoreError } from '../store/store.ts';
import { type EncryptionSeal, encryptionSeal } from './encryption.ts';
import { encryptionRules, readEncryptionConfig } from './encryption-config.ts';

const root = mkdtempSync(join(tmpdir(), 'berth-encryption-'));
after(() => rmSync(root, { recursive: true }));
let made = 0;
const fresh = (): string => join(root, String(++made));

const secret = (fill: number, length = 32): string => Buffer.alloc(length, fill).toString('base64');
const key = (name: string, fill: number): Json => ({ name, secret: secret(fill) });
const config = (...providers: Json[]): Json => ({
  apiVersion: 'apiserver.config.k8s.io/v1',
  kind: 'EncryptionConfiguration',
  resources: [{ resources: ['secrets'], providers }],
});
const around = { clock: new SystemClock(), random: new SystemRandom(), log: silentLog };
const sealOf = (given: Json): Promise<EncryptionSeal> => {
  const { rules, errors } = encryptionRules(given);
  assert.deepEqual(errors, []);
  return encryptionSeal(rules, around);
};
const seal = (...providers: Json[]): Promise<EncryptionSeal> => sealOf(config(...providers));

const SECRET = '/registry/core/secrets/default/db';
const PLAIN = 'correct-horse-battery-staple';
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (value: Uint8Array | undefined): string => new TextDecoder().decode(value);

const open = async (directory: string, ...providers: Json[]): Promise<Store<number>> =>
  openSqliteStore<number>({
    directory,
    clock: new SystemClock(),
    settings: defaultStoreSettings,
    project: () => 0,
    log: silentLog,
    ballastBytes: 0,
    ...(providers.length === 0 ? {} : { seal: await seal(...providers) }),
  });

const put = (store: Store<number>, name: string, value: string) => store.commit([{ do: 'put', key: name, value: bytes(value), projection: 0 }]);
/** All bytes of all files, as somebody with the disk would read them. */
const disk = (directory: string): string =>
  readdirSync(directory)
    .map((file) => join(directory, file))
    .filter((file) => statSync(file).isFile())
    .map((file) => readFileSync(file, 'latin1'))
    .join('\n');

const GCM_1: Json = { aesgcm: { keys: [key('one', 1)] } };
const CBC_1: Json = { aescbc: { keys: [key('one', 1)] } };
const BOX_1: Json = { secretbox: { keys: [key('one', 1)] } };
const ROTATED: Json = { aesgcm: { keys: [key('two', 2), key('one', 1)] } };
const GCM_2: Json = { aesgcm: { keys: [key('two', 2)] } };
const IDENTITY: Json = { identity: {} };

describe('encryption at rest: on the disk', () => {
  for (const [what, provider, prefix] of [
    ['aesgcm', GCM_1, 'k8s:enc:aesgcm:v1:one:'],
    ['aescbc', CBC_1, 'k8s:enc:aescbc:v1:one:'],
    ['secretbox', BOX_1, 'k8s:enc:secretbox:v1:one:'],
  ] as const) {
    it(`${what}: the plaintext is in no file, open or closed, and comes back`, async () => {
      const directory = fresh();
      let store = await open(directory, provider);
      await put(store, SECRET, PLAIN);
      await put(store, '/registry/core/configmaps/default/c', 'this may be read');
      assert.equal(text(store.get(SECRET)?.value), PLAIN);
      assert.ok(!disk(directory).includes(PLAIN), 'while it is open');
      await store[Symbol.asyncDispose]();
      const kept = disk(directory);
      assert.ok(!kept.includes(PLAIN));
      assert.ok(kept.includes(prefix));
      assert.ok(kept.includes('this may be read'));
      store = await open(directory, provider);
      assert.equal(text(store.get(SECRET)?.value), PLAIN);
      await store[Symbol.asyncDispose]();
    });
  }

  it('what was stored before is encrypted at the next start, old versions too, without a new version', async () => {
    const directory = fresh();
    let store = await open(directory);
    await put(store, SECRET, PLAIN);
    await put(store, SECRET, `${PLAIN}-2`);
    await store[Symbol.asyncDispose]();
    assert.ok(disk(directory).includes(PLAIN));
    store = await open(directory, GCM_1, IDENTITY);
    assert.deepEqual([text(store.get(SECRET)?.value), store.get(SECRET)?.modRevision, store.revision], [`${PLAIN}-2`, 2, 2]);
    assert.ok(!disk(directory).includes(PLAIN), 'nor in free pages and the WAL');
    await store[Symbol.asyncDispose]();
    assert.ok(!disk(directory).includes(PLAIN));
  });

  it('a key is rotated in two starts, after which the old one is not needed', async () => {
    const directory = fresh();
    let store = await open(directory, GCM_1);
    await put(store, SECRET, PLAIN);
    await store[Symbol.asyncDispose]();
    store = await open(directory, ROTATED);
    await put(store, '/registry/core/secrets/default/new', 'another');
    await store[Symbol.asyncDispose]();
    assert.ok(!disk(directory).includes('k8s:enc:aesgcm:v1:one:'));
    store = await open(directory, GCM_2);
    assert.equal(text(store.get(SECRET)?.value), PLAIN);
    assert.equal(text(store.get('/registry/core/secrets/default/new')?.value), 'another');
    await store[Symbol.asyncDispose]();
  });

  it('identity first takes the encryption off again', async () => {
    const directory = fresh();
    let store = await open(directory, GCM_1);
    await put(store, SECRET, PLAIN);
    await store[Symbol.asyncDispose]();
    store = await open(directory, IDENTITY, GCM_1);
    await store[Symbol.asyncDispose]();
    store = await open(directory);
    assert.equal(text(store.get(SECRET)?.value), PLAIN);
    await store[Symbol.asyncDispose]();
  });

  it('without the key the start says what is missing, and loses nothing', async () => {
    const directory = fresh();
    let store = await open(directory, GCM_1);
    await put(store, SECRET, PLAIN);
    await store[Symbol.asyncDispose]();
    const refused = (message: RegExp) => (thrown: unknown) => thrown instanceof StoreError && thrown.code === 'sealed' && message.test(thrown.message);
    await assert.rejects(open(directory), refused(/secrets\/default\/db is encrypted \(k8s:enc:aesgcm:v1:one:\) and no encryption configuration was given/));
    await assert.rejects(open(directory, GCM_2), refused(/no key of the encryption configuration decrypts it/));
    await assert.rejects(open(directory, { aesgcm: { keys: [key('one', 9)] } }), refused(/no key of the encryption configuration decrypts it/));
    store = await open(directory, GCM_1);
    assert.equal(text(store.get(SECRET)?.value), PLAIN);
    await store[Symbol.asyncDispose]();
  });
});

describe('encryption at rest: values', () => {
  it("one object's bytes are refused in another's place", async () => {
    const { seal: encrypt, open: decrypt } = await seal(GCM_1);
    const kept = encrypt(SECRET, bytes(PLAIN));
    assert.equal(text(decrypt(SECRET, kept).value), PLAIN);
    assert.throws(() => decrypt('/registry/core/secrets/default/other', kept), StoreError);
  });

  it('the first rule that names a resource counts', async () => {
    const rules: Json = {
      apiVersion: 'apiserver.config.k8s.io/v1',
      kind: 'EncryptionConfiguration',
      resources: [
        { resources: ['configmaps', 'deployments.apps'], providers: [IDENTITY] },
        { resources: ['*.apps'], providers: [CBC_1] },
        { resources: ['*.'], providers: [GCM_1] },
      ],
    };
    const { seal: encrypt } = await sealOf(rules);
    const how = (name: string): string => /^k8s:enc:(\w+)/.exec(text(encrypt(name, bytes('x'))))?.[1] ?? 'plain';
    assert.deepEqual(
      ['core/secrets/a/b', 'core/configmaps/a/b', 'apps/deployments/a/b', 'apps/daemonsets/a/b', 'batch/jobs/a/b'].map((at) => how(`/registry/${at}`)),
      ['aesgcm', 'plain', 'plain', 'aescbc', 'plain'],
    );
    assert.equal(how('/allocations/ips'), 'plain');
  });
});

describe('encryption at rest: the configuration', () => {
  const rule = (...resources: Json[]): Json => ({ ...(config(IDENTITY) as object), resources: [{ resources, providers: [IDENTITY] }] });
  const kms = (more: Json): Json => config({ kms: { apiVersion: 'v2', name: 'vault', endpoint: 'unix:///run/kms.sock', ...(more as object) } });
  const at = 'resources[0].providers[0]';
  const rows: readonly (readonly [what: string, config: Json, errors: readonly string[]])[] = [
    ['another kind', { ...(config(IDENTITY) as object), kind: 'Pod' }, ['kind: Invalid value: "Pod": must be EncryptionConfiguration']],
    [
      'no resources',
      { kind: 'EncryptionConfiguration', apiVersion: 'apiserver.config.k8s.io/v1' },
      ['resources: Required value: at least one resources is required'],
    ],
    [
      'no names and no providers',
      { ...(config() as object), resources: [{}] },
      [
        'resources[0].resources: Required value: at least one resources[0].resources is required',
        'resources[0].providers: Required value: at least one resources[0].providers is required',
      ],
    ],
    ['capitals', rule('Secrets'), ['resources[0].resources[0]: Invalid value: "Secrets": resource name should not contain capital letters']],
    [
      'a bare star',
      rule('*'),
      [`resources[0].resources[0]: Invalid value: "*": use '*.' to encrypt all the resources from core API group or *.* to encrypt all resources`],
    ],
    [
      'a resource of any group',
      rule('pods.*'),
      ['resources[0].resources[0]: Invalid value: "pods.*": encrypting the same resource across groups is not supported'],
    ],
    [
      'what masks another',
      rule('secrets', '*.'),
      [
        `resources[0].resources: Invalid value: ["secrets","*."]: using overlapping resources such as 'secrets' and '*.' in the same resource list is not allowed as they will be masked`,
      ],
    ],
    [
      'everything and more',
      rule('*.*', 'deployments.apps'),
      [
        `resources[0].resources: Invalid value: ["*.*","deployments.apps"]: using overlapping resources such as 'secrets' and '*.' in the same resource list is not allowed as they will be masked`,
      ],
    ],
    [
      'a resource twice',
      rule('secrets', 'secrets'),
      ['resources[0].resources: Invalid value: ["secrets","secrets"]: the same resource cannot be specified multiple times'],
    ],
    [
      'events by their second group',
      rule('events.events.k8s.io'),
      [
        `resources[0].resources[0]: Invalid value: "events.events.k8s.io": '*.events.k8s.io' objects are stored using the 'events' API group in etcd. Use 'events' instead in the config file`,
      ],
    ],
    ['groups beside each other', rule('*.apps', '*.batch', 'secrets'), []],
    [
      'a short key',
      config({ aesgcm: { keys: [{ name: 'a', secret: secret(1, 10) }] } }),
      [`${at}.aesgcm.keys[0].secret: Invalid value: "REDACTED": secret is not of the expected length, got 10, expected one of [16 24 32]`],
    ],
    [
      'a short box key',
      config({ secretbox: { keys: [{ name: 'a', secret: secret(1, 16) }] } }),
      [`${at}.secretbox.keys[0].secret: Invalid value: "REDACTED": secret is not of the expected length, got 16, expected one of [32]`],
    ],
    [
      'no base64, and no name',
      config({ aesgcm: { keys: [{ secret: '!' }] } }),
      [
        `${at}.aesgcm.keys[0].name: Required value: name is a mandatory field for a key`,
        `${at}.aesgcm.keys[0].secret: Invalid value: "REDACTED": secrets must be base64 encoded`,
      ],
    ],
    ['no keys', config({ aescbc: {} }), [`${at}.aescbc.keys: Required value: at least one keys is required`]],
    ['a name twice', config({ aescbc: { keys: [key('a', 1), key('a', 2)] } }), [`${at}.aescbc.keys[1].name: Invalid value: "a": names of keys must be unique`]],
    [
      'two providers in one',
      config({ aesgcm: { keys: [key('a', 1)] }, identity: {} }),
      [`${at}: Invalid value: ["aesgcm","identity"]: more than one provider specified in a single element, should split into different list elements`],
    ],
    [
      'no provider',
      config({}),
      [`${at}: Invalid value: {}: provider does not contain any of the expected providers: KMS, AESGCM, AESCBC, Secretbox, Identity`],
    ],
    [
      'a KMS over TCP',
      kms({ endpoint: 'tcp://127.0.0.1:80' }),
      [`${at}.kms.endpoint: Invalid value: "tcp://127.0.0.1:80": unsupported scheme "tcp" for KMS provider, only unix is supported`],
    ],
    ['a KMS with a cache', kms({ cachesize: 10 }), [`${at}.kms.cachesize: Invalid value: 10: cachesize is not supported in v2`]],
    ['a KMS that never waits', kms({ timeout: '0s' }), [`${at}.kms.timeout: Invalid value: "0s": timeout should be a positive value`]],
    ['a KMS with a colon', kms({ name: 'a:b' }), [`${at}.kms.name: Invalid value: "a:b": invalid KMS provider name a:b, must not contain ':'`]],
    ['KMS v1', kms({ apiVersion: 'v1' }), [`${at}.kms.apiVersion: Invalid value: "v1": KMS v1 is not supported here (deprecated since 1.28); use v2`]],
    ['KMS v2', kms({ timeout: '1m30s' }), []],
  ];
  for (const [what, given, errors] of rows) it(what, () => assert.deepEqual(encryptionRules(given).errors.map(formatFieldError), errors));

  it('is read from YAML; a file that is missing is named', async () => {
    const file = fresh();
    writeFileSync(
      file,
      `apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n- resources: [secrets]\n  providers:\n  - aescbc:\n      keys:\n      - {name: k, secret: ${secret(3)}}\n  - identity: {}\n`,
    );
    const [rule] = await readEncryptionConfig(file);
    assert.deepEqual([rule?.resources, rule?.providers.map(({ kind }) => kind)], [['secrets'], ['aescbc', 'identity']]);
    await assert.rejects(readEncryptionConfig(join(root, 'absent')), /--encryption-config .*absent can't be read/);
  });
});
