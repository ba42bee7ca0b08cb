import { X509Certificate } from 'node:crypto';
import type { OidcSettings } from '../apiserver/authn/oidc.ts';
import { duplicate, FieldPath, type FieldError, forbidden, invalid, required, tooMany } from '../machinery/field-error.ts';
import type { Json, JsonObject } from '../machinery/object.ts';
import { type Shape, shapeFaults } from './config-shape.ts';
import { OIDC_ALGORITHMS } from './oidc-keys.ts';

/** What `--authentication-config` says: AuthenticationConfiguration of apiserver.config.k8s.io/v1, as far as it needs no expressions. */
export interface AuthenticationConfig {
  readonly jwt: readonly JwtAuthenticator[];
  readonly anonymous: 'everywhere' | 'nowhere' | ReadonlySet<string>;
}

export interface JwtAuthenticator {
  readonly settings: OidcSettings;
  /** Absent: below the issuer. */
  readonly discoveryUrl: string | undefined;
  /** PEM; absent: the machine's CAs. */
  readonly caPem: string | undefined;
}

const CLAIM: Shape = { fields: { claim: 'text', expression: 'text' } };
const PREFIXED: Shape = { fields: { claim: 'text', prefix: 'text', expression: 'text' } };
const ISSUER: Shape = {
  fields: {
    url: 'text',
    discoveryURL: 'text',
    certificateAuthority: 'text',
    audiences: { listOf: 'text' },
    audienceMatchPolicy: 'text',
    egressSelectorType: 'text',
  },
};
const AUTHENTICATOR: Shape = {
  fields: {
    issuer: ISSUER,
    claimValidationRules: { listOf: { fields: { claim: 'text', requiredValue: 'text', expression: 'text', message: 'text' } } },
    claimMappings: { fields: { username: PREFIXED, groups: PREFIXED, uid: CLAIM, extra: { listOf: { fields: { key: 'text', valueExpression: 'text' } } } } },
    userValidationRules: { listOf: { fields: { expression: 'text', message: 'text' } } },
  },
};
const SHAPE: Shape = {
  fields: {
    apiVersion: 'text',
    kind: 'text',
    jwt: { listOf: AUTHENTICATOR },
    anonymous: { fields: { enabled: 'flag', conditions: { listOf: { fields: { path: 'text' } } } } },
  },
};

const MOST_ISSUERS = 64;
const API_VERSIONS = ['apiserver.config.k8s.io/v1', 'apiserver.config.k8s.io/v1beta1'];

/** `config` counts only when `errors` is empty. `own`: the issuer of this cluster's own tokens. */
export function authenticationConfig(config: Json, own: string): { readonly config: AuthenticationConfig; readonly errors: readonly FieldError[] } {
  const reader = new Reader(own);
  const faults = shapeFaults(objectOf(config), SHAPE);
  // What is not of the right types can't be read.
  if (faults.length > 0) return { config: { jwt: [], anonymous: 'nowhere' }, errors: faults };
  return { config: reader.configuration(config), errors: reader.errors };
}

/** Reads and checks at once: upstream's rules and words (apiserver validation of AuthenticationConfiguration, 1.36). */
class Reader {
  readonly errors: FieldError[] = [];
  readonly #own: string;
  readonly #issuers = new Set<string>();
  readonly #discoveryUrls = new Set<string>();

  constructor(own: string) {
    this.#own = own;
  }

