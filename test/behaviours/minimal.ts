import type { JsonObject } from '../../src/machinery/object.ts';

const TEMPLATE: JsonObject = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
const JOB_TEMPLATE: JsonObject = { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } };
const WORKLOAD: JsonObject = { spec: { selector: { matchLabels: { a: 'b' } }, template: TEMPLATE } };
const WEBHOOK: JsonObject = {
  webhooks: [{ name: 'w.example.com', clientConfig: { url: 'https://w.example.com/' }, sideEffects: 'None', admissionReviewVersions: ['v1'] }],
};
const ROLE_REF = (kind: string): JsonObject => ({ roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name: 'r' } });
const MATCH: JsonObject = { resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }] };
const SCALED: JsonObject = { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' }, maxReplicas: 3 };
const DRIVER: JsonObject = { spec: { driver: 'd.example.com', nodeName: 'n', pool: { name: 'p', generation: 1, resourceSliceCount: 1 } } };
/** A request for the name `crud`, of a key that nobody has. */
export const CSR = [
  'LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIS01IRUNBUUF3RHpFTk1Bc0dBMVVFQXd3RVkzSjFaREJaTUJNR0J5cUdTTTQ5QWdFR0ND',
  'cUdTTTQ5QXdFSApBMElBQkJ4c2pSR1hWMGtERm1TN0NZbW5XTUR4VFRlazg5eG9BZ3JGVE16T0JaYmd6eFJ0Y09iZi9wTHdPNStvCndKTlIxSjVxODNWcFlN',
  'REZPVXZDWXg0a3pPbWdBREFLQmdncWhrak9QUVFEQWdOSkFEQkdBaUVBZytqbm1MeFoKcm1Zb2g5QzZjU2NCQTFWWFladWV5c2FyKzVZeEQzeE11S3NDSVFE',
  'eUVoa2puNjF1bEtYaE5VL0F5S0puSzM4VQo0U29POGcyT2MrQzhPanRkbHc9PQotLS0tLUVORCBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0K',
].join('');

/** The least that each kind takes, without apiVersion, kind and metadata. `name`: where names have a form of their own. */
export interface Minimal {
  readonly body?: JsonObject;
  readonly name?: (i: number) => string;
}

export const MINIMAL: Readonly<Record<string, Minimal>> = {
  'admissionregistration.k8s.io/mutatingadmissionpolicies': {
    body: { spec: { matchConstraints: MATCH, reinvocationPolicy: 'Never', mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression: '[]' } }] } },
  },
  'admissionregistration.k8s.io/mutatingadmissionpolicybindings': { body: { spec: { policyName: 'p' } } },
  'admissionregistration.k8s.io/mutatingwebhookconfigurations': { body: WEBHOOK },
  'admissionregistration.k8s.io/validatingadmissionpolicies': { body: { spec: { matchConstraints: MATCH, validations: [{ expression: 'true' }] } } },
  'admissionregistration.k8s.io/validatingadmissionpolicybindings': { body: { spec: { policyName: 'p', validationActions: ['Deny'] } } },
  'admissionregistration.k8s.io/validatingwebhookconfigurations': { body: WEBHOOK },
  'apiextensions.k8s.io/customresourcedefinitions': {
    body: {
      spec: {
        group: 'example.com',
        scope: 'Namespaced',
        names: { plural: 'things', singular: 'thing', kind: 'Thing', listKind: 'ThingList' },
        versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
      },
    },
    name: () => 'things.example.com',
  },
  'apiregistration.k8s.io/apiservices': {
    body: { spec: { group: 'example.com', version: 'v1', groupPriorityMinimum: 1000, versionPriority: 15 } },
    name: () => 'v1.example.com',
  },
  'apps/controllerrevisions': { body: { revision: 1, data: { a: 'b' } } },
  'apps/daemonsets': { body: WORKLOAD },
  'apps/deployments': { body: WORKLOAD },
  'apps/replicasets': { body: WORKLOAD },
  'apps/statefulsets': { body: { spec: { ...(WORKLOAD.spec as JsonObject), serviceName: 's' } } },
  'autoscaling/horizontalpodautoscalers': { body: { spec: SCALED } },
  'batch/cronjobs': { body: { spec: { schedule: '* * * * *', jobTemplate: { spec: { template: JOB_TEMPLATE } } } } },
  'batch/jobs': { body: { spec: { template: JOB_TEMPLATE } } },
  'certificates.k8s.io/certificatesigningrequests': { body: { spec: { request: CSR, signerName: 'example.com/signer', usages: ['digital signature'] } } },
  'coordination.k8s.io/leases': { body: { spec: { holderIdentity: 'h' } } },
  'discovery.k8s.io/endpointslices': { body: { addressType: 'IPv4', endpoints: [], ports: [] } },
  'events.k8s.io/events': {
    body: {
      eventTime: '2030-01-01T00:00:00.000000Z',
      reportingController: 'example.com/c',
      reportingInstance: 'i',
      action: 'a',
      reason: 'r',
      type: 'Normal',
      regarding: { namespace: 'crud' },
    },
  },
  'flowcontrol.apiserver.k8s.io/flowschemas': { body: { spec: { priorityLevelConfiguration: { name: 'global-default' }, matchingPrecedence: 500 } } },
  'flowcontrol.apiserver.k8s.io/prioritylevelconfigurations': {
    body: { spec: { type: 'Limited', limited: { nominalConcurrencyShares: 5, limitResponse: { type: 'Reject' } } } },
  },
  'networking.k8s.io/ingressclasses': { body: { spec: { controller: 'example.com/c' } } },
  'networking.k8s.io/ingresses': { body: { spec: { defaultBackend: { service: { name: 's', port: { number: 80 } } } } } },
  'networking.k8s.io/ipaddresses': { body: { spec: { parentRef: { resource: 'services', namespace: 'crud', name: 's' } } }, name: (i) => `10.96.0.${10 + i}` },
  'networking.k8s.io/networkpolicies': { body: { spec: { podSelector: {} } } },
  'networking.k8s.io/servicecidrs': { body: { spec: { cidrs: ['10.200.0.0/24'] } } },
  'node.k8s.io/runtimeclasses': { body: { handler: 'runc' } },
  'policy/poddisruptionbudgets': { body: { spec: { maxUnavailable: 1, selector: { matchLabels: { a: 'b' } } } } },
  'rbac.authorization.k8s.io/clusterrolebindings': { body: ROLE_REF('ClusterRole') },
  'rbac.authorization.k8s.io/rolebindings': { body: ROLE_REF('Role') },
  'resource.k8s.io/deviceclasses': { body: { spec: {} } },
  'resource.k8s.io/resourceclaims': { body: { spec: {} } },
  'resource.k8s.io/resourceclaimtemplates': { body: { spec: { spec: {} } } },
  'resource.k8s.io/resourceslices': { body: DRIVER },
  'scheduling.k8s.io/priorityclasses': { body: { value: 10 } },
  'storage.k8s.io/csidrivers': { body: { spec: {} } },
  'storage.k8s.io/csinodes': { body: { spec: { drivers: [] } } },
  'storage.k8s.io/csistoragecapacities': { body: { storageClassName: 's' } },
  'storage.k8s.io/storageclasses': { body: { provisioner: 'example.com/p' } },
  'storage.k8s.io/volumeattachments': { body: { spec: { attacher: 'example.com', nodeName: 'n', source: { persistentVolumeName: 'v' } } } },
  'storage.k8s.io/volumeattributesclasses': { body: { driverName: 'd.example.com', parameters: { a: 'b' } } },
  '/events': { body: { involvedObject: { kind: 'Pod', namespace: 'crud', name: 'p' }, reason: 'r', type: 'Normal' } },
  '/limitranges': { body: { spec: { limits: [{ type: 'Container', default: { cpu: '1' } }] } } },
  '/persistentvolumeclaims': { body: { spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } } },
  '/persistentvolumes': { body: { spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/tmp/x' } } } },
  '/pods': { body: { spec: { containers: [{ name: 'c', image: 'i' }] } } },
  '/podtemplates': { body: { template: TEMPLATE } },
  '/replicationcontrollers': { body: { spec: { selector: { a: 'b' }, template: TEMPLATE } } },
  '/resourcequotas': { body: { spec: { hard: { pods: '3' } } } },
  '/services': { body: { spec: { ports: [{ port: 80 }] } } },
};
