import type { UserInfo } from '../../machinery/exchange.ts';
import { parseFieldSelector, requiredValue } from '../../machinery/fields.ts';
import type { PolicyRule } from '../../api/gen/types/rbac.v1.ts';
import type { AuthorizeAttributes, AuthorizeDecision } from '../stages.ts';
import { type Authorizer, NO_OPINION } from './authorizer.ts';
import type { NodeRelations, Related } from './node-relations.ts';
import { ruleAllows } from './rules.ts';

/** The node's name behind `system:node:NAME` in the group `system:nodes`; undefined for everybody else. */
export function nodeOf({ name, groups }: UserInfo): string | undefined {
  return name.startsWith('system:node:') && name.length > 12 && groups.includes('system:nodes') ? name.slice(12) : undefined;
}

const ALLOWED: AuthorizeDecision = { allowed: true, reason: '' };
const no = (reason: string): AuthorizeDecision => ({ allowed: false, reason });

/**
 * The Node authorizer: a node reads what its own pods need and writes about itself. `rules`: what every node may do besides
 * (the role `system:node`).
 */
export function nodeAuthorizer(relations: NodeRelations, rules: readonly PolicyRule[]): Authorizer {
  return (attributes) => {
    const node = nodeOf(attributes.user);
    if (node === undefined) return NO_OPINION;
    const special = attributes.resourceRequest ? decide(relations, node, attributes) : undefined;
    return special ?? (rules.some((rule) => ruleAllows(rule, attributes)) ? ALLOWED : NO_OPINION);
  };
}

/** Undefined: not one of the resources that are decided by what runs on the node. */
function decide(relations: NodeRelations, node: string, attributes: AuthorizeAttributes): AuthorizeDecision | undefined {
  switch (`${attributes.group}/${attributes.resource}`) {
    case '/secrets':
    case '/configmaps':
      return related(relations, node, attributes, ['get', 'list', 'watch']);
    case '/persistentvolumeclaims':
      if (attributes.subresource === 'status') return related(relations, node, { ...attributes, subresource: '' }, ['get', 'update', 'patch']);
      return related(relations, node, attributes, ['get']);
    case 'resource.k8s.io/resourceclaims':
      return related(relations, node, attributes, ['get']);
    case '/serviceaccounts':
      if (attributes.subresource === 'token') return related(relations, node, { ...attributes, subresource: '' }, ['create']);
      return related(relations, node, attributes, ['get']);
    case '/persistentvolumes':
      return single(attributes, ['get'], () => relations.usesVolume(node, attributes.name), node);
    case 'storage.k8s.io/volumeattachments':
      return single(attributes, ['get'], () => relations.hasAttachment(node, attributes.name), node);
    case 'coordination.k8s.io/leases':
      return lease(node, attributes);
    case 'storage.k8s.io/csinodes':
      return ownObject(node, attributes);
    case 'resource.k8s.io/resourceslices':
      return undefined;
    case '/nodes':
      return ownNode(node, attributes);
    case '/pods':
      return ownPod(relations, node, attributes);
    default:
      return undefined;
  }
}

function related(relations: NodeRelations, node: string, attributes: AuthorizeAttributes, verbs: readonly string[]): AuthorizeDecision {
  const { resource, namespace, name } = attributes;
  return single(attributes, verbs, () => relations.refers(node, resource as Related, namespace, name), node);
}

function single({ verb, name, subresource }: AuthorizeAttributes, verbs: readonly string[], known: () => boolean, node: string): AuthorizeDecision {
  if (!verbs.includes(verb)) return no(verbs.length === 1 ? `can only ${verbs[0]} this type of object` : 'can only read resources of this type');
  if (subresource !== '') return no('cannot get subresource');
  if (name === '') return no('No Object name found');
  return known() ? ALLOWED : no(`no relationship found between node '${node}' and this object`);
}

function lease(node: string, { verb, namespace, name }: AuthorizeAttributes): AuthorizeDecision {
  if (!['get', 'create', 'update', 'patch', 'delete'].includes(verb)) return no('can only get, create, update, patch, or delete a node lease');
  if (namespace !== 'kube-node-lease') return no('can only access leases in the "kube-node-lease" system namespace');
  return verb === 'create' || name === node ? ALLOWED : no('can only access node lease with the same name as the requesting node');
}

function ownObject(node: string, { verb, name, subresource }: AuthorizeAttributes): AuthorizeDecision {
  if (!['get', 'create', 'update', 'patch', 'delete'].includes(verb)) return no('can only get, create, update, patch, or delete a CSINode');
  if (subresource !== '') return no('cannot authorize CSINode subresources');
  return verb === 'create' || name === node ? ALLOWED : no('can only access CSINode with the same name as the requesting node');
}

/** Creating and updating is narrowed further by NodeRestriction, which sees the object. */
function ownNode(node: string, { verb, name, subresource, fieldSelector }: AuthorizeAttributes): AuthorizeDecision {
  if (subresource === '' && verb === 'create') return ALLOWED;
  if (subresource === '' && (verb === 'list' || verb === 'watch')) {
    return selected(fieldSelector, 'metadata.name') === node || name === node ? ALLOWED : no(`node '${node}' cannot read all nodes, only its own Node object`);
  }
  const verbs = subresource === '' ? ['get', 'update', 'patch'] : subresource === 'status' ? ['update', 'patch'] : [];
  if (!verbs.includes(verb)) return NO_OPINION;
  return name === node ? ALLOWED : no(`node '${node}' cannot read '${name}', only its own Node object`);
}

function ownPod(relations: NodeRelations, node: string, { verb, namespace, name, subresource, fieldSelector }: AuthorizeAttributes): AuthorizeDecision {
  const key = `${subresource}:${verb}`;
  switch (key) {
    case ':get':
      return relations.hasPod(node, namespace, name) ? ALLOWED : no(`no relationship found between node '${node}' and this object`);
    case ':list':
    case ':watch':
      return selected(fieldSelector, 'spec.nodeName') === node ? ALLOWED : no(`can only list/watch pods with spec.nodeName field selector`);
    case ':create':
    case ':delete':
    case 'status:update':
    case 'status:patch':
    case 'eviction:create':
      return ALLOWED;
    default:
      return NO_OPINION;
  }
}

function selected(fieldSelector: string | undefined, field: string): string | undefined {
  if (fieldSelector === undefined || fieldSelector === '') return undefined;
  const parsed = parseFieldSelector(fieldSelector);
  return 'fault' in parsed ? undefined : requiredValue(parsed, field);
}
