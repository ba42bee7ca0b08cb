import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLog } from '../../base/log.ts';
import type { NodeComponentOptions } from '../options.ts';
import { differs, type NodeFacts, nodeLabels, nodeStatus } from './node-object.ts';

const MACHINE = {
  cpus: 4,
  memoryBytes: 8 * 2 ** 30,
  ephemeralStorageBytes: 2 ** 30,
  operatingSystem: 'linux',
  architecture: 'arm64',
  kernelVersion: '6',
  osImage: 'o',
  machineId: 'm',
  systemUuid: 's',
  bootId: 'b',
  hostname: 'h',
};
// Of a node's options, the tables need these alone.
const OPTIONS = {
  nodeName: 'n1',
  machine: MACHINE,
  maxPods: 110,
  addresses: ['192.0.2.1', '2001:db8::1'],
  port: 10250,
  labels: { own: 'x' },
  log: silentLog,
} as unknown as NodeComponentOptions;

const facts = (over: Partial<NodeFacts> = {}): NodeFacts => ({
  options: OPTIONS,
  runtimeVersion: 'containerd://1',
  runtimeFault: undefined,
  images: [],
  volumesInUse: [],
  disk: { totalBytes: 2 ** 30, availableBytes: 2 ** 29 },
  memoryAvailableBytes: 2 ** 30,
  devices: new Map(),
  nowMs: Date.UTC(2030, 0, 1),
  ...over,
});
const verdicts = (f: NodeFacts): readonly string[] => (nodeStatus(f, undefined).conditions ?? []).map((c) => `${c.type}=${c.status}`);

test('a healthy node', () => {
  const status = nodeStatus(facts({ devices: new Map([['nvidia.com/gpu', 2]]) }), undefined);
  assert.deepEqual(status.capacity, {
    cpu: '4',
    'ephemeral-storage': '1048576Ki',
    'hugepages-1Gi': '0',
    'hugepages-2Mi': '0',
    memory: '8388608Ki',
    pods: '110',
    'nvidia.com/gpu': '2',
  });
  assert.deepEqual(status.allocatable, status.capacity);
  assert.deepEqual(status.addresses, [
    { type: 'InternalIP', address: '192.0.2.1' },
    { type: 'InternalIP', address: '2001:db8::1' },
    { type: 'Hostname', address: 'n1' },
  ]);
  assert.deepEqual(verdicts(facts()), ['MemoryPressure=False', 'DiskPressure=False', 'PIDPressure=False', 'Ready=True']);
});

for (const { says, over, is } of [
  { says: 'the runtime is away', over: { runtimeFault: 'no' }, is: 'Ready=False' },
  { says: 'the disk is nearly full', over: { disk: { totalBytes: 100, availableBytes: 9 } }, is: 'DiskPressure=True' },
  { says: 'memory is nearly used up', over: { memoryAvailableBytes: 1_000 }, is: 'MemoryPressure=True' },
] satisfies readonly { readonly says: string; readonly over: Partial<NodeFacts>; readonly is: string }[]) {
  test(`conditions: ${says}`, () => assert.ok(verdicts(facts(over)).includes(is)));
}

test('what others wrote stays: resources, conditions, attached volumes', () => {
  const before = nodeStatus(facts(), {
    capacity: { 'example.com/thing': '3' },
    conditions: [{ type: 'NetworkUnavailable', status: 'False' }],
    volumesAttached: [{ name: 'v', devicePath: '' }],
  });
  assert.equal(before.capacity?.['example.com/thing'], '3');
  assert.equal(before.conditions?.[0]?.type, 'NetworkUnavailable');
  assert.equal(before.volumesAttached?.length, 1);
});

test('times of heartbeats are no change; of transitions they are kept', () => {
  const first = nodeStatus(facts(), undefined);
  const later = nodeStatus(facts({ nowMs: Date.UTC(2031, 0, 1) }), first);
  assert.equal(differs(first, later), false);
  assert.equal(later.conditions?.[3]?.lastTransitionTime, first.conditions?.[3]?.lastTransitionTime);
  assert.equal(differs(first, nodeStatus(facts({ volumesInUse: ['v'] }), first)), true);
  assert.equal(differs(first, nodeStatus(facts({ runtimeFault: 'no' }), first)), true);
});

test('labels', () => {
  const base = {
    'beta.kubernetes.io/arch': 'arm64',
    'beta.kubernetes.io/os': 'linux',
    'kubernetes.io/arch': 'arm64',
    'kubernetes.io/hostname': 'n1',
    'kubernetes.io/os': 'linux',
    own: 'x',
  };
  assert.deepEqual(nodeLabels(OPTIONS, new Map()), base);
  assert.deepEqual(nodeLabels(OPTIONS, new Map([['nvidia.com/gpu', 1]])), { ...base, 'nvidia.com/gpu.present': 'true' });
});

test('what the server writes in its own form is the same: canonical quantities, keys in another order', () => {
  const status = nodeStatus(facts(), undefined);
  const stored = {
    ...status,
    capacity: { ...status.capacity, memory: '8Gi', 'ephemeral-storage': '1Gi' },
    allocatable: { ...status.allocatable, memory: '8Gi', 'ephemeral-storage': '1Gi' },
    addresses: (status.addresses ?? []).map(({ type, address }) => ({ address, type })),
  };
  assert.equal(differs(status, stored), false);
  assert.equal(differs(status, { ...stored, capacity: { ...stored.capacity, memory: '7Gi' } }), true);
});
