import { MANDATORY } from '../../api/flowcontrol/mandatory.ts';
import type { FlowSchema, PolicyRulesWithSubjects, PriorityLevelConfiguration, Subject } from '../../api/gen/types/flowcontrol.v1.ts';

/** The configuration that every cluster starts with; names and values as Kubernetes 1.36 has them. */

/** `"true"`: the specification is put back at every start. Kubernetes' own key. */
export const AUTO_UPDATE = 'apf.kubernetes.io/autoupdate-spec';

const API_VERSION = 'flowcontrol.apiserver.k8s.io/v1';
const metadata = (name: string) => ({ name, annotations: { [AUTO_UPDATE]: 'true' } });

type Limited = readonly [name: string, shares: number, lendablePercent: number, queues: number, handSize: number];

const LIMITED: readonly Limited[] = [
  ['global-default', 20, 50, 128, 6],
  ['leader-election', 10, 0, 16, 4],
  ['node-high', 40, 25, 64, 6],
  ['system', 30, 33, 64, 6],
  ['workload-high', 40, 50, 128, 6],
  ['workload-low', 100, 90, 128, 6],
];

const QUEUE_LENGTH = 50;

export const defaultPriorityLevels: readonly PriorityLevelConfiguration[] = [
  ...[...MANDATORY].map(
    ([name, { level }]): PriorityLevelConfiguration => ({
      apiVersion: API_VERSION,
      kind: 'PriorityLevelConfiguration',
      metadata: metadata(name),
      spec: level,
    }),
  ),
  ...LIMITED.map(([name, nominalConcurrencyShares, lendablePercent, queues, handSize]): PriorityLevelConfiguration => {
    const limitResponse = { type: 'Queue', queuing: { queues, handSize, queueLengthLimit: QUEUE_LENGTH } };
    const limited = { nominalConcurrencyShares, lendablePercent, limitResponse };
    return { apiVersion: API_VERSION, kind: 'PriorityLevelConfiguration', metadata: metadata(name), spec: { type: 'Limited', limited } };
  }),
];

const group = (name: string): Subject => ({ kind: 'Group', group: { name } });
const user = (name: string): Subject => ({ kind: 'User', user: { name } });
const account = (name: string): Subject => ({ kind: 'ServiceAccount', serviceAccount: { namespace: 'kube-system', name } });

const ALL = ['*'];
const EVERYBODY = [group('system:unauthenticated'), group('system:authenticated')];
const NODES = [group('system:nodes')];

/** Whatever they ask for. */
const anything = (...subjects: readonly Subject[]): PolicyRulesWithSubjects => ({
  subjects,
  resourceRules: [{ verbs: ALL, apiGroups: ALL, resources: ALL, clusterScope: true, namespaces: ALL }],
  nonResourceRules: [{ verbs: ALL, nonResourceURLs: ALL }],
});

const LEASES = { verbs: ['get', 'create', 'update'], apiGroups: ['coordination.k8s.io'], resources: ['leases'], namespaces: ALL };

type Row = readonly [name: string, level: string, precedence: number, by: 'ByUser' | 'ByNamespace' | '', rule: PolicyRulesWithSubjects];

const SCHEMAS: readonly Row[] = [
  ['probes', 'exempt', 2, '', { subjects: EVERYBODY, nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/readyz', '/livez'] }] }],
  [
    'system-leader-election',
    'leader-election',
    100,
    'ByUser',
    { subjects: [user('system:kube-controller-manager'), user('system:kube-scheduler'), account('*')], resourceRules: [LEASES] },
  ],
  [
    'endpoint-controller',
    'workload-high',
    150,
    'ByUser',
    {
      subjects: [user('system:kube-controller-manager'), account('endpoint-controller'), account('endpointslicemirroring-controller')],
      resourceRules: [{ verbs: ['get', 'create', 'update'], apiGroups: [''], resources: ['endpoints'], namespaces: ALL }],
    },
  ],
  ['workload-leader-election', 'leader-election', 200, 'ByUser', { subjects: [account('*')], resourceRules: [LEASES] }],
  [
    'system-node-high',
    'node-high',
    400,
    'ByUser',
    {
      subjects: NODES,
      resourceRules: [
        { verbs: ALL, apiGroups: [''], resources: ['nodes', 'nodes/status'], clusterScope: true, namespaces: ALL },
        { verbs: ALL, apiGroups: ['coordination.k8s.io'], resources: ['leases'], namespaces: ALL },
      ],
    },
  ],
  ['system-nodes', 'system', 500, 'ByUser', anything(...NODES)],
  ['kube-controller-manager', 'workload-high', 800, 'ByNamespace', anything(user('system:kube-controller-manager'))],
  ['kube-scheduler', 'workload-high', 800, 'ByNamespace', anything(user('system:kube-scheduler'))],
  ['kube-system-service-accounts', 'workload-high', 900, 'ByNamespace', anything(account('*'))],
  ['service-accounts', 'workload-low', 9000, 'ByUser', anything(group('system:serviceaccounts'))],
  ['global-default', 'global-default', 9900, 'ByUser', anything(...EVERYBODY)],
];

const schemaOf = (name: string, spec: FlowSchema['spec']): FlowSchema => ({ apiVersion: API_VERSION, kind: 'FlowSchema', metadata: metadata(name), spec });

export const defaultFlowSchemas: readonly FlowSchema[] = [
  ...[...MANDATORY].map(([name, { schema }]) => schemaOf(name, schema)),
  ...SCHEMAS.map(([name, level, matchingPrecedence, by, rule]) =>
    schemaOf(name, {
      priorityLevelConfiguration: { name: level },
      matchingPrecedence,
      ...(by === '' ? {} : { distinguisherMethod: { type: by } }),
      rules: [rule],
    }),
  ),
];
