import assert from 'node:assert/strict';
import { constants, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { test } from 'node:test';
import { verifySignature } from './verify-signature.ts';

const data = Buffer.from('who I am');
const spki = (key: KeyObject): Buffer => key.export({ type: 'spki', format: 'der' });
const oid = (hex: string, rest = ''): Buffer => Buffer.from(`06${(hex.length / 2).toString(16).padStart(2, '0')}${hex}${rest}`, 'hex');

const RSA_SHA256 = oid('2a864886f70d01010b', '0500');
const ECDSA_SHA256 = oid('2a8648ce3d040302');
const PSS_SHA256 = oid('2a864886f70d01010a', '3034a00f300d06096086480165030402010500');
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ed = generateKeyPairSync('ed25519');

const ROWS = [
  ['RSA', RSA_SHA256, rsa.publicKey, sign('sha256', data, rsa.privateKey), 'crypto/rsa: verification error'],
  ['RSA with SHA-1', oid('2a864886f70d010105', '0500'), rsa.publicKey, sign('sha1', data, rsa.privateKey), 'crypto/rsa: verification error'],
  [
    'RSA-PSS',
    PSS_SHA256,
    rsa.publicKey,
    sign('sha256', data, { key: rsa.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }),
    'crypto/rsa: verification error',
  ],
  ['ECDSA', ECDSA_SHA256, ec.publicKey, sign('sha256', data, ec.privateKey), 'x509: ECDSA verification failure'],
  ['Ed25519', oid('2b6570'), ed.publicKey, sign(null, data, ed.privateKey), 'x509: Ed25519 verification failure'],
] as const;

for (const [says, algorithm, key, signature, failure] of ROWS) {
  test(`${says}: what the key has signed holds, anything else does not`, () => {
    const signed = { algorithm, publicKey: spki(key), data, signature };
    assert.equal(verifySignature(signed), undefined);
    assert.equal(verifySignature({ ...signed, data: Buffer.from('somebody else') }), failure);
    assert.equal(verifySignature({ ...signed, signature: new Uint8Array(3) }), failure);
  });
}

test('what can not be verified is refused by name', () => {
  const signed = { algorithm: RSA_SHA256, publicKey: spki(rsa.publicKey), data, signature: new Uint8Array(256) };
  const said = (change: Partial<typeof signed>): string | undefined => verifySignature({ ...signed, ...change });
  assert.equal(said({ algorithm: oid('2a864886f70d010104', '0500') }), 'x509: cannot verify signature: insecure algorithm MD5-RSA');
  assert.equal(said({ algorithm: oid('2a03') }), 'x509: cannot verify signature: algorithm unimplemented');
  assert.equal(said({ algorithm: Buffer.alloc(0) }), 'x509: cannot verify signature: algorithm unimplemented');
  assert.equal(said({ algorithm: ECDSA_SHA256 }), 'x509: signature algorithm specifies an ECDSA public key, but have public key of type *rsa.PublicKey');
  assert.equal(said({ publicKey: Buffer.from('3000', 'hex') }), 'x509: malformed public key');
});

test('a salt as long as the key allows holds where any salt does', () => {
  const how = { key: rsa.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_MAX_SIGN };
  const signed = { algorithm: PSS_SHA256, publicKey: spki(rsa.publicKey), data, signature: sign('sha256', data, how) };
  assert.equal(verifySignature(signed), 'crypto/rsa: verification error');
  assert.equal(verifySignature({ ...signed, anySalt: true }), undefined);
});
