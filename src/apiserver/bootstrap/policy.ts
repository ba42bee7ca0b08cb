import type { PolicyRule } from '../../api/gen/types/rbac.v1.ts';
import type { JsonObject } from '../../machinery/object.ts';
import type { BootstrapObject } from './objects.ts';
import { CONTROLLER_ROLES } from './policy-controllers.ts';
import {
  AGGREGATE_LABELS,
  AGGREGATED,
  BERTH_CONTROLLER_ROLES,
  CLUSTER_BINDINGS,
  CLUSTER_ROLES,
  NAMESPACED_BINDINGS,
  NAMESPACED_ROLES,
} from './policy-roles.ts';
import { parseRule, type RuleLine } from './policy-rules.ts';

const GROUP = 'rbac.authorization.k8s.io';
const API_VERSION = `${GROUP}/v1`;

/** Service account in kube-system, its role, which is also the binding's name, and the rules. */
const CONTROLLERS: readonly (readonly [account: string, role: string, rules: readonly RuleLine[]])[] = [
  ...Object.entries(CONTROLLER_ROLES).map(([name, rules]) => [name, `system:controller:${name}`, rules] as const),
  ...Object.entries(BERTH_CONTROLLER_ROLES).map(([name, rules]) => [name, `berth:${name.replace(/^berth-/, '')}`, rules] as const),
];

/**
 * Roles and bindings of earlier versions that must not stay in force. Those that still carry the label of defaults go, whatever
 * `autoupdate` says: they gave more than anybody needs.
 */
export function retiredPolicy(): readonly BootstrapObject[] {
  const names = ['system:berth-controllers', 'system:berth-scheduler', 'system:berth-storage', 'system:berth-network', 'berth:network'];
  return names.flatMap((name) => [binding(name, { kind: 'ClusterRole', name }, []), clusterRole(name, [])]);
}

/** The default roles, as objects. */
export function defaultRoles(): readonly BootstrapObject[] {
  const roles = Object.entries(CLUSTER_ROLES).map(([name, lines]) => {
    const label = AGGREGATE_LABELS[name];
    return clusterRole(name, lines.map(parseRule), label === undefined ? {} : { [label]: 'true' });
  });
  const controllers = CONTROLLERS.map(([, role, lines]) => clusterRole(role, lines.map(parseRule)));
  const namespaced = NAMESPACED_ROLES.map(([namespace, name, ...lines]) => object('Role', name, { rules: lines.map(parseRule) }, { namespace }));
  return [...roles, ...controllers, ...aggregatedRoles(), ...namespaced];
}

export function defaultBindings(): readonly BootstrapObject[] {
  const cluster = CLUSTER_BINDINGS.map(([name, role, ...subjects]) => binding(name, { kind: 'ClusterRole', name: role }, subjects));
  const controllers = CONTROLLERS.map(([account, role]) => binding(role, { kind: 'ClusterRole', name: role }, [`s:kube-system/${account}`]));
  const namespaced = NAMESPACED_BINDINGS.map(([namespace, name, role, ...subjects]) => binding(name, { kind: 'Role', name: role }, subjects, namespace));
  return [...cluster, ...controllers, ...namespaced];
}

/** They start with the rules of what they sum up, so that they hold before the aggregation controller has run. */
function aggregatedRoles(): readonly BootstrapObject[] {
  const rulesOf = (name: string): readonly PolicyRule[] => (CLUSTER_ROLES[`system:aggregate-to-${name}`] ?? []).map(parseRule);
  const sums: Readonly<Record<string, readonly PolicyRule[]>> = {
    admin: [...rulesOf('admin'), ...rulesOf('edit'), ...rulesOf('view')],
    edit: [...rulesOf('edit'), ...rulesOf('view')],
    view: rulesOf('view'),
  };
  return AGGREGATED.map(({ name, from, labels }) => {
    const clusterRoleSelectors = from.map((each) => ({ matchLabels: { [`${GROUP}/${each}`]: 'true' } }));
    return object('ClusterRole', name, { aggregationRule: { clusterRoleSelectors }, rules: sums[name] ?? [] }, { labels });
  });
}

function clusterRole(name: string, rules: readonly PolicyRule[], labels: Readonly<Record<string, string>> = {}): BootstrapObject {
  return object('ClusterRole', name, { rules }, { labels });
}

function binding(name: string, role: { readonly kind: string; readonly name: string }, subjects: readonly string[], namespace?: string): BootstrapObject {
  const kind = namespace === undefined ? 'ClusterRoleBinding' : 'RoleBinding';
  const named = subjects.length === 0 ? {} : { subjects: subjects.map(subject) };
  return object(kind, name, { roleRef: { apiGroup: GROUP, ...role }, ...named }, namespace === undefined ? {} : { namespace });
}

function subject(text: string): JsonObject {
  const value = text.slice(2);
  if (text.startsWith('g:')) return { kind: 'Group', apiGroup: GROUP, name: value };
  if (text.startsWith('u:')) return { kind: 'User', apiGroup: GROUP, name: value };
  const [namespace = '', name = ''] = value.split('/');
  return { kind: 'ServiceAccount', name, namespace };
}

type RbacKind = 'Role' | 'RoleBinding' | 'ClusterRole' | 'ClusterRoleBinding';

function object(
  kind: RbacKind,
  name: string,
  body: object,
  { namespace, labels = {} }: { namespace?: string; labels?: Readonly<Record<string, string>> },
): BootstrapObject {
  const resource = `${kind.toLowerCase()}s`;
  const metadata = {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults', ...labels },
    annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'true' },
  };
  return {
    path: namespace === undefined ? `/apis/${API_VERSION}/${resource}` : `/apis/${API_VERSION}/namespaces/${namespace}/${resource}`,
    group: GROUP,
    resource,
    object: { apiVersion: API_VERSION, kind, metadata, ...body },
  };
}
