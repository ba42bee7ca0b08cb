import { readOnly } from '../handlers/target.ts';
import type { RawResponse, Route } from '../stages.ts';
import type { TokenIssuer } from './service-account-token.ts';

/** OIDC discovery: whoever wants to trust service-account tokens finds the issuer's keys here. Readable by service accounts. */
export function openidRoutes({ keys, issuer }: TokenIssuer, serverAddress: () => string): readonly Route[] {
  const keysOf = (): readonly object[] => keys.publicKeys?.() ?? [];
  const document = (): RawResponse => ({
    code: 200,
    headers: { 'content-type': 'application/json', 'cache-control': 'public, max-age=3600' },
    body: JSON.stringify({
      issuer,
      // By address: whoever verifies may have no DNS of the cluster.
      jwks_uri: `https://${serverAddress()}/openid/v1/jwks`,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: [keys.signing.algorithm],
    }),
  });
  const jwks = (): RawResponse => ({
    code: 200,
    headers: { 'content-type': 'application/jwk-set+json', 'cache-control': 'public, max-age=3600' },
    body: JSON.stringify({ keys: keysOf() }),
  });
  return [
    { match: 'restful', path: '/.well-known/openid-configuration', handle: readOnly(document) },
    { match: 'restful', path: '/openid/v1/jwks', handle: readOnly(jwks) },
  ];
}
