import type { Pod } from '../api/gen/types/core.v1.ts';
import { nodes as nodeResource, pods as podResource } from '../api/gen/resources.ts';
import { keyOf, splitKey } from '../client/cache.ts';
import type { Component, ComponentOptions } from '../client/component.ts';
import { StatusError } from '../machinery/status-error.ts';
import { source, startController } from '../client/controller.ts';

/** How long a pod may name a node that does not exist before it counts as lost with it (upstream's quarantine), ms. */
export const QUARANTINE_MS = 40_000;

export type Decision = { readonly do: 'nothing' } | { readonly do: 'wait'; readonly forMs: number } | { readonly do: 'delete'; readonly why: string };

export interface View {
  readonly pod: Pod;
  readonly nodeExists: boolean;
  /** Since when the node has been missing. */
  readonly missingSinceMs: number | undefined;
  readonly nowMs: number;
}

/** A pod that nobody will ever finish: its node has gone, or it is being deleted and was never placed. */
export function decide({ pod, nodeExists, missingSinceMs, nowMs }: View): Decision {
  const placed = (pod.spec?.nodeName ?? '') !== '';
  if (!placed) return pod.metadata?.deletionTimestamp === undefined ? { do: 'nothing' } : { do: 'delete', why: 'it was never placed on a node' };
  if (nodeExists || missingSinceMs === undefined) return { do: 'nothing' };
  const leftMs = missingSinceMs + QUARANTINE_MS - nowMs;
  return leftMs > 0 ? { do: 'wait', forMs: leftMs } : { do: 'delete', why: 'its node has gone' };
}

/** Deletes pods that no node will ever report again. */
export function startPodCollector(options: ComponentOptions): Component {
  const { client, informers, clock } = options;
  const log = options.log.child('pod-garbage-collector-controller');
  const nodes = informers.of(nodeResource);
  const pods = informers.of(podResource, { indexes: { 'spec.nodeName': (pod) => [pod.spec?.nodeName ?? ''] } });
  const missing = new Map<string, number>();

  async function isThere(node: string): Promise<boolean> {
    try {
      await client.get(nodeResource, node);
      return true;
    } catch (thrown) {
      if (thrown instanceof StatusError && thrown.reason === 'NotFound') return false;
      throw thrown;
    }
  }

  return startController(options, {
    name: 'pod-garbage-collector-controller',
    sources: [
      source(pods, (pod, previous) => (previous?.metadata.deletionTimestamp === pod.metadata.deletionTimestamp && previous !== undefined ? [] : [keyOf(pod)])),
      source(nodes, (node, previous) => {
        // A node that came back without a pod is not missing either.
        if (nodes.get(node.metadata.name) !== undefined) missing.delete(node.metadata.name);
        return previous === undefined ? pods.byIndex('spec.nodeName', node.metadata.name).map(keyOf) : [];
      }),
    ],
    reconcile: async (key) => {
      const { namespace, name } = splitKey(key);
      const pod = pods.get(name, namespace);
      if (pod === undefined) return undefined;
      const node = pod.spec?.nodeName ?? '';
      const nodeExists = nodes.get(node) !== undefined;
      const nowMs = clock.now();
      if (nodeExists) missing.delete(node);
      else if (!missing.has(node)) missing.set(node, nowMs);
      const decision = decide({ pod, nodeExists, missingSinceMs: missing.get(node), nowMs });
      if (decision.do === 'wait') return { afterMs: decision.forMs };
      if (decision.do === 'nothing') return undefined;
      // A pod that runs must not be taken away because a cache is behind.
      if (node !== '' && (await isThere(node))) return { afterMs: QUARANTINE_MS };
      log.info('pod deleted for good', { pod: key, why: decision.why });
      try {
        await client.delete(podResource, name, namespace, { gracePeriodSeconds: 0, preconditions: { uid: pod.metadata.uid } });
      } catch (thrown) {
        if (!(thrown instanceof StatusError && thrown.reason === 'NotFound')) throw thrown;
      }
      return undefined;
    },
  });
}
