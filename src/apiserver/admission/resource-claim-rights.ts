import { semanticEqual } from '../../api/equal.ts';
import { namespaces } from '../../api/gen/resources.ts';
import type { AllocatedDeviceStatus, AllocationResult, ResourceClaimStatus } from '../../api/gen/types/resource.v1.ts';
import { dns1123SubdomainFaults } from '../../machinery/names.ts';
import { type FieldError, FieldPath, forbidden } from '../../machinery/field-error.ts';
import { getOwn } from '../../machinery/record.ts';
import { invalidObject } from '../../machinery/status-error.ts';
import { parseNodeName, parseServiceAccountUser } from '../authn/service-account-token.ts';
import { type Authorizer, resourceAttributes } from '../authz/authorizer.ts';
import { refused } from '../handlers/attributes.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../stages.ts';
import { storedGet } from '../stored.ts';

const GROUP = 'resource.k8s.io';
const ADMIN = 'resource.kubernetes.io/admin-access';
const STATUS = new FieldPath('status');

/**
 * Not a plugin of Kubernetes' (there it is part of validating claims): a claim is bound by who may `update` `resourceclaims/binding`, a
 * device's status is written by who may do so for its driver (`resourceclaims/driver`), and access past all other users of a device is
 * had only in namespaces that carry a label for it.
 */
export const resourceClaimRights = (authorize: Authorizer): AdmissionPlugin => ({
  name: 'ResourceClaimRights',
  handles: ({ kind, resource, operation }) =>
    kind.group === GROUP && (resource === 'resourceclaims' || resource === 'resourceclaimtemplates') && (operation === 'CREATE' || operation === 'UPDATE'),
  validate(request) {
    const errors = request.subresource === 'status' ? statusErrors(authorize, request) : adminErrors(request, adminRequest(request));
    if (errors.length > 0) throw invalidObject(request.kind, request.name, errors);
  },
});

interface ClaimRequest {
  /** As v1beta1 has it. */
  readonly adminAccess?: boolean;
  readonly exactly?: { readonly adminAccess?: boolean };
}

interface ClaimSpec {
  readonly devices?: { readonly requests?: readonly ClaimRequest[] };
}

/** Where the first request for it stands. */
function adminRequest({ object, resource }: AdmissionRequest): FieldPath | undefined {
  const { spec } = object as unknown as { readonly spec?: ClaimSpec & { readonly spec?: ClaimSpec } };
  const { devices } = (resource === 'resourceclaims' ? spec : spec?.spec) ?? {};
  const at = (devices?.requests ?? []).findIndex(({ adminAccess, exactly }) => (exactly?.adminAccess ?? adminAccess) === true);
  return at === -1 ? undefined : new FieldPath('spec').child('devices').child('requests').index(at).child('adminAccess');
}

function adminErrors({ reader, namespace }: AdmissionRequest, path: FieldPath | undefined): readonly FieldError[] {
  if (path === undefined || getOwn(storedGet(reader, namespaces, '', namespace)?.metadata.labels, ADMIN) === 'true') return [];
  return [forbidden(path, `admin access to devices requires the \`${ADMIN}: true\` label on the containing namespace`)];
}

const statusOf = (object: unknown): ResourceClaimStatus => (object as { readonly status?: ResourceClaimStatus } | undefined)?.status ?? {};

function statusErrors(authorize: Authorizer, request: AdmissionRequest): readonly FieldError[] {
  const [before, after] = [statusOf(request.old), statusOf(request.object)];
  const grants = ({ allocation }: ResourceClaimStatus): number => (allocation?.devices?.results ?? []).findIndex(({ adminAccess }) => adminAccess === true);
  const granted = grants(before) === -1 ? grants(after) : -1;
  const path = granted === -1 ? undefined : STATUS.child('allocation').child('devices').child('results').index(granted).child('adminAccess');
  return [...adminErrors(request, path), ...bindingErrors(authorize, request, before, after), ...driverErrors(authorize, request, before, after)];
}

const verbOf = ({ options }: AdmissionRequest): string => (options['kind'] === 'PatchOptions' ? 'patch' : 'update');

/** Undefined: they may. */
function refusal(
  authorize: Authorizer,
  request: AdmissionRequest,
  verb: string,
  about: { subresource: string; namespace?: string; name?: string },
): string | undefined {
  const { user, kind, resource } = request;
  const attributes = resourceAttributes({ user, verb, group: GROUP, version: kind.version, resource, ...about });
  const decision = authorize(attributes);
  return decision.allowed ? undefined : refused(attributes, decision).message;
}

function bindingErrors(authorize: Authorizer, request: AdmissionRequest, before: ResourceClaimStatus, after: ResourceClaimStatus): readonly FieldError[] {
  if (semanticEqual(before.allocation, after.allocation) && semanticEqual(before.reservedFor ?? [], after.reservedFor ?? [])) return [];
  const verb = verbOf(request);
  const why = refusal(authorize, request, verb, { subresource: 'binding' });
  if (why === undefined) return [];
  return [forbidden(STATUS, `changing status.allocation or status.reservedFor requires resource="resourceclaims/binding", verb="${verb}" permission: ${why}`)];
}

/** For every driver with a device whose status came, went or changed. */
function driverErrors(authorize: Authorizer, request: AdmissionRequest, before: ResourceClaimStatus, after: ResourceClaimStatus): readonly FieldError[] {
  const verb = verbOf(request);
  const verbs = [...(isOnNode(request, after.allocation) ? [`associated-node:${verb}`] : []), `arbitrary-node:${verb}`];
  return changedDrivers(before.devices ?? [], after.devices ?? []).flatMap((driver) => {
    const refusals = verbs.map((each) => refusal(authorize, request, each, { subresource: 'driver', namespace: request.namespace, name: driver }));
    const [why] = refusals;
    if (why === undefined || refusals.includes(undefined)) return [];
    const needs = `resource="resourceclaims/driver", verb="[${verbs.join(' ')}]"`;
    return [forbidden(STATUS.child('devices'), `changing status.devices requires ${needs} permission: ${why}`)];
  });
}

function changedDrivers(before: readonly AllocatedDeviceStatus[], after: readonly AllocatedDeviceStatus[]): readonly string[] {
  const keyOf = ({ driver, pool, device, shareID = '' }: AllocatedDeviceStatus): string => JSON.stringify([driver, pool, device, shareID]);
  const left = new Map(before.map((device) => [keyOf(device), device]));
  const changed = new Set<string>();
  for (const device of after) {
    const old = left.get(keyOf(device));
    left.delete(keyOf(device));
    if (old === undefined || !semanticEqual(old, device)) changed.add(device.driver);
  }
  for (const { driver } of left.values()) changed.add(driver);
  return [...changed].sort();
}

/** Whether a service account asks from the one node that the claim is bound to. */
function isOnNode({ user }: AdmissionRequest, allocation: AllocationResult | undefined): boolean {
  const [term, ...others] = allocation?.nodeSelector?.nodeSelectorTerms ?? [];
  const [field, ...more] = term?.matchFields ?? [];
  const [name, ...names] = field?.values ?? [];
  const isOne = others.length + more.length + names.length + (term?.matchExpressions ?? []).length === 0;
  if (!isOne || name === undefined || field?.key !== 'metadata.name' || field.operator !== 'In') return false;
  return parseServiceAccountUser(user.name) !== undefined && dns1123SubdomainFaults(name).length === 0 && parseNodeName(user.extra) === name;
}
