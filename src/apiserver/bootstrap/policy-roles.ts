import { EVENTS, type RuleLine } from './policy-rules.ts';

/** The default ClusterRoles of Kubernetes 1.36 for people, nodes and services (its "RBAC good practices" and reference name them). */
export const CLUSTER_ROLES: Readonly<Record<string, readonly RuleLine[]>> = {
  'cluster-admin': ['*; *; *', '*; *'],
  'system:discovery': ['get; /livez /readyz /healthz /version /version/ /openapi /openapi/* /api /api/* /apis /apis/*'],
  'system:public-info-viewer': ['get; /livez /readyz /healthz /version /version/'],
  'system:basic-user': ['create; authorization.k8s.io; selfsubjectaccessreviews selfsubjectrulesreviews', 'create; authentication.k8s.io; selfsubjectreviews'],
  'system:monitoring': ['get; /metrics /metrics/slis /livez /readyz /healthz /livez/* /readyz/* /healthz/*'],
  'system:heapster': ['READ; core; events namespaces nodes pods', 'READ; extensions; deployments'],
  'system:node-problem-detector': ['get; core; nodes', 'patch; core; nodes/status', EVENTS],
  'system:kubelet-api-admin': [
    'get list watch proxy; core; nodes',
    '*; core; nodes/configz nodes/healthz nodes/log nodes/metrics nodes/pods nodes/proxy nodes/stats',
  ],
  'system:node-bootstrapper': ['create get list watch; certificates.k8s.io; certificatesigningrequests'],
  'system:auth-delegator': ['create; authentication.k8s.io; tokenreviews', 'create; authorization.k8s.io; subjectaccessreviews'],
  'system:kube-aggregator': ['READ; core; services endpoints'],
  'system:kube-dns': ['list watch; core; endpoints services'],
  'system:node-proxier': [
    'list watch; core; services endpoints',
    'get list watch; core; nodes',
    EVENTS,
    'list watch; discovery.k8s.io; endpointslices',
    'list watch; networking.k8s.io; servicecidrs',
  ],
  'system:persistent-volume-provisioner': [
    'create delete get list watch; core; persistentvolumes',
    'get list update watch; core; persistentvolumeclaims',
    'READ; storage.k8s.io; storageclasses',
    'watch; core; events',
    EVENTS,
  ],
  'system:volume-scheduler': ['get list patch update watch; core; persistentvolumes persistentvolumeclaims', 'READ; storage.k8s.io; storageclasses'],
  'system:service-account-issuer-discovery': ['get; /.well-known/openid-configuration /.well-known/openid-configuration/ /openid/v1/jwks /openid/v1/jwks/'],
  'system:certificates.k8s.io:certificatesigningrequests:nodeclient': ['create; certificates.k8s.io; certificatesigningrequests/nodeclient'],
  'system:certificates.k8s.io:certificatesigningrequests:selfnodeclient': ['create; certificates.k8s.io; certificatesigningrequests/selfnodeclient'],
  'system:certificates.k8s.io:kube-apiserver-client-approver': ['approve; certificates.k8s.io; signers; kubernetes.io/kube-apiserver-client'],
  'system:certificates.k8s.io:kube-apiserver-client-kubelet-approver': ['approve; certificates.k8s.io; signers; kubernetes.io/kube-apiserver-client-kubelet'],
  'system:certificates.k8s.io:kubelet-serving-approver': ['approve; certificates.k8s.io; signers; kubernetes.io/kubelet-serving'],
  'system:certificates.k8s.io:legacy-unknown-approver': ['approve; certificates.k8s.io; signers; kubernetes.io/legacy-unknown'],
  'system:kube-controller-manager': [
    EVENTS,
    'create; coordination.k8s.io; leases',
    'get update; coordination.k8s.io; leases; kube-controller-manager',
    'create; core; secrets serviceaccounts',
    'delete; core; secrets',
    'get; core; configmaps namespaces secrets serviceaccounts',
    'update; core; secrets serviceaccounts',
    'create; authentication.k8s.io; tokenreviews',
    'create; authorization.k8s.io; subjectaccessreviews',
    'list watch; *; *',
    'create; core; serviceaccounts/token',
  ],
  'system:kube-scheduler': [
    EVENTS,
    'create; coordination.k8s.io; leases',
    'get list update watch; coordination.k8s.io; leases; kube-scheduler',
    'create; coordination.k8s.io; leasecandidates',
    'delete deletecollection get list patch update watch; coordination.k8s.io; leasecandidates',
    'READ; core; nodes',
    'delete get list watch; core; pods',
    'create; core; bindings pods/binding',
    'patch update; core; pods/status',
    'READ; core; replicationcontrollers services namespaces',
    'READ; apps extensions; replicasets',
    'READ; apps; statefulsets',
    'READ; policy; poddisruptionbudgets',
    'get list watch; core; persistentvolumeclaims persistentvolumes',
    'create; authentication.k8s.io; tokenreviews',
    'create; authorization.k8s.io; subjectaccessreviews',
    'READ; storage.k8s.io; csinodes csidrivers csistoragecapacities volumeattachments',
    'READ; resource.k8s.io; deviceclasses resourceslices',
    'get list patch update watch; resource.k8s.io; resourceclaims',
    'get list patch update watch; resource.k8s.io; resourceclaims/status',
    'update patch; resource.k8s.io; resourceclaims/binding',
    'update; core; pods/finalizers',
  ],
  'system:node': [
    'create; authentication.k8s.io; tokenreviews',
    'create; authorization.k8s.io; localsubjectaccessreviews subjectaccessreviews',
    'READ; core; services',
    'create get list watch; core; nodes',
    'patch update; core; nodes nodes/status',
    'create patch update; core events.k8s.io; events',
    'READ; core; pods configmaps secrets',
    'create delete; core; pods',
    'patch update; core; pods/status',
    'create; core; pods/eviction',
    'get; core; persistentvolumeclaims persistentvolumes endpoints serviceaccounts',
    'get patch update; core; persistentvolumeclaims/status',
    'create; core; serviceaccounts/token',
    'create get list watch; certificates.k8s.io; certificatesigningrequests',
    'create delete get patch update; coordination.k8s.io; leases',
    'get; storage.k8s.io; volumeattachments',
    'READ; storage.k8s.io; csidrivers',
    'create delete get patch update; storage.k8s.io; csinodes',
    'READ; node.k8s.io; runtimeclasses',
    'get; resource.k8s.io; resourceclaims',
    'deletecollection; resource.k8s.io; resourceslices',
  ],
  'system:aggregate-to-admin': ['create; authorization.k8s.io; localsubjectaccessreviews', 'ALL; rbac.authorization.k8s.io; roles rolebindings'],
  'system:aggregate-to-edit': [
    'READ; core; pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy',
    'impersonate; core; serviceaccounts',
    'WRITE; core; pods pods/attach pods/exec pods/portforward pods/proxy',
    'create; core; pods/eviction',
    'WRITE; core; configmaps events persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets serviceaccounts services services/proxy',
    'create; core; serviceaccounts/token',
    'WRITE; apps; daemonsets deployments deployments/rollback deployments/scale replicasets replicasets/scale statefulsets statefulsets/scale',
    'WRITE; autoscaling; horizontalpodautoscalers',
    'WRITE; batch; cronjobs jobs',
    'WRITE; extensions; daemonsets deployments deployments/rollback deployments/scale ingresses networkpolicies replicasets replicasets/scale replicationcontrollers/scale',
    'WRITE; policy; poddisruptionbudgets',
    'WRITE; networking.k8s.io; ingresses networkpolicies',
    'ALL; coordination.k8s.io; leases',
    'WRITE; resource.k8s.io; resourceclaims resourceclaimtemplates',
    'WRITE; events.k8s.io; events',
  ],
  'system:aggregate-to-view': [
    'READ; core; configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers replicationcontrollers/scale serviceaccounts services services/status',
    'READ; core; bindings events limitranges namespaces/status pods/log pods/status replicationcontrollers/status resourcequotas resourcequotas/status',
    'READ; core; namespaces',
    'READ; discovery.k8s.io; endpointslices',
    'READ; apps; controllerrevisions daemonsets daemonsets/status deployments deployments/scale deployments/status replicasets replicasets/scale replicasets/status statefulsets statefulsets/scale statefulsets/status',
    'READ; autoscaling; horizontalpodautoscalers horizontalpodautoscalers/status',
    'READ; batch; cronjobs cronjobs/status jobs jobs/status',
    'READ; extensions; daemonsets daemonsets/status deployments deployments/scale deployments/status ingresses ingresses/status networkpolicies replicasets replicasets/scale replicasets/status replicationcontrollers/scale',
    'READ; policy; poddisruptionbudgets poddisruptionbudgets/status',
    'READ; networking.k8s.io; ingresses ingresses/status networkpolicies',
    'READ; resource.k8s.io; resourceclaims resourceclaims/status resourceclaimtemplates',
    'READ; events.k8s.io; events',
  ],
};

