import { createCipheriv, createDecipheriv, createSecretKey, randomBytes } from 'node:crypto';
import { noSeal, isSealed, type Seal, SEALED_PREFIX, sealedPrefix } from '../store/seal.ts';
import { StoreError } from '../store/store.ts';
import type { EncryptionKey, EncryptionProvider, EncryptionRule } from './encryption-config.ts';
import { Kms, type KmsSettings } from './kms.ts';

/** One key of one provider. Synchronous: a value of 1 KB takes some 5 µs. */
interface Transform {
  /** `k8s:enc:aesgcm:v1:KEY:`; empty for identity. */
  readonly prefix: Buffer;
  readonly encrypt: (key: string, plain: Uint8Array) => Uint8Array;
  /** Throws when the bytes were not made with this key, or for another object. `stale`: the key itself is no longer the one that writes. */
  readonly decrypt: (key: string, sealed: Uint8Array) => { readonly value: Uint8Array; readonly stale: boolean };
}

type Around = Omit<KmsSettings, 'provider'>;

const NONCE = 12;
const TAG = 16;
const BLOCK = 16;
const BOX_NONCE = 24;

/** What was opened with a configuration: ended after the store. */
export interface EncryptionSeal extends Seal, Disposable {
  /** Of the KMS plugins, for `/readyz`; undefined: they are well, or there are none. */
  readonly health: string | undefined;
  /** What values on the disk are encrypted with since the store was opened: one object's key, and the prefix of its value. */
  held(): Iterable<readonly [key: string, prefix: string]>;
  /** Whether values of this object with that prefix would be read. */
  reads(key: string, prefix: string): boolean;
}

/**
 * What the store keeps of values under `/registry/`, by what the configuration says of their resource. Rejects when a KMS plugin is not there.
 */
export async function encryptionSeal(rules: readonly EncryptionRule[], around: Around): Promise<EncryptionSeal> {
  const plugins: Kms[] = [];
  const made: { readonly resources: readonly string[]; readonly transforms: readonly Transform[] }[] = [];
  try {
    for (const { resources, providers } of rules) {
      const transforms: Transform[] = [];
      for (const provider of providers)
        transforms.push(...(provider.kind === 'kms' ? [await kmsTransform(provider, around, plugins)] : await transformsOf(provider)));
      made.push({ resources, transforms });
    }
  } catch (thrown) {
    for (const plugin of plugins) plugin[Symbol.dispose]();
    throw thrown;
  }
  const held = new Map<Transform, string>();
  const byResource = new Map<string, readonly Transform[]>();
  const transformsFor = (key: string): readonly Transform[] => {
    const [, root, group = '', resource = ''] = key.split('/', 4);
    if (root !== 'registry') return [];
    const name = group === 'core' ? resource : `${resource}.${group}`;
    let found = byResource.get(name);
    if (found === undefined) {
      found = made.find((rule) => rule.resources.some((pattern) => covers(pattern, group, resource)))?.transforms ?? [];
      byResource.set(name, found);
    }
    return found;
  };
  return {
    ...(plugins.length === 0 ? {} : { prepare: (kept) => prepareAll(plugins, kept) }),
    get health() {
      return plugins.map(({ health }) => health).find((fault) => fault !== undefined);
    },
    held: () => [...held].map(([{ prefix }, key]) => [key, prefix.toString()] as const),
    reads: (key, prefix) => transformsFor(key).some((each) => each.prefix.toString() === prefix),
    [Symbol.dispose]: () => {
      for (const plugin of plugins) plugin[Symbol.dispose]();
    },
    seal: (key, value) => {
      const writer = transformsFor(key)[0];
      if (writer === undefined || writer.prefix.byteLength === 0) return value;
      if (!held.has(writer)) held.set(writer, key);
      return Buffer.concat([writer.prefix, writer.encrypt(key, value)]);
    },
    open: (key, kept) => {
      const transforms = transformsFor(key);
      if (!isSealed(kept)) return { value: kept, stale: (transforms[0]?.prefix.byteLength ?? 0) > 0 };
      if (transforms.length === 0) return noSeal.open(key, kept);
      const sealed = Buffer.from(kept.buffer, kept.byteOffset, kept.byteLength);
      for (const [at, transform] of transforms.entries()) {
        const { prefix, decrypt } = transform;
        if (prefix.byteLength === 0 || !sealed.subarray(0, prefix.byteLength).equals(prefix)) continue;
        try {
          const { value, stale } = decrypt(key, sealed.subarray(prefix.byteLength));
          if (!held.has(transform)) held.set(transform, key);
          return { value, stale: stale || at > 0 };
        } catch {
          // Keys of the same name in another entry may still fit.
        }
      }
      throw new StoreError(
        'sealed',
        `${key} is encrypted (${sealedPrefix(kept)}) and no key of the encryption configuration decrypts it. Add the key that encrypted it; nothing was changed`,
      );
    },
  };
}

