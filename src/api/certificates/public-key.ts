import { BIT_STRING, DerReader, INTEGER, OBJECT_ID, readDer, SEQUENCE } from '../../machinery/der.ts';

/** What kind of key a SubjectPublicKeyInfo holds; `other`: one that Go can read and Kubernetes has no use for. */
export type PublicKeyKind =
  | { readonly type: 'RSA'; readonly bits: number }
  | { readonly type: 'ECDSA'; readonly curve: string }
  | { readonly type: 'Ed25519' }
  | { readonly type: 'other' };

const RSA = '2a864886f70d010101';
const EC = '2a8648ce3d0201';
const ED25519 = '2b6570';
/** X25519 and DSA. */
const OTHERS: readonly string[] = ['2b656e', '2a8648ce380401'];
const NULL = '0500';
const ED25519_BYTES = 32;
/** By the object identifier in DER, as Go names them. */
const CURVES: Readonly<Record<string, string>> = {
  '2b81040021': 'P-224',
  '2a8648ce3d030107': 'P-256',
  '2b81040022': 'P-384',
  '2b81040023': 'P-521',
};

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

/** RFC 5280 4.1.2.7, as far as Go's `ParsePKIXPublicKey` looks; whether a point is on its curve is for who verifies. Undefined: it is none. */
export function readPublicKey(der: Uint8Array): PublicKeyKind | undefined {
  const outer = readDer(der);
  if ('fault' in outer || outer.tag !== SEQUENCE || outer.whole.length < der.length) return undefined;
  const parts = new DerReader(outer.contents);
  const algorithm = parts.next(SEQUENCE);
  // The first octet of a bit string says how many bits of the last one are none.
  const key = parts.next(BIT_STRING)?.contents.subarray(1);
  if (algorithm === undefined || key === undefined) return undefined;
  const inner = new DerReader(algorithm.contents);
  const id = inner.next(OBJECT_ID);
  if (id === undefined) return undefined;
  return kindOf(hex(id.contents), algorithm.contents.subarray(id.whole.length), key);
}

function kindOf(id: string, parameters: Uint8Array, key: Uint8Array): PublicKeyKind | undefined {
  if (id === RSA) return hex(parameters) === NULL ? rsaKind(key) : undefined;
  if (id === EC) {
    const named = readDer(parameters);
    const curve = 'fault' in named || named.tag !== OBJECT_ID ? undefined : CURVES[hex(named.contents)];
    return curve === undefined ? undefined : { type: 'ECDSA', curve };
  }
  if (id === ED25519) return parameters.length === 0 && key.length === ED25519_BYTES ? { type: 'Ed25519' } : undefined;
  return OTHERS.includes(id) ? { type: 'other' } : undefined;
}

/** The size is that of the modulus, in whole octets. */
function rsaKind(key: Uint8Array): PublicKeyKind | undefined {
  const pair = readDer(key);
  if ('fault' in pair || pair.tag !== SEQUENCE || pair.whole.length < key.length) return undefined;
  const parts = new DerReader(pair.contents);
  const [modulus, exponent] = [parts.next(INTEGER)?.contents, parts.next(INTEGER)?.contents];
  if (modulus === undefined || exponent === undefined || !isPositive(modulus) || !isPositive(exponent)) return undefined;
  return { type: 'RSA', bits: (modulus[0] === 0 ? modulus.length - 1 : modulus.length) * 8 };
}

const isPositive = (integer: Uint8Array): boolean => (integer[0] ?? 0x80) < 0x80 && integer.some((byte) => byte !== 0);
