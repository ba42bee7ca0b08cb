import { createCipheriv, createDecipheriv, createSecretKey, randomBytes } from 'node:crypto';
import { noSeal, isSealed, type Seal, SEALED_PREFIX, sealedPrefix } from '../store/seal.ts';
import { StoreError } from '../store/store.ts';
import type { EncryptionKey, EncryptionProvider, EncryptionRule } from './encryption-config.ts';

/** One key of one provider. Synchronous: a value of 1 KB takes some 5 µs. */
interface Transform {
  /** `k8s:enc:aesgcm:v1:KEY:`; empty for identity. */
  readonly prefix: Buffer;
  readonly encrypt: (key: string, plain: Uint8Array) => Uint8Array;
  /** Throws when the bytes were not made with this key, or for another object. */
  readonly decrypt: (key: string, sealed: Uint8Array) => Uint8Array;
}

const NONCE = 12;
const TAG = 16;
const BLOCK = 16;

/** What the store keeps of values under `/registry/`, by what the configuration says of their resource. */
export function encryptionSeal(rules: readonly EncryptionRule[]): Seal {
  const made = rules.map(({ resources, providers }) => ({ resources, transforms: providers.flatMap(transformsOf) }));
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
    seal: (key, value) => {
      const writer = transformsFor(key)[0];
      return writer === undefined || writer.prefix.byteLength === 0 ? value : Buffer.concat([writer.prefix, writer.encrypt(key, value)]);
    },
    open: (key, kept) => {
      const transforms = transformsFor(key);
      if (!isSealed(kept)) return { value: kept, stale: (transforms[0]?.prefix.byteLength ?? 0) > 0 };
      if (transforms.length === 0) return noSeal.open(key, kept);
      const sealed = Buffer.from(kept.buffer, kept.byteOffset, kept.byteLength);
      for (const [at, { prefix, decrypt }] of transforms.entries()) {
        if (prefix.byteLength === 0 || !sealed.subarray(0, prefix.byteLength).equals(prefix)) continue;
        try {
          return { value: decrypt(key, sealed.subarray(prefix.byteLength)), stale: at > 0 };
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

/** As in Kubernetes: `NAME` of the core group, `NAME.GROUP`, `*.GROUP`, `*.` for the core group, `*.*` for all. */
function covers(pattern: string, group: string, resource: string): boolean {
  if (pattern === '*.*') return true;
  const own = group === 'core' ? '' : group;
  if (pattern.startsWith('*.')) return pattern.slice(2) === own;
  return pattern === (own === '' ? resource : `${resource}.${own}`);
}

function transformsOf(provider: EncryptionProvider): readonly Transform[] {
  if (provider.kind === 'identity') return [{ prefix: Buffer.alloc(0), encrypt: (_, plain) => plain, decrypt: (_, kept) => kept }];
  return provider.keys.map(provider.kind === 'aesgcm' ? aesGcm : aesCbc);
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
      return Buffer.concat([made.update(sealed.subarray(NONCE, end)), made.final()]);
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
      return Buffer.concat([made.update(sealed.subarray(BLOCK)), made.final()]);
    },
  };
}

const prefixOf = (provider: string, key: string): Buffer => Buffer.from(`${SEALED_PREFIX}${provider}:v1:${key}:`);
