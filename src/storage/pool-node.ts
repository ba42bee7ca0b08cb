import { Disposals } from '../base/disposal.ts';
import type { Component, ComponentOptions } from '../client/component.ts';
import type { CsiDriver } from '../csi/driver.ts';
import { startProvisioner } from './provision/provisioner.ts';

export interface PoolNodeOptions extends ComponentOptions {
  readonly nodeName: string;
  readonly driver: CsiDriver;
}

/** The doing part of storage on one node, for one driver: makes and deletes volumes, grows them, says how much room there is. */
export async function startPoolNode(options: PoolNodeOptions): Promise<Component> {
  const disposals = new Disposals();
  const { topology } = await options.driver.nodeInfo();
  disposals.use(startProvisioner({ ...options, topology, changed: () => {} }));
  return { name: 'pool-node', [Symbol.asyncDispose]: () => disposals[Symbol.asyncDispose]() };
}
