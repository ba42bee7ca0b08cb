import type { SignedBytes, VerifySignature } from '../../base/keys.ts';
import { base64Length, decodeBase64 } from '../../machinery/base64.ts';
import { type FieldError, type FieldPath, invalid, tooLong, withoutValue } from '../../machinery/field-error.ts';
import { type Errors, root } from '../checks.ts';
import type * as beta from '../gen/types/certificates.v1beta1.ts';
import { type PublicKeyKind, readPublicKey } from './public-key.ts';
import { readRequest } from './x509.ts';

const SPEC = root('spec');
const PUBLIC_KEY = SPEC.child('pkixPublicKey');
const PROOF = SPEC.child('proofOfPossession');
const STUB = SPEC.child('stubPKCS10Request');
const MAX_BYTES = 10 * 1024;
const CURVES: readonly string[] = ['P-256', 'P-384', 'P-521'];
const RSA_BITS: readonly number[] = [3072, 4096];
const NO_KEY = 'must be a valid PKIX-serialized public key';

/** The AlgorithmIdentifier of each kind of key's proof (RFC 5758, 4055 and 8410), without its header. */
const ALGORITHMS: Readonly<Record<'RSA' | 'ECDSA' | 'Ed25519', readonly number[]>> = {
  RSA: [...[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a], ...[0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01]],
  ECDSA: [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02],
  Ed25519: [0x06, 0x03, 0x2b, 0x65, 0x70],
};

/** The key that is to be certified, and that whoever asks has its other half: by a request of its own, or by the key and a signature of the pod's uid. */
export function keyErrors(spec: beta.PodCertificateRequestSpec, verify: VerifySignature | undefined): readonly FieldError[] {
  const { pkixPublicKey: key = '', proofOfPossession: proof = '' } = spec;
  const stub = spec.stubPKCS10Request ?? '';
  for (const [path, text] of [
    [STUB, stub],
    [PUBLIC_KEY, key],
    [PROOF, proof],
  ] as const)
    if (base64Length(text) > MAX_BYTES) return [tooLong(path, MAX_BYTES)];
  if (stub !== '' && key === '' && proof === '') return stubErrors(stub, verify);
  if (stub === '' && key !== '' && proof !== '') return proofErrors(key, proof, spec.podUID, verify);
  return [withoutValue(SPEC, 'exactly one of (stubPKCS10Request) or (pkixPublicKey, proofOfPossession) must be set')];
}

function stubErrors(stub: string, verify: VerifySignature | undefined): Errors {
  const request = readRequest(bytesOf(stub));
  const kind = typeof request === 'string' ? undefined : readPublicKey(request.publicKey);
  if (typeof request === 'string' || kind === undefined) return [invalid(STUB, stub, 'must be a valid PKCS#10 CSR')];
  const errors = kindErrors(kind, STUB, stub);
  if (errors.length > 0) return errors;
  return verify?.(request) === undefined ? [] : [withoutValue(STUB, 'could not verify the self-signature of the PKCS#10 CSR')];
}

function proofErrors(key: string, proof: string, podUid: string, verify: VerifySignature | undefined): Errors {
  const publicKey = bytesOf(key);
  const kind = readPublicKey(publicKey);
  if (kind === undefined) return [invalid(PUBLIC_KEY, key, NO_KEY)];
  const errors = kindErrors(kind, PUBLIC_KEY, key);
  if (errors.length > 0 || kind.type === 'other') return errors;
  const signed: SignedBytes = {
    algorithm: Uint8Array.from(ALGORITHMS[kind.type]),
    publicKey,
    data: new TextEncoder().encode(podUid),
    signature: bytesOf(proof),
    anySalt: true,
  };
  const fault = verify?.(signed);
  if (fault === 'x509: malformed public key') return [invalid(PUBLIC_KEY, key, NO_KEY)];
  return fault === undefined ? [] : [withoutValue(PROOF, 'could not verify proof-of-possession signature')];
}

function kindErrors(kind: PublicKeyKind, path: FieldPath, text: string): Errors {
  if (kind.type === 'other') return [invalid(path, text, 'unknown public key type; supported types are Ed25519, ECDSA, and RSA')];
  if (kind.type === 'ECDSA' && !CURVES.includes(kind.curve)) return [invalid(path, `curve ${kind.curve}`, 'elliptic public keys must use curve P256 or P384')];
  if (kind.type === 'RSA' && !RSA_BITS.includes(kind.bits)) return [invalid(path, `${kind.bits}-bit modulus`, 'RSA keys must have modulus size 3072 or 4096')];
  return [];
}

/** Bytes that are base64 are a matter of decoding: nothing else comes here. */
const bytesOf = (text: string): Uint8Array => decodeBase64(text) ?? new Uint8Array();

/** The key that a request is for, as SubjectPublicKeyInfo. */
export function wantedKey(spec: beta.PodCertificateRequestSpec): Uint8Array | undefined {
  const [stub, key] = [spec.stubPKCS10Request ?? '', spec.pkixPublicKey ?? ''];
  if (stub === '') return readPublicKey(bytesOf(key)) === undefined ? undefined : bytesOf(key);
  const request = readRequest(bytesOf(stub));
  return typeof request === 'string' ? undefined : request.publicKey;
}
