import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SeededRandom } from '../base/random.ts';
import { decide, type Decision } from './cycle.ts';
import { defaultPlugins } from './plugins/all.ts';
import type { PodInfo } from './pod-info.ts';
import { aClaim, aClass, aNode, aPod, aVolume, aWorld, type WorldWords } from './world.fixture.ts';

const decideIn = (pod: PodInfo, words: WorldWords): Decision => decide(pod, aWorld(words), { plugins: defaultPlugins, random: new SeededRandom(1) });

/** The node, or the message. */
const outcome = (decision: Decision): string => (decision.do === 'bind' ? `→ ${decision.node}` : decision.message);

const NO_HELP = (n: number): string => ` no new claims to deallocate, preemption: 0/${n} nodes are available: ${n} Preemption is not helpful for scheduling.`;
const NO_VICTIMS = (n: number): string =>
  ` no new claims to deallocate, preemption: 0/${n} nodes are available: ${n} No preemption victims found for incoming pod.`;

const zone = (name: string) => ({ 'topology.kubernetes.io/zone': name });
const taint = { key: 'dedicated', value: 'db', effect: 'NoSchedule' };
const app = (name: string) => ({ matchLabels: { app: name } });
const near = (name: string, topologyKey = 'topology.kubernetes.io/zone') => ({ labelSelector: app(name), topologyKey });
const local = { storageClassName: 'local' };

