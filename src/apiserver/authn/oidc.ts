import type { UserInfo } from '../../machinery/exchange.ts';
import type { Json, JsonObject } from '../../machinery/object.ts';
import { getOwn } from '../../machinery/record.ts';
import type { Awaitable } from '../stages.ts';
import { decodeBase64Url } from './base64url.ts';
import { peekJwt } from './jwt.ts';
import type { Checked } from './service-account-token.ts';

/** Tokens of an OpenID Connect provider (ID tokens): who signs in there may be known here. As kube-apiserver's `--oidc-…` flags. */
export interface OidcSettings {
  /** `https://…`, exactly as the tokens' `iss` says it. */
  readonly issuer: string;
  /** Tokens must be for one of them. */
  readonly audiences: readonly string[];
  /** Default `sub`. */
  readonly usernameClaim: string;
  /** Before the name. Empty: the issuer and `#`, except for `email`. `-`: nothing. */
  readonly usernamePrefix: string;
  /** Empty: no groups are taken from tokens. */
  readonly groupsClaim: string;
  readonly groupsPrefix: string;
  /** Empty: tokens give no uid. */
  readonly uidClaim: string;
  readonly requiredClaims: Readonly<Record<string, string>>;
  readonly algorithms: readonly string[];
}

/** The provider's keys. */
export interface OidcKeys {
  /** Rises when the keys are fetched again: some may be gone. */
  version(): number;
  /** Whether the key of that id signed the bytes; undefined when there is no such key. Throws when the provider can't be asked. */
  verify(algorithm: string, keyId: string | undefined, data: Uint8Array, signature: Uint8Array): Awaitable<boolean | undefined>;
}

/** Checks a token; `issued` says whether it claims to come from there. */
export interface OidcTokens {
  issued(token: string): boolean;
  check(token: string): Promise<Checked>;
}

/** So many signatures are remembered. Times are looked at every time. */
const REMEMBERED = 4096;

export function oidcTokens(settings: OidcSettings, keys: OidcKeys, nowMs: () => number): OidcTokens {
  const verified = new Map<string, JsonObject>();
  let version = 0;
  return {
    issued: (token) => peekJwt(token)?.['iss'] === settings.issuer,
    check: async (token) => {
      if (version !== keys.version()) verified.clear();
      version = keys.version();
      let claims = verified.get(token);
      if (claims === undefined) {
        const fault = await signatureFault(settings, keys, token);
        if (fault !== undefined) return { error: fault };
        claims = peekJwt(token);
        if (claims === undefined) return { error: 'oidc: malformed token' };
        if (verified.size >= REMEMBERED) verified.clear();
        verified.set(token, claims);
      }
      const user = oidcUser(settings, claims, nowMs());
      return typeof user === 'string' ? { error: user } : { user, audiences: settings.audiences };
    },
  };
}

async function signatureFault({ algorithms }: OidcSettings, keys: OidcKeys, token: string): Promise<string | undefined> {
  const [head = '', body = '', sealed = '', more] = token.split('.');
  const signature = decodeBase64Url(sealed);
  const header = peekJwt(`.${head}`);
  if (more !== undefined || signature === undefined || header === undefined) return 'oidc: malformed token';
  const { alg, kid } = header;
  if (typeof alg !== 'string' || !algorithms.includes(alg))
    return `oidc: the token is signed with ${JSON.stringify(alg)}, allowed are ${algorithms.join(', ')}`;
  try {
    const good = await keys.verify(alg, typeof kid === 'string' ? kid : undefined, new TextEncoder().encode(`${head}.${body}`), signature);
    return good === true ? undefined : 'oidc: failed to verify signature: no matching key';
  } catch (thrown) {
    return `oidc: the keys of the provider could not be fetched: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
  }
}

/** Who verified claims say it is; else why they prove nothing. */
export function oidcUser(settings: OidcSettings, claims: JsonObject, nowMs: number): UserInfo | string {
  const { issuer, usernameClaim, groupsClaim, uidClaim, requiredClaims } = settings;
  if (claims['iss'] !== issuer) return `oidc: id token issued by a different provider, expected ${JSON.stringify(issuer)} got ${JSON.stringify(claims['iss'])}`;
  const audiences = textsOf(claims['aud']);
  if (!settings.audiences.some((each) => audiences.includes(each)))
    return `oidc: expected audience in ${JSON.stringify(settings.audiences)} got ${JSON.stringify(audiences)}`;
  const { exp, nbf } = claims;
  if (typeof exp !== 'number' || nowMs / 1000 > exp) return 'oidc: token is expired';
  if (typeof nbf === 'number' && nowMs / 1000 + LEEWAY_SECONDS < nbf) return 'oidc: token is not valid yet';
  const name = getOwn(claims, usernameClaim);
  if (typeof name !== 'string' || name === '') return `oidc: could not find a string in the claim ${JSON.stringify(usernameClaim)}`;
  if (usernameClaim === 'email' && claims['email_verified'] !== undefined && claims['email_verified'] !== true) return 'oidc: email not verified';
  for (const [claim, value] of Object.entries(requiredClaims)) {
    if (getOwn(claims, claim) !== value)
      return `oidc: required claim ${claim} value does not match. Got = ${JSON.stringify(getOwn(claims, claim))}, want = ${JSON.stringify(value)}`;
  }
  const groups = groupsClaim === '' ? [] : groupsOf(getOwn(claims, groupsClaim));
  if (groups === undefined) return `oidc: could not find a string or a list of strings in the claim ${JSON.stringify(groupsClaim)}`;
  const uid = uidClaim === '' ? undefined : getOwn(claims, uidClaim);
  if (uidClaim !== '' && typeof uid !== 'string') return `oidc: could not find a string in the claim ${JSON.stringify(uidClaim)}`;
  const jti = claims['jti'];
  return {
    name: `${prefixOf(settings)}${name}`,
    ...(typeof uid === 'string' ? { uid } : {}),
    groups: [...groups.map((group) => `${settings.groupsPrefix}${group}`), 'system:authenticated'],
    ...(typeof jti === 'string' ? { extra: { 'authentication.kubernetes.io/credential-id': [`JTI=${jti}`] } } : {}),
  };
}

/** For clocks that differ. */
const LEEWAY_SECONDS = 300;

function prefixOf({ usernamePrefix, usernameClaim, issuer }: OidcSettings): string {
  if (usernamePrefix === '-') return '';
  return usernamePrefix === '' && usernameClaim !== 'email' ? `${issuer}#` : usernamePrefix;
}

/** Undefined: something else than one text or a list of them. Absent and null are no groups. */
function groupsOf(value: Json | undefined): readonly string[] | undefined {
  if (value === undefined || value === null) return [];
  const groups = textsOf(value);
  const isWhole = typeof value === 'string' || (Array.isArray(value) && value.length === groups.length);
  return isWhole ? groups : undefined;
}

/** One text, or a list of them. */
function textsOf(value: Json | undefined): readonly string[] {
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}
