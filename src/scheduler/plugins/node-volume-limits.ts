import { claimClass } from '../../api/core/persistent-volume.rules.ts';
import { type Plugin, refuse } from '../plugin.ts';
import type { VolumeView } from '../volume-view.ts';

const TOO_MANY = refuse('node(s) exceed max volume count');

/** A node attaches at most as many volumes of a CSI driver as the driver says there (CSINode). */
export const nodeVolumeLimits: Plugin = {
  name: 'NodeVolumeLimits',
  events: ['csi-node', 'pod-gone', 'claim', 'volume'],
  consider: ({ claims }, { volumes }) => {
    const wanted = volumesByDriver(claims, volumes);
    if (wanted.size === 0) return undefined;
    return {
      filter: (node) => {
        const drivers = volumes.csiNode(node.name)?.spec.drivers ?? [];
        const limited = drivers.filter(({ name, allocatable }) => allocatable?.count !== undefined && wanted.has(name));
        if (limited.length === 0) return undefined;
        const used = volumesByDriver(node.claims, volumes);
        const over = limited.some(({ name, allocatable }) => {
          const before = used.get(name) ?? new Set();
          const after = new Set([...before, ...(wanted.get(name) ?? [])]);
          return after.size > before.size && after.size > (allocatable?.count ?? 0);
        });
        return over ? TOO_MANY : undefined;
      },
    };
  },
};

/** By driver, the handles of the claims' volumes; a claim that has none yet counts under its own name and its class's driver. */
function volumesByDriver(claims: Iterable<string>, volumes: VolumeView): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  const add = (driver: string, handle: string): void => void (found.get(driver) ?? found.set(driver, new Set()).get(driver))?.add(handle);
  for (const key of claims) {
    const claim = volumes.claim(key);
    if (claim === undefined) continue;
    const csi = volumes.volume(claim.spec?.volumeName ?? '')?.spec?.csi;
    if (csi !== undefined) add(csi.driver, csi.volumeHandle);
    else if ((claim.spec?.volumeName ?? '') === '') {
      const provisioner = volumes.class(claimClass(claim) ?? '')?.provisioner;
      if (provisioner !== undefined && volumes.csiDriver(provisioner) !== undefined) add(provisioner, key);
    }
  }
  return found;
}
