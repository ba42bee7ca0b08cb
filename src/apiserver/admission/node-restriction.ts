import { semanticEqual } from '../../api/equal.ts';
import { certificateSigningRequests, csiDrivers, csiNodes, leases, nodes, persistentVolumeClaims, persistentVolumes, pods } from '../../api/gen/resources.ts';
import type { TokenRequest } from '../../api/gen/types/authentication.v1.ts';
import type { Pod, Volume } from '../../api/gen/types/core.v1.ts';
import type { Labels } from '../../machinery/labels.ts';
import type { KubeObject, Stored } from '../../machinery/object.ts';
import { getOwn } from '../../machinery/record.ts';
import { objectNotFound } from '../../machinery/status-error.ts';
import { type Authorizer, resourceAttributes } from '../authz/authorizer.ts';
import { nodeOf } from '../authz/node.ts';
import { referencesOf } from '../authz/node-relations.ts';
import type { AdmissionPlugin, AdmissionRequest, StoredReader } from '../stages.ts';
import { storedGet } from '../stored.ts';
import { commonNamesIn } from './request-names.ts';
import { draftOf, oldOf, refuse } from './request.ts';

/** NodeRestriction: what a node writes is about itself and about the pods on it, whatever else it may be allowed. */
export const nodeRestriction = (authorize: Authorizer): AdmissionPlugin => ({
  name: 'NodeRestriction',
  handles: ({ user, operation }) => operation !== 'CONNECT' && nodeOf(user) !== undefined,
  admit(request) {
    const node = nodeOf(request.user);
    const check = CHECKS[`${request.kind.group}/${request.resource}`];
    if (node === undefined || check === undefined) return;
    const why = check(request, node, authorize);
    if (why !== undefined) throw refuse(request, why);
  },
});

/** Why it is refused; undefined: it is not. */
type Check = (request: AdmissionRequest, node: string, authorize: Authorizer) => string | undefined;

const CHECKS: Readonly<Record<string, Check>> = {
  '/pods': (request, node) => {
    switch (request.subresource) {
      case '':
        return checkPod(request, node);
      case 'status':
        return checkPodStatus(request, node);
      case 'eviction':
        return existingPod(request, request.name).spec?.nodeName === node ? undefined : `node ${node} can only evict pods with spec.nodeName set to itself`;
      default:
        return `unexpected pod subresource ${quote(request.subresource)}, only 'status' and 'eviction' are allowed`;
    }
  },
  '/nodes': checkNode,
  'resource.k8s.io/resourceslices': checkSlice,
  'certificates.k8s.io/certificatesigningrequests': checkCertificate,
  '/persistentvolumeclaims': checkClaim,
  '/serviceaccounts': checkToken,
  'coordination.k8s.io/leases': (request, node) => {
    if (request.namespace !== 'kube-node-lease') return 'can only access leases in the "kube-node-lease" system namespace';
    return nameOf(request, leases) === node ? undefined : 'can only access node lease with the same name as the requesting node';
  },
  'storage.k8s.io/csinodes': (request, node) =>
    nameOf(request, csiNodes) === node ? undefined : 'can only access CSINode with the same name as the requesting node',
};

const quote = (text: string): string => JSON.stringify(text);

function nameOf(request: AdmissionRequest, resource: typeof leases | typeof csiNodes): string {
  return request.operation === 'CREATE' ? (draftOf(request, resource as typeof leases).metadata?.name ?? '') : request.name;
}

function existingPod({ reader, namespace }: AdmissionRequest, name: string): Stored<Pod> {
  const found = storedGet(reader, pods, namespace, name);
  if (found === undefined) throw objectNotFound({ group: '', resource: 'pods' }, name);
  return found;
}

function checkPod(request: AdmissionRequest, node: string): string | undefined {
  if (request.operation === 'CREATE') return checkMirrorPod(request, node);
  if (request.operation !== 'DELETE') return `unexpected operation ${quote(request.operation)}, node ${quote(node)} can only create and delete mirror pods`;
  const pod = oldOf(request, pods) ?? existingPod(request, request.name);
  return pod.spec?.nodeName === node ? undefined : `node ${quote(node)} can only delete pods with spec.nodeName set to itself`;
}

