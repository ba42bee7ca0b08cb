import type { Secret, ServiceAccount } from '../api/gen/types/core.v1.ts';
import { secrets, serviceAccounts } from '../api/gen/resources.ts';
import type { Component, ComponentOptions } from '../client/component.ts';
import { source, startController } from '../client/controller.ts';
import { decodeBase64, encodeBase64 } from '../machinery/base64.ts';
import type { Stored } from '../machinery/object.ts';
import { getOwn } from '../machinery/record.ts';
import { StatusError } from '../machinery/status-error.ts';

/** Secrets that hold a token of a service account (type `kubernetes.io/service-account-token`). The API server signs the token as it writes one. */

const TYPE = 'kubernetes.io/service-account-token';
const ACCOUNT_NAME = 'kubernetes.io/service-account.name';
const ACCOUNT_UID = 'kubernetes.io/service-account.uid';
const CA_KEY = 'ca.crt';
const NAMESPACE_KEY = 'namespace';

export type TokenDecision = { readonly do: 'nothing' } | { readonly do: 'delete' } | { readonly do: 'fill'; readonly data: Readonly<Record<string, string>> };

/** A Secret goes with its account; while that lives, it holds the token, the namespace and the cluster's CA. */
export function decideToken(secret: Stored<Secret> | undefined, account: Stored<ServiceAccount> | undefined, caPem: string): TokenDecision {
  if (secret === undefined || secret.type !== TYPE || secret.metadata.deletionTimestamp !== undefined) return { do: 'nothing' };
  if (accountName(secret) === '') return { do: 'nothing' };
  if (account === undefined || !isMeant(secret, account)) return { do: 'delete' };
  const { data = {} } = secret;
  const namespace = getOwn(data, NAMESPACE_KEY) ?? '';
  const isWhole = (getOwn(data, 'token') ?? '') !== '' && namespace !== '' && textOf(getOwn(data, CA_KEY)) === caPem;
  if (isWhole) return { do: 'nothing' };
  return { do: 'fill', data: { ...data, [CA_KEY]: base64(caPem), [NAMESPACE_KEY]: namespace === '' ? base64(secret.metadata.namespace ?? '') : namespace } };
}

const accountName = ({ metadata }: Stored<Secret>): string => getOwn(metadata.annotations, ACCOUNT_NAME) ?? '';

/** Of that name another account may have come. */
function isMeant({ metadata }: Stored<Secret>, account: Stored<ServiceAccount>): boolean {
  const uid = getOwn(metadata.annotations, ACCOUNT_UID) ?? '';
  return uid === '' || uid === account.metadata.uid;
}

const base64 = (text: string): string => encodeBase64(new TextEncoder().encode(text));
const textOf = (value: string | undefined): string => new TextDecoder().decode(decodeBase64(value ?? '') ?? new Uint8Array());

const keyOf = ({ metadata }: Stored<Secret>): string => `${metadata.namespace ?? ''}/${metadata.name}`;

/** Deletes Secrets whose service account is gone, and completes the others (tokens-controller). */
export function startServiceAccountTokens(options: ComponentOptions, caPem: string): Component {
  const { client, informers } = options;
  const tokens = informers.of(secrets, { fieldSelector: `type=${TYPE}` });
  const accounts = informers.of(serviceAccounts);
  const tokensOf = ({ metadata }: Stored<ServiceAccount>): readonly string[] =>
    tokens
      .list(metadata.namespace ?? '')
      .filter((secret) => accountName(secret) === metadata.name)
      .map(keyOf);
  /** As the server has it: the cache may not know yet. */
  const asked = async (name: string, namespace: string): Promise<Stored<ServiceAccount> | undefined> => {
    try {
      return await client.get(serviceAccounts, name, namespace);
    } catch (thrown) {
      if (thrown instanceof StatusError && thrown.reason === 'NotFound') return undefined;
      throw thrown;
    }
  };
  return startController(options, {
    name: 'tokens-controller',
    sources: [source(tokens, (secret) => [keyOf(secret)]), source(accounts, tokensOf)],
    reconcile: async (key) => {
      const [namespace = '', name = ''] = key.split('/');
      const secret = tokens.get(name, namespace);
      if (secret === undefined) return undefined;
      let decision = decideToken(secret, accounts.get(accountName(secret), namespace), caPem);
      if (decision.do === 'delete') decision = decideToken(secret, await asked(accountName(secret), namespace), caPem);
      const { uid, resourceVersion } = secret.metadata;
      if (decision.do === 'delete') await client.delete(secrets, name, namespace, { preconditions: { uid, resourceVersion } });
      if (decision.do === 'fill') await client.update(secrets, { ...secret, data: decision.data });
      return undefined;
    },
  });
}
