import {
  mutatingPolicyBindingRules,
  mutatingPolicyRules,
  validatingPolicyBindingRules,
  validatingPolicyRules,
} from './admissionregistration/admission-policy.ts';
import { mutatingWebhookRules, validatingWebhookRules } from './admissionregistration/webhook-configuration.ts';
import { customResourceDefinitionRules } from './apiextensions/custom-resource-definition.ts';
import { apiServiceRules } from './apiregistration/api-service.ts';
import { storageVersionRules } from './apiserverinternal/storage-version.ts';
import { controllerRevisionRules } from './apps/controller-revision.ts';
import { daemonSetRules } from './apps/daemon-set.ts';
import { deploymentRules } from './apps/deployment.ts';
import { replicaSetRules } from './apps/replica-set.ts';
import { statefulSetRules } from './apps/stateful-set.ts';
import { autoscalerRules, autoscalerV1Rules } from './autoscaling/horizontal-pod-autoscaler.ts';
import { cronJobRules } from './batch/cron-job.ts';
import { jobRules } from './batch/job.ts';
import { certificateSigningRequestRules } from './certificates/certificate-signing-request.ts';
import { clusterTrustBundleRules } from './certificates/cluster-trust-bundle.ts';
import { podCertificateRequestRules } from './certificates/pod-certificate-request.ts';
import { leaseCandidateRules } from './coordination/lease-candidate.ts';
import { leaseRules } from './coordination/lease.ts';
import { componentStatusColumns } from './core/columns.ts';
import { configMapRules } from './core/config-map.ts';
import { endpointsRules } from './core/endpoints.ts';
import { coreEventRules, newEventRules } from './core/event.ts';
import { limitRangeRules } from './core/limit-range.ts';
import { namespaceRules } from './core/namespace.ts';
import { nodeRules } from './core/node.ts';
import { persistentVolumeClaimRules } from './core/persistent-volume-claim.ts';
import { persistentVolumeRules } from './core/persistent-volume.ts';
import { podTemplateRules } from './core/pod-template.ts';
import { podRules } from './core/pod.ts';
import { replicationControllerRules } from './core/replication-controller.ts';
import { resourceQuotaRules } from './core/resource-quota.ts';
import { secretRules } from './core/secret.ts';
import { serviceAccountRules } from './core/service-account.ts';
import { serviceRules } from './core/service.ts';
import { endpointSliceRules } from './discovery/endpoint-slice.ts';
import { flowSchemaRules } from './flowcontrol/flow-schema.ts';
import { priorityLevelRules } from './flowcontrol/priority-level-configuration.ts';
import { erased, type KindRules } from './kind-rules.ts';
import { ingressClassRules } from './networking/ingress-class.ts';
import { ingressRules } from './networking/ingress.ts';
import { ipAddressRules } from './networking/ip-address.ts';
import { networkPolicyRules } from './networking/network-policy.ts';
import { serviceCidrRules } from './networking/service-cidr.ts';
import { runtimeClassRules } from './node/runtime-class.ts';
import { podDisruptionBudgetRules } from './policy/pod-disruption-budget.ts';
import { clusterRoleBindingRules } from './rbac/cluster-role-binding.ts';
import { clusterRoleRules } from './rbac/cluster-role.ts';
import { roleBindingRules } from './rbac/role-binding.ts';
import { roleRules } from './rbac/role.ts';
import {
  deviceClassRules,
  oldResourceClaimRules,
  oldResourceClaimTemplateRules,
  oldResourceSliceRules,
  resourceClaimRules,
  resourceClaimTemplateRules,
  resourceSliceRules,
} from './resource/dynamic-resource.ts';
import { resourcePoolStatusRequestRules } from './resource/resource-pool-status-request.ts';
import { podGroupRules, workloadRules } from './scheduling/pod-group.ts';
import { priorityClassRules } from './scheduling/priority-class.ts';
import { csiDriverRules } from './storage/csi-driver.ts';
import { csiNodeRules } from './storage/csi-node.ts';
import { csiStorageCapacityRules } from './storage/csi-storage-capacity.ts';
import { storageClassRules } from './storage/storage-class.ts';
import { volumeAttachmentRules } from './storage/volume-attachment.ts';
import { volumeAttributesClassRules } from './storage/volume-attributes-class.ts';
import { deviceTaintRules } from './resource/device-taint-rule.ts';
import { storageVersionMigrationRules } from './storagemigration/storage-version-migration.ts';

