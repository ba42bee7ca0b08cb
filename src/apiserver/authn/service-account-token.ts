import { nodes, pods, secrets, serviceAccounts } from '../../api/gen/resources.ts';
import type { Keys } from '../../base/keys.ts';
import type { Random } from '../../base/random.ts';
import { uuid } from '../../base/random.ts';
import type { UserInfo } from '../../machinery/exchange.ts';
import type { Json, JsonObject, KubeObject } from '../../machinery/object.ts';
import { getOwn } from '../../machinery/record.ts';
import type { StoredReader } from '../stages.ts';
import { storedGet } from '../stored.ts';

/** Tokens are good a little before they were made and after they end, for clocks that differ. */
const LEEWAY_SECONDS = 60;
/** A deleted object's token is refused after this long: its holder may still be shutting down. */
const DELETION_LEEWAY_MS = 60_000;
const PREFIX = 'system:serviceaccount:';

export interface NameAndUid {
  readonly name: string;
  readonly uid: string;
}

/** What a token says, under the claim `kubernetes.io` and the registered claims around it. */
export interface TokenSubject {
  readonly namespace: string;
  readonly serviceAccount: NameAndUid;
  readonly pod?: NameAndUid | undefined;
  /** The node that the pod is on, or that the token is bound to. */
  readonly node?: NameAndUid | undefined;
  readonly secret?: NameAndUid | undefined;
}

export interface IssueOptions {
  readonly issuer: string;
  readonly audiences: readonly string[];
  readonly nowMs: number;
  readonly seconds: number;
  /** After so long a newer token should have been read. */
  readonly warnAfterSeconds?: number | undefined;
  readonly random: Random;
}

/** The claims of a new token. */
export function claimsOf(
  { namespace, serviceAccount, pod, node, secret }: TokenSubject,
  { issuer, audiences, nowMs, seconds, warnAfterSeconds, random }: IssueOptions,
): JsonObject {
  const now = Math.floor(nowMs / 1000);
  return {
    aud: audiences,
    exp: now + seconds,
    iat: now,
    iss: issuer,
    jti: uuid(random),
    'kubernetes.io': {
      namespace,
      ...(node === undefined ? {} : { node: { ...node } }),
      ...(pod === undefined ? {} : { pod: { ...pod } }),
      ...(secret === undefined ? {} : { secret: { ...secret } }),
      serviceaccount: { ...serviceAccount },
      ...(warnAfterSeconds === undefined ? {} : { warnafter: now + warnAfterSeconds }),
    },
    nbf: now,
    sub: `${PREFIX}${namespace}:${serviceAccount.name}`,
  };
}

export interface CheckOptions {
  readonly issuer: string;
  /** The caller's audiences: one of them must be the token's. */
  readonly audiences: readonly string[];
  readonly nowMs: number;
  readonly reader: StoredReader;
}

export type Checked = { readonly user: UserInfo; readonly audiences: readonly string[] } | { readonly error: string };

/** Whether claims (whose signature is good) hold now: times, audience, and that everything they are bound to still lives. */
export function checkClaims(claims: JsonObject, { issuer, audiences, nowMs, reader }: CheckOptions): Checked {
  if (claims['iss'] !== issuer) return { error: 'invalid bearer token' };
  const now = Math.floor(nowMs / 1000);
  const { exp, nbf } = claims;
  if (typeof exp !== 'number' || now > exp + LEEWAY_SECONDS) return { error: 'service account token has expired' };
  if (typeof nbf === 'number' && now < nbf - LEEWAY_SECONDS) return { error: 'service account token is not valid yet' };
  const own = strings(claims['aud']);
  const common = audiences.filter((audience) => own.includes(audience));
  if (common.length === 0) return { error: `token audiences ${JSON.stringify(own)} is invalid for the target audiences ${JSON.stringify(audiences)}` };
  const subject = subjectOf(claims);
  if (subject === undefined) return { error: 'invalid bearer token' };
  const dead = deadReference(subject, reader, nowMs);
  if (dead !== undefined) return { error: dead };
  return { user: userOf(subject, typeof claims['jti'] === 'string' ? claims['jti'] : undefined), audiences: common };
}

function strings(value: Json | undefined): readonly string[] {
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}

