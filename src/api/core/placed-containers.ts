import type { FieldPath } from '../../machinery/field-error.ts';
import type * as core from '../gen/types/core.v1.ts';

export interface PlacedContainer {
  readonly container: core.Container | core.EphemeralContainer;
  readonly path: FieldPath;
}

const FIELDS = ['initContainers', 'containers', 'ephemeralContainers'] as const;

/** All containers of a pod, in the order in which Kubernetes looks at them. `path`: of the spec. */
export function containersOf(spec: core.PodSpec, path: FieldPath): readonly PlacedContainer[] {
  const placed: PlacedContainer[] = [];
  for (const field of FIELDS) {
    const containers = spec[field];
    if (containers === undefined || containers.length === 0) continue;
    const list = path.child(field);
    for (let i = 0; i < containers.length; i++) placed.push({ container: containers[i] as PlacedContainer['container'], path: list.index(i) });
  }
  return placed;
}