function checkMirrorPod(request: AdmissionRequest, node: string): string | undefined {
  const pod = draftOf(request, pods) as unknown as Stored<Pod>;
  const who = `node ${quote(node)}`;
  if (getOwn(pod.metadata.annotations, 'kubernetes.io/config.mirror') === undefined) {
    return `pod does not have "kubernetes.io/config.mirror" annotation, ${who} can only create mirror pods`;
  }
  if (pod.spec?.nodeName !== node) return `${who} can only create pods with spec.nodeName set to itself`;
  const [owner, ...others] = pod.metadata.ownerReferences ?? [];
  if (others.length > 0) return `${who} can only create pods with a single owner reference set to itself`;
  if (owner === undefined || owner.apiVersion !== 'v1' || owner.kind !== 'Node' || owner.name !== node)
    return `${who} can only create pods with an owner reference set to itself`;
  if (owner.controller !== true) return `${who} can only create pods with a controller owner reference set to itself`;
  if (owner.blockOwnerDeletion === true) return `${who} must not set blockOwnerDeletion on an owner reference`;
  const registered = storedGet(request.reader, nodes, '', node);
  if (registered === undefined) throw objectNotFound({ group: '', resource: 'nodes' }, node);
  if (registered.metadata.uid !== owner.uid) return `node ${node} UID mismatch: expected ${owner.uid} got ${registered.metadata.uid}`;
  const resource = referencedResource(pod);
  return resource === undefined ? undefined : `${who} can not create pods that reference ${resource}`;
}

/** What of the API a pod needs: it must not get at that by being there. */
function referencedResource(pod: Stored<Pod>): string | undefined {
  const { spec } = pod;
  const byName = new Set([...referencesOf(pod)].map((reference) => reference.split('/')[0]));
  for (const resource of ['serviceaccounts', 'secrets', 'configmaps']) if (byName.has(resource)) return resource;
  if ((spec?.resourceClaims ?? []).length > 0) return 'resourceclaims';
  for (const { csi, glusterfs, persistentVolumeClaim, ephemeral, projected } of spec?.volumes ?? []) {
    if (csi !== undefined) return 'csidrivers (via CSI volumes)';
    if (glusterfs !== undefined) return 'endpoints (via glusterFS volumes)';
    if (persistentVolumeClaim !== undefined) return 'persistentvolumeclaims';
    if (ephemeral !== undefined) return 'persistentvolumeclaims (via ephemeral volumes)';
    for (const { serviceAccountToken, clusterTrustBundle, podCertificate } of projected?.sources ?? []) {
      if (serviceAccountToken !== undefined) return 'serviceaccounts (via projected volumes)';
      if (clusterTrustBundle !== undefined) return 'clustertrustbundles';
      if (podCertificate !== undefined) return 'podcertificates';
    }
  }
  return undefined;
}

function checkPodStatus(request: AdmissionRequest, node: string): string | undefined {
  const old = oldOf(request, pods);
  const pod = draftOf(request, pods);
  if (request.operation !== 'UPDATE' || old === undefined) return `unexpected operation ${quote(request.operation)}`;
  if (old.spec?.nodeName !== node) return `node ${quote(node)} can only update pod status for pods with spec.nodeName set to itself`;
  if (!semanticEqual(old.metadata.labels ?? {}, pod.metadata?.labels ?? {})) return `node ${quote(node)} cannot update labels through pod status`;
  if (!semanticEqual(old.status?.resourceClaimStatuses ?? [], pod.status?.resourceClaimStatuses ?? []))
    return `node ${quote(node)} cannot update resource claim statues`;
  if (!semanticEqual(old.status?.extendedResourceClaimStatus ?? {}, pod.status?.extendedResourceClaimStatus ?? {}))
    return `node ${quote(node)} cannot update extended resource claim status`;
  return undefined;
}

