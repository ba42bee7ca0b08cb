import { constants, createPublicKey, type KeyObject, verify } from 'node:crypto';
import type { SignedBytes, VerifySignature } from '../base/keys.ts';

const UNKNOWN = 'x509: cannot verify signature: algorithm unimplemented';

interface Algorithm {
  /** As Go names the kind of key. */
  readonly key: 'RSA' | 'ECDSA' | 'Ed25519';
  readonly hash?: string;
  readonly pss?: boolean;
}

/** By the object identifier in DER, without its header. */
const ALGORITHMS: Readonly<Record<string, Algorithm>> = {
  '2a864886f70d010105': { key: 'RSA', hash: 'sha1' },
  '2a864886f70d01010b': { key: 'RSA', hash: 'sha256' },
  '2a864886f70d01010c': { key: 'RSA', hash: 'sha384' },
  '2a864886f70d01010d': { key: 'RSA', hash: 'sha512' },
  '2a864886f70d01010a': { key: 'RSA', pss: true },
  '2a8648ce3d0401': { key: 'ECDSA', hash: 'sha1' },
  '2a8648ce3d040302': { key: 'ECDSA', hash: 'sha256' },
  '2a8648ce3d040303': { key: 'ECDSA', hash: 'sha384' },
  '2a8648ce3d040304': { key: 'ECDSA', hash: 'sha512' },
  '2b6570': { key: 'Ed25519' },
};
const MD5_RSA = '2a864886f70d010104';
/** Of PSS, by the last octet of the object identifier of the hash. */
const PSS_HASH = /0609608648016503040\d(01|02|03)/;
const PSS_HASHES: Readonly<Record<string, string>> = { '01': 'sha256', '02': 'sha384', '03': 'sha512' };

/** SHA-1 is good enough here, as in Go: a request is signed by who makes it. */
export const verifySignature: VerifySignature = (signed) => {
  const text = Buffer.from(signed.algorithm).toString('hex');
  const oid = text.slice(4, 4 + 2 * (signed.algorithm[1] ?? 0));
  if (oid === MD5_RSA) return 'x509: cannot verify signature: insecure algorithm MD5-RSA';
  const algorithm = Object.hasOwn(ALGORITHMS, oid) ? ALGORITHMS[oid] : undefined;
  const hash = algorithm?.pss === true ? PSS_HASHES[PSS_HASH.exec(text)?.[1] ?? ''] : algorithm?.hash;
  if (algorithm === undefined || (hash === undefined && algorithm.key !== 'Ed25519')) return UNKNOWN;
  const key = publicKeyOf(signed);
  if (key === undefined) return 'x509: malformed public key';
  const has = KEYS[key.asymmetricKeyType ?? ''];
  if (has === undefined) return UNKNOWN;
  if (has.name !== algorithm.key) return `x509: signature algorithm specifies an ${algorithm.key} public key, but have public key of type ${has.goType}`;
  return holds(signed, key, hash, algorithm.pss === true) ? undefined : FAILURES[algorithm.key];
};

const KEYS: Readonly<Record<string, { readonly name: Algorithm['key']; readonly goType: string }>> = {
  rsa: { name: 'RSA', goType: '*rsa.PublicKey' },
  ec: { name: 'ECDSA', goType: '*ecdsa.PublicKey' },
  ed25519: { name: 'Ed25519', goType: 'ed25519.PublicKey' },
};

const FAILURES: Readonly<Record<Algorithm['key'], string>> = {
  RSA: 'crypto/rsa: verification error',
  ECDSA: 'x509: ECDSA verification failure',
  Ed25519: 'x509: Ed25519 verification failure',
};

function publicKeyOf({ publicKey }: SignedBytes): KeyObject | undefined {
  try {
    return createPublicKey({ key: Buffer.from(publicKey), format: 'der', type: 'spki' });
  } catch {
    return undefined;
  }
}

function holds({ data, signature, anySalt }: SignedBytes, key: KeyObject, hash: string | undefined, pss: boolean): boolean {
  const saltLength = anySalt === true ? constants.RSA_PSS_SALTLEN_AUTO : constants.RSA_PSS_SALTLEN_DIGEST;
  const how = pss ? { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength } : key;
  try {
    return verify(hash, data, how, signature);
  } catch {
    return false;
  }
}