/**
 * The roles of the parts that are Berth's own, and what its controllers need beyond upstream's role of the same name:
 * `berth:NAME`, each bound to the service account NAME, or `berth-NAME`, in kube-system.
 */
export const BERTH_CONTROLLER_ROLES: Readonly<Record<string, readonly RuleLine[]>> = {
  // What is counted anew is compared with the quota as the server has it.
  'resourcequota-controller': ['get; core; resourcequotas'],
  // There the controllers' common identity does it.
  'berth-token-secrets': ['delete update; core; secrets', 'get; core; serviceaccounts'],
  'berth-notices': [EVENTS, 'READ; core; events'],
  'berth-classes': ['create; storage.k8s.io; csidrivers storageclasses'],
  'berth-storage': [
    'list watch; core; nodes pods persistentvolumes persistentvolumeclaims',
    'list watch; storage.k8s.io; storageclasses csidrivers csinodes csistoragecapacities volumeattachments volumeattributesclasses',
  ],
  'berth-network-notices': [EVENTS, 'list; core; events', 'list watch; core; services', 'list watch; networking.k8s.io; ingresses networkpolicies'],
  'berth-pool-node': [
    EVENTS,
    'create delete get list patch update watch; core; persistentvolumes',
    'get list patch update watch; core; persistentvolumeclaims',
    'patch update; core; persistentvolumes/status persistentvolumeclaims/status',
    'READ; storage.k8s.io; storageclasses csinodes',
    'get list patch update watch; storage.k8s.io; volumeattachments',
    'patch update; storage.k8s.io; volumeattachments/status',
    'create delete get list update watch; storage.k8s.io; csistoragecapacities',
  ],
};

