import type { Kind } from '../../api/kind.ts';
import type { Keys } from '../../base/keys.ts';
import type { Random } from '../../base/random.ts';
import type { Authorizer } from '../authz/authorizer.ts';
import type { RbacIndex } from '../authz/rbac.ts';
import type { AdmissionPlugin } from '../stages.ts';
import { alwaysPullImages } from './always-pull-images.ts';
import { certificateApproval } from './certificate-approval.ts';
import { certificateRequester } from './certificate-requester.ts';
import { certificateSigning } from './certificate-signing.ts';
import { certificateSubjectRestriction } from './certificate-subject-restriction.ts';
import { clusterTrustBundleAttest } from './cluster-trust-bundle-attest.ts';
import { defaultIngressClass } from './default-ingress-class.ts';
import { defaultStorageClass } from './default-storage-class.ts';
import { defaultTolerationSeconds } from './default-toleration-seconds.ts';
import { denyServiceExternalIps } from './deny-service-external-ips.ts';
import { extendedResourceToleration } from './extended-resource-toleration.ts';
import { limitPodHardAntiAffinityTopology } from './limit-pod-hard-anti-affinity-topology.ts';
import { limitRanger } from './limit-ranger.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import { nodeRestriction } from './node-restriction.ts';
import { ownerReferencesPermissionEnforcement } from './owner-references-permission-enforcement.ts';
import { persistentVolumeClaimResize } from './persistent-volume-claim-resize.ts';
import { podTopologyLabels } from './pod-topology-labels.ts';
import { type PodSecurityOptions, podSecurity } from './pod-security.ts';
import { priority } from './priority.ts';
import { rbacEscalation } from './rbac-escalation.ts';
import { resourceClaimRights } from './resource-claim-rights.ts';
import { resourceQuota } from './resource-quota.ts';
import { runtimeClass } from './runtime-class.ts';
import { secretToken } from './secret-token.ts';
import { serviceAccountAdmission } from './service-account.ts';
import { storageObjectInUseProtection } from './storage-object-in-use-protection.ts';
import { taintNodesByCondition } from './taint-nodes-by-condition.ts';

export interface AdmissionOptions {
  readonly random: Random;
  /** Signs the tokens that stand in Secrets. */
  readonly keys: Keys;
  /** For plugins that ask who may sign, approve or hand out rights. */
  readonly authorize: Authorizer;
  readonly rbac: RbacIndex;
  /** What is served, to tell the resource of an owner. */
  readonly kinds: () => readonly Kind[];
  readonly podSecurity?: PodSecurityOptions | undefined;
  /** Plugins that are on by default and shall not run, by name. */
  readonly disabled?: readonly string[];
  /** Plugins that run only when they are named. */
  readonly enabled?: readonly string[];
}

const OPTIONAL: ReadonlySet<string> = new Set([
  'LimitPodHardAntiAffinityTopology',
  'AlwaysPullImages',
  'ExtendedResourceToleration',
  'OwnerReferencesPermissionEnforcement',
  'DenyServiceExternalIPs',
]);

/** Every plugin that is on by default, or that was asked for, in Kubernetes' order. */
export function admissionChain({
  random,
  keys,
  authorize,
  rbac,
  kinds,
  podSecurity: podSecurityOptions = {},
  disabled = [],
  enabled = [],
}: AdmissionOptions): readonly AdmissionPlugin[] {
  const all: readonly AdmissionPlugin[] = [
    namespaceLifecycle,
    limitPodHardAntiAffinityTopology,
    limitRanger,
    serviceAccountAdmission(random),
    nodeRestriction(authorize),
    taintNodesByCondition,
    alwaysPullImages,
    podSecurity(podSecurityOptions),
    priority,
    defaultTolerationSeconds(),
    extendedResourceToleration,
    defaultStorageClass,
    storageObjectInUseProtection,
    ownerReferencesPermissionEnforcement(authorize, kinds),
    persistentVolumeClaimResize,
    runtimeClass,
    certificateApproval(authorize),
    certificateSigning(authorize),
    clusterTrustBundleAttest(authorize),
    certificateSubjectRestriction,
    defaultIngressClass,
    denyServiceExternalIps,
    podTopologyLabels,
    // What upstream does while it stores.
    certificateRequester,
    secretToken(keys),
    rbacEscalation(authorize, rbac),
    resourceClaimRights(authorize),
    // The place of policies and webhooks.
    resourceQuota,
  ];
  const unknown = [...disabled, ...enabled].find((name) => !all.some((plugin) => plugin.name === name));
  if (unknown !== undefined) throw new Error(`no admission plugin is called ${JSON.stringify(unknown)}`);
  return all.filter(({ name }) => !disabled.includes(name) && (!OPTIONAL.has(name) || enabled.includes(name)));
}
