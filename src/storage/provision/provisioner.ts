import type { PersistentVolume, PersistentVolumeClaim } from '../../api/gen/types/core.v1.ts';
import type { StorageClass, VolumeAttachment } from '../../api/gen/types/storage.v1.ts';
import { csiNodes, persistentVolumeClaims, persistentVolumes, storageClasses, volumeAttachments } from '../../api/gen/resources.ts';
import { claimClass, reachesNode, SELECTED_NODE, selectedNode } from '../../api/core/persistent-volume.rules.ts';
import { KeyedLock } from '../../base/keyed-lock.ts';
import { keyOf, splitKey } from '../../client/cache.ts';
import type { ComponentOptions, EventRecorder } from '../../client/component.ts';
import type { Again } from '../../client/work-queue.ts';
import type { Informer } from '../../client/informer.ts';
import { type CreateVolume, type CsiDriver, CsiError, type StringMap } from '../../csi/driver.ts';
import type { Stored } from '../../machinery/object.ts';
import { withKey, withoutKey } from '../../machinery/record.ts';
import { StatusError } from '../../machinery/status-error.ts';
import { SIZE_ENFORCED } from '../driver/name.ts';
import { type Controller, type Source, source, startController } from '../../client/controller.ts';
import { Said } from '../said.ts';
import { decideDeletion, decideProvision, DELETION_FINALIZER, type Provisioner, volumeName, volumeObject } from './decide.ts';

/** Volumes that a driver has made, and whose PersistentVolumes may not exist: whoever was to make them may have died before. */
export interface MadeVolumes {
  unannounced(): readonly { readonly volumeId: string; readonly claim: { readonly namespace: string; readonly name: string } | undefined }[];
  /** The object is there. */
  announced(volumeId: string): Promise<void>;
}

export interface ProvisionerOptions extends ComponentOptions {
  readonly nodeName: string;
  readonly driver: CsiDriver;
  readonly topology: StringMap;
  readonly made?: MadeVolumes | undefined;
  /** After a volume came or went. */
  readonly changed: () => void;
}

/** How soon a claim that found no room is tried again. */
const ROOM_AGAIN_MS = 15_000;

const BY_CLASS = 'storage/class';
const BY_VOLUME = 'provisioner/volume';

type Claim = Stored<PersistentVolumeClaim>;
type Volume = Stored<PersistentVolume>;

/**
 * The hand that makes and deletes volumes, on the node that can: keys are `claim/NS/NAME`, `volume/NAME`, and `made/HANDLE` for
 * what a predecessor made and did not announce.
 */
export function startProvisioner(options: ProvisionerOptions): Controller {
  return new Hand(options).start();
}

class Hand {
  readonly #options: ProvisionerOptions;
  readonly #recorder: EventRecorder;
  readonly #claims: Informer<PersistentVolumeClaim>;
  readonly #volumes: Informer<PersistentVolume>;
  readonly #classes: Informer<StorageClass>;
  readonly #nodes;
  readonly #attachments;
  readonly #said = new Said();
  /** By volume name: making one, and looking whether one was made for nobody. */
  readonly #making = new KeyedLock();

  constructor(options: ProvisionerOptions) {
    const { informers, recorder, driver, nodeName } = options;
    this.#options = options;
    this.#recorder = recorder.as(`${driver.name}_${nodeName}`, nodeName);
    this.#claims = informers.of(persistentVolumeClaims, { indexes: { [BY_CLASS]: (claim) => [claimClass(claim) ?? ''] } });
    this.#volumes = informers.of(persistentVolumes);
    this.#classes = informers.of(storageClasses);
    this.#nodes = informers.of(csiNodes);
    this.#attachments = informers.of(volumeAttachments, { indexes: { [BY_VOLUME]: volumesOf } });
  }

