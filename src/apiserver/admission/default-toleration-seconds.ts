import { pods } from '../../api/gen/resources.ts';
import type { AdmissionPlugin } from '../stages.ts';
import { draftOf, isAbout } from './request.ts';

const TAINTS: readonly string[] = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];

/** DefaultTolerationSeconds: a pod that says nothing stays on a failed node for five minutes. */
export const defaultTolerationSeconds = (seconds = 300): AdmissionPlugin => ({
  name: 'DefaultTolerationSeconds',
  handles: (request) => isAbout(request, pods, 'CREATE', 'UPDATE'),
  admit(request) {
    const { spec } = draftOf(request, pods);
    if (spec === undefined) return;
    for (const taint of TAINTS) {
      const said = (spec.tolerations ?? []).some(({ key = '', effect = '' }) => (key === taint || key === '') && (effect === 'NoExecute' || effect === ''));
      if (!said) spec.tolerations = [...(spec.tolerations ?? []), { key: taint, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: seconds }];
    }
  },
});
