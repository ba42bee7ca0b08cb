import { pods } from '../../api/gen/resources.ts';
import type { AdmissionPlugin } from '../stages.ts';
import { draftOf, isAbout, refuse } from './request.ts';

const HOSTNAME = 'kubernetes.io/hostname';

/** LimitPodHardAntiAffinityTopology (not on by default): a pod may keep others off its node, not off its zone. */
export const limitPodHardAntiAffinityTopology: AdmissionPlugin = {
  name: 'LimitPodHardAntiAffinityTopology',
  handles: (request) => isAbout(request, pods, 'CREATE', 'UPDATE'),
  validate(request) {
    const terms = draftOf(request, pods).spec?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
    const wrong = terms.find(({ topologyKey }) => topologyKey !== HOSTNAME);
    if (wrong !== undefined)
      throw refuse(request, `affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey ${wrong.topologyKey} but only key ${HOSTNAME} is allowed`);
  },
};
