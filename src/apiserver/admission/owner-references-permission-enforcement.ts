import { semanticEqual } from '../../api/equal.ts';
import type { Kind } from '../../api/kind.ts';
import { formatApiVersion, type KubeObject, type OwnerReference } from '../../machinery/object.ts';
import { type Authorizer, resourceAttributes } from '../authz/authorizer.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../stages.ts';
import { refuse } from './request.ts';

/**
 * OwnerReferencesPermissionEnforcement (not on by default): who changes the owners of an object may delete it, since the garbage
 * collector will; and who lets it block the deletion of an owner may set finalizers on that owner.
 */
export const ownerReferencesPermissionEnforcement = (authorize: Authorizer, kinds: () => readonly Kind[]): AdmissionPlugin => ({
  name: 'OwnerReferencesPermissionEnforcement',
  // Kubelets write the status of pods that they may not delete.
  handles: ({ operation, resource, subresource, kind }) =>
    (operation === 'CREATE' || operation === 'UPDATE') && !(kind.group === '' && resource === 'pods' && subresource === 'status'),
  validate(request) {
    const now = ownersOf(request.object as unknown as KubeObject | undefined);
    const before = ownersOf(request.old);
    if (sameOwners(now, before)) return;
    const { user, kind, resource, subresource, namespace, name } = request;
    const remove = authorize(resourceAttributes({ user, verb: 'delete', group: kind.group, version: kind.version, resource, subresource, namespace, name }));
    if (!remove.allowed) throw refuse(request, `cannot set an ownerRef on a resource you can't delete: ${remove.reason}, ${cause(remove.evaluationError)}`);
    const blocked = new Set(before.filter(({ blockOwnerDeletion }) => blockOwnerDeletion === true).map(({ uid }) => uid));
    for (const owner of now) if (owner.blockOwnerDeletion === true && !blocked.has(owner.uid)) mayBlock(authorize, kinds(), request, owner);
  },
});

function mayBlock(authorize: Authorizer, kinds: readonly Kind[], request: AdmissionRequest, { apiVersion, kind, name }: OwnerReference): void {
  const owner = kinds.find((each) => each.kind === kind && formatApiVersion(each) === apiVersion);
  if (owner === undefined) {
    throw refuse(
      request,
      `cannot set blockOwnerDeletion in this case because cannot find RESTMapping for APIVersion ${apiVersion} Kind ${kind}: no matches for kind ${JSON.stringify(kind)} in version ${JSON.stringify(apiVersion)}`,
    );
  }
  const { allowed, reason, evaluationError } = authorize(
    resourceAttributes({
      user: request.user,
      verb: 'update',
      group: owner.group,
      version: owner.version,
      resource: owner.resource,
      subresource: 'finalizers',
      namespace: owner.namespaced ? request.namespace : '',
      name,
    }),
  );
  if (!allowed)
    throw refuse(
      request,
      `cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on: ${reason}, ${cause(evaluationError)}`,
    );
}

const ownersOf = (object: KubeObject | undefined): readonly OwnerReference[] => object?.metadata?.ownerReferences ?? [];

/** In any order. */
function sameOwners(left: readonly OwnerReference[], right: readonly OwnerReference[]): boolean {
  if (left.length !== right.length) return false;
  const byUid = new Map(right.map((owner) => [owner.uid, owner]));
  return left.every((owner) => {
    const other = byUid.get(owner.uid);
    return other !== undefined && semanticEqual(owner, other);
  });
}

/** As Go prints an error or none. */
const cause = (text: string | undefined): string => text ?? '<nil>';
