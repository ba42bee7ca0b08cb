import type * as X509Library from '@peculiar/x509';
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

type X509 = typeof X509Library;

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

/** The same key and name with a new validity. */
export async function renewAuthority(old: KeyPair, nowMs: number, lifeMs: number): Promise<KeyPair> {
  const { X509Certificate } = await x509();
  return issueAuthority(new X509Certificate(old.certPem).subjectName.getField('CN')[0] ?? 'kubernetes', old.keyPem, nowMs, lifeMs);
}

/** An authority: a certificate of the key for itself. */
export async function issueAuthority(commonName: string, keyPem: string, nowMs: number, lifeMs: number): Promise<KeyPair> {
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

/** What a PKCS#10 request says. Rejects when it is none, or when its signature is not its own key's. */
export async function parseRequest(pem: string): Promise<RequestedNames> {
  const lib = await x509();
  const request = new lib.Pkcs10CertificateRequest(pem);
  if (!(await request.verify())) throw new Error('the signature of the request does not hold');
  const names = [...request.extensions].flatMap((each) => (each instanceof lib.SubjectAlternativeNameExtension ? each.names.items : []));
  const of = (type: string): readonly string[] => names.filter((name) => name.type === type).map(({ value }) => value);
  return {
    commonName: request.subjectName.getField('CN').at(-1) ?? '',
    organizations: request.subjectName.getField('O'),
    dnsNames: of('dns'),
    ipAddresses: of('ip'),
    otherNames: names.filter(({ type }) => type !== 'dns' && type !== 'ip').map(({ type, value }) => ({ type, value })),
  };
}

export interface RequestedNames {
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly otherNames: readonly { readonly type: string; readonly value: string }[];
}

export interface SignOptions {
  readonly nowMs: number;
  readonly lifeMs: number;
  /** Kubernetes' words for key usages. */
  readonly usages: readonly string[];
}

/** A certificate for the key and the names of a request; its own extensions count for nothing but alternative names. */
export async function signRequest(authority: KeyPair, pem: string, { nowMs, lifeMs, usages }: SignOptions): Promise<string> {
  const lib = await x509();
  const request = new lib.Pkcs10CertificateRequest(pem);
  const issuer = new lib.X509Certificate(authority.certPem);
  const signing = await importPair(authority.keyPem);
  const key: Readonly<Record<string, number>> = {
    signing: lib.KeyUsageFlags.digitalSignature,
    'digital signature': lib.KeyUsageFlags.digitalSignature,
    'content commitment': lib.KeyUsageFlags.nonRepudiation,
    'key encipherment': lib.KeyUsageFlags.keyEncipherment,
    'data encipherment': lib.KeyUsageFlags.dataEncipherment,
    'key agreement': lib.KeyUsageFlags.keyAgreement,
    'cert sign': lib.KeyUsageFlags.keyCertSign,
    'crl sign': lib.KeyUsageFlags.cRLSign,
    'encipher only': lib.KeyUsageFlags.encipherOnly,
    'decipher only': lib.KeyUsageFlags.decipherOnly,
  };
  const extended: Readonly<Record<string, string>> = {
    'server auth': lib.ExtendedKeyUsage.serverAuth,
    'client auth': lib.ExtendedKeyUsage.clientAuth,
    'code signing': lib.ExtendedKeyUsage.codeSigning,
    'email protection': lib.ExtendedKeyUsage.emailProtection,
    's/mime': lib.ExtendedKeyUsage.emailProtection,
    any: '2.5.29.37.0',
    'ipsec end system': '1.3.6.1.5.5.7.3.5',
    'ipsec tunnel': '1.3.6.1.5.5.7.3.6',
    'ipsec user': '1.3.6.1.5.5.7.3.7',
    'microsoft sgc': '1.3.6.1.4.1.311.10.3.3',
    'netscape sgc': '2.16.840.1.113730.4.1',
    timestamping: lib.ExtendedKeyUsage.timeStamping,
    'ocsp signing': lib.ExtendedKeyUsage.ocspSigning,
  };
  const flags = usages.reduce((sum, usage) => sum | (key[usage] ?? 0), 0);
  const purposes: string[] = [...new Set(usages.flatMap((usage) => extended[usage] ?? []))];
  const names = [...request.extensions].filter((each) => each instanceof lib.SubjectAlternativeNameExtension);
  const certificate = await lib.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    issuer: issuer.subject,
    subject: request.subject,
    notBefore: new Date(nowMs - BACKDATE_MS),
    notAfter: new Date(Math.min(nowMs + lifeMs, issuer.notAfter.getTime())),
    publicKey: request.publicKey,
    signingKey: signing.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new lib.BasicConstraintsExtension(false, undefined, true),
      ...(flags === 0 ? [] : [new lib.KeyUsagesExtension(flags, true)]),
      ...(purposes.length === 0 ? [] : [new lib.ExtendedKeyUsageExtension(purposes)]),
      await lib.AuthorityKeyIdentifierExtension.create(signing.publicKey),
      ...names,
    ],
  });
  return `${certificate.toString('pem')}\n`;
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