  configuration(given: Json): AuthenticationConfig {
    const config = objectOf(given);
    if (config['kind'] !== 'AuthenticationConfiguration')
      this.errors.push(invalid(new FieldPath('kind'), config['kind'], 'must be AuthenticationConfiguration'));
    if (!API_VERSIONS.includes(textOf(config['apiVersion'])))
      this.errors.push(invalid(new FieldPath('apiVersion'), config['apiVersion'], `must be ${API_VERSIONS[0]}`));
    const jwt = listOf(config['jwt']);
    const path = new FieldPath('jwt');
    if (jwt.length > MOST_ISSUERS) this.errors.push(tooMany(path, jwt.length, MOST_ISSUERS));
    return { jwt: jwt.map((each, at) => this.#authenticator(objectOf(each), path.index(at))), anonymous: this.#anonymous(config['anonymous']) };
  }

  #anonymous(given: Json | undefined): AuthenticationConfig['anonymous'] {
    if (given === undefined || given === null) return 'everywhere';
    const { enabled, conditions } = objectOf(given);
    const paths = listOf(conditions).map((each) => textOf(objectOf(each)['path']));
    if (enabled !== true && paths.length > 0)
      this.errors.push(invalid(new FieldPath('anonymous').child('conditions'), conditions, 'enabled should be set to true when conditions are defined'));
    if (enabled !== true) return 'nowhere';
    return paths.length === 0 ? 'everywhere' : new Set(paths);
  }

  #authenticator(given: JsonObject, path: FieldPath): JwtAuthenticator {
    const issuer = objectOf(given['issuer']);
    const at = path.child('issuer');
    const url = textOf(issuer['url']);
    const discoveryUrl = textOf(issuer['discoveryURL']);
    const caPem = textOf(issuer['certificateAuthority']);
    this.#issuerUrl(url, at.child('url'));
    if (discoveryUrl !== '') this.#discoveryUrl(url, discoveryUrl, at.child('discoveryURL'));
    const audiences = this.#audiences(issuer, at);
    if (caPem !== '' && !isPem(caPem))
      this.errors.push(invalid(at.child('certificateAuthority'), '<omitted>', 'data does not contain any valid RSA or ECDSA certificates'));
    if (issuer['egressSelectorType'] !== undefined)
      this.errors.push(forbidden(at.child('egressSelectorType'), 'there are no egress selectors here: providers are reached directly'));
    for (const [rule] of listOf(given['userValidationRules']).entries()) this.#noExpressions(path.child('userValidationRules').index(rule).child('expression'));
    const requiredClaims = this.#claims(listOf(given['claimValidationRules']), path.child('claimValidationRules'));
    return {
      settings: {
        issuer: url,
        audiences,
        requiredClaims,
        ...this.#mappings(objectOf(given['claimMappings']), path.child('claimMappings')),
        algorithms: OIDC_ALGORITHMS,
      },
      discoveryUrl: discoveryUrl === '' ? undefined : discoveryUrl,
      caPem: caPem === '' ? undefined : caPem,
    };
  }

  #issuerUrl(url: string, path: FieldPath): void {
    if (url === '') return void this.errors.push(required(path));
    if (url === this.#own) this.errors.push(invalid(path, url, `URL must not overlap with disallowed issuers: [${this.#own}]`));
    this.#url(url, path);
    if (this.#issuers.has(url)) this.errors.push(duplicate(path, url));
    this.#issuers.add(url);
  }

  #discoveryUrl(issuer: string, url: string, path: FieldPath): void {
    const bare = (text: string): string => text.replace(/\/+$/, '');
    if (issuer !== '' && bare(issuer) === bare(url)) this.errors.push(invalid(path, url, 'discoveryURL must be different from URL'));
    this.#url(url, path);
    if (this.#discoveryUrls.has(url)) this.errors.push(duplicate(path, url));
    this.#discoveryUrls.add(url);
  }

  #url(text: string, path: FieldPath): void {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url?.protocol !== 'https:') this.errors.push(invalid(path, text, 'URL scheme must be https'));
    if (url === undefined) return;
    if (url.username !== '' || url.password !== '') this.errors.push(invalid(path, text, 'URL must not contain a username or password'));
    if (url.search !== '') this.errors.push(invalid(path, text, 'URL must not contain a query'));
    if (url.hash !== '') this.errors.push(invalid(path, text, 'URL must not contain a fragment'));
  }

