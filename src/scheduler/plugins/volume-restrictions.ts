import { type Plugin, refuse } from '../plugin.ts';

const IN_USE = refuse('node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode');

/** A claim with the access mode ReadWriteOncePod is for one pod at a time, wherever that is. */
export const volumeRestrictions: Plugin = {
  name: 'VolumeRestrictions',
  events: ['pod-gone', 'claim'],
  consider: ({ claims }, { nodes, volumes }) => {
    const exclusive = claims.filter((key) => volumes.claim(key)?.spec?.accessModes?.includes('ReadWriteOncePod') === true);
    if (exclusive.length === 0 || !nodes.some((node) => exclusive.some((key) => node.claims.has(key)))) return undefined;
    return { filter: () => IN_USE };
  },
};
