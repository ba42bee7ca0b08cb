import { Disposals } from '../base/disposal.ts';
import type { Component, ComponentOptions } from '../client/component.ts';
import type { CsiDriver } from '../csi/driver.ts';
import { startAttacher } from './attach/attacher.ts';
import { startCapacity } from './capacity.ts';
import { type MadeVolumes, startProvisioner } from './provision/provisioner.ts';
import { startResizer } from './resize.ts';
import { startVolumeHealth } from './volume-health.ts';

export interface PoolNodeOptions extends ComponentOptions {
  readonly nodeName: string;
  /** Berth's own, or any other that listens on a socket of this node. */
  readonly driver: CsiDriver;
  /** The driver's own memory of volumes whose objects may be missing. Absent: it has none. */
  readonly made?: MadeVolumes | undefined;
  /** Why a volume (by its handle) can't be used; undefined when it can. Absent: all can. */
  readonly condition?: ((volumeHandle: string) => Promise<string | undefined>) | undefined;
}

/**
 * The doing part of storage on one node, for one driver and what it can do: makes and deletes volumes, grows them, attaches them,
 * says how much room there is.
 */
export async function startPoolNode(options: PoolNodeOptions): Promise<Component> {
  const disposals = new Disposals();
  const { driver } = options;
  const [{ topology }, can] = await Promise.all([driver.nodeInfo(), driver.controllerCapabilities()]);
  const capacity = can.includes('get-capacity') ? disposals.use(startCapacity({ ...options, topology })) : undefined;
  const changed = (): void => capacity?.wake('');
  if (can.includes('create-delete-volume')) disposals.use(startProvisioner({ ...options, topology, changed }));
  if (can.includes('expand-volume')) disposals.use(startResizer({ ...options, topology, changed }));
  disposals.use(startAttacher(options));
  if (options.condition !== undefined) disposals.use(startVolumeHealth({ ...options, condition: options.condition }));
  return { name: 'pool-node', [Symbol.asyncDispose]: () => disposals[Symbol.asyncDispose]() };
}
