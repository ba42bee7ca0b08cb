import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, type webcrypto } from 'node:crypto';

/**
 * Making certificates. The library behind it costs 90 ms and 18 MB, so it is loaded when the first certificate has to be made
 * and never on a start that finds its certificates on disk. P-256 throughout.
 */
export interface KeyPair {
  readonly certPem: string;
  /** PKCS#8. */
  readonly keyPem: string;
}

export interface CertificateRequest {
  /** For a client: its user name. */
  readonly commonName: string;
  /** For a client: its groups. */
  readonly organizations: readonly string[];
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly usages: readonly ('server' | 'client')[];
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
/** Validity starts a little earlier than now, for clients whose clock is behind. */
const BACKDATE_MS = 5 * 60_000;

type X509 = typeof import('@peculiar/x509');

let library: Promise<X509> | undefined;

function x509(): Promise<X509> {
  library ??= (async () => {
    await import('reflect-metadata');
    const loaded = await import('@peculiar/x509');
    loaded.cryptoProvider.set(crypto);
    return loaded;
  })();
  return library;
}

/** A new authority. */
export function issueAuthority(commonName: string, nowMs: number, lifeMs: number): Promise<KeyPair> {
  return selfSigned(commonName, newKeyPem(), nowMs, lifeMs);
}

/** The same key and name with a new validity. */
export async function renewAuthority(old: KeyPair, nowMs: number, lifeMs: number): Promise<KeyPair> {
  const { X509Certificate } = await x509();
  return selfSigned(new X509Certificate(old.certPem).subjectName.getField('CN')[0] ?? 'kubernetes', old.keyPem, nowMs, lifeMs);
}

async function selfSigned(commonName: string, keyPem: string, nowMs: number, lifeMs: number): Promise<KeyPair> {
  const lib = await x509();
  const keys = await importPair(keyPem);
  const certificate = await lib.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [commonName] }],
    notBefore: new Date(nowMs - BACKDATE_MS),
    notAfter: new Date(nowMs + lifeMs),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new lib.BasicConstraintsExtension(true, undefined, true),
      new lib.KeyUsagesExtension(lib.KeyUsageFlags.keyCertSign | lib.KeyUsageFlags.digitalSignature | lib.KeyUsageFlags.keyEncipherment, true),
      await lib.SubjectKeyIdentifierExtension.create(keys.publicKey),
      new lib.SubjectAlternativeNameExtension([{ type: 'dns', value: commonName }]),
    ],
  });
  return { certPem: `${certificate.toString('pem')}\n`, keyPem };
}

/** A certificate for a new key, signed by the authority. */
export async function issueCertificate(authority: KeyPair, request: CertificateRequest, nowMs: number, lifeMs: number): Promise<KeyPair> {
  const lib = await x509();
  const keyPem = newKeyPem();
  const subject = await importPair(keyPem);
  const issuer = new lib.X509Certificate(authority.certPem);
  const signing = await importPair(authority.keyPem);
  const usages: string[] = request.usages.map((usage) => (usage === 'server' ? lib.ExtendedKeyUsage.serverAuth : lib.ExtendedKeyUsage.clientAuth));
  const names = [
    ...request.dnsNames.map((value) => ({ type: 'dns' as const, value })),
    ...request.ipAddresses.map((value) => ({ type: 'ip' as const, value })),
  ];
  const certificate = await lib.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    issuer: issuer.subject,
    subject: [...request.organizations.map((o) => ({ O: [o] })), { CN: [request.commonName] }],
    notBefore: new Date(nowMs - BACKDATE_MS),
    notAfter: new Date(Math.min(nowMs + lifeMs, issuer.notAfter.getTime())),
    publicKey: subject.publicKey,
    signingKey: signing.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new lib.BasicConstraintsExtension(false, undefined, true),
      new lib.KeyUsagesExtension(lib.KeyUsageFlags.digitalSignature | lib.KeyUsageFlags.keyEncipherment, true),
      new lib.ExtendedKeyUsageExtension(usages),
      await lib.AuthorityKeyIdentifierExtension.create(signing.publicKey),
      ...(names.length === 0 ? [] : [new lib.SubjectAlternativeNameExtension(names)]),
    ],
  });
  return { certPem: `${certificate.toString('pem')}\n`, keyPem };
}

/** A new P-256 private key, PKCS#8 PEM. Also what service-account tokens are signed with. */
export function newKeyPem(): string {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

async function importPair(keyPem: string): Promise<webcrypto.CryptoKeyPair> {
  const key = createPrivateKey(keyPem);
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  const [privateKey, publicKey] = await Promise.all([
    crypto.subtle.importKey('pkcs8', key.export({ type: 'pkcs8', format: 'der' }), ALGORITHM, true, ['sign']),
    crypto.subtle.importKey('spki', spki, ALGORITHM, true, ['verify']),
  ]);
  return { privateKey, publicKey };
}

/** 16 bytes, positive. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString('hex');
}
