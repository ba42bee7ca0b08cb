import type { Lease } from '../api/gen/types/coordination.v1.ts';
import type { Node, NodeCondition, Pod, Taint, Toleration } from '../api/gen/types/core.v1.ts';
import { leases, nodes as nodeResource, pods as podResource } from '../api/gen/resources.ts';
import { keyOf, splitKey } from '../client/cache.ts';
import type { Component, ComponentOptions } from '../client/component.ts';
import type { Stored } from '../machinery/object.ts';
import { StatusError } from '../machinery/status-error.ts';
import { sameJson, stamp } from './conditions.ts';
import { source, startController, together } from '../client/controller.ts';

/** How long a node may be silent before it counts as lost (upstream's `--node-monitor-grace-period`), ms. */
export const GRACE_MS = 50_000;

const NOT_READY = 'node.kubernetes.io/not-ready';
const UNREACHABLE = 'node.kubernetes.io/unreachable';

/** Conditions that are True when something is wrong, and the taint that each puts on the node. */
const PRESSURE: Readonly<Record<string, string>> = {
  MemoryPressure: 'node.kubernetes.io/memory-pressure',
  DiskPressure: 'node.kubernetes.io/disk-pressure',
  PIDPressure: 'node.kubernetes.io/pid-pressure',
  NetworkUnavailable: 'node.kubernetes.io/network-unavailable',
};
const OURS: ReadonlySet<string> = new Set([NOT_READY, UNREACHABLE, 'node.kubernetes.io/unschedulable', ...Object.values(PRESSURE)]);

export interface NodeView {
  readonly node: Node;
  /** When the node last renewed its lease; undefined when it never did. */
  readonly renewedMs: number | undefined;
  /** When this controller first saw the node: a node that never renewed gets its time from then. */
  readonly seenMs: number;
  readonly nowMs: number;
}

export interface NodeDecision {
  /** The conditions, if they change. */
  readonly conditions?: readonly NodeCondition[];
  /** The taints, if they change. */
  readonly taints?: readonly Taint[];
  readonly againAfterMs: number;
}

/** A node that has been silent for too long is Unknown; the taints follow the conditions. */
export function decideNode({ node, renewedMs, seenMs, nowMs }: NodeView): NodeDecision {
  // A node that writes its status is alive too: what is known of its lease may be older.
  const heardMs = Math.max(renewedMs ?? seenMs, reportedMs(node));
  const lost = nowMs - heardMs > GRACE_MS;
  const conditions = lost ? silent(node.status?.conditions ?? [], nowMs) : (node.status?.conditions ?? []);
  const taints = decideTaints(node, conditions, nowMs);
  return {
    ...(sameJson(conditions, node.status?.conditions ?? []) ? {} : { conditions }),
    ...(sameJson(taints, node.spec?.taints ?? []) ? {} : { taints }),
    againAfterMs: lost ? GRACE_MS : heardMs + GRACE_MS - nowMs + 1000,
  };
}

function reportedMs({ status }: Node): number {
  const text = status?.conditions?.find(({ type }) => type === 'Ready')?.lastHeartbeatTime;
  return text === undefined ? Number.NEGATIVE_INFINITY : Date.parse(text) || Number.NEGATIVE_INFINITY;
}

function silent(conditions: readonly NodeCondition[], nowMs: number): readonly NodeCondition[] {
  const types = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'];
  return types.map((type) => {
    const found = conditions.find((condition) => condition.type === type);
    if (found?.status === 'Unknown') return found;
    return {
      ...found,
      type,
      status: 'Unknown',
      reason: found === undefined ? 'NodeStatusNeverUpdated' : 'NodeStatusUnknown',
      message: found === undefined ? 'Kubelet never posted node status.' : 'Kubelet stopped posting node status.',
      lastTransitionTime: stamp(nowMs),
    };
  });
}

function decideTaints(node: Node, conditions: readonly NodeCondition[], nowMs: number): readonly Taint[] {
  const old = node.spec?.taints ?? [];
  const status = (type: string): string | undefined => conditions.find((condition) => condition.type === type)?.status;
  const wanted: Taint[] = [];
  const ready = status('Ready');
  const add = (key: string, effect: string): void => {
    const found = old.find((taint) => taint.key === key && taint.effect === effect);
    wanted.push(found ?? { key, effect, ...(effect === 'NoExecute' ? { timeAdded: stamp(nowMs) } : {}) });
  };
  const trouble = ready === 'Unknown' ? UNREACHABLE : ready === 'True' ? undefined : NOT_READY;
  if (trouble !== undefined) {
    add(trouble, 'NoSchedule');
    add(trouble, 'NoExecute');
  }
  for (const [type, key] of Object.entries(PRESSURE)) if (status(type) === 'True') add(key, 'NoSchedule');
  if (node.spec?.unschedulable === true) add('node.kubernetes.io/unschedulable', 'NoSchedule');
  return [...old.filter((taint) => !OURS.has(taint.key)), ...wanted];
}

export type Eviction = { readonly do: 'stay' } | { readonly do: 'wait'; readonly forMs: number } | { readonly do: 'evict' };

