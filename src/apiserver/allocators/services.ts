import type { DraftObject, KubeObject } from '../../machinery/object.ts';
import type { Guard, Operation } from '../../store/store.ts';
import type { Projection } from '../codec/projection.ts';
import type { Binding } from '../registry/registry.ts';

/** What goes into the same commit as the Service. */
export interface Allocation {
  readonly operations: readonly Operation<Projection>[];
  readonly guards: readonly Guard[];
}

/** Gives Services their addresses and node ports, and takes them back. */
export interface ServiceAllocator {
  /** Fills in the draft. `old`: on update. Throws 422. Undefined: nothing to allocate or release. */
  allocate(binding: Binding, draft: DraftObject, old: KubeObject | undefined, dryRun: boolean): Allocation | undefined;
  /** At deletion. */
  release(binding: Binding, old: KubeObject): Allocation | undefined;
}
