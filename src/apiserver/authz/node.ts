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
  const { verb, namespace, name, subresource, fieldSelector } = attributes;
  const related = (resource: Related) => () => relations.refers(node, resource, namespace, name);
  switch (`${attributes.group}/${attributes.resource}`) {
    case '/secrets':
    case '/configmaps':
      if (!READS.includes(verb)) return no('can only read resources of this type');
      if (subresource !== '') return no('cannot read subresource');
      if (namespace === '') return no('can only read namespaced object of this type');
      return known(node, attributes, related(attributes.resource as Related));
    case '/persistentvolumeclaims':
      if (subresource !== 'status') return get(node, attributes, related('persistentvolumeclaims'));
      return verb === 'update' || verb === 'patch' ? known(node, attributes, related('persistentvolumeclaims')) : no('can only get/update/patch this type');
    case 'resource.k8s.io/resourceclaims':
      return get(node, attributes, related('resourceclaims'));
    case '/serviceaccounts':
      if (subresource !== 'token') return get(node, attributes, related('serviceaccounts'));
      return verb === 'create' && name !== ''
        ? known(node, attributes, related('serviceaccounts'))
        : no('can only create tokens for individual service accounts');
    case '/persistentvolumes':
      return get(node, attributes, () => relations.usesVolume(node, name));
    case 'storage.k8s.io/volumeattachments':
      return get(node, attributes, () => relations.hasAttachment(node, name));
    case 'coordination.k8s.io/leases':
      return lease(node, attributes);
    case 'storage.k8s.io/csinodes':
      return ownObject(node, attributes);
    case 'resource.k8s.io/resourceslices':
      return ownSlice(relations, node, attributes);
    case '/nodes':
      return ownNode(node, attributes);
    case '/pods':
      if (subresource === '' && verb === 'get') return get(node, attributes, () => relations.hasPod(node, namespace, name));
      if (subresource !== '' || !READS.includes(verb)) return POD_WRITES.has(`${subresource}:${verb}`) ? ALLOWED : NO_OPINION;
      if (selected(fieldSelector, 'spec.nodeName') === node) return ALLOWED;
      if (name !== '') return known(node, attributes, () => relations.hasPod(node, namespace, name));
      return no('can only list/watch pods with spec.nodeName field selector');
    default:
      return undefined;
  }
}

const READS: readonly string[] = ['get', 'list', 'watch'];
/** Narrowed further by NodeRestriction, which sees the object. */
const POD_WRITES: ReadonlySet<string> = new Set([':create', ':delete', 'status:update', 'status:patch', 'eviction:create']);

/** Allowed if the object is one of the node's own. */
function known(node: string, { name }: AuthorizeAttributes, isKnown: () => boolean): AuthorizeDecision {
  if (name === '') return no('No Object name found');
  return isKnown() ? ALLOWED : no(`no relationship found between node '${node}' and this object`);
}

function get(node: string, attributes: AuthorizeAttributes, isKnown: () => boolean): AuthorizeDecision {
  if (attributes.verb !== 'get') return no('can only get individual resources of this type');
  return attributes.subresource === '' ? known(node, attributes, isKnown) : no('cannot get subresource');
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

/** Of a new one NodeRestriction sees whose it is. */
function ownSlice(relations: NodeRelations, node: string, attributes: AuthorizeAttributes): AuthorizeDecision {
  const { verb, name, subresource, fieldSelector } = attributes;
  if (subresource !== '') return no('cannot authorize ResourceSlice subresources');
  switch (verb) {
    case 'create':
      return ALLOWED;
    case 'get':
    case 'update':
    case 'patch':
    case 'delete':
      return known(node, attributes, () => relations.hasSlice(node, name));
    case 'watch':
    case 'list':
    case 'deletecollection':
      return selected(fieldSelector, 'spec.nodeName') === node
        ? ALLOWED
        : no('can only list/watch/deletecollection resourceslices with nodeName field selector');
    default:
      return no('only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, patch, delete, deletecollection');
  }
}

/** Creating and updating is narrowed further by NodeRestriction, which sees the object. */
function ownNode(node: string, { verb, name, subresource }: AuthorizeAttributes): AuthorizeDecision {
  if (subresource === '' && READS.includes(verb)) {
    if (name === node) return ALLOWED;
    return no(
      name === '' ? `node '${node}' cannot read all nodes, only its own Node object` : `node '${node}' cannot read '${name}', only its own Node object`,
    );
  }
  const writes = subresource === '' ? ['create', 'update', 'patch'] : subresource === 'status' ? ['update', 'patch'] : [];
  return writes.includes(verb) ? ALLOWED : NO_OPINION;
}

function selected(fieldSelector: string | undefined, field: string): string | undefined {
  if (fieldSelector === undefined || fieldSelector === '') return undefined;
  const parsed = parseFieldSelector(fieldSelector);
  return 'fault' in parsed ? undefined : requiredValue(parsed, field);
}