async function prepareAll(plugins: readonly Kms[], kept: readonly Uint8Array[]): Promise<void> {
  const sealed = kept.filter(isSealed).map((value) => Buffer.from(value.buffer, value.byteOffset, value.byteLength));
  for (const plugin of plugins) {
    const { byteLength } = plugin.prefix;
    await plugin.prepare(sealed.filter((value) => value.subarray(0, byteLength).equals(plugin.prefix)).map((value) => value.subarray(byteLength)));
  }
}

/** As in Kubernetes: `NAME` of the core group, `NAME.GROUP`, `*.GROUP`, `*.` for the core group, `*.*` for all. */
function covers(pattern: string, group: string, resource: string): boolean {
  if (pattern === '*.*') return true;
  const own = group === 'core' ? '' : group;
  if (pattern.startsWith('*.')) return pattern.slice(2) === own;
  return pattern === (own === '' ? resource : `${resource}.${own}`);
}

async function transformsOf(provider: Exclude<EncryptionProvider, { kind: 'kms' }>): Promise<readonly Transform[]> {
  switch (provider.kind) {
    case 'identity':
      return [{ prefix: Buffer.alloc(0), encrypt: (_, plain) => plain, decrypt: (_, value) => ({ value, stale: false }) }];
    case 'aesgcm':
      return provider.keys.map(aesGcm);
    case 'aescbc':
      return provider.keys.map(aesCbc);
    default: {
      const { xsalsa20poly1305 } = await import('@noble/ciphers/salsa.js');
      return provider.keys.map((key) => secretbox(key, xsalsa20poly1305));
    }
  }
}

async function kmsTransform(provider: Extract<EncryptionProvider, { kind: 'kms' }>, around: Around, opened: Kms[]): Promise<Transform> {
  const kms = await Kms.open({ ...around, provider });
  opened.push(kms);
  return { prefix: kms.prefix, encrypt: (path, plain) => kms.encrypt(path, plain), decrypt: (path, sealed) => kms.decrypt(path, sealed) };
}

type Box = (key: Uint8Array, nonce: Uint8Array) => { encrypt(plain: Uint8Array): Uint8Array; decrypt(sealed: Uint8Array): Uint8Array };

/** nonce, then XSalsa20-Poly1305 (NaCl's secretbox); not bound to the object's key, as Kubernetes has it. */
function secretbox({ name, secret }: EncryptionKey, box: Box): Transform {
  return {
    prefix: prefixOf('secretbox', name),
    encrypt: (_path, plain) => {
      const nonce = randomBytes(BOX_NONCE);
      return Buffer.concat([nonce, box(secret, nonce).encrypt(plain)]);
    },
    decrypt: (_path, sealed) => ({ value: box(secret, sealed.subarray(0, BOX_NONCE)).decrypt(sealed.subarray(BOX_NONCE)), stale: false }),
  };
}

/** nonce, ciphertext, tag; bound to the object's key, so that one object's bytes can't be put in another's place. */
function aesGcm({ name, secret }: EncryptionKey): Transform {
  const key = createSecretKey(secret);
  const cipher = secret.byteLength === 32 ? 'aes-256-gcm' : secret.byteLength === 24 ? 'aes-192-gcm' : 'aes-128-gcm';
  return {
    prefix: prefixOf('aesgcm', name),
    encrypt: (path, plain) => {
      const nonce = randomBytes(NONCE);
      const made = createCipheriv(cipher, key, nonce).setAAD(Buffer.from(path));
      return Buffer.concat([nonce, made.update(plain), made.final(), made.getAuthTag()]);
    },
    decrypt: (path, sealed) => {
      const end = sealed.byteLength - TAG;
      const made = createDecipheriv(cipher, key, sealed.subarray(0, NONCE), { authTagLength: TAG }).setAAD(Buffer.from(path)).setAuthTag(sealed.subarray(end));
      return { value: Buffer.concat([made.update(sealed.subarray(NONCE, end)), made.final()]), stale: false };
    },
  };
}

/** Initialisation vector, then ciphertext with PKCS#7 padding; without authentication, as Kubernetes has it. */
function aesCbc({ name, secret }: EncryptionKey): Transform {
  const key = createSecretKey(secret);
  const cipher = `aes-${secret.byteLength * 8}-cbc`;
  return {
    prefix: prefixOf('aescbc', name),
    encrypt: (_path, plain) => {
      const iv = randomBytes(BLOCK);
      const made = createCipheriv(cipher, key, iv);
      return Buffer.concat([iv, made.update(plain), made.final()]);
    },
    decrypt: (_path, sealed) => {
      const made = createDecipheriv(cipher, key, sealed.subarray(0, BLOCK));
      return { value: Buffer.concat([made.update(sealed.subarray(BLOCK)), made.final()]), stale: false };
    },
  };
}

const prefixOf = (provider: string, key: string): Buffer => Buffer.from(`${SEALED_PREFIX}${provider}:v1:${key}:`);