  #audiences(issuer: JsonObject, path: FieldPath): readonly string[] {
    const audiences = listOf(issuer['audiences']).map(textOf);
    const at = path.child('audiences');
    const policy = textOf(issuer['audienceMatchPolicy']);
    if (audiences.length === 0) this.errors.push(required(at, `at least one ${at.toString()} is required`));
    for (const [index, audience] of audiences.entries()) {
      if (audience === '') this.errors.push(required(at.index(index)));
      if (audiences.indexOf(audience) < index) this.errors.push(duplicate(at.index(index), audience));
    }
    if (audiences.length > 1 && policy !== 'MatchAny')
      this.errors.push(invalid(path.child('audienceMatchPolicy'), policy, 'audienceMatchPolicy must be MatchAny for multiple audiences'));
    if (audiences.length === 1 && policy !== '' && policy !== 'MatchAny')
      this.errors.push(invalid(path.child('audienceMatchPolicy'), policy, 'audienceMatchPolicy must be empty or MatchAny for single audience'));
    return audiences;
  }

  #claims(rules: readonly Json[], path: FieldPath): Readonly<Record<string, string>> {
    const wanted = new Map<string, string>();
    for (const [index, each] of rules.entries()) {
      const at = path.index(index);
      const { claim: given, requiredValue, expression, message } = objectOf(each);
      const claim = textOf(given);
      if (claim !== '' && isSet(expression)) this.errors.push(invalid(at, claim, "claim and expression can't both be set"));
      else if (isSet(expression)) this.#noExpressions(at.child('expression'));
      else if (claim === '') this.errors.push(required(at, 'claim or expression is required'));
      else {
        if (isSet(message)) this.errors.push(invalid(at.child('message'), message, 'may not be specified when claim is set'));
        if (wanted.has(claim)) this.errors.push(duplicate(at.child('claim'), claim));
        wanted.set(claim, textOf(requiredValue));
      }
    }
    return Object.fromEntries(wanted);
  }

  #mappings(given: JsonObject, path: FieldPath): Pick<OidcSettings, 'usernameClaim' | 'usernamePrefix' | 'groupsClaim' | 'groupsPrefix' | 'uidClaim'> {
    const username = this.#prefixed(objectOf(given['username']), path.child('username'), true);
    const groups = this.#prefixed(objectOf(given['groups']), path.child('groups'), false);
    const { claim: uid, expression } = objectOf(given['uid']);
    if (isSet(uid) && isSet(expression)) this.errors.push(invalid(path.child('uid'), '', "claim and expression can't both be set"));
    else if (isSet(expression)) this.#noExpressions(path.child('uid', 'expression'));
    for (const [index] of listOf(given['extra']).entries()) this.#noExpressions(path.child('extra').index(index).child('valueExpression'));
    return {
      usernameClaim: username.claim,
      // Here an empty prefix is none; the flag's word for none is a dash.
      usernamePrefix: username.prefix === '' ? '-' : username.prefix,
      groupsClaim: groups.claim,
      groupsPrefix: groups.prefix,
      uidClaim: textOf(uid),
    };
  }

  #prefixed({ claim: given, prefix, expression }: JsonObject, path: FieldPath, isRequired: boolean): { readonly claim: string; readonly prefix: string } {
    const claim = textOf(given);
    if (claim !== '' && isSet(expression)) this.errors.push(invalid(path, '', "claim and expression can't both be set"));
    else if (isSet(expression)) {
      if (isSet(prefix)) this.errors.push(invalid(path.child('prefix'), prefix, "prefix can't be set when expression is set"));
      this.#noExpressions(path.child('expression'));
    } else if (claim === '') {
      if (isRequired) this.errors.push(required(path, 'claim or expression is required'));
      else if (isSet(prefix)) this.errors.push(invalid(path, '', 'non-empty claim name is required when prefix is set'));
    } else if (prefix === undefined || prefix === null) {
      this.errors.push(required(path.child('prefix'), 'prefix is required when claim is set. It can be set to an empty string to disable prefixing'));
    }
    return { claim, prefix: textOf(prefix) };
  }

  #noExpressions(path: FieldPath): void {
    this.errors.push(forbidden(path, 'CEL expressions are not supported here; use claim, prefix and requiredValue'));
  }
}

const isSet = (value: Json | undefined): boolean => value !== undefined && value !== null && value !== '';
const textOf = (value: Json | undefined): string => (typeof value === 'string' ? value : '');
const listOf = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? value : []);
const objectOf = (value: Json | undefined): JsonObject => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {});

/** Whether there is a certificate in it. */
export function isPem(text: string): boolean {
  try {
    return new X509Certificate(text).subject !== undefined;
  } catch {
    return false;
  }
}