  start(): Controller {
    return startController(this.#options, {
      name: `provisioner-${this.#options.driver.name}`,
      concurrency: 8,
      sources: [
        source(this.#claims, (claim) => [`claim/${keyOf(claim)}`]),
        source(this.#classes, ({ metadata }) => this.#claims.byIndex(BY_CLASS, metadata.name).map((claim) => `claim/${keyOf(claim)}`)),
        source(this.#volumes, ({ metadata }) => [`volume/${metadata.name}`]),
        source(this.#nodes, () => []),
        this.#left(),
        source(this.#attachments, (attachment) => volumesOf(attachment).map((name) => `volume/${name}`)),
      ],
      reconcile: async (key) => {
        if (key.startsWith('claim/')) return this.#provision(key.slice('claim/'.length));
        if (key.startsWith('made/')) await this.#settle(key.slice('made/'.length));
        else await this.#delete(key.slice('volume/'.length));
        return undefined;
      },
    });
  }

  async #provision(key: string): Promise<Again | undefined> {
    const { name, namespace } = splitKey(key);
    const claim = this.#claims.get(name, namespace);
    if (claim === undefined) {
      await this.#settleFor(name, namespace);
      return undefined;
    }
    const storageClass = this.#classes.get(claimClass(claim) ?? '');
    const decision = decideProvision({ claim, storageClass, provisioner: this.#provisioner(), sourceHandle: (source) => this.#handleOf(source, namespace) });
    if (decision.do === 'nothing' || storageClass === undefined) {
      this.#said.forget(claim.metadata.uid);
      return undefined;
    }
    if (this.#volumes.get(volumeName(claim.metadata.uid)) !== undefined) return undefined;
    if (decision.do === 'take') await this.#take(claim);
    if (decision.do === 'refuse') this.#fail(claim, storageClass, decision.message);
    if (decision.do !== 'create') return undefined;
    const { request } = decision;
    return this.#making.run(request.name, () => this.#create(claim, storageClass, request));
  }

  #left(): Source {
    const { made } = this.#options;
    return {
      whenSynced: async () => {},
      subscribe: (enqueue) => {
        for (const { volumeId } of made?.unannounced() ?? []) enqueue(`made/${volumeId}`);
        return { [Symbol.dispose]: () => {} };
      },
    };
  }

  /** Of a claim that has gone. */
  async #settleFor(name: string, namespace: string): Promise<void> {
    const left = this.#options.made?.unannounced().filter(({ claim }) => claim?.name === name && claim.namespace === namespace) ?? [];
    for (const { volumeId } of left) await this.#settle(volumeId);
  }

  /**
   * A volume whose object was never made, of a claim that is no more, was never anybody's: it goes. A volume that had its object once was
   * announced, and is never looked at here, so that what was retained stays. Asks the server, not a cache.
   */
  #settle(volumeId: string): Promise<void> {
    return this.#making.run(volumeId, async () => {
      const { client, driver, log, made, changed } = this.#options;
      const found = made?.unannounced().find((each) => each.volumeId === volumeId);
      if (made === undefined || found?.claim === undefined) return;
      if ((await orMissing(client.get(persistentVolumes, volumeId))) !== undefined) return made.announced(volumeId);
      const claim = await orMissing(client.get(persistentVolumeClaims, found.claim.name, found.claim.namespace));
      // Its own pass goes on with it.
      if (claim !== undefined && volumeName(claim.metadata.uid) === volumeId) return;
      await driver.deleteVolume(volumeId);
      log.info('a volume was made for a claim that went before it had the volume', { volume: volumeId, claim: `${found.claim.namespace}/${found.claim.name}` });
      changed();
    });
  }

  async #create(claim: Claim, storageClass: StorageClass, request: CreateVolume): Promise<Again | undefined> {
    this.#say(claim, 'Normal', 'Provisioning', `External provisioner is provisioning volume for claim ${JSON.stringify(keyOf(claim))}`);
    const { client, driver, changed } = this.#options;
    let object: PersistentVolume;
    try {
      object = volumeObject(claim, storageClass, this.#provisioner(), await driver.createVolume(request));
    } catch (thrown) {
      if (!(thrown instanceof CsiError)) throw thrown;
      this.#fail(claim, storageClass, `rpc error: code = ${codeWord(thrown)} desc = ${thrown.message}`);
      if (thrown.code === 'invalid-argument' || thrown.code === 'out-of-range') return undefined;
      if (thrown.code === 'resource-exhausted') return this.#giveBack(claim);
      throw thrown;
    }
    try {
      await client.create(persistentVolumes, object);
    } catch (thrown) {
      // Made by a pass before this one, whose answer was lost.
      if (!(thrown instanceof StatusError) || thrown.reason !== 'AlreadyExists') throw thrown;
    }
    if (object.spec?.csi?.volumeAttributes?.[SIZE_ENFORCED] === 'false') {
      this.#recorder.event(
        claim,
        'Warning',
        'SizeNotEnforced',
        'the volume is a directory, since this node has no loop devices: nothing keeps it from growing past its size',
      );
    }
    this.#recorder.event(claim, 'Normal', 'ProvisioningSucceeded', `Successfully provisioned volume ${request.name}`);
    await this.#options.made?.announced(request.name);
    changed();
    return undefined;
  }

