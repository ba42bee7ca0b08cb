import type { ContainerImage, Node, NodeCondition, NodeStatus } from '../../api/gen/types/core.v1.ts';
import { canonicalQuantity } from '../../machinery/quantity.ts';
import { getOwn } from '../../machinery/record.ts';
import { formatTime } from '../../machinery/time.ts';
import type { NodeComponentOptions } from '../options.ts';
import type { Image } from '../runtime/runtime.ts';

/** Upstream tells of the largest ones only. */
const MOST_IMAGES = 50;
const MOST_NAMES = 5;
/** Less than this share of the disk free is disk pressure; of memory, an amount. Defaults of the kubelet's eviction thresholds. */
const DISK_PRESSURE_SHARE = 0.1;
const MEMORY_PRESSURE_BYTES = 100 * 1_024 ** 2;

/** What changes about the machine, as far as it is known. */
export interface NodeFacts {
  readonly options: NodeComponentOptions;
  readonly runtimeVersion: string;
  /** Undefined: the runtime answers; else why not. */
  readonly runtimeFault: string | undefined;
  readonly images: readonly Image[];
  readonly volumesInUse: readonly string[];
  /** Of the file system that holds the kubelet root. Undefined: not known. */
  readonly disk: { readonly totalBytes: number; readonly availableBytes: number } | undefined;
  readonly memoryAvailableBytes: number | undefined;
  /** Devices by resource. */
  readonly devices: ReadonlyMap<string, number>;
  readonly nowMs: number;
}

/** The labels that the node itself sees to. */
export function nodeLabels({ nodeName, machine, labels }: NodeComponentOptions, devices: ReadonlyMap<string, number>): Readonly<Record<string, string>> {
  return {
    'beta.kubernetes.io/arch': machine.architecture,
    'beta.kubernetes.io/os': machine.operatingSystem,
    'kubernetes.io/arch': machine.architecture,
    'kubernetes.io/hostname': nodeName,
    'kubernetes.io/os': machine.operatingSystem,
    ...((devices.get('nvidia.com/gpu') ?? 0) > 0 ? { 'nvidia.com/gpu.present': 'true' } : {}),
    ...labels,
  };
}

export function nodeObject(facts: NodeFacts): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: facts.options.nodeName,
      labels: nodeLabels(facts.options, facts.devices),
      annotations: { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' },
    },
    spec: {},
    status: nodeStatus(facts, undefined),
  };
}

/** `before`: the status in the API; what others own in it stays. */
export function nodeStatus(facts: NodeFacts, before: NodeStatus | undefined): NodeStatus {
  const { options } = facts;
  const amounts = capacityOf(facts);
  return {
    ...before,
    capacity: { ...foreign(before?.capacity, amounts), ...amounts },
    allocatable: { ...foreign(before?.allocatable, amounts), ...amounts },
    conditions: conditionsOf(facts, before?.conditions ?? []),
    addresses: [...options.addresses.map((address) => ({ type: 'InternalIP', address })), { type: 'Hostname', address: options.nodeName }],
    daemonEndpoints: { kubeletEndpoint: { Port: options.port } },
    nodeInfo: infoOf(facts),
    images: imagesOf(facts.images),
    runtimeHandlers: [{ name: '', features: { recursiveReadOnlyMounts: false, userNamespaces: false } }],
    ...(facts.volumesInUse.length === 0 ? { volumesInUse: undefined } : { volumesInUse: facts.volumesInUse }),
  };
}

/** Allocatable is the same: nothing is set aside for the system. */
function capacityOf({ options: { machine, maxPods }, disk, devices }: NodeFacts): Readonly<Record<string, string>> {
  const kibi = (bytes: number): string => `${Math.floor(bytes / 1_024)}Ki`;
  return {
    cpu: String(machine.cpus),
    'ephemeral-storage': kibi(disk?.totalBytes ?? machine.ephemeralStorageBytes),
    'hugepages-1Gi': '0',
    'hugepages-2Mi': '0',
    memory: kibi(machine.memoryBytes),
    pods: String(maxPods),
    ...Object.fromEntries([...devices].map(([name, count]) => [name, String(count)])),
  };
}

/** Extended resources that somebody else has written into the status (there is an API for it) are kept. */
function foreign(before: Readonly<Record<string, string>> | undefined, own: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(before ?? {}).filter(([name]) => !Object.hasOwn(own, name) && name.includes('/')));
}

