import type { Deployment, ReplicaSet, StatefulSet } from '../api/gen/types/apps.v1.ts';
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod } from '../api/gen/types/core.v1.ts';
import type { KubeObject, Stored } from '../machinery/object.ts';
import type { ClusterRecord, Sighting } from './record.ts';

/**
 * What must hold of every cluster, whatever its users and its machines do. A checker sees what a watcher of everything sees and nothing else;
 * what it returns are sentences about what is wrong.
 */
export interface Checker {
  readonly name: string;
  /** At every change, after it. */
  readonly always?: (sighting: Sighting, record: ClusterRecord) => readonly string[];
  /** When everything is repaired and nothing changes any more. */
  readonly atRest?: (record: ClusterRecord) => readonly string[];
}

type Claim = Stored<PersistentVolumeClaim>;
type Volume = Stored<PersistentVolume>;

export const boundOnce: Checker = {
  name: 'no pod is bound twice',
  always: ({ resource, object, previous, type }) => {
    if (resource !== 'pods' || type !== 'MODIFIED' || previous?.metadata.uid !== object.metadata.uid) return [];
    const before = (previous as Pod).spec?.nodeName ?? '';
    const after = (object as Pod).spec?.nodeName ?? '';
    return before !== '' && before !== after ? [`pod ${title(object)} was bound to ${before}, then to ${after}`] : [];
  },
};

export const volumesBoundOnce: Checker = {
  name: 'no volume is bound to two claims',
  always: ({ resource, object, previous, type }, record) => {
    if (type === 'DELETED') return [];
    if (resource === 'persistentvolumes') return claimOfVolumeChanged(object, previous);
    if (resource !== 'persistentvolumeclaims') return [];
    const { volumeName = '' } = (object as Claim).spec ?? {};
    const before = previous?.metadata.uid === object.metadata.uid ? ((previous as Claim).spec?.volumeName ?? '') : '';
    const faults = before !== '' && before !== volumeName ? [`claim ${title(object)} was bound to ${before}, then to ${volumeName}`] : [];
    const others =
      volumeName === ''
        ? []
        : record
            .all<PersistentVolumeClaim>('persistentvolumeclaims')
            .filter((other) => other.metadata.uid !== object.metadata.uid && other.spec?.volumeName === volumeName && isBound(other));
    return [...faults, ...(isBound(object) ? others : []).map((other) => `volume ${volumeName} is bound to ${title(object)} and to ${title(other)}`)];
  },
  atRest: (record) => {
    const claims = record.all<PersistentVolumeClaim>('persistentvolumeclaims').filter(isBound);
    const volumes = new Map(record.all<PersistentVolume>('persistentvolumes').map((volume) => [volume.metadata.name, volume]));
    return claims.flatMap((claim) => {
      const volume = volumes.get(claim.spec?.volumeName ?? '');
      return volume?.spec?.claimRef?.uid === claim.metadata.uid
        ? []
        : [`claim ${title(claim)} is Bound to ${claim.spec?.volumeName ?? ''}, which ${volume === undefined ? 'is not there' : 'is not bound to it'}`];
    });
  },
};

function isBound(claim: PersistentVolumeClaim): boolean {
  return claim.status?.phase === 'Bound';
}

function claimOfVolumeChanged(object: Volume, previous: Volume | undefined): readonly string[] {
  if (previous?.metadata.uid !== object.metadata.uid) return [];
  const [before, after] = [previous.spec?.claimRef?.uid ?? '', object.spec?.claimRef?.uid ?? ''];
  return before !== '' && after !== '' && before !== after ? [`volume ${title(object)} was bound to the claim ${before}, then to ${after}`] : [];
}

