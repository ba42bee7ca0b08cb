import { deployments, namespaces, nodes, persistentVolumeClaims, persistentVolumes, pods, replicaSets, statefulSets } from '../api/gen/resources.ts';
import type { Deployment, StatefulSet } from '../api/gen/types/apps.v1.ts';
import type { PersistentVolumeClaim, PodSpec } from '../api/gen/types/core.v1.ts';
import type { Random } from '../base/random.ts';
import type { Client } from '../client/client.ts';
import type { KubeObject, Stored } from '../machinery/object.ts';
import { StatusError } from '../machinery/status-error.ts';

/** What an action may use. Its own choices all come from the seed. */
export interface Hands {
  readonly client: Client;
  readonly chance: Chance;
  /** A name that was not there before. */
  readonly name: (prefix: string) => string;
}

/** One thing that users do. Returns what it did, undefined when there was nothing to do it to. Refusals are part of life. */
export interface Action {
  readonly weight: number;
  readonly act: (hands: Hands) => Promise<string | undefined>;
}

export class Chance {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** From 0 to `below`, without it. */
  number(below: number): number {
    return Math.floor(this.#random.float() * below);
  }
  one<T>(of: readonly T[]): T | undefined {
    return of[this.number(of.length)];
  }
  isTrue(probability: number): boolean {
    return this.#random.float() < probability;
  }
}

/** Bounds of the crowd, so that a run's time is spent on change. */
const MOST = { namespaces: 3, deployments: 5, sets: 3, pods: 6, claims: 10, volumes: 4 };

const container = (image: string): PodSpec['containers'][number] => ({ name: 'main', image, command: ['sleep', 'inf'] });
const image = (chance: Chance): string => `docker.io/library/busybox:1.${30 + chance.number(7)}`;
const isDeleted = ({ metadata }: Stored<KubeObject>): boolean => metadata.deletionTimestamp !== undefined;

async function someNamespace({ client, chance }: Hands): Promise<string> {
  const { items } = await client.list(namespaces);
  return (
    chance.one(items.filter(({ metadata: { name } }) => name === 'default' || name.startsWith('team-')).filter((each) => !isDeleted(each)))?.metadata.name ??
    'default'
  );
}

const claimOf = (name: string, namespace: string, mode: string, size: string): PersistentVolumeClaim => ({
  metadata: { name, namespace },
  spec: { accessModes: [mode], resources: { requests: { storage: size } } },
});
const mounted = (claimName: string): Pick<PodSpec, 'volumes'> => ({ volumes: [{ name: 'data', persistentVolumeClaim: { claimName } }] });

async function createNamespace({ client, name }: Hands): Promise<string | undefined> {
  const { items } = await client.list(namespaces);
  if (items.filter(({ metadata }) => metadata.name.startsWith('team-')).length >= MOST.namespaces) return undefined;
  const { metadata } = await client.create(namespaces, { metadata: { name: name('team') } });
  return `namespace ${metadata.name}`;
}

async function deleteNamespace({ client, chance }: Hands): Promise<string | undefined> {
  const { items } = await client.list(namespaces);
  const found = chance.one(items.filter(({ metadata }) => metadata.name.startsWith('team-')));
  if (found === undefined) return undefined;
  await client.delete(namespaces, found.metadata.name);
  return `delete namespace ${found.metadata.name}`;
}

async function createDeployment(hands: Hands): Promise<string | undefined> {
  const { client, chance, name } = hands;
  if ((await client.list(deployments)).items.length >= MOST.deployments) return undefined;
  const namespace = await someNamespace(hands);
  const app = name('web');
  const claimed = chance.isTrue(0.4);
  const replicas = chance.number(5);
  const recreate = chance.isTrue(0.3);
  if (claimed) await client.create(persistentVolumeClaims, claimOf(`${app}-shared`, namespace, 'ReadWriteOnce', '64Mi'));
  await client.create<Deployment>(deployments, {
    metadata: { name: app, namespace },
    spec: {
      replicas,
      selector: { matchLabels: { app } },
      strategy: recreate ? { type: 'Recreate' } : { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: chance.number(2) } },
      template: { metadata: { labels: { app } }, spec: { containers: [container(image(chance))], ...(claimed ? mounted(`${app}-shared`) : {}) } },
    },
  });
  return `deployment ${namespace}/${app} with ${replicas} pods${claimed ? ' and a claim' : ''}`;
}