function infoOf({ options: { machine }, runtimeVersion }: NodeFacts): NodeStatus['nodeInfo'] {
  return {
    architecture: machine.architecture,
    bootID: machine.bootId,
    containerRuntimeVersion: runtimeVersion,
    kernelVersion: machine.kernelVersion,
    kubeProxyVersion: '',
    kubeletVersion: 'v1.36.0',
    machineID: machine.machineId,
    operatingSystem: machine.operatingSystem,
    osImage: machine.osImage,
    systemUUID: machine.systemUuid,
  };
}

function imagesOf(images: readonly Image[]): readonly ContainerImage[] {
  return [...images]
    .sort((a, b) => b.sizeBytes - a.sizeBytes)
    .slice(0, MOST_IMAGES)
    .map((image) => ({ names: [...image.digests, ...image.names].slice(0, MOST_NAMES), sizeBytes: image.sizeBytes }));
}

function conditionsOf(facts: NodeFacts, before: readonly NodeCondition[]): readonly NodeCondition[] {
  const { runtimeFault, disk, memoryAvailableBytes } = facts;
  const diskPressure = disk !== undefined && disk.availableBytes < disk.totalBytes * DISK_PRESSURE_SHARE;
  const memoryPressure = memoryAvailableBytes !== undefined && memoryAvailableBytes < MEMORY_PRESSURE_BYTES;
  const own: Pick<NodeCondition, 'type' | 'status' | 'reason' | 'message'>[] = [
    pressure(
      'MemoryPressure',
      memoryPressure,
      ['KubeletHasInsufficientMemory', 'kubelet has insufficient memory available'],
      ['KubeletHasSufficientMemory', 'kubelet has sufficient memory available'],
    ),
    pressure(
      'DiskPressure',
      diskPressure,
      ['KubeletHasDiskPressure', 'kubelet has disk pressure'],
      ['KubeletHasNoDiskPressure', 'kubelet has no disk pressure'],
    ),
    pressure(
      'PIDPressure',
      false,
      ['KubeletHasInsufficientPID', 'kubelet has insufficient PID available'],
      ['KubeletHasSufficientPID', 'kubelet has sufficient PID available'],
    ),
    runtimeFault === undefined
      ? { type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'kubelet is posting ready status' }
      : { type: 'Ready', status: 'False', reason: 'KubeletNotReady', message: `container runtime is down: ${runtimeFault}` },
  ];
  const types = new Set(own.map((c) => c.type));
  return [...before.filter((c) => !types.has(c.type)), ...own.map((c) => stamp(c, before, facts.nowMs))];
}

function pressure(
  type: string,
  pressed: boolean,
  yes: readonly [string, string],
  no: readonly [string, string],
): Pick<NodeCondition, 'type' | 'status' | 'reason' | 'message'> {
  const [reason, message] = pressed ? yes : no;
  return { type, status: pressed ? 'True' : 'False', reason, message };
}

function stamp(condition: Pick<NodeCondition, 'type' | 'status' | 'reason' | 'message'>, before: readonly NodeCondition[], nowMs: number): NodeCondition {
  const old = before.find((c) => c.type === condition.type);
  const now = formatTime(nowMs);
  return { ...condition, lastHeartbeatTime: now, lastTransitionTime: old?.status === condition.status ? (old.lastTransitionTime ?? now) : now };
}

/** Whether something but heartbeat times differs. */
export function differs(a: NodeStatus, b: NodeStatus): boolean {
  return JSON.stringify(withoutTimes(a)) !== JSON.stringify(withoutTimes(b));
}

function withoutTimes(status: NodeStatus): unknown {
  const sorted = (map: Readonly<Record<string, string>> | undefined): unknown =>
    Object.keys(map ?? {})
      .sort()
      // The server writes quantities in their canonical form: 33554432Ki comes back as 32Gi.
      .map((key) => [key, canonicalQuantity(getOwn(map, key) ?? '')]);
  const conditions = [...(status.conditions ?? [])].map(({ type, status: value, reason, message }) => [type, value, reason, message].join('\n')).sort();
  return [
    sorted(status.capacity),
    sorted(status.allocatable),
    conditions,
    // By field: the order of an object's keys says nothing.
    (status.addresses ?? []).map(({ type, address }) => [type, address]),
    status.daemonEndpoints?.kubeletEndpoint?.Port,
    infoValues(status),
    (status.images ?? []).map(({ names, sizeBytes }) => [names, sizeBytes]),
    status.volumesInUse ?? [],
  ];
}

function infoValues({ nodeInfo }: NodeStatus): unknown {
  return nodeInfo === undefined
    ? []
    : [nodeInfo.bootID, nodeInfo.containerRuntimeVersion, nodeInfo.kernelVersion, nodeInfo.kubeletVersion, nodeInfo.machineID, nodeInfo.osImage];
}