function checkNode(request: AdmissionRequest, node: string): string | undefined {
  const draft = request.object === undefined ? undefined : draftOf(request, nodes);
  const name = request.operation === 'CREATE' ? (draft?.metadata?.name ?? '') : request.name;
  if (name !== node) return `node ${quote(node)} is not allowed to modify node ${quote(name)}`;
  if (draft === undefined) return undefined;
  const old = oldOf(request, nodes);
  const changed = forbiddenLabels(draft.metadata?.labels ?? {}, old?.metadata.labels ?? {});
  if (old === undefined) {
    return changed.length === 0 ? undefined : `node ${quote(node)} is not allowed to set the following labels: ${changed.join(', ')}`;
  }
  // An owner that is not there would have the node deleted (CVE-2025-5187).
  if (!semanticEqual(draft.metadata?.ownerReferences ?? [], old.metadata.ownerReferences ?? []))
    return `node ${quote(node)} is not allowed to modify ownerReferences`;
  if (!semanticEqual(draft.spec?.taints ?? [], old.spec?.taints ?? [])) return `node ${quote(node)} is not allowed to modify taints`;
  return changed.length === 0 ? undefined : `is not allowed to modify labels: ${changed.join(', ')}`;
}

/** Labels in Kubernetes' own name space that a kubelet sets; others there are the administrator's. */
const OWN_LABELS: ReadonlySet<string> = new Set([
  'beta.kubernetes.io/arch',
  'beta.kubernetes.io/instance-type',
  'beta.kubernetes.io/os',
  'failure-domain.beta.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'kubernetes.io/arch',
  'kubernetes.io/hostname',
  'kubernetes.io/os',
  'node.kubernetes.io/instance-type',
  'topology.kubernetes.io/region',
  'topology.kubernetes.io/zone',
]);
const OWN_DOMAINS: readonly string[] = ['kubelet.kubernetes.io', 'node.kubernetes.io'];
const RESTRICTED = 'node-restriction.kubernetes.io';

function forbiddenLabels(labels: Labels, old: Labels): readonly string[] {
  const changed = [...new Set([...Object.keys(labels), ...Object.keys(old)])].filter((key) => getOwn(labels, key) !== getOwn(old, key));
  return changed.filter(isForbidden).sort();
}

function isForbidden(key: string): boolean {
  const domain = key.includes('/') ? (key.split('/')[0] ?? '') : '';
  const within = (outer: string): boolean => domain === outer || domain.endsWith(`.${outer}`);
  if (within(RESTRICTED)) return true;
  if (!within('kubernetes.io') && !within('k8s.io')) return false;
  return !OWN_LABELS.has(key) && !OWN_DOMAINS.some(within);
}

/** Devices that a node offers are its own; what is there already the authorizer has looked at, except where many go at once. */
function checkSlice({ operation, object, old }: AdmissionRequest, node: string): string | undefined {
  const isOwn = (slice: unknown): boolean => (slice as { readonly spec?: { readonly nodeName?: string } } | undefined)?.spec?.nodeName === node;
  if (operation === 'CREATE' && !isOwn(object)) return 'can only create ResourceSlice with the same NodeName as the requesting node';
  return operation === 'DELETE' && !isOwn(old) ? 'can only delete ResourceSlice with the same NodeName as the requesting node' : undefined;
}

const NODE_SIGNERS: readonly string[] = ['kubernetes.io/kubelet-serving', 'kubernetes.io/kube-apiserver-client-kubelet'];

/** A node asks for certificates in its own name. */
function checkCertificate(request: AdmissionRequest, node: string): string | undefined {
  if (request.operation !== 'CREATE') return undefined;
  const { spec } = draftOf(request, certificateSigningRequests);
  if (spec === undefined || !NODE_SIGNERS.includes(spec.signerName ?? '')) return undefined;
  const names = new Set(commonNamesIn(spec.request ?? ''));
  return names.size === 1 && names.has(`system:node:${node}`) ? undefined : `can only create a node CSR with CN=system:node:${node}`;
}

