import type { PersistentVolume, PersistentVolumeClaim } from '../../api/gen/types/core.v1.ts';
import { persistentVolumeClaims, persistentVolumes } from '../../api/gen/resources.ts';
import { BETA_STORAGE_PROVISIONER, BIND_COMPLETED, BOUND_BY_CONTROLLER, SELECTED_NODE, STORAGE_PROVISIONER } from '../../api/core/persistent-volume.rules.ts';
import type { Client } from '../../client/client.ts';
import type { Stored } from '../../machinery/object.ts';
import { getOwn, withKey, withoutKey } from '../../machinery/record.ts';

type Claim = Stored<PersistentVolumeClaim>;
type Volume = Stored<PersistentVolume>;

/** The binder's writes. Each carries the version that the decision saw, so that a stale one is refused. */
export class BinderWrites {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  /** First the volume says whose it is, then the claim: a claim is never shown a volume that another may still take. */
  async bind(claim: Claim, volume: Volume): Promise<void> {
    const held = await this.#hold(volume, claim);
    const [, bound] = await Promise.all([this.setPhase(held, 'Bound'), this.#name(claim, held)]);
    await this.#setBound(bound, held);
  }

  async setPhase(volume: Volume, phase: string, message?: string): Promise<void> {
    if (volume.status?.phase === phase && volume.status.message === message) return;
    const { message: _old, reason: _reason, ...status } = volume.status ?? {};
    await this.#client.updateStatus(persistentVolumes, { ...volume, status: { ...status, phase, ...(message === undefined ? {} : { message }) } });
  }

  async unbind(volume: Volume, keepName: boolean): Promise<void> {
    const { claimRef, ...spec } = volume.spec ?? {};
    const metadata = { ...volume.metadata, annotations: withoutKey(volume.metadata.annotations, BOUND_BY_CONTROLLER) };
    if (claimRef === undefined) return;
    const { uid: _uid, ...named } = claimRef;
    const freed = await this.#client.update(persistentVolumes, { ...volume, metadata, spec: keepName ? { ...spec, claimRef: named } : spec });
    await this.setPhase(freed, 'Available');
  }

  async setClass(claim: Claim, storageClassName: string): Promise<void> {
    await this.#client.update(persistentVolumeClaims, { ...claim, spec: { ...claim.spec, storageClassName } });
  }

  async selectNode(claim: Claim, node: string): Promise<void> {
    const annotations = withKey(claim.metadata.annotations, SELECTED_NODE, node);
    await this.#client.update(persistentVolumeClaims, { ...claim, metadata: { ...claim.metadata, annotations } });
  }

  async nameProvisioner(claim: Claim, provisioner: string): Promise<void> {
    const before = claim.metadata.annotations;
    if (getOwn(before, STORAGE_PROVISIONER) === provisioner && getOwn(before, BETA_STORAGE_PROVISIONER) === provisioner) return;
    const annotations = withKey(withKey(before, BETA_STORAGE_PROVISIONER, provisioner), STORAGE_PROVISIONER, provisioner);
    await this.#client.update(persistentVolumeClaims, { ...claim, metadata: { ...claim.metadata, annotations } });
  }

  /** Pending or Lost: nothing of a volume is shown. Says whether anything changed. */
  async setUnboundPhase(claim: Claim, phase: 'Pending' | 'Lost'): Promise<boolean> {
    if (claim.status?.phase === phase) return false;
    const { accessModes: _modes, capacity: _capacity, ...status } = claim.status ?? {};
    await this.#client.updateStatus(persistentVolumeClaims, { ...claim, status: { ...status, phase } });
    return true;
  }

  async #hold(volume: Volume, claim: Claim): Promise<Volume> {
    const ref = volume.spec?.claimRef;
    if (ref?.uid === claim.metadata.uid) return volume;
    const { name, namespace, uid, resourceVersion } = claim.metadata;
    const claimRef = { kind: 'PersistentVolumeClaim', apiVersion: 'v1', name, ...(namespace === undefined ? {} : { namespace }), uid, resourceVersion };
    // A claimRef that a person wrote is completed, and stays a person's.
    const annotations = ref === undefined ? withKey(volume.metadata.annotations, BOUND_BY_CONTROLLER, 'yes') : volume.metadata.annotations;
    const metadata = annotations === undefined ? volume.metadata : { ...volume.metadata, annotations };
    return this.#client.update(persistentVolumes, { ...volume, metadata, spec: { ...volume.spec, claimRef } });
  }

  async #name(claim: Claim, volume: Volume): Promise<Claim> {
    const named = claim.spec?.volumeName === volume.metadata.name;
    if (named && getOwn(claim.metadata.annotations, BIND_COMPLETED) !== undefined) return claim;
    let annotations = withKey(claim.metadata.annotations, BIND_COMPLETED, 'yes');
    if (!named) annotations = withKey(annotations, BOUND_BY_CONTROLLER, 'yes');
    return this.#client.update(persistentVolumeClaims, {
      ...claim,
      metadata: { ...claim.metadata, annotations },
      spec: { ...claim.spec, volumeName: volume.metadata.name },
    });
  }

  async #setBound(claim: Claim, volume: Volume): Promise<void> {
    // Capacity is taken over once; afterwards it changes by resizing only.
    if (claim.status?.phase === 'Bound') return;
    const attributes = volume.spec?.volumeAttributesClassName;
    await this.#client.updateStatus(persistentVolumeClaims, {
      ...claim,
      status: {
        ...claim.status,
        phase: 'Bound',
        accessModes: volume.spec?.accessModes,
        capacity: volume.spec?.capacity,
        ...(attributes === undefined ? {} : { currentVolumeAttributesClassName: attributes }),
      },
    });
  }
}
