import { readFile } from 'node:fs/promises';
import { DEFAULT_SIGN_IN, type SignIn } from '../apiserver/authn/authenticate.ts';
import { type OidcTokens, oidcTokens } from '../apiserver/authn/oidc.ts';
import type { Clock } from '../base/clock.ts';
import { failure, type Log } from '../base/log.ts';
import { formatFieldError } from '../machinery/field-error.ts';
import { parseYaml } from '../schema/yaml.ts';
import { type AuthenticationConfig, authenticationConfig, isPem, type JwtAuthenticator } from './authentication-config.ts';
import type { ClusterConfig } from './config.ts';
import { followFile } from './follow-file.ts';
import { oidcKeys } from './oidc-keys.ts';

export interface FollowedSignIn extends Disposable {
  readonly signIn: () => SignIn;
}

interface Around {
  readonly clock: Clock;
  readonly log: Log;
  /** The issuer of the cluster's own tokens. */
  readonly issuer: string;
}

/** By the options, or by the file, which is followed while the cluster runs. Throws one line that names what is wrong. */
export async function openSignIn(
  { oidc, authenticationConfigFile: file }: Pick<ClusterConfig, 'oidc' | 'authenticationConfigFile'>,
  around: Around,
): Promise<FollowedSignIn> {
  const { clock, log } = around;
  const tokensOf = ({ settings, discoveryUrl, caPem }: JwtAuthenticator): OidcTokens =>
    oidcTokens(settings, oidcKeys({ issuer: settings.issuer, discoveryUrl, caPem, clock, log }), () => clock.now());
  if (file === '') {
    const caPem = oidc === undefined || oidc.caFile === '' ? undefined : await readAuthority(oidc.caFile);
    if (oidc?.issuer === around.issuer) throw new Error(`--oidc-issuer-url ${oidc.issuer}: the cluster's own tokens are of that issuer`);
    const found = oidc === undefined ? DEFAULT_SIGN_IN : { ...DEFAULT_SIGN_IN, oidc: [tokensOf({ settings: oidc, discoveryUrl: undefined, caPem })] };
    return { signIn: () => found, [Symbol.dispose]: () => {} };
  }
  const signInOf = ({ jwt, anonymous }: AuthenticationConfig): SignIn => ({ oidc: jwt.map(tokensOf), anonymous });
  let taken = await readText(file);
  let current = signInOf(await configOf(file, taken, around.issuer));
  const following = followFile(file, log, async () => {
    try {
      const text = await readText(file);
      if (text === taken) return;
      taken = text;
      current = signInOf(await configOf(file, text, around.issuer));
      log.info('the authentication configuration has changed', { file });
    } catch (thrown) {
      log.error('the authentication configuration is not taken; the one before stays in force', failure(thrown));
    }
  });
  return { signIn: () => current, [Symbol.dispose]: () => following[Symbol.dispose]() };
}

async function readAuthority(file: string): Promise<string> {
  const pem = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new Error(`--oidc-ca-file ${file} can't be read: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  });
  if (!isPem(pem)) throw new Error(`--oidc-ca-file ${file}: no certificate is in it`);
  return pem;
}

async function readText(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause: unknown) => {
    throw new Error(`--authentication-config ${file} can't be read: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  });
}

async function configOf(file: string, text: string, issuer: string): Promise<AuthenticationConfig> {
  const parsed = await parseYaml(text);
  if (parsed.fault !== undefined) throw new Error(`--authentication-config ${file}: ${parsed.fault}`);
  const { config, errors } = authenticationConfig(parsed.value, issuer);
  if (errors.length > 0) throw new Error(`--authentication-config ${file}: ${errors.map(formatFieldError).join('; ')}`);
  return config;
}
