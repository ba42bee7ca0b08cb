import { pods } from '../../api/gen/resources.ts';
import { isExtendedResource } from '../../api/core/resources.validation.ts';
import type { AdmissionPlugin } from '../stages.ts';
import { draftOf, isAbout } from './request.ts';

/** ExtendedResourceToleration (not on by default): pods that ask for `nvidia.com/gpu` tolerate the taint of that name, which keeps others off. */
export const extendedResourceToleration: AdmissionPlugin = {
  name: 'ExtendedResourceToleration',
  handles: (request) => isAbout(request, pods, 'CREATE', 'UPDATE'),
  admit(request) {
    const { spec } = draftOf(request, pods);
    if (spec === undefined) return;
    const asked = [...(spec.containers ?? []), ...(spec.initContainers ?? [])].flatMap(({ resources }) => Object.keys(resources?.requests ?? {}));
    for (const key of [...new Set(asked)].filter(isExtendedResource).sort()) {
      const tolerated = (spec.tolerations ?? []).some((each) => each.key === key && each.operator === 'Exists' && (each.effect ?? '') === 'NoSchedule');
      if (!tolerated) spec.tolerations = [...(spec.tolerations ?? []), { key, operator: 'Exists', effect: 'NoSchedule' }];
    }
  },
};
