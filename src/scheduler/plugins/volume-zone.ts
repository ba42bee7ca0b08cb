import type { PersistentVolume } from '../../api/gen/types/core.v1.ts';
import { getOwn } from '../../machinery/record.ts';
import { type Plugin, refuseForGood } from '../plugin.ts';

const ELSEWHERE = refuseForGood('node(s) had no available volume zone');

const KEYS = [
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
];
/** The old names of a label and the new ones mean the same. */
const SYNONYMS: Readonly<Record<string, string>> = {
  'topology.kubernetes.io/zone': 'failure-domain.beta.kubernetes.io/zone',
  'topology.kubernetes.io/region': 'failure-domain.beta.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone': 'topology.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region': 'topology.kubernetes.io/region',
};

/** Volumes that carry the labels of a zone or region are reachable only there. On nodes without such labels anything goes. */
export const volumeZone: Plugin = {
  name: 'VolumeZone',
  events: ['claim', 'volume', 'class', 'node'],
  consider: ({ claims }, { volumes }) => {
    const places = claims.flatMap((key) => placesOf(volumes.volume(volumes.claim(key)?.spec?.volumeName ?? '')));
    if (places.length === 0) return undefined;
    return {
      filter: ({ labels }) => {
        if (!KEYS.some((key) => Object.hasOwn(labels, key))) return undefined;
        return places.every(({ key, values }) => values.includes(getOwn(labels, key) ?? getOwn(labels, SYNONYMS[key] ?? '') ?? '')) ? undefined : ELSEWHERE;
      },
    };
  },
};

/** Several zones stand in one label, parted by two underscores. */
function placesOf(volume: PersistentVolume | undefined): { readonly key: string; readonly values: readonly string[] }[] {
  return KEYS.flatMap((key) => {
    const value = getOwn(volume?.metadata?.labels, key);
    return value === undefined ? [] : [{ key, values: value.split('__') }];
  });
}