async function someDeployment({ client, chance }: Hands): Promise<Stored<Deployment> | undefined> {
  return chance.one((await client.list(deployments)).items.filter((each) => !isDeleted(each)));
}

async function scaleDeployment(hands: Hands): Promise<string | undefined> {
  const found = await someDeployment(hands);
  if (found === undefined) return undefined;
  const { name, namespace } = found.metadata;
  const replicas = hands.chance.number(6);
  await hands.client.patch(deployments, name, { type: 'merge', body: { spec: { replicas } } }, { namespace });
  return `scale deployment ${namespace ?? ''}/${name} to ${replicas}`;
}

async function changeDeployment(hands: Hands): Promise<string | undefined> {
  const found = await someDeployment(hands);
  if (found === undefined) return undefined;
  const { name, namespace } = found.metadata;
  const next = image(hands.chance);
  await hands.client.patch(
    deployments,
    name,
    { type: 'strategic', body: { spec: { template: { spec: { containers: [{ name: 'main', image: next }] } } } } },
    { namespace },
  );
  return `deployment ${namespace ?? ''}/${name} gets ${next}`;
}

/** As `kubectl rollout undo` does: the template of an older replica set. */
async function undoDeployment(hands: Hands): Promise<string | undefined> {
  const { client, chance } = hands;
  const found = await someDeployment(hands);
  if (found === undefined) return undefined;
  const { name, namespace, uid } = found.metadata;
  const sets = (await client.list(replicaSets, { namespace })).items.filter(({ metadata }) => metadata.ownerReferences?.some((owner) => owner.uid === uid));
  const template = chance.one(sets)?.spec?.template;
  if (template === undefined) return undefined;
  const { 'pod-template-hash': _, ...labels } = template.metadata?.labels ?? {};
  await client.patch(
    deployments,
    name,
    {
      type: 'json',
      body: [{ op: 'replace', path: '/spec/template', value: JSON.parse(JSON.stringify({ ...template, metadata: { ...template.metadata, labels } })) }],
    },
    { namespace },
  );
  return `undo deployment ${namespace ?? ''}/${name}`;
}

async function deleteDeployment(hands: Hands): Promise<string | undefined> {
  const found = await someDeployment(hands);
  if (found === undefined) return undefined;
  const { name, namespace } = found.metadata;
  const propagationPolicy = hands.chance.one(['Background', 'Background', 'Foreground', 'Orphan'] as const) ?? 'Background';
  await hands.client.delete(deployments, name, namespace, { propagationPolicy });
  return `delete deployment ${namespace ?? ''}/${name} (${propagationPolicy})`;
}

/** What an orphaning deletion has left is taken away by somebody, some day. */
async function deleteReplicaSet({ client, chance }: Hands): Promise<string | undefined> {
  const found = chance.one((await client.list(replicaSets)).items.filter(({ metadata }) => metadata.ownerReferences === undefined));
  if (found === undefined) return undefined;
  await client.delete(replicaSets, found.metadata.name, found.metadata.namespace, { propagationPolicy: 'Background' });
  return `delete replica set ${found.metadata.namespace ?? ''}/${found.metadata.name}`;
}

async function createSet(hands: Hands): Promise<string | undefined> {
  const { client, chance, name } = hands;
  if ((await client.list(statefulSets)).items.length >= MOST.sets) return undefined;
  const namespace = await someNamespace(hands);
  const app = name('db');
  const replicas = chance.number(4);
  await client.create<StatefulSet>(statefulSets, {
    metadata: { name: app, namespace },
    spec: {
      replicas,
      serviceName: app,
      podManagementPolicy: chance.isTrue(0.5) ? 'Parallel' : 'OrderedReady',
      selector: { matchLabels: { app } },
      template: {
        metadata: { labels: { app } },
        spec: { terminationGracePeriodSeconds: 5, containers: [{ ...container(image(chance)), volumeMounts: [{ name: 'data', mountPath: '/data' }] }] },
      },
      volumeClaimTemplates: [
        {
          metadata: { name: 'data' },
          spec: { accessModes: [chance.isTrue(0.3) ? 'ReadWriteOncePod' : 'ReadWriteOnce'], resources: { requests: { storage: '64Mi' } } },
        },
      ],
    },
  });
  return `stateful set ${namespace}/${app} with ${replicas} pods`;
}

