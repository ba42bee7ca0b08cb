import { createPublicKey, type KeyObject, verify, type webcrypto } from 'node:crypto';
import { request } from 'node:https';
import type { OidcKeys } from '../apiserver/authn/oidc.ts';
import type { Clock } from '../base/clock.ts';
import { failure, type Log } from '../base/log.ts';
import type { JsonObject } from '../machinery/object.ts';

export interface OidcProvider {
  readonly issuer: string;
  /** Where discovery is, exactly; absent: below the issuer. */
  readonly discoveryUrl?: string | undefined;
  /** PEM of the CA that the provider's certificate is checked with; absent: the machine's. */
  readonly caPem?: string | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/** What Kubernetes' flag `--oidc-signing-algs` takes. */
export const OIDC_ALGORITHMS = ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512'] as const;

const TIMEOUT_MS = 10_000;
const MAX_BYTES = 1024 * 1024;
/** Keys are fetched again no sooner. */
const AGAIN_MS = 10_000;
const PSS_PADDING = 6;
const MOST_REDIRECTS = 10;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

type Jwk = webcrypto.JsonWebKey & { readonly kid?: string };

interface KnownKey {
  readonly id: string | undefined;
  readonly key: KeyObject;
}

/** The provider's keys, fetched by discovery when the first token comes, and again when none of them signed one: they may have been replaced. */
export function oidcKeys({
  issuer,
  discoveryUrl = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`,
  caPem,
  clock,
  log,
}: OidcProvider): OidcKeys {
  let known: readonly KnownKey[] = [];
  let version = 0;
  let fetchedMs = Number.NEGATIVE_INFINITY;
  let fetching: Promise<void> | undefined;
  const fetchKeys = async (): Promise<void> => {
    fetchedMs = clock.monotonic();
    const discovery = await getJson(discoveryUrl, caPem);
    if (discovery['issuer'] !== issuer) throw new Error(`${issuer} says that it is ${JSON.stringify(discovery['issuer'])}`);
    const { keys } = await getJson(String(discovery['jwks_uri']), caPem);
    if (!Array.isArray(keys)) throw new Error(`${String(discovery['jwks_uri'])} has no keys`);
    known = keys.flatMap((each) => keyOf(each as Jwk));
    version++;
  };
  const fetchOnce = (): Promise<void> => {
    fetching ??= fetchKeys()
      .catch((thrown: unknown) => {
        log.warn('the keys of an OpenID Connect provider could not be fetched', { issuer, ...failure(thrown) });
        throw thrown;
      })
      .finally(() => {
        fetching = undefined;
      });
    return fetching;
  };
  const isSigned = (algorithm: string, keyId: string | undefined, data: Uint8Array, signature: Uint8Array): boolean | undefined => {
    const candidates = keyId === undefined ? known : known.filter(({ id }) => id === keyId);
    return candidates.length === 0 ? undefined : candidates.some(({ key }) => signed(algorithm, key, data, signature));
  };
  return {
    version: () => version,
    verify: async (algorithm, keyId, data, signature) => {
      const found = isSigned(algorithm, keyId, data, signature);
      if (found === true || (fetching === undefined && clock.monotonic() - fetchedMs < AGAIN_MS)) return found;
      await fetchOnce();
      return isSigned(algorithm, keyId, data, signature);
    },
  };
}

/** Keys of kinds that are not known here are left out. */
function keyOf(jwk: Jwk): readonly KnownKey[] {
  if (jwk.use !== undefined && jwk.use !== 'sig') return [];
  try {
    return [{ id: jwk.kid, key: createPublicKey({ key: jwk, format: 'jwk' }) }];
  } catch {
    return [];
  }
}

const CURVES: Readonly<Record<string, string>> = { ES256: 'prime256v1', ES384: 'secp384r1', ES512: 'secp521r1' };

/** The key must be of the algorithm's kind: the token does not choose. */
function signed(algorithm: string, key: KeyObject, data: Uint8Array, signature: Uint8Array): boolean {
  const hash = `sha${algorithm.slice(2)}`;
  if (algorithm.startsWith('ES')) {
    return key.asymmetricKeyDetails?.namedCurve === CURVES[algorithm] && verify(hash, data, { key, dsaEncoding: 'ieee-p1363' }, signature);
  }
  if (key.asymmetricKeyType !== 'rsa') return false;
  return algorithm.startsWith('PS') ? verify(hash, data, { key, padding: PSS_PADDING }, signature) : verify(hash, data, key, signature);
}

/** Follows redirects, to https only. */
function getJson(url: string, caPem: string | undefined, redirects = 0): Promise<JsonObject> {
  return new Promise((resolve, reject) => {
    if (!url.startsWith('https://')) return reject(new Error(`${url}: only https is trusted`));
    const asked = request(
      url,
      { ...(caPem === undefined ? {} : { ca: caPem }), signal: AbortSignal.timeout(TIMEOUT_MS), headers: { accept: 'application/json' } },
      (response) => {
        const { statusCode = 0, headers } = response;
        if (REDIRECTS.has(statusCode) && headers.location !== undefined && URL.canParse(headers.location, url)) {
          response.resume();
          if (redirects === MOST_REDIRECTS) return reject(new Error(`${url}: stopped after ${MOST_REDIRECTS} redirects`));
          return resolve(getJson(new URL(headers.location, url).href, caPem, redirects + 1));
        }
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          size += chunk.byteLength;
          if (size > MAX_BYTES) asked.destroy(new Error(`${url} answers more than ${MAX_BYTES} bytes`));
          else chunks.push(chunk);
        });
        response.on('error', reject);
        response.on('end', () => {
          if (statusCode !== 200) return reject(new Error(`${url} answers ${statusCode}`));
          try {
            resolve(JSON.parse(Buffer.concat(chunks).toString('utf8')) as JsonObject);
          } catch (thrown) {
            reject(new Error(`${url} answers no JSON`, { cause: thrown }));
          }
        });
      },
    );
    asked.on('error', reject);
    asked.end();
  });
}
