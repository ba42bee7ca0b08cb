import type { ClusterRole, PolicyRule } from '../api/gen/types/rbac.v1.ts';
import { clusterRoles } from '../api/gen/resources.ts';
import { semanticEqual } from '../api/equal.ts';
import type { Component, ComponentOptions } from '../client/component.ts';
import { matchesSelector, selectorOf } from '../machinery/labels.ts';
import type { Stored } from '../machinery/object.ts';
import { source, startController } from '../client/controller.ts';

/** The rules of every role that this one sums up, by name, each once; undefined: it has them, or sums up nothing. */
export function decideAggregation(role: Stored<ClusterRole>, all: readonly Stored<ClusterRole>[]): readonly PolicyRule[] | undefined {
  const selectors = role.aggregationRule?.clusterRoleSelectors;
  if (selectors === undefined) return undefined;
  const rules: PolicyRule[] = [];
  const chosen = all.filter(
    ({ metadata }) => metadata.name !== role.metadata.name && selectors.some((selector) => matchesSelector(selectorOf(selector), metadata.labels)),
  );
  for (const each of chosen.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))) {
    for (const rule of each.rules ?? []) if (!rules.some((known) => semanticEqual(known, rule))) rules.push(rule);
  }
  return semanticEqual(rules, role.rules ?? []) ? undefined : rules;
}

/** Sums up ClusterRoles: `admin`, `edit` and `view` take in what add-ons label for them. */
export function startClusterRoleAggregation(options: ComponentOptions): Component {
  const { client, informers } = options;
  const roles = informers.of(clusterRoles);
  // Any role may be part of any sum.
  const sums = (): readonly string[] =>
    roles
      .list()
      .filter(({ aggregationRule }) => aggregationRule !== undefined)
      .map(({ metadata }) => metadata.name);
  return startController(options, {
    name: 'clusterrole-aggregation-controller',
    sources: [source(roles, ({ metadata, aggregationRule }) => [...(aggregationRule === undefined ? [] : [metadata.name]), ...sums()])],
    reconcile: async (name) => {
      const role = roles.get(name);
      const rules = role === undefined ? undefined : decideAggregation(role, roles.list());
      if (role !== undefined && rules !== undefined) await client.update(clusterRoles, { ...role, rules });
      return undefined;
    },
  });
}