async function changeSet({ client, chance }: Hands): Promise<string | undefined> {
  const found = chance.one((await client.list(statefulSets)).items.filter((each) => !isDeleted(each)));
  if (found === undefined) return undefined;
  const { name, namespace } = found.metadata;
  const at = `stateful set ${namespace ?? ''}/${name}`;
  switch (chance.number(4)) {
    case 0: {
      const propagationPolicy = chance.isTrue(0.7) ? 'Background' : 'Foreground';
      await client.delete(statefulSets, name, namespace, { propagationPolicy });
      return `delete ${at} (${propagationPolicy})`;
    }
    case 1: {
      const next = image(chance);
      await client.patch(
        statefulSets,
        name,
        { type: 'strategic', body: { spec: { template: { spec: { containers: [{ name: 'main', image: next }] } } } } },
        { namespace },
      );
      return `${at} gets ${next}`;
    }
    default: {
      const replicas = chance.number(4);
      await client.patch(statefulSets, name, { type: 'merge', body: { spec: { replicas } } }, { namespace });
      return `scale ${at} to ${replicas}`;
    }
  }
}

async function createPod(hands: Hands): Promise<string | undefined> {
  const { client, chance, name } = hands;
  if ((await client.list(pods)).items.filter(({ metadata }) => metadata.ownerReferences === undefined).length >= MOST.pods) return undefined;
  const namespace = await someNamespace(hands);
  const claims = (await client.list(persistentVolumeClaims, { namespace })).items.filter((each) => each.metadata.name.startsWith('disk-') && !isDeleted(each));
  let claim = chance.isTrue(0.6) ? chance.one(claims)?.metadata.name : undefined;
  if (claim === undefined && claims.length < MOST.claims && chance.isTrue(0.8)) {
    claim = name('disk');
    await client.create(
      persistentVolumeClaims,
      claimOf(claim, namespace, chance.isTrue(0.6) ? 'ReadWriteOncePod' : 'ReadWriteOnce', `${32 + 32 * chance.number(4)}Mi`),
    );
  }
  const pod = name('job');
  await client.create(pods, {
    metadata: { name: pod, namespace },
    spec: { terminationGracePeriodSeconds: chance.number(20), containers: [container(image(chance))], ...(claim === undefined ? {} : mounted(claim)) },
  });
  return `pod ${namespace}/${pod}${claim === undefined ? '' : ` with the claim ${claim}`}`;
}

async function deletePod({ client, chance }: Hands): Promise<string | undefined> {
  const found = chance.one((await client.list(pods)).items);
  if (found === undefined) return undefined;
  const { name, namespace } = found.metadata;
  const force = chance.isTrue(0.1);
  await client.delete(pods, name, namespace, force ? { gracePeriodSeconds: 0 } : {});
  return `delete pod ${namespace ?? ''}/${name}${force ? ' by force' : ''}`;
}

/** Those that a deployment needs are left to it: without them it could never have its pods again. */
async function deleteClaim({ client, chance }: Hands): Promise<string | undefined> {
  const found = chance.one((await client.list(persistentVolumeClaims)).items.filter(({ metadata }) => !metadata.name.endsWith('-shared')));
  if (found === undefined) return undefined;
  const { name, namespace } = found.metadata;
  await client.delete(persistentVolumeClaims, name, namespace);
  return `delete claim ${namespace ?? ''}/${name}`;
}