const rows: readonly [sentence: string, pod: PodInfo, world: WorldWords, outcome: string][] = [
  ['a pod that asks for nothing goes to the only node', aPod('p'), { nodes: [aNode('a')] }, '→ a'],
  ['without nodes', aPod('p'), { nodes: [] }, 'no nodes available to schedule pods'],

  // Resources
  [
    'the emptier node is taken',
    aPod('p', { requests: { cpu: '1' } }),
    { nodes: [aNode('a', { pods: [aPod('x', { requests: { cpu: '2' } })] }), aNode('b')] },
    '→ b',
  ],
  [
    'GPUs that are taken',
    aPod('p', { requests: { 'nvidia.com/gpu': '1' } }),
    { nodes: [aNode('a', { allocatable: { 'nvidia.com/gpu': '2' }, pods: [aPod('x', { requests: { 'nvidia.com/gpu': '2' } })] })] },
    `0/1 nodes are available: 1 Insufficient nvidia.com/gpu.${NO_VICTIMS(1)}`,
  ],
  [
    'GPUs that no node has',
    aPod('p', { requests: { 'nvidia.com/gpu': '1' } }),
    { nodes: [aNode('a')] },
    `0/1 nodes are available: 1 Insufficient nvidia.com/gpu.${NO_HELP(1)}`,
  ],
  [
    'several reasons, counted and sorted',
    aPod('p', { requests: { cpu: '8', memory: '4Gi' } }),
    { nodes: [aNode('a'), aNode('b', { allocatable: { memory: '1Gi' } }), aNode('c', { taints: [taint] })] },
    `0/3 nodes are available: 1 Insufficient memory, 1 node(s) had untolerated taint(s), 2 Insufficient cpu.${NO_HELP(3)}`,
  ],
  [
    'the number of pods',
    aPod('p'),
    { nodes: [aNode('a', { allocatable: { pods: '1' }, pods: [aPod('x')] })] },
    `0/1 nodes are available: 1 Too many pods.${NO_VICTIMS(1)}`,
  ],
  [
    'init containers need room one at a time, sidecars stay',
    aPod('p', {
      initContainers: [
        { name: 'side', restartPolicy: 'Always', resources: { requests: { cpu: '1' } } },
        { name: 'once', resources: { requests: { cpu: '3500m' } } },
      ],
    }),
    { nodes: [aNode('a')] },
    `0/1 nodes are available: 1 Insufficient cpu.${NO_HELP(1)}`,
  ],
  ['overhead counts', aPod('p', { overhead: { cpu: '5' } }), { nodes: [aNode('a')] }, `0/1 nodes are available: 1 Insufficient cpu.${NO_HELP(1)}`],

  // The pod's own wishes about nodes
  ['a node selector', aPod('p', { nodeSelector: { disk: 'ssd' } }), { nodes: [aNode('a'), aNode('b', { labels: { disk: 'ssd' } })] }, '→ b'],
  [
    'a node selector that no node matches',
    aPod('p', { nodeSelector: { disk: 'ssd' } }),
    { nodes: [aNode('a')] },
    `0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.${NO_HELP(1)}`,
  ],
  [
    "a daemon's pod names its node",
    aPod('p', {
      requests: { cpu: '1' },
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['a'] }] }] },
        },
      },
    }),
    { nodes: [aNode('a', { pods: [aPod('x', { requests: { cpu: '4' } })] }), aNode('b')] },
    "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) didn't satisfy plugin(s) [NodeAffinity]. no new claims to deallocate, preemption: 0/2 nodes are available: 1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling.",
  ],
  ['a cordoned node', aPod('p'), { nodes: [aNode('a', { unschedulable: true })] }, `0/1 nodes are available: 1 node(s) were unschedulable.${NO_HELP(1)}`],
  ['a taint', aPod('p'), { nodes: [aNode('a', { taints: [taint] })] }, `0/1 nodes are available: 1 node(s) had untolerated taint(s).${NO_HELP(1)}`],
  ['a taint that is tolerated', aPod('p', { tolerations: [{ key: 'dedicated', operator: 'Exists' }] }), { nodes: [aNode('a', { taints: [taint] })] }, '→ a'],
  [
    'a host port that is taken on all addresses',
    aPod('p', { ports: [{ hostPort: 80, hostIP: '10.0.0.1' }] }),
    { nodes: [aNode('a', { pods: [aPod('x', { ports: [{ hostPort: 80 }] })] })] },
    `0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.${NO_VICTIMS(1)}`,
  ],
  [
    'a host port of another protocol',
    aPod('p', { ports: [{ hostPort: 53, protocol: 'UDP' }] }),
    { nodes: [aNode('a', { pods: [aPod('x', { ports: [{ hostPort: 53 }] })] })] },
    '→ a',
  ],

  // Volumes
  [
    'a claim that is not there',
    aPod('p', { claims: ['data'] }),
    { nodes: [aNode('a')] },
    `0/1 nodes are available: persistentvolumeclaim "data" not found.${NO_HELP(1)}`,
  ],
  [
    'a claim that is being deleted',
    aPod('p', { claims: ['data'] }),
    { nodes: [aNode('a')], claims: [aClaim('data', {}, {}, { deletionTimestamp: '2030-01-01T00:00:00Z' })] },
    `0/1 nodes are available: persistentvolumeclaim "data" is being deleted.${NO_HELP(1)}`,
  ],
  [
    'an immediate claim that is not bound yet',
    aPod('p', { claims: ['data'] }),
    { nodes: [aNode('a'), aNode('b')], claims: [aClaim('data', { storageClassName: 'now' })], classes: [aClass('now', { volumeBindingMode: 'Immediate' })] },
    `0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims.${NO_HELP(2)}`,
  ],
  [
    'a bound volume is reached from one node only',
    aPod('p', { claims: ['data'] }),
    { nodes: [aNode('a'), aNode('b')], claims: [aClaim('data', { volumeName: 'v' })], volumes: [aVolume('v', { onNode: 'b' })] },
    '→ b',
  ],
  [
    'a bound volume is reached from a node that is full',
    aPod('p', { claims: ['data'], requests: { cpu: '1' } }),
    {
      nodes: [aNode('a'), aNode('b', { pods: [aPod('x', { requests: { cpu: '4' } })] })],
      claims: [aClaim('data', { volumeName: 'v' })],
      volumes: [aVolume('v', { onNode: 'b' })],
    },
    "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) didn't match PersistentVolume's node affinity. no new claims to deallocate, preemption: 0/2 nodes are available: 1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling.",
  ],
  [
    'a claim that waits finds a volume on one node only',
    aPod('p', { claims: ['data'] }),
    {
      nodes: [aNode('a'), aNode('b')],
      claims: [aClaim('data', local)],
      classes: [aClass('local', { provisioner: 'kubernetes.io/no-provisioner' })],
      volumes: [aVolume('v', { onNode: 'b', ...local })],
    },
    '→ b',
  ],
  [
    'two claims do not share the only volume',
    aPod('p', { claims: ['one', 'two'] }),
    {
      nodes: [aNode('a')],
      claims: [aClaim('one', local), aClaim('two', local)],
      classes: [aClass('local', { provisioner: 'kubernetes.io/no-provisioner' })],
      volumes: [aVolume('v', local)],
    },
    `0/1 nodes are available: 1 node(s) didn't find available persistent volumes to bind.${NO_HELP(1)}`,
  ],
  [
    'the driver has room on one node only, and what was promised counts',
    aPod('p', { claims: ['data'] }),
    {
      nodes: [aNode('a', { labels: { at: 'a' } }), aNode('b', { labels: { at: 'b' } })],
      claims: [aClaim('data', { storageClassName: 'pool', gi: 4 })],
      classes: [aClass('pool')],
      csiDrivers: { 'csi.example': { storageCapacity: true } },
      capacities: [
        { storageClassName: 'pool', nodeTopology: { matchLabels: { at: 'a' } }, capacity: '5Gi' },
        { storageClassName: 'pool', nodeTopology: { matchLabels: { at: 'b' } }, capacity: '9Gi' },
      ],
      promised: 3 * 2 ** 30,
    },
    '→ b',
  ],
  [
    'the driver has no room',
    aPod('p', { claims: ['data'] }),
    {
      nodes: [aNode('a')],
      claims: [aClaim('data', { storageClassName: 'pool' })],
      classes: [aClass('pool')],
      csiDrivers: { 'csi.example': { storageCapacity: true } },
    },
    `0/1 nodes are available: 1 node(s) did not have enough free storage.${NO_HELP(1)}`,
  ],
  [
    'a claim for one pod only is in use, on whatever node',
    aPod('p', { claims: ['data'] }),
    {
      nodes: [aNode('a', { pods: [aPod('x', { claims: ['data'] })] }), aNode('b')],
      claims: [aClaim('data', { volumeName: 'v', accessModes: ['ReadWriteOncePod'] })],
      volumes: [aVolume('v', { accessModes: ['ReadWriteOncePod'] })],
    },
    `0/2 nodes are available: 2 node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode.${NO_VICTIMS(2)}`,
  ],
  [
    'a driver attaches no more volumes there',
    aPod('p', { claims: ['two'] }),
    {
      nodes: [aNode('a', { pods: [aPod('x', { claims: ['one'] })] })],
      claims: [aClaim('one', { volumeName: 'v1' }), aClaim('two', { volumeName: 'v2' })],
      volumes: ['v1', 'v2'].map((name) => aVolume(name, { csi: { driver: 'csi.example', volumeHandle: name } })),
      csiNodes: { a: { drivers: [{ name: 'csi.example', nodeID: 'a', allocatable: { count: 1 } }] } },
    },
    `0/1 nodes are available: 1 node(s) exceed max volume count.${NO_VICTIMS(1)}`,
  ],
  [
    'a volume lies in another zone',
    aPod('p', { claims: ['data'] }),
    { nodes: [aNode('a', { labels: zone('1') })], claims: [aClaim('data', { volumeName: 'v' })], volumes: [aVolume('v', { labels: zone('2__3') })] },
    `0/1 nodes are available: 1 node(s) had no available volume zone.${NO_HELP(1)}`,
  ],

  // Other pods
  [
    'near a pod of another app',
    aPod('p', { affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [near('db')] } } }),
    {
      nodes: [
        aNode('a', { labels: zone('1') }),
        aNode('b', { labels: zone('2') }),
        aNode('c', { labels: zone('2'), pods: [aPod('x', { labels: { app: 'db' } })], unschedulable: true }),
      ],
    },
    '→ b',
  ],
  [
    'the first of pods that want to be near each other goes anywhere',
    aPod('p', { labels: { app: 'db' }, affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [near('db')] } } }),
    { nodes: [aNode('a', { labels: zone('1') })] },
    '→ a',
  ],
  [
    'away from its like',
    aPod('p', {
      labels: { app: 'db' },
      affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [near('db', 'kubernetes.io/hostname')] } },
    }),
    { nodes: [aNode('a', { pods: [aPod('x', { labels: { app: 'db' } })] })] },
    `0/1 nodes are available: 1 node(s) didn't match pod anti-affinity rules.${NO_VICTIMS(1)}`,
  ],
  [
    'a pod that is there wants nobody like it',
    aPod('p', { labels: { app: 'web' } }),
    {
      nodes: [
        aNode('a', {
          pods: [aPod('x', { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [near('web', 'kubernetes.io/hostname')] } } })],
        }),
      ],
    },
    `0/1 nodes are available: 1 node(s) didn't satisfy existing pods anti-affinity rules.${NO_VICTIMS(1)}`,
  ],
  [
    'terms reach other namespaces by selector',
    aPod('p', {
      affinity: {
        podAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [{ ...near('db', 'kubernetes.io/hostname'), namespaceSelector: { matchLabels: { team: 'x' } } }],
        },
      },
    }),
    { nodes: [aNode('a'), aNode('b', { pods: [aPod('x', { namespace: 'other', labels: { app: 'db' } })] })], namespaces: { other: { team: 'x' } } },
    '→ b',
  ],
  [
    'spread over zones',
    aPod('p', {
      labels: { app: 'web' },
      topologySpreadConstraints: [{ topologyKey: 'topology.kubernetes.io/zone', maxSkew: 1, whenUnsatisfiable: 'DoNotSchedule', labelSelector: app('web') }],
    }),
    { nodes: [aNode('a', { labels: zone('1'), pods: [aPod('x', { labels: { app: 'web' } })] }), aNode('b', { labels: zone('2') })] },
    '→ b',
  ],
  [
    'spread over zones, where one is full and one has no label',
    aPod('p', {
      labels: { app: 'web' },
      requests: { cpu: '1' },
      topologySpreadConstraints: [{ topologyKey: 'topology.kubernetes.io/zone', maxSkew: 1, whenUnsatisfiable: 'DoNotSchedule', labelSelector: app('web') }],
    }),
    {
      nodes: [
        aNode('a', { labels: zone('1'), pods: [aPod('x', { labels: { app: 'web' } })] }),
        aNode('b', { labels: zone('2'), pods: [aPod('y', { requests: { cpu: '4' } })] }),
        aNode('c'),
      ],
    },
    "0/3 nodes are available: 1 Insufficient cpu, 1 node(s) didn't match pod topology spread constraints, 1 node(s) didn't match pod topology spread constraints (missing required label). no new claims to deallocate, preemption: 0/3 nodes are available: 1 Preemption is not helpful for scheduling, 2 No preemption victims found for incoming pod.",
  ],
  [
    'pods of one service are spread by default',
    aPod('p', { labels: { app: 'web' } }),
    {
      nodes: [aNode('a', { pods: [aPod('x', { labels: { app: 'web' } })] }), aNode('b', { pods: [aPod('y')] })],
      groups: [{ requirements: [{ key: 'app', operator: 'in', values: ['web'] }] }],
    },
    '→ b',
  ],
];

