import { RESOURCES } from '../api/gen/kinds.ts';
import type { Resource } from '../api/resource.ts';

/** The kinds that the server serves now: built-in ones, and later those that users define. */
export interface KindSource {
  /** Namespaced, listable and deletable. One version of each. */
  namespaced(): readonly Resource[];
  /** All that can own or be owned. */
  all(): readonly Resource[];
}

const DELETABLE = ['list', 'watch', 'delete', 'deletecollection'];

/** The built-in kinds that 1.36 serves by default. The two groups of Events are one store: the core one stands for both. */
export function builtinKindSource(): KindSource {
  const seen = new Set<string>();
  const resources: Resource[] = [];
  for (const row of RESOURCES) {
    const key = `${row.group}/${row.resource}`;
    if (!row.servedByDefault || seen.has(key) || row.group === 'events.k8s.io' || !DELETABLE.every((verb) => row.verbs.includes(verb))) continue;
    seen.add(key);
    const { group, version, resource, kind, namespaced } = row;
    resources.push({ group, version, resource, kind, namespaced });
  }
  return { namespaced: () => resources.filter((resource) => resource.namespaced), all: () => resources };
}
