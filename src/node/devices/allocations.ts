import type { Container as ContainerSpec, EphemeralContainer } from '../../api/gen/types/core.v1.ts';
import { parseQuantity, quantityNumber } from '../../machinery/quantity.ts';
import { getOwn } from '../../machinery/record.ts';

/** Resource → ids of devices. */
export type Devices = Readonly<Record<string, readonly string[]>>;

/**
 * Which container has which device. Remembered in the containers' own annotations; learned from there at start. A container that is
 * made anew gets the devices it had; an app container may take over what its pod's init containers used.
 */
export class Allocations {
  readonly #known: () => ReadonlyMap<string, readonly string[]>;
  /** Pod UID → container → devices. */
  readonly #held = new Map<string, Map<string, Devices>>();

  /** `known`: the healthy devices of this node, by resource. */
  constructor(known: () => ReadonlyMap<string, readonly string[]>) {
    this.#known = known;
  }

  learn(podUid: string, container: string, annotation: string | undefined): void {
    const devices = parseDevices(annotation);
    if (devices !== undefined) this.#hold(podUid, container, devices);
  }

  release(podUid: string): void {
    this.#held.delete(podUid);
  }

  /** Undefined with the resource that there is too little of: nothing is allocated then. */
  allocate(
    podUid: string,
    container: ContainerSpec | EphemeralContainer,
    initContainers: readonly string[],
  ): { readonly devices: Devices } | { readonly lacks: string; readonly wanted: number; readonly available: number } {
    const kept = this.#held.get(podUid)?.get(container.name);
    if (kept !== undefined) return { devices: kept };
    const devices: Record<string, readonly string[]> = {};
    for (const resource of this.#known().keys()) {
      const wanted = wantedOf(container, resource);
      if (wanted === 0) continue;
      const free = this.#free(podUid, resource, initContainers);
      if (free.length < wanted) return { lacks: resource, wanted, available: free.length };
      devices[resource] = free.slice(0, wanted);
    }
    if (Object.keys(devices).length > 0) this.#hold(podUid, container.name, devices);
    return { devices };
  }

  /** How many of a resource no pod holds. */
  available(resource: string): number {
    return this.#free('', resource, []).length;
  }

  #free(podUid: string, resource: string, initContainers: readonly string[]): readonly string[] {
    const taken = new Set<string>();
    const reusable: string[] = [];
    for (const [uid, containers] of this.#held) {
      for (const [name, devices] of containers) {
        const ids = getOwn(devices, resource) ?? [];
        if (uid === podUid && initContainers.includes(name)) reusable.push(...ids);
        else for (const id of ids) taken.add(id);
      }
    }
    const all = this.#known().get(resource) ?? [];
    const own = reusable.filter((id) => !taken.has(id) && all.includes(id));
    return [...new Set([...own, ...all.filter((id) => !taken.has(id))])];
  }

  #hold(podUid: string, container: string, devices: Devices): void {
    const ofPod = this.#held.get(podUid) ?? new Map<string, Devices>();
    ofPod.set(container, devices);
    this.#held.set(podUid, ofPod);
  }
}

function wantedOf({ resources }: ContainerSpec | EphemeralContainer, resource: string): number {
  const quantity = parseQuantity(getOwn(resources?.limits, resource) ?? '0');
  return quantity === undefined ? 0 : quantityNumber(quantity);
}

function parseDevices(annotation: string | undefined): Devices | undefined {
  if (annotation === undefined || annotation === '') return undefined;
  try {
    const value: unknown = JSON.parse(annotation);
    if (typeof value !== 'object' || value === null) return undefined;
    return Object.fromEntries(Object.entries(value).map(([resource, ids]) => [resource, Array.isArray(ids) ? ids.map(String) : []]));
  } catch {
    return undefined;
  }
}