describe('scheduling decisions', () => {
  for (const [sentence, pod, world, expected] of rows) it(sentence, () => assert.equal(outcome(decideIn(pod, world)), expected));

  it('a plan for volumes: the smallest that fits is bound, the rest is provisioned', () => {
    const decision = decideIn(aPod('p', { claims: ['static', 'dynamic'] }), {
      nodes: [aNode('a')],
      claims: [aClaim('static', local), aClaim('dynamic', { storageClassName: 'pool' })],
      classes: [aClass('local', { provisioner: 'kubernetes.io/no-provisioner' }), aClass('pool')],
      volumes: [aVolume('large', { gi: 5, ...local }), aVolume('small', { gi: 2, ...local })],
    });
    assert.ok(decision.do === 'bind');
    assert.deepEqual(
      decision.volumes.bind.map(({ claim, volume }) => [claim.metadata.name, volume.metadata.name]),
      [['static', 'small']],
    );
    assert.deepEqual(
      decision.volumes.provision.map(({ metadata }) => metadata.name),
      ['dynamic'],
    );
  });
});

describe('preemption', () => {
  const cpu = (name: string, amount: string, priority: number, more = {}) => aPod(name, { requests: { cpu: amount }, priority, ...more });
  const made = (decision: Decision) =>
    decision.do === 'wait' && decision.preempt !== undefined ? [decision.preempt.node, ...decision.preempt.victims.map(({ name }) => name)] : outcome(decision);

  it('the most important stay, and it happens where the least is lost', () => {
    const a = aNode('a', { pods: [cpu('high', '3', 50), cpu('low', '1', 1)] });
    const b = aNode('b', { pods: [cpu('lower', '2', 5), cpu('lowest', '1', 0), cpu('other', '1', 5)] });
    assert.deepEqual(made(decideIn(cpu('p', '2', 100), { nodes: [a, b] })), ['b', 'other', 'lowest']);
  });

  it('budgets are respected where they can be', () => {
    const guarded = aNode('a', { pods: [cpu('guarded', '4', 0, { labels: { app: 'db' } })] });
    const free = aNode('b', { pods: [cpu('free', '4', 10)] });
    const budgets = [{ selector: { requirements: [{ key: 'app', operator: 'in' as const, values: ['db'] }] }, allowed: 0 }];
    assert.deepEqual(made(decideIn(cpu('p', '1', 100), { nodes: [guarded, free], budgets })), ['b', 'free']);
  });

  it('the message does not speak of preemption that happens', () => {
    assert.equal(outcome(decideIn(cpu('p', '4', 100), { nodes: [aNode('a', { pods: [cpu('x', '4', 0)] })] })), '0/1 nodes are available: 1 Insufficient cpu.');
  });

  it('pods that may not preempt say so', () => {
    const pod = cpu('p', '4', 100, { preemptionPolicy: 'Never' });
    assert.equal(
      outcome(decideIn(pod, { nodes: [aNode('a', { pods: [cpu('x', '4', 0)] })] })),
      '0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: not eligible due to preemptionPolicy=Never.',
    );
  });

  it('while the victims leave nobody else is evicted, and nobody takes the room', () => {
    const leaving = cpu('x', '4', 0, { meta: { deletionTimestamp: '2030-01-01T00:00:00Z' } });
    const first = cpu('p', '4', 100, { status: { nominatedNodeName: 'a' } });
    const words = { nodes: [aNode('a', { pods: [leaving] })] };
    const decision = decideIn(first, words);
    assert.ok(decision.do === 'wait' && decision.preempt === undefined && decision.nominated === 'keep');
    assert.match(decision.message, /preemption: not eligible due to a terminating pod on the nominated node\.$/);
    const other = decideIn(cpu('q', '1', 50), { nodes: [aNode('a')], nominated: { a: [first] } });
    assert.match(outcome(other), /^0\/1 nodes are available: 1 Insufficient cpu\./);
  });
});
