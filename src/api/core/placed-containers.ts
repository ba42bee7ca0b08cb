import type { FieldPath } from '../../machinery/field-error.ts';
import type * as core from '../gen/types/core.v1.ts';

export interface PlacedContainer {
  readonly container: core.Container | core.EphemeralContainer;
  readonly path: FieldPath;
}

/** All containers of a pod, in the order in which Kubernetes looks at them. `path`: of the spec. */
export function containersOf(spec: core.PodSpec, path: FieldPath): readonly PlacedContainer[] {
  return (['initContainers', 'containers', 'ephemeralContainers'] as const).flatMap((field) =>
    (spec[field] ?? []).map((container, i): PlacedContainer => ({ container, path: path.child(field).index(i) })),
  );
}