/** Roles that are the sum of others: name, label, and what they are aggregated to. */
export const AGGREGATED: readonly { readonly name: string; readonly from: readonly string[]; readonly labels: Readonly<Record<string, string>> }[] = [
  { name: 'admin', from: ['aggregate-to-admin'], labels: {} },
  { name: 'edit', from: ['aggregate-to-edit'], labels: { 'rbac.authorization.k8s.io/aggregate-to-admin': 'true' } },
  { name: 'view', from: ['aggregate-to-view'], labels: { 'rbac.authorization.k8s.io/aggregate-to-edit': 'true' } },
];

/** Labels of roles that others sum up. */
export const AGGREGATE_LABELS: Readonly<Record<string, string>> = {
  'system:aggregate-to-admin': 'rbac.authorization.k8s.io/aggregate-to-admin',
  'system:aggregate-to-edit': 'rbac.authorization.k8s.io/aggregate-to-edit',
  'system:aggregate-to-view': 'rbac.authorization.k8s.io/aggregate-to-view',
};

/** ClusterRoleBindings: name of role and binding → subjects, `g:` group, `u:` user, `s:NAMESPACE/NAME` service account. */
export const CLUSTER_BINDINGS: readonly (readonly [name: string, role: string, ...subjects: readonly string[]])[] = [
  ['cluster-admin', 'cluster-admin', 'g:system:masters'],
  ['system:monitoring', 'system:monitoring', 'g:system:monitoring'],
  ['system:discovery', 'system:discovery', 'g:system:authenticated'],
  ['system:basic-user', 'system:basic-user', 'g:system:authenticated'],
  ['system:public-info-viewer', 'system:public-info-viewer', 'g:system:authenticated', 'g:system:unauthenticated'],
  ['system:node-proxier', 'system:node-proxier', 'u:system:kube-proxy'],
  ['system:kube-controller-manager', 'system:kube-controller-manager', 'u:system:kube-controller-manager'],
  ['system:kube-dns', 'system:kube-dns', 's:kube-system/kube-dns'],
  ['system:kube-scheduler', 'system:kube-scheduler', 'u:system:kube-scheduler'],
  ['system:volume-scheduler', 'system:volume-scheduler', 'u:system:kube-scheduler'],
  ['system:node', 'system:node'],
  ['system:service-account-issuer-discovery', 'system:service-account-issuer-discovery', 'g:system:serviceaccounts'],
];

