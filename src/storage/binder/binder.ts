import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../api/gen/types/core.v1.ts';
import { persistentVolumeClaims, persistentVolumes, pods as podResource, storageClasses } from '../../api/gen/resources.ts';
import { claimClass, defaultClass, isFullyBound, volumeClass } from '../../api/core/persistent-volume.rules.ts';
import { keyOf, splitKey } from '../../client/cache.ts';
import type { ComponentOptions } from '../../client/component.ts';
import type { Informer } from '../../client/informer.ts';
import type { KubeObject, Stored } from '../../machinery/object.ts';
import { StatusError } from '../../machinery/status-error.ts';
import { type Controller, source, startController } from '../../client/controller.ts';
import { Said } from '../said.ts';
import { decideClaim, type Notice } from './decide-claim.ts';
import { decideVolume } from './decide-volume.ts';
import { BinderWrites } from './write.ts';

export interface BinderOptions extends ComponentOptions {
  /** Removes a directory below /tmp on the machine that hostPath volumes lie on; absent: such volumes turn Failed. */
  readonly deleteHostPath?: ((path: string) => Promise<void>) | undefined;
}

type Claim = Stored<PersistentVolumeClaim>;
type Volume = Stored<PersistentVolume>;

/** The claims of a pod, by `namespace/name`; generic ephemeral volumes have a claim named after pod and volume. */
export function claimKeysOf(pod: Pod): readonly string[] {
  const { namespace = '', name = '' } = pod.metadata ?? {};
  return (pod.spec?.volumes ?? []).flatMap((volume) => {
    if (volume.persistentVolumeClaim !== undefined) return [`${namespace}/${volume.persistentVolumeClaim.claimName}`];
    return volume.ephemeral === undefined ? [] : [`${namespace}/${name}-${volume.name}`];
  });
}

const UNBOUND = 'storage/unbound-by-class';
const POD_CLAIMS = 'storage/claim';
const HELD_FOR = 'storage/held-for';
const FREE = 'storage/free-by-class';

/** Kubernetes' volume binder (persistentvolume-controller): keys are `claim/NS/NAME` and `volume/NAME`. */
export function startBinder(options: BinderOptions): Controller {
  const binder = new Binder(options);
  return binder.start();
}

class Binder {
  readonly #options: BinderOptions;
  readonly #claims: Informer<PersistentVolumeClaim>;
  readonly #volumes: Informer<PersistentVolume>;
  readonly #classes;
  readonly #pods: Informer<Pod>;
  readonly #recorder;
  readonly #writes: BinderWrites;
  /** Volumes that a pass is binding to a claim: name to the claim's UID. */
  readonly #taken = new Map<string, string>();
  readonly #said = new Said();

