import type { Keys } from '../../base/keys.ts';
import type { Json, JsonObject } from '../../machinery/object.ts';
import { decodeBase64Url, encodeBase64Url } from './base64url.ts';

/** JSON web tokens in compact form (RFC 7515, 7519), signed with the service-account key. `jose` is asynchronous; this is not. */
export function signJwt(claims: JsonObject, keys: Keys): string {
  const { algorithm, keyId } = keys.signing;
  const signed = `${encode({ alg: algorithm, kid: keyId })}.${encode(claims)}`;
  return `${signed}.${encodeBase64Url(keys.sign(utf8(signed)))}`;
}

/** The claims of a token that one of our keys signed; undefined for every other text. Times are not looked at. */
export function verifyJwt(token: string, keys: Keys): JsonObject | undefined {
  const [head, body, signature, more] = token.split('.');
  if (head === undefined || body === undefined || signature === undefined || more !== undefined) return undefined;
  const header = decode(head);
  // The algorithm is the key's, never the token's choice.
  if (header === undefined || header['alg'] !== keys.signing.algorithm || typeof header['kid'] !== 'string') return undefined;
  const bytes = decodeBase64Url(signature);
  if (bytes === undefined || !keys.verify(header['kid'], utf8(`${head}.${body}`), bytes)) return undefined;
  return decode(body);
}

/** The claims of any token, unverified: to see who claims to have issued it. */
export function peekJwt(token: string): JsonObject | undefined {
  const body = token.split('.')[1];
  return body === undefined ? undefined : decode(body);
}

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const encode = (value: JsonObject): string => encodeBase64Url(utf8(JSON.stringify(value)));

function decode(part: string): JsonObject | undefined {
  const bytes = decodeBase64Url(part);
  if (bytes === undefined) return undefined;
  try {
    const value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as Json;
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}
