import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { mkdir, open, readFile, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock, Timer } from '../base/clock.ts';
import { type CertificateRequest, issueAuthority, issueCertificate, type KeyPair, newKeyPem, renewAuthority } from './certificate-issue.ts';
import { DataDirectoryError } from './data-directory.ts';

const DAY_MS = 86_400_000;
const AUTHORITY_DAYS = 3650;
const LEAF_DAYS = 365;

export type { CertificateRequest, KeyPair } from './certificate-issue.ts';

/**
 * The cluster's certificates in one directory (`ca.crt`, `ca.key`, then a pair for each name). Every file is 0600 and written
 * by rename. What is there and still good is read without loading the certificate library; a certificate is made again when
 * less than a third of its life is left or when it no longer says what is asked (another address, another name). A damaged file
 * is refused in one line (DataDirectoryError) that names it and the remedy; nothing is written over it.
 */
export class Certificates {
  readonly #directory: string;
  readonly #clock: Clock;
  #authority: KeyPair;

  private constructor(directory: string, clock: Clock, authority: KeyPair) {
    this.#directory = directory;
    this.#clock = clock;
    this.#authority = authority;
  }

  /** Reads the authority, or makes one. A key alone is what a first start left that was killed: it gets its certificate. */
  static async open(directory: string, clock: Clock): Promise<Certificates> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const { certPem, keyPem } = await readPair(directory, 'ca', AUTHORITY_REMEDY);
    const path = join(directory, 'ca');
    const now = clock.now();
    const lifeMs = AUTHORITY_DAYS * DAY_MS;
    let authority: KeyPair;
    if (certPem === undefined) authority = await issueAuthority('kubernetes', keyPem ?? newKeyPem(), now, lifeMs);
    else if (keyPem === undefined) throw new DataDirectoryError(`${path}.key is missing: ${AUTHORITY_REMEDY.key}; nothing was changed`);
    else if (!belong(certPem, keyPem)) throw new DataDirectoryError(`${path}.crt is not of ${path}.key: ${AUTHORITY_REMEDY.key}; nothing was changed`);
    // The same key and name: what the old certificate signed stays valid.
    else authority = needsRenewal(certPem, now) ? await renewAuthority({ certPem, keyPem }, now, lifeMs) : { certPem, keyPem };
    if (authority.certPem !== certPem) await writePair(directory, 'ca', authority);
    return new Certificates(directory, clock, authority);
  }

  /** PEM of the authority's certificate: what clients trust. */
  get caPem(): string {
    return this.#authority.certPem;
  }

  /** PEM of the authority's key: the certificate signers of the CSR API need it. */
  get caKeyPem(): string {
    return this.#authority.keyPem;
  }

  /** The pair called `name` (a file name without ending), made or renewed when it has to be. */
  async ensure(name: string, request: CertificateRequest): Promise<KeyPair> {
    const { certPem, keyPem } = await this.#read(name);
    // Two that do not belong together: a renewal was killed between the two files.
    if (certPem !== undefined && keyPem !== undefined && belong(certPem, keyPem) && this.#isGood(certPem, request)) return { certPem, keyPem };
    const pair = await this.issue(request);
    await writePair(this.#directory, name, pair);
    return pair;
  }

  /**
   * PEM of a key without a certificate, made once and never renewed: what it signed must stay good for as long as the signer says (the
   * service-account key).
   */
  async key(name: string): Promise<string> {
    const path = join(this.#directory, `${name}.key`);
    const found = await readPem(path, createPrivateKey, 'restore it from a copy; without one, remove it, and what it has signed (tokens) counts no more');
    if (found !== undefined) return found;
    const keyPem = newKeyPem();
    await writeSecret(path, keyPem);
    return keyPem;
  }

  /**
   * PEMs of keys that `name` had before: files `NAME-….key` or `NAME-….pub` beside its own. What they signed stays good for as long as they lie there.
   */
  async earlierKeys(name: string): Promise<readonly string[]> {
    const files = (await readdir(this.#directory)).filter((file) => file.startsWith(`${name}-`) && /\.(?:key|pub)$/.test(file)).sort();
    const remedy = 'restore it from a copy, or remove it, and what it has signed (tokens) counts no more';
    const found = await Promise.all(files.map((file) => readPem(join(this.#directory, file), createPublicKey, remedy)));
    return found.filter((pem) => pem !== undefined);
  }

  /** A pair that is not kept on disk. */
  issue(request: CertificateRequest): Promise<KeyPair> {
    return issueCertificate(this.#authority, request, this.#clock.now(), LEAF_DAYS * DAY_MS);
  }

  /**
   * Looks once a day whether the pair has to be renewed, and hands over the new one (for `setSecureContext`). A failure is
   * told to `failed` and tried again the next day; a third of a year is left for it.
   */
  keepFresh(name: string, request: CertificateRequest, renewed: (pair: KeyPair) => void, failed: (cause: unknown) => void): AsyncDisposable {
    let ended = false;
    let looking: Promise<void> = Promise.resolve();
    const look = async (): Promise<void> => {
      const before = await this.#read(name);
      const pair = await this.ensure(name, request);
      if (!ended && before.certPem !== pair.certPem) renewed(pair);
    };
    // One look at a time: two would write over each other.
    const arm = (): Timer =>
      this.#clock.setTimer(DAY_MS, () => {
        looking = look()
          .catch(failed)
          .finally(() => {
            if (!ended) timer = arm();
          });
      });
    let timer = arm();
    return {
      [Symbol.asyncDispose]: () => {
        ended = true;
        timer[Symbol.dispose]();
        return looking;
      },
    };
  }

  #read(name: string): Promise<Partial<KeyPair>> {
    const remedy = `remove ${name}.crt and ${name}.key, which are made anew`;
    return readPair(this.#directory, name, { certificate: remedy, key: remedy });
  }

  #isGood(certPem: string, request: CertificateRequest): boolean {
    const certificate = new X509Certificate(certPem);
    return (
      !needsRenewal(certPem, this.#clock.now()) &&
      certificate.verify(new X509Certificate(this.#authority.certPem).publicKey) &&
      subjectOf(certificate) === wantedSubject(request) &&
      request.dnsNames.every((dns) => certificate.checkHost(dns, { subject: 'never' }) !== undefined) &&
      request.ipAddresses.every((ip) => certificate.checkIP(ip) !== undefined)
    );
  }
}

/** Less than a third of its life is left, or it is not valid yet (the clock was set back). */
export function needsRenewal(certPem: string, nowMs: number): boolean {
  const certificate = new X509Certificate(certPem);
  const from = Date.parse(certificate.validFrom);
  const to = Date.parse(certificate.validTo);
  return nowMs < from || to - nowMs < (to - from) / 3;
}

function subjectOf(certificate: X509Certificate): string {
  return certificate.subject.split('\n').sort().join('\n');
}

function wantedSubject({ commonName, organizations }: CertificateRequest): string {
  return [...organizations.map((o) => `O=${o}`), `CN=${commonName}`].sort().join('\n');
}

const AUTHORITY_REMEDY = {
  certificate: 'restore it from a copy, or remove it, and it is made again from ca.key',
  key: 'restore both of ca.crt and ca.key from a copy; without one, remove both, and everything that they signed (kubeconfigs handed out) counts no more',
} as const;

interface Remedy {
  readonly certificate: string;
  readonly key: string;
}

async function readPair(directory: string, name: string, remedy: Remedy): Promise<Partial<KeyPair>> {
  const [certPem, keyPem] = await Promise.all([
    readPem(join(directory, `${name}.crt`), (pem) => new X509Certificate(pem), remedy.certificate),
    readPem(join(directory, `${name}.key`), createPrivateKey, remedy.key),
  ]);
  return { ...(certPem === undefined ? {} : { certPem }), ...(keyPem === undefined ? {} : { keyPem }) };
}

/** Undefined when there is none. */
async function readPem(path: string, parse: (pem: string) => unknown, remedy: string): Promise<string | undefined> {
  let pem: string;
  try {
    pem = await readFile(path, 'utf8');
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return undefined;
    throw new DataDirectoryError(`${path} can't be read: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  }
  try {
    parse(pem);
    return pem;
  } catch {
    throw new DataDirectoryError(`${path} is damaged: ${remedy}; nothing was changed`);
  }
}

function belong(certPem: string, keyPem: string): boolean {
  return new X509Certificate(certPem).checkPrivateKey(createPrivateKey(keyPem));
}

/** The key first: a certificate without its key is never found; both are replaced by rename. */
async function writePair(directory: string, name: string, { certPem, keyPem }: KeyPair): Promise<void> {
  await writeSecret(join(directory, `${name}.key`), keyPem);
  await writeSecret(join(directory, `${name}.crt`), certPem);
}

/** Replaces a file by rename, on disk before it is seen, readable by its owner only. */
export async function writeSecret(path: string, text: string): Promise<void> {
  const beside = `${path}.new`;
  const file = await open(beside, 'w', 0o600);
  try {
    await file.chmod(0o600);
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(beside, path);
}
