import type { ConfigMap, Namespace, ServiceAccount } from '../api/gen/types/core.v1.ts';
import { configMaps, namespaces, serviceAccounts } from '../api/gen/resources.ts';
import type { Component, ComponentOptions } from '../client/component.ts';
import { getOwn } from '../machinery/record.ts';
import { source, startController } from '../client/controller.ts';

const ROOT_CA = 'kube-root-ca.crt';
const CA_KEY = 'ca.crt';

export type RootCaDecision =
  | { readonly do: 'nothing' }
  | { readonly do: 'create' }
  | { readonly do: 'update'; readonly data: Readonly<Record<string, string>> };

/** Keeps the cluster's CA in every active namespace. Keys that others added stay. */
export function decideRootCa(namespace: Namespace | undefined, found: ConfigMap | undefined, caPem: string): RootCaDecision {
  if (namespace === undefined || namespace.metadata?.deletionTimestamp !== undefined) return { do: 'nothing' };
  if (found === undefined) return { do: 'create' };
  if (getOwn(found.data, CA_KEY) === caPem) return { do: 'nothing' };
  return { do: 'update', data: { ...found.data, [CA_KEY]: caPem } };
}

/** Whether a namespace lacks its service account. */
export function needsDefaultAccount(namespace: Namespace | undefined, found: ServiceAccount | undefined): boolean {
  return namespace !== undefined && namespace.metadata?.deletionTimestamp === undefined && found === undefined;
}

const inNamespace = (object: { readonly metadata: { readonly namespace?: string } }): readonly string[] => [object.metadata.namespace ?? ''];

/** Gives every namespace its `default` service account. */
export function startServiceAccountController(options: ComponentOptions): Component {
  const { client, informers } = options;
  const spaces = informers.of(namespaces);
  const accounts = informers.of(serviceAccounts);
  return startController(options, {
    name: 'serviceaccount-controller',
    sources: [source(spaces, (space) => [space.metadata.name]), source(accounts, inNamespace)],
    reconcile: async (namespace) => {
      if (!needsDefaultAccount(spaces.get(namespace), accounts.get('default', namespace))) return undefined;
      await client.create(serviceAccounts, { metadata: { name: 'default', namespace } });
      return undefined;
    },
  });
}

/** Gives every namespace its `kube-root-ca.crt`. */
export function startRootCaPublisher(options: ComponentOptions, caPem: string): Component {
  const { client, informers } = options;
  const spaces = informers.of(namespaces);
  const authorities = informers.of(configMaps, { fieldSelector: `metadata.name=${ROOT_CA}` });
  return startController(options, {
    name: 'root-ca-certificate-publisher-controller',
    sources: [source(spaces, (space) => [space.metadata.name]), source(authorities, inNamespace)],
    reconcile: async (namespace) => {
      const found = authorities.get(ROOT_CA, namespace);
      const decision = decideRootCa(spaces.get(namespace), found, caPem);
      if (decision.do === 'create') {
        const annotations = {
          'kubernetes.io/description':
            'Contains a CA bundle that can be used to verify the API server when using internal endpoints such as the internal service IP or kubernetes.default.svc.',
        };
        await client.create(configMaps, { metadata: { name: ROOT_CA, namespace, annotations }, data: { [CA_KEY]: caPem } });
      }
      if (decision.do === 'update' && found !== undefined) await client.update(configMaps, { ...found, data: decision.data });
      return undefined;
    },
  });
}