  constructor(options: BinderOptions) {
    const { informers, recorder, client } = options;
    this.#options = options;
    this.#recorder = recorder.as('persistentvolume-controller');
    this.#writes = new BinderWrites(client);
    this.#claims = informers.of(persistentVolumeClaims, { indexes: { [UNBOUND]: (claim) => (isFullyBound(claim) ? [] : [claimClass(claim) ?? '']) } });
    this.#volumes = informers.of(persistentVolumes, {
      indexes: {
        [HELD_FOR]: ({ spec }) => (spec?.claimRef?.name === undefined ? [] : [`${spec.claimRef.namespace ?? ''}/${spec.claimRef.name}`]),
        [FREE]: (volume) => (volume.spec?.claimRef === undefined ? [volumeClass(volume)] : []),
      },
    });
    this.#classes = informers.of(storageClasses);
    this.#pods = informers.of(podResource, { indexes: { [POD_CLAIMS]: claimKeysOf } });
  }

  start(): Controller {
    return startController(this.#options, {
      name: 'persistentvolume-binder',
      concurrency: 16,
      sources: [
        source(this.#claims, (claim) => [`claim/${keyOf(claim)}`, ...volumeKey(claim.spec?.volumeName), ...this.#volumesFor(claim)]),
        source(this.#volumes, (volume) => [`volume/${volume.metadata.name}`, ...this.#claimsFor(volume)]),
        source(this.#classes, (storageClass) => this.#unbound(storageClass.metadata.name).concat(this.#unbound(''))),
        source(this.#pods, (pod) =>
          claimKeysOf(pod)
            .filter((key) => this.#isUnbound(key))
            .map((key) => `claim/${key}`),
        ),
      ],
      reconcile: async (key) => {
        if (key.startsWith('claim/')) await this.#syncClaim(key.slice('claim/'.length));
        else await this.#syncVolume(key.slice('volume/'.length));
        return undefined;
      },
    });
  }

  async #syncClaim(key: string): Promise<void> {
    const { name, namespace } = splitKey(key);
    const claim = this.#claims.get(name, namespace);
    if (claim === undefined) return;
    const users = this.#pods.byIndex(POD_CLAIMS, key);
    const decision = decideClaim({
      claim,
      volumes: this.#candidates(claim, key),
      taken: (volume) => this.#isTaken(volume, claim),
      classNamed: (className) => this.#classes.get(className),
      byDefault: defaultClass(this.#classes.list()),
      unscheduledPods: users
        .filter(({ spec }) => (spec?.nodeName ?? '') === '')
        .map(({ metadata }) => metadata.name)
        .sort(),
      consumerNode: users
        .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
        .map(nodeWhereItStarts)
        .find((node) => node !== undefined),
    });
    switch (decision.do) {
      case 'nothing':
        return this.#said.forget(claim.metadata.uid);
      case 'default-class':
        return this.#writes.setClass(claim, decision.className);
      case 'bind':
        return this.#bind(claim, decision.volume);
      case 'wait':
        if (decision.notice !== undefined) this.#say(claim, decision.notice);
        return void (await this.#writes.setUnboundPhase(claim, 'Pending'));
      case 'select-node':
        return this.#writes.selectNode(claim, decision.node);
      case 'provision':
        this.#say(claim, decision.notice);
        return this.#writes.nameProvisioner(claim, decision.provisioner);
      case 'lose':
        if (await this.#writes.setUnboundPhase(claim, 'Lost')) this.#say(claim, decision.notice);
    }
  }

  /** What a decision about this claim can turn on: what is held for it, what it names, and what is free in its class. */
  #candidates(claim: Claim, key: string): readonly Volume[] {
    const named = this.#volumes.get(claim.spec?.volumeName ?? '');
    const all = [...this.#volumes.byIndex(HELD_FOR, key), ...(named === undefined ? [] : [named])];
    return isFullyBound(claim) ? all : [...new Set([...all, ...this.#volumes.byIndex(FREE, claimClass(claim) ?? '')])];
  }

  async #bind(claim: Claim, volume: Volume): Promise<void> {
    const { name } = volume.metadata;
    this.#taken.set(name, claim.metadata.uid);
    this.#said.forget(claim.metadata.uid);
    try {
      await this.#writes.bind(claim, volume);
    } catch (thrown) {
      this.#taken.delete(name);
      throw thrown;
    }
    // Until the cache shows the volume held, others must not be offered it: `#isTaken` lets go when it does.
  }

  #isTaken(volume: PersistentVolume, claim: Claim): boolean {
    const name = volume.metadata?.name ?? '';
    const by = this.#taken.get(name);
    if (by === undefined) return false;
    if (volume.spec?.claimRef?.uid === by) {
      this.#taken.delete(name);
      return false;
    }
    return by !== claim.metadata.uid;
  }

  async #syncVolume(name: string): Promise<void> {
    const volume = this.#volumes.get(name);
    if (volume === undefined) return void this.#taken.delete(name);
    if (volume.spec?.claimRef?.uid !== undefined) this.#taken.delete(name);
    const decision = decideVolume(volume, await this.#claimOf(volume));
    switch (decision.do) {
      case 'nothing':
        return;
      case 'phase':
        await this.#writes.setPhase(volume, decision.phase, decision.message);
        if (decision.notice !== undefined) this.#say(volume, decision.notice);
        return;
      case 'unbind':
        return this.#writes.unbind(volume, decision.keepName);
      case 'notice':
        return this.#say(volume, decision.notice);
      case 'delete-host-path':
        return this.#deleteHostPath(volume, decision.path);
    }
  }

  /** The claim that the volume is held for. One that the cache lacks is asked for: the cache may be behind. */
  async #claimOf(volume: Volume): Promise<PersistentVolumeClaim | undefined> {
    const { name = '', namespace, uid } = volume.spec?.claimRef ?? {};
    if ((uid ?? '') === '') return undefined;
    const cached = this.#claims.get(name, namespace);
    if (cached?.metadata.uid === uid) return cached;
    const phase = volume.status?.phase;
    if (phase === 'Released' || phase === 'Failed') return undefined;
    try {
      const found = await this.#options.client.get(persistentVolumeClaims, name, namespace);
      return found.metadata.uid === uid ? found : undefined;
    } catch (thrown) {
      if (thrown instanceof StatusError && thrown.reason === 'NotFound') return undefined;
      throw thrown;
    }
  }

  async #deleteHostPath(volume: Volume, path: string): Promise<void> {
    const { deleteHostPath, client } = this.#options;
    if (deleteHostPath === undefined) return this.#writes.setPhase(volume, 'Failed', 'hostPath volumes are not deleted here');
    try {
      await deleteHostPath(path);
    } catch (thrown) {
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      await this.#writes.setPhase(volume, 'Failed', message);
      return this.#say(volume, { type: 'Warning', reason: 'VolumeFailedDelete', message });
    }
    await client.delete(persistentVolumes, volume.metadata.name, undefined, { preconditions: { uid: volume.metadata.uid } });
  }

  #say(about: Stored<KubeObject>, { type, reason, message }: Notice): void {
    if (this.#said.isNews(about.metadata.uid, `${reason} ${message}`)) this.#recorder.event(about, type, reason, message);
  }

  #isUnbound(key: string): boolean {
    const { name, namespace } = splitKey(key);
    const claim = this.#claims.get(name, namespace);
    return claim !== undefined && !isFullyBound(claim);
  }

  /** A volume that came, went or changed may matter to the claim that it names, or to any that waits for its class. */
  #claimsFor(volume: Volume): readonly string[] {
    const ref = volume.spec?.claimRef;
    if (ref?.name !== undefined) return [`claim/${ref.namespace ?? ''}/${ref.name}`];
    return volume.status?.phase === 'Available' ? this.#unbound(volumeClass(volume)) : [];
  }

  #unbound(className: string): readonly string[] {
    return this.#claims.byIndex(UNBOUND, className).map((claim) => `claim/${keyOf(claim)}`);
  }

  /** A claim that goes away releases the volume that names it. */
  #volumesFor(claim: Claim): readonly string[] {
    if (claim.metadata.deletionTimestamp === undefined && this.#claims.get(claim.metadata.name, claim.metadata.namespace) !== undefined) return [];
    this.#said.forget(claim.metadata.uid);
    return this.#volumes.byIndex(HELD_FOR, keyOf(claim)).map(({ metadata }) => `volume/${metadata.name}`);
  }
}

/** Of a pod that is placed and still to run. */
function nodeWhereItStarts({ metadata, spec, status }: Stored<Pod>): string | undefined {
  const isOver = metadata.deletionTimestamp !== undefined || status?.phase === 'Succeeded' || status?.phase === 'Failed';
  return isOver || (spec?.nodeName ?? '') === '' ? undefined : spec?.nodeName;
}

function volumeKey(name: string | undefined): readonly string[] {
  return name === undefined || name === '' ? [] : [`volume/${name}`];
}
