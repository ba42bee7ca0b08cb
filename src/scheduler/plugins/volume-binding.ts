import type { Plugin, Refusal } from '../plugin.ts';
import { planVolumes, sortClaims } from '../volume-plan.ts';
import type { VolumePlan } from '../volume-view.ts';

/** Every claim of the pod is bound to a volume that the node reaches, or can be once the node is chosen. */
export const volumeBinding: Plugin = {
  name: 'VolumeBinding',
  events: ['claim', 'volume', 'class', 'csi-node', 'csi-driver', 'capacity', 'node'],
  weight: 1,
  consider: (pod, { volumes }) => {
    if (pod.claims.length === 0) return undefined;
    const claims = sortClaims(pod, volumes);
    if ('reasons' in claims) return claims;
    if (claims.bound.length + claims.waiting.length === 0) return undefined;
    return {
      filter: (node) => {
        const plan: VolumePlan | Refusal = planVolumes(claims, node, volumes);
        return 'reasons' in plan ? plan : undefined;
      },
    };
  },
};
