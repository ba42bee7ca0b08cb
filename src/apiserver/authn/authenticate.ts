import type { Clock } from '../../base/clock.ts';
import type { UserInfo } from '../../machinery/exchange.ts';
import type { JsonObject } from '../../machinery/object.ts';
import type { Authenticate, Awaitable, ClientCertificate, StoredReader } from '../stages.ts';
import { bootstrapTokenUser } from './bootstrap-token.ts';
import type { OidcTokens } from './oidc.ts';
import { verifyJwt } from './jwt.ts';
import { checkSecretToken, isSecretToken, type NoteUse } from './secret-token.ts';
import { type Checked, checkClaims, type TokenIssuer } from './service-account-token.ts';

export const ANONYMOUS: UserInfo = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

/** Signatures cost 80 µs to verify; so many tokens are remembered. What they are bound to is looked up every time. */
const REMEMBERED_TOKENS = 4096;

export interface AuthenticateOptions {
  readonly tokens: TokenIssuer;
  readonly reader: StoredReader;
  readonly clock: Clock;
  /** Asked at every request: it may change while the server runs. */
  readonly signIn: () => SignIn;
  /** Called when a Secret does not tell yet that its token is used these days; absent: nobody notes it. */
  readonly noteSecretToken?: NoteUse | undefined;
}

/** Who may come in beside certificates and this cluster's own tokens. */
export interface SignIn {
  /** Tokens of providers elsewhere. */
  readonly oidc: readonly OidcTokens[];
  /** Requests without credentials are `system:anonymous` (the policy lets it see health and version), everywhere or at these very paths. */
  readonly anonymous: 'everywhere' | 'nowhere' | ReadonlySet<string>;
}

/** As a cluster has it that was told nothing. */
export const DEFAULT_SIGN_IN: SignIn = { oidc: [], anonymous: 'everywhere' };

/** Checks a bearer token for the given audiences. */
export type CheckToken = (token: string, audiences: readonly string[]) => Checked;

export function tokenChecker({ tokens, reader, clock, noteSecretToken }: AuthenticateOptions): CheckToken {
  const remembered = new Map<string, JsonObject>();
  const claimsOf = (token: string): JsonObject | undefined => {
    const known = remembered.get(token);
    if (known !== undefined) return known;
    const claims = verifyJwt(token, tokens.keys);
    if (claims === undefined) return undefined;
    if (remembered.size >= REMEMBERED_TOKENS)
      for (const oldest of remembered.keys()) {
        remembered.delete(oldest);
        break;
      }
    remembered.set(token, claims);
    return claims;
  };
  return (token, audiences) => {
    const bootstrap = bootstrapTokenUser(token, reader, clock.now());
    if (bootstrap !== undefined) {
      // It is for this server only, whoever asks.
      const common = audiences.filter((each) => tokens.audiences.includes(each));
      return common.length === 0 ? { error: 'token has no audience of the target' } : { user: bootstrap, audiences: common };
    }
    const claims = claimsOf(token);
    if (claims === undefined) return { error: 'invalid bearer token' };
    if (isSecretToken(claims))
      return checkSecretToken(token, claims, {
        audiences: audiences.filter((each) => tokens.audiences.includes(each)),
        reader,
        nowMs: clock.now(),
        note: noteSecretToken,
      });
    return checkClaims(claims, { issuer: tokens.issuer, audiences, nowMs: clock.now(), reader });
  };
}

/** As `CheckToken`; tokens of a provider elsewhere may take time. */
export type CheckAnyToken = (token: string, audiences: readonly string[]) => Awaitable<Checked>;

/** Tokens that an OpenID Connect provider issued, and all others. */
export function anyToken(check: CheckToken, own: readonly string[], signIn: () => SignIn): CheckAnyToken {
  const checkIssued = async (oidc: OidcTokens, token: string, audiences: readonly string[]): Promise<Checked> => {
    // They are for this server, whatever audience they name.
    const common = audiences.filter((each) => own.includes(each));
    const checked = await oidc.check(token);
    if (!('user' in checked)) return checked;
    return common.length === 0 ? { error: 'token has no audience of the target' } : { user: checked.user, audiences: common };
  };
  return (token, audiences) => {
    const oidc = signIn().oidc.find((each) => each.issued(token));
    return oidc === undefined ? check(token, audiences) : checkIssued(oidc, token, audiences);
  };
}

const checkedUser = (checked: Checked): UserInfo | undefined => ('user' in checked ? checked.user : undefined);

/** A verified client certificate, then a token, then anonymous; what proves nothing is a 401, unless something beside it does. */
export function authenticator(options: AuthenticateOptions, check: CheckAnyToken = tokenChecker(options)): Authenticate {
  const { tokens, signIn } = options;
  // A connection's certificate is one object as long as it lasts: hashed once, not for each request.
  const users = new WeakMap<ClientCertificate, { readonly user: UserInfo | undefined }>();
  const userOf = (certificate: ClientCertificate): UserInfo | undefined => {
    let known = users.get(certificate);
    if (known === undefined) {
      known = { user: certificateUser(certificate, tokens) };
      users.set(certificate, known);
    }
    return known.user;
  };
  return ({ certificate, bearerToken, path = '' }) => {
    const byCertificate = certificate === undefined || certificate === 'bad' ? undefined : userOf(certificate);
    if (byCertificate !== undefined) return byCertificate;
    if (bearerToken !== undefined && bearerToken !== '') {
      const checked = check(bearerToken, tokens.audiences);
      return checked instanceof Promise ? checked.then(checkedUser) : checkedUser(checked);
    }
    if (certificate === 'bad') return undefined;
    const { anonymous } = signIn();
    const isOpen = typeof anonymous === 'string' ? anonymous === 'everywhere' : anonymous.has(path);
    return isOpen ? ANONYMOUS : undefined;
  };
}

/** CN is the user, every O a group, and there may be a uid. A certificate without a name proves nothing. */
function certificateUser({ commonName, organizations, uid, raw }: ClientCertificate, { keys }: TokenIssuer): UserInfo | undefined {
  if (commonName === '') return undefined;
  return {
    name: commonName,
    ...(uid === undefined ? {} : { uid }),
    groups: [...organizations, 'system:authenticated'],
    extra: { 'authentication.kubernetes.io/credential-id': [`X509SHA256=${Buffer.from(keys.digest(raw)).toString('hex')}`] },
  };
}
