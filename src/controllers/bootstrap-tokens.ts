import type { ConfigMap, Secret } from '../api/gen/types/core.v1.ts';
import { configMaps, secrets } from '../api/gen/resources.ts';
import type { Component, ComponentOptions } from '../client/component.ts';
import { source, startController } from '../client/controller.ts';
import { decodeBase64, encodeBase64 } from '../machinery/base64.ts';
import type { Stored } from '../machinery/object.ts';
import { getOwn } from '../machinery/record.ts';
import { parseTime } from '../machinery/time.ts';

/** Bootstrap tokens (kubernetes.io, "Authenticating with Bootstrap Tokens"): they end in time, and vouch for the cluster that they are of. */

const SYSTEM = 'kube-system';
const PUBLIC = 'kube-public';
const CLUSTER_INFO = 'cluster-info';
const CONTENT = 'kubeconfig';
const SIGNATURE = 'jws-kubeconfig-';
const TYPE = 'bootstrap.kubernetes.io/token';
const ID = /^[a-z0-9]{6}$/;
const KEY = /^[a-z0-9]{16}$/;
const OF_TYPE = { namespace: SYSTEM, fieldSelector: `type=${TYPE}` } as const;

export interface BootstrapToken {
  readonly id: string;
  readonly key: string;
  readonly signs: boolean;
  /** Undefined: it does not end. A time that can't be read is over. */
  readonly expiresMs: number | undefined;
}

/** Undefined: it is no token that counts. */
export function tokenOf({ metadata, type, data }: Secret): BootstrapToken | undefined {
  const field = (name: string): string => new TextDecoder().decode(decodeBase64(getOwn(data, name) ?? '') ?? new Uint8Array());
  const [id, key, expiration] = [field('token-id'), field('token-secret'), field('expiration')];
  if (type !== TYPE || !ID.test(id) || metadata?.name !== `bootstrap-token-${id}` || !KEY.test(key)) return undefined;
  return { id, key, signs: field('usage-bootstrap-signing') === 'true', expiresMs: expiration === '' ? undefined : (parseTime(expiration) ?? 0) };
}

export type Cleaning = { readonly do: 'nothing'; readonly againAfterMs?: number } | { readonly do: 'delete' };

export function decideCleaning(secret: Stored<Secret> | undefined, nowMs: number): Cleaning {
  const expiresMs = secret === undefined ? undefined : tokenOf(secret)?.expiresMs;
  if (secret === undefined || secret.metadata.deletionTimestamp !== undefined || expiresMs === undefined) return { do: 'nothing' };
  return expiresMs <= nowMs ? { do: 'delete' } : { do: 'nothing', againAfterMs: expiresMs - nowMs };
}

/** Deletes tokens that are over (token-cleaner). */
export function startTokenCleaner(options: ComponentOptions): Component {
  const { client, informers, clock } = options;
  const tokens = informers.of(secrets, OF_TYPE);
  return startController(options, {
    name: 'token-cleaner-controller',
    sources: [source(tokens, ({ metadata }) => [metadata.name])],
    reconcile: async (name) => {
      const secret = tokens.get(name, SYSTEM);
      const decision = decideCleaning(secret, clock.now());
      if (decision.do === 'nothing') return decision.againAfterMs === undefined ? undefined : { afterMs: decision.againAfterMs };
      if (secret !== undefined) await client.delete(secrets, name, SYSTEM, { preconditions: { uid: secret.metadata.uid } });
      return undefined;
    },
  });
}

export type Digest = (data: Uint8Array) => Uint8Array;

/** What the data of `cluster-info` has to become; undefined: every token's signature is right, and no other is there. */
export function signedData(
  { data = {} }: ConfigMap,
  tokens: readonly BootstrapToken[],
  sha256: Digest,
  nowMs: number,
): Readonly<Record<string, string>> | undefined {
  const content = getOwn(data, CONTENT);
  if (content === undefined || content === '') return undefined;
  const signing = tokens.filter(({ signs, expiresMs }) => signs && (expiresMs === undefined || expiresMs > nowMs));
  const wanted = new Map(signing.map((token) => [`${SIGNATURE}${token.id}`, detachedSignature(content, token, sha256)]));
  const others = Object.entries(data).filter(([name]) => !name.startsWith(SIGNATURE));
  const kept = Object.keys(data).filter((name) => name.startsWith(SIGNATURE));
  const isRight = kept.length === wanted.size && [...wanted].every(([name, signature]) => getOwn(data, name) === signature);
  return isRight ? undefined : Object.fromEntries([...others, ...wanted]);
}

/** A JSON web signature (RFC 7515) by HS256 with the payload left out, as kubeadm checks it. */
export function detachedSignature(content: string, { id, key }: BootstrapToken, sha256: Digest): string {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  const header = base64Url(bytes(`{"alg":"HS256","kid":${JSON.stringify(id)}}`));
  return `${header}..${base64Url(hmac(bytes(key), bytes(`${header}.${base64Url(bytes(content))}`), sha256))}`;
}

const base64Url = (bytes: Uint8Array): string => encodeBase64(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');

const BLOCK = 64;

/** RFC 2104, of a key no longer than a block. */
function hmac(key: Uint8Array, data: Uint8Array, sha256: Digest): Uint8Array {
  const padded = (with_: number, rest: Uint8Array): Uint8Array => {
    const all = new Uint8Array(BLOCK + rest.byteLength);
    for (let at = 0; at < BLOCK; at++) all[at] = (key[at] ?? 0) ^ with_;
    all.set(rest, BLOCK);
    return all;
  };
  return sha256(padded(0x5c, sha256(padded(0x36, data))));
}

/** Signs `cluster-info` of kube-public, where it is, with every token that is to sign (bootstrap-signer). */
export function startBootstrapSigner(options: ComponentOptions, sha256: Digest): Component {
  const { client, informers, clock } = options;
  const tokens = informers.of(secrets, OF_TYPE);
  const infos = informers.of(configMaps, { namespace: PUBLIC, fieldSelector: `metadata.name=${CLUSTER_INFO}` });
  return startController(options, {
    name: 'bootstrap-signer-controller',
    sources: [source(tokens, () => [CLUSTER_INFO]), source(infos, () => [CLUSTER_INFO])],
    concurrency: 1,
    reconcile: async () => {
      const info = infos.get(CLUSTER_INFO, PUBLIC);
      if (info === undefined || info.metadata.deletionTimestamp !== undefined) return undefined;
      const found = tokens.list(SYSTEM).flatMap((secret) => tokenOf(secret) ?? []);
      const data = signedData(info, found, sha256, clock.now());
      if (data !== undefined) await client.update(configMaps, { ...info, data });
      return undefined;
    },
  });
}