/** The rules of each kind by `Kind.group`, and by `Kind.version.group` where one version has its own. */
const RULES: ReadonlyMap<string, KindRules> = new Map([
  [
    'ComponentStatus.',
    erased({ strategy: {}, columns: componentStatusColumns, shortNames: ['cs'], deprecation: 'v1 ComponentStatus is deprecated in v1.19+' }),
  ],
  ['ConfigMap.', erased(configMapRules)],
  ['Endpoints.', erased(endpointsRules)],
  ['Event.', erased(coreEventRules)],
  ['LimitRange.', erased(limitRangeRules)],
  ['Namespace.', erased(namespaceRules)],
  ['Node.', erased(nodeRules)],
  ['PersistentVolume.', erased(persistentVolumeRules)],
  ['PersistentVolumeClaim.', erased(persistentVolumeClaimRules)],
  ['Pod.', erased(podRules)],
  ['PodTemplate.', erased(podTemplateRules)],
  ['ReplicationController.', erased(replicationControllerRules)],
  ['ResourceQuota.', erased(resourceQuotaRules)],
  ['Secret.', erased(secretRules)],
  ['Service.', erased(serviceRules)],
  ['ServiceAccount.', erased(serviceAccountRules)],
  ['MutatingAdmissionPolicy.admissionregistration.k8s.io', erased(mutatingPolicyRules)],
  ['MutatingAdmissionPolicyBinding.admissionregistration.k8s.io', erased(mutatingPolicyBindingRules)],
  ['MutatingWebhookConfiguration.admissionregistration.k8s.io', erased(mutatingWebhookRules)],
  ['ValidatingAdmissionPolicy.admissionregistration.k8s.io', erased(validatingPolicyRules)],
  ['ValidatingAdmissionPolicyBinding.admissionregistration.k8s.io', erased(validatingPolicyBindingRules)],
  ['ValidatingWebhookConfiguration.admissionregistration.k8s.io', erased(validatingWebhookRules)],
  ['CustomResourceDefinition.apiextensions.k8s.io', erased(customResourceDefinitionRules)],
  ['APIService.apiregistration.k8s.io', erased(apiServiceRules)],
  ['ControllerRevision.apps', erased(controllerRevisionRules)],
  ['DaemonSet.apps', erased(daemonSetRules)],
  ['Deployment.apps', erased(deploymentRules)],
  ['ReplicaSet.apps', erased(replicaSetRules)],
  ['StatefulSet.apps', erased(statefulSetRules)],
  ['HorizontalPodAutoscaler.autoscaling', erased(autoscalerRules)],
  ['HorizontalPodAutoscaler.v1.autoscaling', erased(autoscalerV1Rules)],
  ['CronJob.batch', erased(cronJobRules)],
  ['Job.batch', erased(jobRules)],
  ['CertificateSigningRequest.certificates.k8s.io', erased(certificateSigningRequestRules)],
  ['ClusterTrustBundle.certificates.k8s.io', erased(clusterTrustBundleRules)],
  ['PodCertificateRequest.certificates.k8s.io', erased(podCertificateRequestRules)],
  ['Lease.coordination.k8s.io', erased(leaseRules)],
  ['LeaseCandidate.coordination.k8s.io', erased(leaseCandidateRules)],
  ['EndpointSlice.discovery.k8s.io', erased(endpointSliceRules)],
  ['Event.events.k8s.io', erased(newEventRules)],
  ['FlowSchema.flowcontrol.apiserver.k8s.io', erased(flowSchemaRules)],
  ['PriorityLevelConfiguration.flowcontrol.apiserver.k8s.io', erased(priorityLevelRules)],
  ['StorageVersion.internal.apiserver.k8s.io', erased(storageVersionRules)],
  ['Ingress.networking.k8s.io', erased(ingressRules)],
  ['IngressClass.networking.k8s.io', erased(ingressClassRules)],
  ['IPAddress.networking.k8s.io', erased(ipAddressRules)],
  ['NetworkPolicy.networking.k8s.io', erased(networkPolicyRules)],
  ['ServiceCIDR.networking.k8s.io', erased(serviceCidrRules)],
  ['RuntimeClass.node.k8s.io', erased(runtimeClassRules)],
  ['PodDisruptionBudget.policy', erased(podDisruptionBudgetRules)],
  ['ClusterRole.rbac.authorization.k8s.io', erased(clusterRoleRules)],
  ['ClusterRoleBinding.rbac.authorization.k8s.io', erased(clusterRoleBindingRules)],
  ['Role.rbac.authorization.k8s.io', erased(roleRules)],
  ['RoleBinding.rbac.authorization.k8s.io', erased(roleBindingRules)],
  ['DeviceClass.resource.k8s.io', erased(deviceClassRules)],
  ['DeviceTaintRule.resource.k8s.io', erased(deviceTaintRules)],
  ['ResourceClaim.resource.k8s.io', erased(resourceClaimRules)],
  ['ResourceClaim.v1beta1.resource.k8s.io', erased(oldResourceClaimRules)],
  ['ResourceClaimTemplate.resource.k8s.io', erased(resourceClaimTemplateRules)],
  ['ResourceClaimTemplate.v1beta1.resource.k8s.io', erased(oldResourceClaimTemplateRules)],
  ['ResourceSlice.resource.k8s.io', erased(resourceSliceRules)],
  ['ResourceSlice.v1beta1.resource.k8s.io', erased(oldResourceSliceRules)],
  ['ResourcePoolStatusRequest.resource.k8s.io', erased(resourcePoolStatusRequestRules)],
  ['PodGroup.scheduling.k8s.io', erased(podGroupRules)],
  ['PriorityClass.scheduling.k8s.io', erased(priorityClassRules)],
  ['Workload.scheduling.k8s.io', erased(workloadRules)],
  ['CSIDriver.storage.k8s.io', erased(csiDriverRules)],
  ['CSINode.storage.k8s.io', erased(csiNodeRules)],
  ['CSIStorageCapacity.storage.k8s.io', erased(csiStorageCapacityRules)],
  ['StorageClass.storage.k8s.io', erased(storageClassRules)],
  ['VolumeAttachment.storage.k8s.io', erased(volumeAttachmentRules)],
  ['VolumeAttributesClass.storage.k8s.io', erased(volumeAttributesClassRules)],
  ['StorageVersionMigration.storagemigration.k8s.io', erased(storageVersionMigrationRules)],
]);

export function rulesOf({ group, version, kind }: { readonly group: string; readonly version: string; readonly kind: string }): KindRules | undefined {
  return RULES.get(`${kind}.${version}.${group}`) ?? RULES.get(`${kind}.${group}`);
}
