import { Disposals } from '../base/disposal.ts';
import type { Component, ComponentOptions } from '../client/component.ts';
import type { CsiDriver } from '../csi/driver.ts';
import { startCapacity } from './capacity.ts';
import { startProvisioner } from './provision/provisioner.ts';
import { startResizer } from './resize.ts';

export interface PoolNodeOptions extends ComponentOptions {
  readonly nodeName: string;
  readonly driver: CsiDriver;
}

/** The doing part of storage on one node, for one driver: makes and deletes volumes, grows them, says how much room there is. */
export async function startPoolNode(options: PoolNodeOptions): Promise<Component> {
  const disposals = new Disposals();
  const { topology } = await options.driver.nodeInfo();
  const capacity = disposals.use(startCapacity({ ...options, topology }));
  const changed = (): void => capacity.wake('');
  disposals.use(startProvisioner({ ...options, topology, changed }));
  disposals.use(startResizer({ ...options, topology, changed }));
  return { name: 'pool-node', [Symbol.asyncDispose]: () => disposals[Symbol.asyncDispose]() };
}
