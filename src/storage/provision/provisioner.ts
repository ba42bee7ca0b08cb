import type { PersistentVolume, PersistentVolumeClaim } from '../../api/gen/types/core.v1.ts';
import type { StorageClass, VolumeAttachment } from '../../api/gen/types/storage.v1.ts';
import { csiNodes, persistentVolumeClaims, persistentVolumes, storageClasses, volumeAttachments } from '../../api/gen/resources.ts';
import { claimClass, reachesNode, SELECTED_NODE, selectedNode } from '../../api/core/persistent-volume.rules.ts';
import { keyOf, splitKey } from '../../client/cache.ts';
import type { ComponentOptions, EventRecorder } from '../../client/component.ts';
import type { Informer } from '../../client/informer.ts';
import { type CreateVolume, type CsiDriver, CsiError, type StringMap } from '../../csi/driver.ts';
import type { Stored } from '../../machinery/object.ts';
import { withKey, withoutKey } from '../../machinery/record.ts';
import { StatusError } from '../../machinery/status-error.ts';
import { SIZE_ENFORCED } from '../driver/name.ts';
import { type Controller, source, startController } from '../../client/controller.ts';
import { Said } from '../said.ts';
import { decideDeletion, decideProvision, DELETION_FINALIZER, type Provisioner, volumeName, volumeObject } from './decide.ts';

export interface ProvisionerOptions extends ComponentOptions {
  readonly nodeName: string;
  readonly driver: CsiDriver;
  readonly topology: StringMap;
  /** After a volume came or went. */
  readonly changed: () => void;
}

const BY_CLASS = 'storage/class';
const BY_VOLUME = 'provisioner/volume';

type Claim = Stored<PersistentVolumeClaim>;
type Volume = Stored<PersistentVolume>;

/** The hand that makes and deletes volumes, on the node that can (TRAPS 11): keys are `claim/NS/NAME` and `volume/NAME`. */
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
        source(this.#attachments, (attachment) => volumesOf(attachment).map((name) => `volume/${name}`)),
      ],
      reconcile: async (key) => {
        if (key.startsWith('claim/')) await this.#provision(key.slice('claim/'.length));
        else await this.#delete(key.slice('volume/'.length));
        return undefined;
      },
    });
  }

  async #provision(key: string): Promise<void> {
    const { name, namespace } = splitKey(key);
    const claim = this.#claims.get(name, namespace);
    if (claim === undefined) return;
    const storageClass = this.#classes.get(claimClass(claim) ?? '');
    const decision = decideProvision({ claim, storageClass, provisioner: this.#provisioner(), sourceHandle: (source) => this.#handleOf(source, namespace) });
    if (decision.do === 'nothing' || storageClass === undefined) return this.#said.forget(claim.metadata.uid);
    if (this.#volumes.get(volumeName(claim.metadata.uid)) !== undefined) return;
    if (decision.do === 'take') return this.#take(claim);
    if (decision.do === 'refuse') return this.#fail(claim, storageClass, decision.message);
    await this.#create(claim, storageClass, decision.request);
  }

  async #create(claim: Claim, storageClass: StorageClass, request: CreateVolume): Promise<void> {
    this.#say(claim, 'Normal', 'Provisioning', `External provisioner is provisioning volume for claim ${JSON.stringify(keyOf(claim))}`);
    const { client, driver, changed } = this.#options;
    let object: PersistentVolume;
    try {
      object = volumeObject(claim, storageClass, this.#provisioner(), await driver.createVolume(request));
    } catch (thrown) {
      if (!(thrown instanceof CsiError)) throw thrown;
      this.#fail(claim, storageClass, `rpc error: code = ${codeWord(thrown)} desc = ${thrown.message}`);
      if (thrown.code === 'invalid-argument' || thrown.code === 'out-of-range') return;
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
    changed();
  }

  async #take(claim: Claim): Promise<void> {
    await this.#options.client.update(persistentVolumeClaims, withSelectedNode(claim, this.#options.nodeName));
  }

  /** The node has no room: the scheduler is to choose again. */
  async #giveBack(claim: Claim): Promise<void> {
    if (selectedNode(claim) === undefined) throw new CsiError('resource-exhausted', 'no room for the volume');
    await this.#options.client.update(persistentVolumeClaims, withSelectedNode(claim, undefined));
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
    try {
      const found = await this.#options.client.get(persistentVolumes, volume.metadata.name);
      return found.metadata.uid === volume.metadata.uid ? found : undefined;
    } catch (thrown) {
      if (thrown instanceof StatusError && thrown.reason === 'NotFound') return undefined;
      throw thrown;
    }
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