async function growClaim({ client, chance, name: fresh }: Hands): Promise<string | undefined> {
  const found = chance.one(
    (await client.list(persistentVolumeClaims)).items.filter(
      (each) => !isDeleted(each) && each.status?.phase === 'Bound' && each.spec?.storageClassName === 'berth',
    ),
  );
  if (found === undefined) return undefined;
  const { name, namespace } = found.metadata;
  // Names count up, and so do sizes: a volume never shrinks.
  const size = `${1000 + Number(fresh('size').slice('size-'.length))}Mi`;
  await client.patch(persistentVolumeClaims, name, { type: 'merge', body: { spec: { resources: { requests: { storage: size } } } } }, { namespace });
  return `claim ${namespace ?? ''}/${name} grows to ${size}`;
}

/** A volume that somebody has made by hand, and claims that would have it. */
async function createVolume(hands: Hands): Promise<string | undefined> {
  const { client, chance, name } = hands;
  if ((await client.list(persistentVolumes)).items.filter(({ spec }) => spec?.storageClassName === 'manual').length >= MOST.volumes) return undefined;
  const namespace = await someNamespace(hands);
  const volume = name('volume');
  const claims = Array.from({ length: 1 + chance.number(2) }, () => name('hand'));
  const make = {
    volume: () =>
      client.create(persistentVolumes, {
        metadata: { name: volume },
        spec: {
          capacity: { storage: '1Gi' },
          accessModes: ['ReadWriteOnce'],
          hostPath: { path: `/srv/${volume}` },
          persistentVolumeReclaimPolicy: 'Retain',
          storageClassName: 'manual',
        },
      }),
    claims: () =>
      Promise.all(
        claims.map((claim) =>
          client.create(persistentVolumeClaims, {
            ...claimOf(claim, namespace, 'ReadWriteOnce', '1Gi'),
            spec: { storageClassName: 'manual', accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
          }),
        ),
      ),
  };
  if (chance.isTrue(0.5)) {
    await make.volume();
    await make.claims();
  } else {
    await make.claims();
    await make.volume();
  }
  return `volume ${volume}, and claims ${claims.join(', ')} in ${namespace}`;
}

/** As `kubectl drain`: cordons, then asks each pod to go. */
async function drainNode({ client, chance }: Hands): Promise<string | undefined> {
  const found = chance.one((await client.list(nodes)).items);
  if (found === undefined) return undefined;
  const { name } = found.metadata;
  await client.patch(nodes, name, { type: 'merge', body: { spec: { unschedulable: true } } });
  const { items } = await client.list(pods, { fieldSelector: `spec.nodeName=${name}` });
  for (const { metadata } of items) {
    try {
      await client.createSubresource(pods, metadata.name, metadata.namespace, 'eviction', {
        apiVersion: 'policy/v1',
        kind: 'Eviction',
        metadata: { name: metadata.name, namespace: metadata.namespace ?? '' },
      });
    } catch (thrown) {
      if (!(thrown instanceof StatusError) || thrown.reason !== 'NotFound') throw thrown;
    }
  }
  return `drain ${name}: ${items.length} pods`;
}

export async function uncordonNodes({ client }: Pick<Hands, 'client'>): Promise<string | undefined> {
  const cordoned = (await client.list(nodes)).items.filter(({ spec }) => spec?.unschedulable === true);
  for (const { metadata } of cordoned) await client.patch(nodes, metadata.name, { type: 'merge', body: { spec: { unschedulable: null } } });
  return cordoned.length === 0 ? undefined : `uncordon ${cordoned.map(({ metadata }) => metadata.name).join(', ')}`;
}

export const ACTIONS: readonly Action[] = [
  { weight: 2, act: createNamespace },
  { weight: 1, act: deleteNamespace },
  { weight: 6, act: createDeployment },
  { weight: 8, act: scaleDeployment },
  { weight: 6, act: changeDeployment },
  { weight: 3, act: undoDeployment },
  { weight: 2, act: deleteDeployment },
  { weight: 1, act: deleteReplicaSet },
  { weight: 5, act: createSet },
  { weight: 8, act: changeSet },
  { weight: 8, act: createPod },
  { weight: 8, act: deletePod },
  { weight: 4, act: deleteClaim },
  { weight: 3, act: growClaim },
  { weight: 3, act: createVolume },
  { weight: 2, act: drainNode },
  { weight: 4, act: uncordonNodes },
];
