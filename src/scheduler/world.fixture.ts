import type { Node, PersistentVolume, PersistentVolumeClaim, Pod, PodSpec, Taint } from '../api/gen/types/core.v1.ts';
import type { CSIDriver, CSINode, CSIStorageCapacity, StorageClass } from '../api/gen/types/storage.v1.ts';
import type { Labels, Selector } from '../machinery/labels.ts';
import type { ObjectMeta, Stored } from '../machinery/object.ts';
import { volumeClass } from '../api/core/persistent-volume.rules.ts';
import { NodeInfo } from './node-info.ts';
import type { Budget, World } from './plugin.ts';
import { type PodInfo, podInfo } from './pod-info.ts';

/** Small clusters for the tables of tests, written in few words. */

let serial = 0;
const meta = (name: string, namespace: string | undefined, more: Partial<ObjectMeta> = {}) => ({
  name,
  ...(namespace !== undefined && { namespace }),
  uid: `uid-${name}`,
  resourceVersion: String(++serial),
  ...more,
});

export interface NodeWords {
  readonly labels?: Labels;
  readonly taints?: readonly Taint[];
  readonly unschedulable?: boolean;
  readonly allocatable?: Readonly<Record<string, string>>;
  readonly pods?: readonly PodInfo[];
}

export function aNode(name: string, { labels = {}, taints, unschedulable, allocatable = {}, pods = [] }: NodeWords = {}): NodeInfo {
  const node: Stored<Node> = {
    metadata: meta(name, undefined, { labels: { 'kubernetes.io/hostname': name, ...labels } }),
    spec: { ...(taints !== undefined && { taints }), ...(unschedulable !== undefined && { unschedulable }) },
    status: { allocatable: { cpu: '4', memory: '8Gi', pods: '110', ...allocatable } },
  };
  return new NodeInfo(node, pods);
}

export interface PodWords extends Partial<PodSpec> {
  readonly labels?: Labels;
  readonly namespace?: string;
  readonly requests?: Readonly<Record<string, string>>;
  readonly claims?: readonly string[];
  readonly ports?: readonly { readonly hostPort: number; readonly hostIP?: string; readonly protocol?: string }[];
  readonly meta?: Partial<ObjectMeta>;
  readonly status?: Pod['status'];
}

export function aPod(name: string, words: PodWords = {}): PodInfo {
  const { labels = {}, namespace = 'default', requests, claims = [], ports, meta: more, status, ...spec } = words;
  return podInfo({
    metadata: meta(name, namespace, { labels, ...more }),
    spec: {
      containers: [
        {
          name: 'main',
          image: 'busybox',
          ...(requests !== undefined && { resources: { requests } }),
          ...(ports !== undefined && { ports: ports.map((port) => ({ containerPort: port.hostPort, ...port })) }),
        },
      ],
      volumes: claims.map((claimName) => ({ name: claimName, persistentVolumeClaim: { claimName } })),
      ...spec,
    },
    ...(status !== undefined && { status }),
  });
}

export function aClaim(
  name: string,
  spec: PersistentVolumeClaim['spec'] & { readonly gi?: number } = {},
  annotations: Labels = {},
  more: Partial<ObjectMeta> = {},
): Stored<PersistentVolumeClaim> {
  const { gi = 1, ...rest } = spec;
  const bound = rest.volumeName === undefined ? {} : { 'pv.kubernetes.io/bind-completed': 'yes' };
  return {
    metadata: meta(name, 'default', { annotations: { ...bound, ...annotations }, ...more }),
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: `${gi}Gi` } }, ...rest },
    status: { phase: rest.volumeName === undefined ? 'Pending' : 'Bound' },
  };
}

export function aVolume(
  name: string,
  { gi = 1, onNode, labels = {}, ...spec }: PersistentVolume['spec'] & { readonly gi?: number; readonly onNode?: string; readonly labels?: Labels } = {},
): Stored<PersistentVolume> {
  const expression = { key: 'kubernetes.io/hostname', operator: 'In', values: [onNode ?? ''] };
  return {
    metadata: meta(name, undefined, { labels }),
    spec: {
      capacity: { storage: `${gi}Gi` },
      accessModes: ['ReadWriteOnce'],
      ...(onNode !== undefined && { nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [expression] }] } } }),
      ...spec,
    },
    status: { phase: 'Available' },
  };
}

export function aClass(
  name: string,
  { provisioner = 'csi.example', volumeBindingMode = 'WaitForFirstConsumer', ...more }: Partial<StorageClass> = {},
): Stored<StorageClass> {
  return { ...more, metadata: meta(name, undefined), provisioner, volumeBindingMode };
}

export interface WorldWords {
  readonly nodes: readonly NodeInfo[];
  readonly claims?: readonly Stored<PersistentVolumeClaim>[];
  readonly volumes?: readonly Stored<PersistentVolume>[];
  readonly classes?: readonly Stored<StorageClass>[];
  readonly csiNodes?: Readonly<Record<string, CSINode['spec']>>;
  readonly csiDrivers?: Readonly<Record<string, CSIDriver['spec']>>;
  readonly capacities?: readonly CSIStorageCapacity[];
  readonly promised?: number;
  readonly namespaces?: Readonly<Record<string, Labels>>;
  readonly groups?: readonly Selector[];
  readonly budgets?: readonly Budget[];
  readonly nominated?: Readonly<Record<string, readonly PodInfo[]>>;
}

export function aWorld(words: WorldWords): World {
  const { claims = [], volumes = [], classes = [], csiNodes = {}, csiDrivers = {}, capacities = [], promised = 0 } = words;
  return {
    nodes: words.nodes,
    volumes: {
      claim: (key) => claims.find(({ metadata }) => `${metadata.namespace}/${metadata.name}` === key),
      volume: (name) => volumes.find(({ metadata }) => metadata.name === name),
      volumesOfClass: (name) => volumes.filter((volume) => volumeClass(volume) === name),
      class: (name) => classes.find(({ metadata }) => metadata.name === name),
      csiNode: (name) => (csiNodes[name] === undefined ? undefined : { metadata: meta(name, undefined), spec: csiNodes[name] }),
      csiDriver: (name) => (csiDrivers[name] === undefined ? undefined : { metadata: meta(name, undefined), spec: csiDrivers[name] }),
      capacitiesOfClass: (name) =>
        capacities
          .filter(({ storageClassName }) => storageClassName === name)
          .map((capacity, i) => ({ ...capacity, metadata: meta(`capacity-${i}`, 'kube-system') })),
      promised: () => promised,
    },
    namespaceLabels: (namespace) => words.namespaces?.[namespace],
    groupsOf: () => words.groups ?? [],
    budgetsOf: () => words.budgets ?? [],
    nominatedTo: (node) => words.nominated?.[node] ?? [],
  };
}