/** Of a claim a node writes only how far it has grown. */
function checkClaim(request: AdmissionRequest, node: string): string | undefined {
  if (request.subresource !== 'status') return 'may only update PVC status';
  const old = oldOf(request, persistentVolumeClaims);
  if (request.operation !== 'UPDATE' || old === undefined) return `unexpected operation ${quote(request.operation)}`;
  const bare = (claim: KubeObject & { readonly status?: object | undefined }): object => {
    const { resourceVersion: _, managedFields: _fields, ...metadata } = claim.metadata ?? {};
    const { capacity: _c, conditions: _o, allocatedResources: _a, allocatedResourceStatuses: _s, ...status } = (claim.status ?? {}) as Record<string, unknown>;
    return { ...claim, metadata, status, apiVersion: undefined, kind: undefined };
  };
  if (semanticEqual(bare(old), bare(draftOf(request, persistentVolumeClaims)))) return undefined;
  return `node ${quote(node)} is not allowed to update fields other than status.quantity and status.conditions`;
}

/** A node gets tokens only for the pods that run on it. */
function checkToken(request: AdmissionRequest, node: string, authorize: Authorizer): string | undefined {
  if (request.operation !== 'CREATE' || request.subresource !== 'token') return undefined;
  const bound = (request.object as unknown as TokenRequest | undefined)?.spec?.boundObjectRef;
  if (bound === undefined || bound === null || bound.apiVersion !== 'v1' || bound.kind !== 'Pod' || (bound.name ?? '') === '')
    return 'node requested token not bound to a pod';
  if ((bound.uid ?? '') === '') return 'node requested token with a pod binding without a uid';
  const pod = existingPod(request, bound.name ?? '');
  if (bound.uid !== pod.metadata.uid) {
    return `the UID in the bound object reference (${bound.uid ?? ''}) does not match the UID in record. The object might have been deleted and then recreated`;
  }
  if (pod.spec?.nodeName !== node) return 'node requested token bound to a pod scheduled on a different node';
  return checkAudience(request, pod, authorize);
}

/**
 * Only for whom the pod itself, or the driver of one of its volumes, is to show the token (KEP-4412, ServiceAccountNodeAudienceRestriction),
 * or for whom the node may by a right of its own: the audience stands where others name a resource.
 */
function checkAudience({ object, reader, user, namespace, name }: AdmissionRequest, pod: Stored<Pod>, authorize: Authorizer): string | undefined {
  const [audience = '', ...others] = (object as unknown as TokenRequest | undefined)?.spec?.audiences ?? [];
  if (others.length > 0) return 'node may only request 0 or 1 audiences';
  const volumes = pod.spec?.volumes ?? [];
  const shown = volumes
    .flatMap(({ projected }) => projected?.sources ?? [])
    .some(({ serviceAccountToken: token }) => token !== undefined && (token.audience ?? '') === audience);
  if (shown || volumes.some((volume) => driverTakes(reader, pod, volume, audience))) return undefined;
  const verb = 'request-serviceaccounts-token-audience';
  if (authorize(resourceAttributes({ user, verb, group: '', version: 'v1', resource: audience, namespace, name })).allowed) return undefined;
  return `audience ${quote(audience)} not found in pod spec volume, ${user.name} is not authorized to request tokens for this audience`;
}

function driverTakes(reader: StoredReader, { metadata }: Stored<Pod>, { name, csi, persistentVolumeClaim, ephemeral }: Volume, audience: string): boolean {
  const claimName = persistentVolumeClaim?.claimName ?? (ephemeral === undefined ? undefined : `${metadata.name}-${name}`);
  const claim = claimName === undefined ? undefined : storedGet(reader, persistentVolumeClaims, metadata.namespace ?? '', claimName);
  const volume = claim?.spec?.volumeName === undefined ? undefined : storedGet(reader, persistentVolumes, '', claim.spec.volumeName);
  const driver = csi?.driver ?? volume?.spec?.csi?.driver;
  const requests = driver === undefined ? undefined : storedGet(reader, csiDrivers, '', driver)?.spec.tokenRequests;
  return (requests ?? []).some((each) => each.audience === audience);
}