/** Undefined when the claims are not those of a service account. */
export function subjectOf(claims: JsonObject): TokenSubject | undefined {
  const own = record(claims['kubernetes.io']);
  const serviceAccount = nameAndUid(own?.['serviceaccount']);
  const namespace = own?.['namespace'];
  if (own === undefined || serviceAccount === undefined || typeof namespace !== 'string') return undefined;
  if (claims['sub'] !== `${PREFIX}${namespace}:${serviceAccount.name}`) return undefined;
  return { namespace, serviceAccount, pod: nameAndUid(own['pod']), node: nameAndUid(own['node']), secret: nameAndUid(own['secret']) };
}

function record(value: Json | undefined): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
}

function nameAndUid(value: Json | undefined): NameAndUid | undefined {
  const found = record(value);
  const name = found?.['name'];
  const uid = found?.['uid'];
  return typeof name === 'string' ? { name, uid: typeof uid === 'string' ? uid : '' } : undefined;
}

/** What a token is bound to must be there, be the same object, and not be gone for longer than the leeway. */
function deadReference({ namespace, serviceAccount, pod, node, secret }: TokenSubject, reader: StoredReader, nowMs: number): string | undefined {
  const account = storedGet(reader, serviceAccounts, namespace, serviceAccount.name);
  if (isDead(account, serviceAccount, nowMs)) return 'service account token has been invalidated';
  if (secret !== undefined && isDead(storedGet(reader, secrets, namespace, secret.name), secret, nowMs)) return 'service account token has been invalidated';
  if (pod !== undefined && isDead(storedGet(reader, pods, namespace, pod.name), pod, nowMs)) return 'service account token has been invalidated';
  // With a pod, the node only tells where the pod was.
  if (node !== undefined && pod === undefined && isDead(storedGet(reader, nodes, '', node.name), node, nowMs)) {
    return 'service account token has been invalidated';
  }
  return undefined;
}

function isDead(object: KubeObject | undefined, wanted: NameAndUid, nowMs: number): boolean {
  if (object?.metadata === undefined || object.metadata.uid !== wanted.uid) return true;
  const { deletionTimestamp } = object.metadata;
  return deletionTimestamp !== undefined && Date.parse(deletionTimestamp) + DELETION_LEEWAY_MS < nowMs;
}

export function userOf({ namespace, serviceAccount, pod, node }: TokenSubject, id: string | undefined): UserInfo {
  const extra: Record<string, readonly string[]> = {};
  if (id !== undefined) extra['authentication.kubernetes.io/credential-id'] = [`JTI=${id}`];
  if (pod !== undefined) {
    extra['authentication.kubernetes.io/pod-name'] = [pod.name];
    extra['authentication.kubernetes.io/pod-uid'] = [pod.uid];
  }
  if (node !== undefined) {
    extra['authentication.kubernetes.io/node-name'] = [node.name];
    if (node.uid !== '') extra['authentication.kubernetes.io/node-uid'] = [node.uid];
  }
  return {
    name: `${PREFIX}${namespace}:${serviceAccount.name}`,
    uid: serviceAccount.uid,
    groups: [...serviceAccountGroups(namespace), 'system:authenticated'],
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
  };
}

export function serviceAccountGroups(namespace: string): readonly string[] {
  return ['system:serviceaccounts', `system:serviceaccounts:${namespace}`];
}

/** The namespace and name behind `system:serviceaccount:NAMESPACE:NAME`. */
export function parseServiceAccountUser(user: string): { readonly namespace: string; readonly name: string } | undefined {
  if (!user.startsWith(PREFIX)) return undefined;
  const [namespace, name, more] = user.slice(PREFIX.length).split(':');
  return namespace !== undefined && namespace !== '' && name !== undefined && name !== '' && more === undefined ? { namespace, name } : undefined;
}

export const parseNodeName = (extra: UserInfo['extra']): string | undefined => getOwn(extra, 'authentication.kubernetes.io/node-name')?.[0];

/** Signing and verifying for one cluster. */
export interface TokenIssuer {
  readonly keys: Keys;
  /** `https://kubernetes.default.svc.cluster.local` */
  readonly issuer: string;
  /** What the API server itself accepts; the issuer when nothing else is set. */
  readonly audiences: readonly string[];
}