export const onePodOnly: Checker = {
  name: 'a ReadWriteOncePod claim is held by one running pod at most',
  always: ({ resource, object, type }, record) => {
    if (resource !== 'pods' || type === 'DELETED' || !isHolding(object)) return [];
    const exclusive = claimNames(object).filter((name) => isExclusive(record, object.metadata.namespace ?? '', name));
    if (exclusive.length === 0) return [];
    const others = record
      .all<Pod>('pods')
      .filter((other) => other.metadata.uid !== object.metadata.uid && other.metadata.namespace === object.metadata.namespace && isHolding(other));
    return others.flatMap((other) =>
      exclusive.filter((name) => claimNames(other).includes(name)).map((name) => `claim ${name} is held by ${title(object)} and ${title(other)}`),
    );
  },
};

/** A container of it runs, as far as the API knows. */
function isHolding(pod: Pod): boolean {
  return pod.status?.phase === 'Running' && (pod.status.containerStatuses ?? []).some(({ state }) => state?.running !== undefined);
}

function claimNames(pod: Pod): readonly string[] {
  return (pod.spec?.volumes ?? []).flatMap(({ persistentVolumeClaim }) => (persistentVolumeClaim === undefined ? [] : [persistentVolumeClaim.claimName]));
}

function isExclusive(record: ClusterRecord, namespace: string, name: string): boolean {
  return record.find<PersistentVolumeClaim>('persistentvolumeclaims', name, namespace)?.spec?.accessModes?.includes('ReadWriteOncePod') === true;
}

export const noOrphans: Checker = {
  name: 'nothing belongs to what is gone',
  atRest: (record) => {
    const all = record.resources.flatMap((resource) => record.all(resource).map((object) => ({ resource, object })));
    const living = new Set(all.map(({ object }) => object.metadata.uid));
    return all.flatMap(({ resource, object }) =>
      (object.metadata.ownerReferences ?? [])
        .filter(({ uid }) => !living.has(uid))
        .map(({ kind, name }) => `${resource} ${title(object)} belongs to ${kind} ${name}, which is gone`),
    );
  },
};

export const nothingStuck: Checker = {
  name: 'what is deleted goes away',
  atRest: (record) => [
    ...record.resources.flatMap((resource) =>
      record
        .all(resource)
        .filter((object) => object.metadata.deletionTimestamp !== undefined && !isInUse(resource, object, record))
        .map(
          (object) =>
            `${resource} ${title(object)} is deleted since ${object.metadata.deletionTimestamp ?? ''} and does not go; finalizers: ${(object.metadata.finalizers ?? []).join(', ') || 'none'}`,
        ),
    ),
    ...record.all<PersistentVolume>('persistentvolumes').flatMap((volume) => volumeLeft(volume, record)),
  ],
};

/** A claim that a pod on a node uses stays as long as the pod does. */
function isInUse(resource: string, object: Stored<KubeObject>, record: ClusterRecord): boolean {
  if (resource !== 'persistentvolumeclaims') return false;
  return record
    .all<Pod>('pods')
    .some((pod) => pod.metadata.namespace === object.metadata.namespace && (pod.spec?.nodeName ?? '') !== '' && claimNames(pod).includes(object.metadata.name));
}

function volumeLeft(volume: Volume, record: ClusterRecord): readonly string[] {
  const { claimRef, persistentVolumeReclaimPolicy } = volume.spec ?? {};
  const phase = volume.status?.phase ?? '';
  const claim =
    claimRef === undefined ? undefined : record.find<PersistentVolumeClaim>('persistentvolumeclaims', claimRef.name ?? '', claimRef.namespace ?? '');
  if (phase === 'Bound' && claim?.metadata.uid !== claimRef?.uid)
    return [`volume ${title(volume)} is Bound to the claim ${claimRef?.namespace ?? ''}/${claimRef?.name ?? ''}, which is gone`];
  if (phase === 'Released' && persistentVolumeReclaimPolicy === 'Delete') return [`volume ${title(volume)} is Released, should be deleted, and stays`];
  return phase === 'Failed' || phase === 'Pending' || phase === '' ? [`volume ${title(volume)} is ${phase === '' ? 'without a phase' : phase}`] : [];
}

