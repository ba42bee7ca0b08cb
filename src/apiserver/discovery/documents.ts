import type { Kind } from '../../api/kind.ts';
import type { GroupVersionKind, JsonObject } from '../../machinery/object.ts';
import type { ServedGroup, ServedVersion } from './groups.ts';

/** The documents of discovery, old and new, as values. Facts from the API reference (meta/v1 and apidiscovery.k8s.io). */

/** `/api` */
export function apiVersions(serverAddress: string): JsonObject {
  return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress }] };
}

/** `/apis`: every group but the core one. */
export function apiGroupList(groups: readonly ServedGroup[]): JsonObject {
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.filter(({ name }) => name !== '').map(groupOf) };
}

/** `/apis/GROUP` */
export function apiGroup(group: ServedGroup): JsonObject {
  return { kind: 'APIGroup', apiVersion: 'v1', ...groupOf(group) };
}

function groupOf({ name, versions }: ServedGroup): JsonObject {
  const shown = versions.map(({ groupVersion, version }) => ({ groupVersion, version }));
  return { name, versions: shown, preferredVersion: shown[0] ?? null };
}

/** `/api/v1`, `/apis/GROUP/VERSION`. `hash`: base64 of the first eight bytes of a SHA-256. */
export function apiResourceList({ groupVersion, kinds }: ServedVersion, hash: (text: string) => string): JsonObject {
  return {
    kind: 'APIResourceList',
    ...(groupVersion === 'v1' ? {} : { apiVersion: 'v1' }),
    groupVersion,
    resources: kinds.flatMap((kind) => [resourceOf(kind, hash), ...subresourcesOf(kind)]),
  };
}

function resourceOf(kind: Kind, hash: (text: string) => string): JsonObject {
  const { storage } = kind;
  return {
    name: kind.resource,
    singularName: kind.singular,
    namespaced: kind.namespaced,
    kind: kind.kind,
    verbs: [...kind.verbs].sort(),
    ...(kind.shortNames.length === 0 ? {} : { shortNames: kind.shortNames }),
    ...(kind.categories.length === 0 ? {} : { categories: kind.categories }),
    // Reviews and component statuses are not stored.
    ...((kind.verbs as readonly string[]).includes('delete') ? { storageVersionHash: hash(`${storage.group}/${storage.version}/${kind.kind}`) } : {}),
  };
}

function subresourcesOf(kind: Kind): readonly JsonObject[] {
  return sorted(kind.subresources).map(([name, { kind: body, verbs }]) => ({
    name: `${kind.resource}/${name}`,
    singularName: '',
    namespaced: kind.namespaced,
    ...(body.group === kind.group && body.version === kind.version ? {} : { group: body.group, version: body.version }),
    kind: body.kind,
    verbs: [...verbs].sort(),
  }));
}

/** Everything in one document: `/api` (the core group) or `/apis` (all others). */
export function aggregated(groups: readonly ServedGroup[], version: 'v2' | 'v2beta1'): JsonObject {
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: groups.map(({ name, versions }) => ({
      metadata: name === '' ? {} : { name },
      versions: versions.map((each) => ({ version: each.version, resources: each.kinds.map(discoveredResource), freshness: 'Current' })),
    })),
  };
}

function discoveredResource(kind: Kind): JsonObject {
  const subresources = sorted(kind.subresources).map(([subresource, { kind: body, verbs }]) => ({
    subresource,
    responseKind: kindOf(body),
    verbs: [...verbs].sort(),
  }));
  return {
    resource: kind.resource,
    responseKind: kindOf(kind),
    scope: kind.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: kind.singular,
    verbs: [...kind.verbs].sort(),
    ...(kind.shortNames.length === 0 ? {} : { shortNames: kind.shortNames }),
    ...(kind.categories.length === 0 ? {} : { categories: kind.categories }),
    ...(subresources.length === 0 ? {} : { subresources }),
  };
}

const kindOf = ({ group, version, kind }: GroupVersionKind): JsonObject => ({ group, version, kind });

function sorted<T>(record: Readonly<Record<string, T>>): readonly (readonly [string, T])[] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
}