/** Roles in namespaces: namespace, name, rules. */
export const NAMESPACED_ROLES: readonly (readonly [namespace: string, name: string, ...rules: readonly RuleLine[]])[] = [
  ['kube-system', 'extension-apiserver-authentication-reader', 'READ; core; configmaps; extension-apiserver-authentication'],
  ['kube-system', 'system:controller:bootstrap-signer', 'READ; core; secrets'],
  ['kube-system', 'system:controller:cloud-provider', 'create get list watch; core; configmaps'],
  ['kube-system', 'system:controller:token-cleaner', 'delete get list watch; core; secrets', EVENTS],
  ['kube-system', 'system::leader-locking-kube-controller-manager', 'watch; core; configmaps', 'get update; core; configmaps; kube-controller-manager'],
  ['kube-system', 'system::leader-locking-kube-scheduler', 'watch; core; configmaps', 'get update; core; configmaps; kube-scheduler'],
  ['kube-public', 'system:controller:bootstrap-signer', 'READ; core; configmaps', 'update; core; configmaps; cluster-info', EVENTS],
];

/** RoleBindings: namespace, name, role, subjects. */
export const NAMESPACED_BINDINGS: readonly (readonly [namespace: string, name: string, role: string, ...subjects: readonly string[]])[] = [
  [
    'kube-system',
    'system::extension-apiserver-authentication-reader',
    'extension-apiserver-authentication-reader',
    'u:system:kube-controller-manager',
    'u:system:kube-scheduler',
  ],
  [
    'kube-system',
    'system::leader-locking-kube-controller-manager',
    'system::leader-locking-kube-controller-manager',
    'u:system:kube-controller-manager',
    's:kube-system/kube-controller-manager',
  ],
  ['kube-system', 'system::leader-locking-kube-scheduler', 'system::leader-locking-kube-scheduler', 'u:system:kube-scheduler', 's:kube-system/kube-scheduler'],
  ['kube-system', 'system:controller:bootstrap-signer', 'system:controller:bootstrap-signer', 's:kube-system/bootstrap-signer'],
  ['kube-system', 'system:controller:cloud-provider', 'system:controller:cloud-provider', 's:kube-system/cloud-provider'],
  ['kube-system', 'system:controller:token-cleaner', 'system:controller:token-cleaner', 's:kube-system/token-cleaner'],
  ['kube-public', 'system:controller:bootstrap-signer', 'system:controller:bootstrap-signer', 's:kube-system/bootstrap-signer'],
];