export const replicasReached: Checker = {
  name: 'there are as many pods as were asked for',
  atRest: (record) => {
    const pods = record.all<Pod>('pods');
    const sets = record.all<ReplicaSet>('replicasets.apps');
    return [
      ...sets.flatMap((set) => countPods(`replica set ${title(set)}`, set.spec?.replicas ?? 1, pods.filter(ownedBy(set)))),
      ...record
        .all<StatefulSet>('statefulsets.apps')
        .flatMap((set) => [
          ...countPods(`stateful set ${title(set)}`, set.spec?.replicas ?? 1, pods.filter(ownedBy(set))),
          ...behind('stateful set', set, set.status?.readyReplicas ?? 0),
        ]),
      ...record.all<Deployment>('deployments.apps').flatMap((deployment) => {
        const owned = sets.filter(ownedBy(deployment));
        const count = owned.reduce((sum, set) => sum + (set.spec?.replicas ?? 0), 0);
        const wanted = deployment.spec?.replicas ?? 1;
        return [
          ...(count === wanted ? [] : [`deployment ${title(deployment)} asks for ${wanted} pods, its replica sets for ${count}`]),
          ...behind('deployment', deployment, deployment.status?.availableReplicas ?? 0),
          ...behind('updated pods of deployment', deployment, deployment.status?.updatedReplicas ?? 0),
        ];
      }),
    ];
  },
};

function countPods(owner: string, wanted: number, owned: readonly Stored<Pod>[]): readonly string[] {
  const ready = owned.filter(({ status }) => status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true);
  const waiting = owned
    .filter((pod) => !ready.includes(pod))
    .map((pod) => `${title(pod)} is ${pod.status?.phase ?? ''} on ${pod.spec?.nodeName ?? 'no node'}: ${why(pod)}`);
  return owned.length === wanted && waiting.length === 0
    ? []
    : [`${owner} asks for ${wanted} pods and has ${owned.length}, ${ready.length} of them ready. ${waiting.join('; ')}`];
}

function why({ status }: Pod): string {
  const condition = status?.conditions?.find(({ status: is }) => is === 'False');
  const waiting = status?.containerStatuses?.map(({ state }) => state?.waiting?.reason ?? state?.terminated?.reason).find((reason) => reason !== undefined);
  return [condition?.type, condition?.reason, condition?.message, waiting].filter((each) => each !== undefined).join(', ');
}

function behind(kind: string, { metadata, spec, status }: Stored<Deployment> | Stored<StatefulSet>, reached: number): readonly string[] {
  const wanted = spec?.replicas ?? 1;
  if (reached !== wanted) return [`${kind} ${metadata.namespace ?? ''}/${metadata.name}: the status says ${reached} of ${wanted}`];
  return (status?.observedGeneration ?? 0) === metadata.generation
    ? []
    : [`${kind} ${metadata.namespace ?? ''}/${metadata.name}: generation ${metadata.generation ?? 0} is not observed`];
}

function ownedBy(owner: Stored<KubeObject>): (object: Stored<KubeObject>) => boolean {
  return ({ metadata }) => metadata.ownerReferences?.some(({ uid, controller }) => controller === true && uid === owner.metadata.uid) === true;
}

export const nodesReady: Checker = {
  name: 'nodes that run are ready, and carry no taint of a fault',
  atRest: (record) =>
    record
      .all<Node>('nodes')
      .flatMap((node) => [
        ...(node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true
          ? []
          : [`node ${node.metadata.name} is not ready`]),
        ...(node.spec?.taints ?? []).map(({ key, effect }) => `node ${node.metadata.name} has the taint ${key}:${effect}`),
      ]),
};

export const watchesHold: Checker = {
  name: 'versions rise in every watch, and no event is lost',
  atRest: (record) => record.faults,
};

export const allCheckers: readonly Checker[] = [boundOnce, volumesBoundOnce, onePodOnly, noOrphans, nothingStuck, replicasReached, nodesReady, watchesHold];

function title({ metadata: { namespace, name } }: Stored<KubeObject>): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}
