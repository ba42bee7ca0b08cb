import { secrets, serviceAccounts } from '../../api/gen/resources.ts';
import type { Secret } from '../../api/gen/types/core.v1.ts';
import type { JsonObject, Stored } from '../../machinery/object.ts';
import { getOwn } from '../../machinery/record.ts';
import type { StoredReader } from '../stages.ts';
import { storedGet } from '../stored.ts';
import { type Checked, userOf } from './service-account-token.ts';

/** Tokens that stand in a Secret and never expire: what people make by hand for a robot outside the cluster. */
export const SECRET_TOKEN_TYPE = 'kubernetes.io/service-account-token';
export const ACCOUNT_NAME = 'kubernetes.io/service-account.name';
export const ACCOUNT_UID = 'kubernetes.io/service-account.uid';
const ISSUER = 'kubernetes/serviceaccount';
const LAST_USED = 'kubernetes.io/legacy-token-last-used';
const INVALID_SINCE = 'kubernetes.io/legacy-token-invalid-since';
const CLAIM = 'kubernetes.io/serviceaccount';
const DAY_MS = 24 * 3600_000;

export interface SecretTokenSubject {
  readonly namespace: string;
  readonly secret: string;
  readonly account: { readonly name: string; readonly uid: string };
}

export function secretTokenClaims({ namespace, secret, account }: SecretTokenSubject): JsonObject {
  return {
    iss: ISSUER,
    [`${CLAIM}/namespace`]: namespace,
    [`${CLAIM}/secret.name`]: secret,
    [`${CLAIM}/service-account.name`]: account.name,
    [`${CLAIM}/service-account.uid`]: account.uid,
    sub: `system:serviceaccount:${namespace}:${account.name}`,
  };
}

export const isSecretToken = (claims: JsonObject): boolean => claims['iss'] === ISSUER;

/** `labels` are to be set on a Secret whose token was used. */
export type NoteUse = (secret: Stored<Secret>, labels: Readonly<Record<string, string>>) => void;

/** The day of the last use, in UTC; undefined when the Secret tells it already. */
function useLabels({ metadata }: Stored<Secret>, nowMs: number): Readonly<Record<string, string>> | undefined {
  const told = Date.parse(getOwn(metadata.labels, LAST_USED) ?? '');
  return told + DAY_MS >= nowMs ? undefined : { [LAST_USED]: new Date(nowMs).toISOString().slice(0, 10) };
}

export interface SecretTokenUse {
  /** Those of the server that were asked for. */
  readonly audiences: readonly string[];
  readonly reader: StoredReader;
  readonly nowMs: number;
  readonly note?: NoteUse | undefined;
}

/** Good as long as its account lives and its Secret holds this very token. */
export function checkSecretToken(token: string, claims: JsonObject, { audiences, reader, nowMs, note }: SecretTokenUse): Checked {
  const text = (name: string): string => {
    const value = claims[`${CLAIM}/${name}`];
    return typeof value === 'string' ? value : '';
  };
  const namespace = text('namespace');
  const name = text('service-account.name');
  const account = storedGet(reader, serviceAccounts, namespace, name);
  const secret = storedGet(reader, secrets, namespace, text('secret.name'));
  const lives = account !== undefined && account.metadata.uid === text('service-account.uid') && account.metadata.deletionTimestamp === undefined;
  if (!lives || secret === undefined || secret.metadata.deletionTimestamp !== undefined || tokenIn(secret) !== token) {
    return { error: 'service account token has been invalidated' };
  }
  const labels = useLabels(secret, nowMs);
  if (labels !== undefined) note?.(secret, labels);
  // The clean-up of tokens that nobody uses marks them before it deletes them.
  if ((getOwn(secret.metadata.labels, INVALID_SINCE) ?? '') !== '') {
    const instead = 'Use tokens from the TokenRequest API or manually created secret-based tokens';
    const otherwise = `remove the '${INVALID_SINCE}' label from the secret to temporarily allow use of this token`;
    const where = `${namespace}/${secret.metadata.name} for service account ${namespace}/${name}`;
    return { error: `the token in secret ${where} has been marked invalid. ${instead}, or ${otherwise}` };
  }
  if (audiences.length === 0) return { error: 'token has no audience of the target' };
  return { user: userOf({ namespace, serviceAccount: { name, uid: account.metadata.uid } }, undefined), audiences };
}

function tokenIn({ type, data }: Stored<Secret>): string | undefined {
  const token = getOwn(data, 'token');
  return type === SECRET_TOKEN_TYPE && token !== undefined ? Buffer.from(token, 'base64').toString('utf8') : undefined;
}