  async #take(claim: Claim): Promise<void> {
    await this.#options.client.update(persistentVolumeClaims, withSelectedNode(claim, this.#options.nodeName));
  }

  /** The node has no room: the scheduler is to choose again. Where nobody chose, room is waited for. */
  async #giveBack(claim: Claim): Promise<Again | undefined> {
    if (selectedNode(claim) === undefined) return { afterMs: ROOM_AGAIN_MS };
    await this.#options.client.update(persistentVolumeClaims, withSelectedNode(claim, undefined));
    return undefined;
  }

  async #delete(name: string): Promise<void> {
    const volume = this.#volumes.get(name);
    if (volume === undefined) return;
    const isHere = reachesNode(volume, { name: this.#options.nodeName, labels: this.#options.topology });
    const decision = decideDeletion(volume, this.#provisioner(), isHere);
    if (decision.do === 'drop-finalizer') return this.#dropFinalizer(volume);
    // Without the object nobody could let go of it any more: when its attachments have gone, this is called again.
    if (decision.do === 'nothing' || this.#attachments.byIndex(BY_VOLUME, name).length > 0) return;
    const { client, driver, changed } = this.#options;
    try {
      await driver.deleteVolume(volume.spec?.csi?.volumeHandle ?? '');
    } catch (thrown) {
      if (thrown instanceof CsiError) this.#say(volume, 'Warning', 'VolumeFailedDelete', `rpc error: code = ${codeWord(thrown)} desc = ${thrown.message}`);
      throw thrown;
    }
    changed();
    if (volume.metadata.deletionTimestamp === undefined)
      await client.delete(persistentVolumes, name, undefined, { preconditions: { uid: volume.metadata.uid } });
    const left = await this.#latest(volume);
    if (left !== undefined) await this.#dropFinalizer(left);
  }

  async #dropFinalizer(volume: Volume): Promise<void> {
    const finalizers = (volume.metadata.finalizers ?? []).filter((each) => each !== DELETION_FINALIZER);
    if (finalizers.length === (volume.metadata.finalizers ?? []).length) return;
    await this.#options.client.update(persistentVolumes, { ...volume, metadata: { ...volume.metadata, finalizers } });
  }

  async #latest(volume: Volume): Promise<Volume | undefined> {
    const found = await orMissing(this.#options.client.get(persistentVolumes, volume.metadata.name));
    return found?.metadata.uid === volume.metadata.uid ? found : undefined;
  }

  #provisioner(): Provisioner {
    const { driver, nodeName, topology } = this.#options;
    const others = this.#nodes.list().some(({ metadata, spec }) => metadata.name !== nodeName && spec.drivers.some(({ name }) => name === driver.name));
    return { driver: driver.name, node: nodeName, topology, alone: !others };
  }

  #handleOf(claimName: string, namespace: string): string | undefined {
    const volume = this.#volumes.get(this.#claims.get(claimName, namespace)?.spec?.volumeName ?? '');
    return volume?.spec?.csi?.driver === this.#options.driver.name ? volume.spec.csi.volumeHandle : undefined;
  }

  #fail(claim: Claim, { metadata }: StorageClass, message: string): void {
    this.#say(claim, 'Warning', 'ProvisioningFailed', `failed to provision volume with StorageClass ${JSON.stringify(metadata?.name)}: ${message}`);
  }

  #say(about: Claim | Volume, type: 'Normal' | 'Warning', reason: string, message: string): void {
    if (this.#said.isNews(about.metadata.uid, `${reason} ${message}`)) this.#recorder.event(about, type, reason, message);
  }
}

async function orMissing<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (thrown) {
    if (thrown instanceof StatusError && thrown.reason === 'NotFound') return undefined;
    throw thrown;
  }
}

function volumesOf({ spec }: VolumeAttachment): readonly string[] {
  return spec.source.persistentVolumeName === undefined ? [] : [spec.source.persistentVolumeName];
}

function withSelectedNode(claim: Claim, node: string | undefined): Claim {
  const before = claim.metadata.annotations;
  const annotations = node === undefined ? withoutKey(before, SELECTED_NODE) : withKey(before, SELECTED_NODE, node);
  return { ...claim, metadata: { ...claim.metadata, annotations } };
}

/** As gRPC prints it: `ResourceExhausted`. */
function codeWord({ code }: CsiError): string {
  return code
    .split('-')
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
    .join('');
}
