import { persistentVolumeClaims as claimResource, pods as podResource } from '../api/gen/resources.ts';
import type { PersistentVolumeClaim, Pod } from '../api/gen/types/core.v1.ts';
import { keyOf, splitKey } from '../client/cache.ts';
import type { Component, ComponentOptions } from '../client/component.ts';
import { source, startController } from '../client/controller.ts';

export interface View {
  readonly pod: Pod;
  /** By name, in the pod's namespace. */
  readonly claim: (name: string) => PersistentVolumeClaim | undefined;
}

export interface Decision {
  readonly create: readonly PersistentVolumeClaim[];
  /** Names of claims that are there and somebody else's: the pod can't have them. */
  readonly foreign: readonly string[];
}

/** The claims of a pod's generic ephemeral volumes (KEP-1698): named after pod and volume, owned by the pod, gone with it. */
export function decide({ pod, claim }: View): Decision {
  const create: PersistentVolumeClaim[] = [];
  const foreign: string[] = [];
  if (pod.metadata?.deletionTimestamp !== undefined) return { create, foreign };
  const { name = '', namespace = '', uid = '' } = pod.metadata ?? {};
  for (const volume of pod.spec?.volumes ?? []) {
    const template = volume.ephemeral?.volumeClaimTemplate;
    if (template === undefined) continue;
    const claimName = `${name}-${volume.name}`;
    const found = claim(claimName);
    if (found !== undefined) {
      if (!(found.metadata?.ownerReferences ?? []).some((o) => o.uid === uid && o.controller === true)) foreign.push(claimName);
      continue;
    }
    const { labels, annotations } = template.metadata ?? {};
    create.push({
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: {
        name: claimName,
        namespace,
        ...(labels === undefined ? {} : { labels }),
        ...(annotations === undefined ? {} : { annotations }),
        ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name, uid, controller: true, blockOwnerDeletion: true }],
      },
      spec: template.spec,
    });
  }
  return { create, foreign };
}

export function startEphemeralVolumes(options: ComponentOptions): Component {
  const { client, informers } = options;
  const log = options.log.child('ephemeral-volume-controller');
  const pods = informers.of(podResource);
  const claims = informers.of(claimResource);
  const hasAny = (pod: Pod): boolean => (pod.spec?.volumes ?? []).some((v) => v.ephemeral !== undefined);

  return startController(options, {
    name: 'ephemeral-volume-controller',
    sources: [
      source(pods, (pod, previous) => (previous === undefined && hasAny(pod) ? [keyOf(pod)] : [])),
      // A claim that goes while its pod is there is made again.
      source(claims, (claim) =>
        (claim.metadata.ownerReferences ?? [])
          .filter((o) => o.kind === 'Pod' && o.controller === true)
          .map((o) => `${claim.metadata.namespace ?? ''}/${o.name}`),
      ),
    ],
    reconcile: async (key) => {
      const { namespace, name } = splitKey(key);
      const pod = pods.get(name, namespace);
      if (pod === undefined || !hasAny(pod)) return undefined;
      const { create, foreign } = decide({ pod, claim: (claimName) => claims.get(claimName, namespace) });
      for (const claim of create) await client.create(claimResource, claim);
      for (const claimName of foreign) log.info('a claim is not the pod’s own', { pod: key, claim: claimName });
      return undefined;
    },
  });
}