/** Whether a pod must leave a node for its NoExecute taints, and when (Toleration.tolerationSeconds). */
export function decideEviction(pod: Pod, taints: readonly Taint[], nowMs: number): Eviction {
  let leaveMs = Number.POSITIVE_INFINITY;
  for (const taint of taints) {
    if (taint.effect !== 'NoExecute') continue;
    const tolerations = (pod.spec?.tolerations ?? []).filter((toleration) => tolerates(toleration, taint));
    if (tolerations.length === 0) return { do: 'evict' };
    const seconds = tolerations.flatMap((toleration) => toleration.tolerationSeconds ?? []);
    if (seconds.length === 0) continue;
    const addedMs = Date.parse(taint.timeAdded ?? '') || nowMs;
    leaveMs = Math.min(leaveMs, addedMs + Math.max(0, Math.min(...seconds)) * 1000);
  }
  if (leaveMs === Number.POSITIVE_INFINITY) return { do: 'stay' };
  return leaveMs <= nowMs ? { do: 'evict' } : { do: 'wait', forMs: leaveMs - nowMs };
}

function tolerates(toleration: Toleration, taint: Taint): boolean {
  if ((toleration.effect ?? '') !== '' && toleration.effect !== taint.effect) return false;
  if ((toleration.key ?? '') !== '' && toleration.key !== taint.key) return false;
  if (toleration.operator === 'Exists') return true;
  return (toleration.key ?? '') !== '' && (toleration.value ?? '') === (taint.value ?? '');
}

const NODE_INDEX = 'spec.nodeName';
const LEASES = 'kube-node-lease';

/** Watches nodes by their leases, taints those in trouble, and moves pods off them. */
export function startNodeLifecycle(options: ComponentOptions): Component {
  const { client, informers, clock } = options;
  const recorder = options.recorder.as('node-controller');
  const nodes = informers.of(nodeResource);
  const heartbeats = informers.of(leases, { namespace: LEASES });
  const pods = informers.of(podResource, { indexes: { [NODE_INDEX]: (pod) => [pod.spec?.nodeName ?? ''] } });
  const seen = new Map<string, number>();
  // A lease that was renewed while nobody watched says nothing of how long the node has been silent: count from the start.
  const startedMs = clock.now();

  const renewedMs = (lease: Lease | undefined): number | undefined => {
    const text = lease?.spec?.renewTime;
    return text === undefined ? undefined : Math.max(Date.parse(text), startedMs);
  };

  const monitor = startController(options, {
    name: 'node-lifecycle-controller',
    sources: [source(nodes, (node) => [node.metadata.name]), source(heartbeats, (lease, previous) => (previous === undefined ? [lease.metadata.name] : []))],
    reconcile: async (name) => {
      const node = nodes.get(name);
      if (node === undefined) {
        seen.delete(name);
        return undefined;
      }
      const nowMs = clock.now();
      const firstMs = seen.get(name) ?? nowMs;
      seen.set(name, firstMs);
      const decision = decideNode({ node, renewedMs: renewedMs(heartbeats.get(name, LEASES)), seenMs: firstMs, nowMs });
      let current: Stored<Node> = node;
      if (decision.conditions !== undefined) {
        current = await client.updateStatus(nodeResource, { ...node, status: { ...node.status, conditions: decision.conditions } });
        recorder.event(node, 'Normal', 'NodeNotReady', `Node ${name} status is now: NodeNotReady`);
      }
      if (decision.taints !== undefined) await client.update(nodeResource, { ...current, spec: { ...current.spec, taints: decision.taints } });
      // At every look, not once: a write that is refused must not leave the rest of its pods ready.
      if (current.status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'Unknown') await markPodsNotReady(name);
      return { afterMs: decision.againAfterMs };
    },
  });

  /** Pods of a lost node no longer count as ready: their Services must not send them anything. */
  async function markPodsNotReady(node: string): Promise<void> {
    for (const pod of pods.byIndex(NODE_INDEX, node)) {
      const conditions = pod.status?.conditions ?? [];
      if (!conditions.some((condition) => condition.type === 'Ready' && condition.status === 'True')) continue;
      const next = conditions.map((condition) =>
        condition.type === 'Ready' ? { ...condition, status: 'False', reason: 'NodeNotReady', lastTransitionTime: stamp(clock.now()) } : condition,
      );
      await client.updateStatus(podResource, { ...pod, status: { ...pod.status, conditions: next } });
    }
  }

  const eviction = startController(options, {
    name: 'taint-eviction-controller',
    sources: [
      source(pods, (pod) => ((pod.spec?.nodeName ?? '') === '' ? [] : [keyOf(pod)])),
      source(nodes, (node, previous) =>
        previous !== undefined && sameJson(node.spec?.taints ?? [], previous.spec?.taints ?? []) ? [] : pods.byIndex(NODE_INDEX, node.metadata.name).map(keyOf),
      ),
    ],
    reconcile: async (key) => {
      const { namespace, name } = splitKey(key);
      const pod = pods.get(name, namespace);
      if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) return undefined;
      const taints = nodes.get(pod.spec?.nodeName ?? '')?.spec?.taints ?? [];
      const decision = decideEviction(pod, taints, clock.now());
      if (decision.do === 'wait') return { afterMs: decision.forMs };
      if (decision.do === 'stay') return undefined;
      options.recorder.as('taint-eviction-controller').event(pod, 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${key}`);
      try {
        await client.delete(podResource, name, namespace, { preconditions: { uid: pod.metadata.uid } });
      } catch (thrown) {
        if (!(thrown instanceof StatusError && thrown.reason === 'NotFound')) throw thrown;
      }
      return undefined;
    },
  });
  return together('node-lifecycle', [monitor, eviction]);
}
