import type { Clock } from '../base/clock.ts';
import type { VerifySignature } from '../base/keys.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Facts } from '../schema/facts.ts';
import type { Store } from '../store/store.ts';
import type { ObjectCache } from './codec/objects.ts';
import type { Projection } from './codec/projection.ts';
import type { ServiceAllocator } from './allocators/services.ts';
import type { Turns } from './handlers/turns.ts';
import type { Registry } from './registry/registry.ts';
import type { SelectionIndexes } from './registry/selection-index.ts';
import type { Stages, StoredReader } from './stages.ts';

/** What every handler works with. One value for the life of the server. */
export interface Core {
  readonly store: Store<Projection>;
  readonly registry: Registry;
  readonly facts: Facts;
  readonly objects: ObjectCache;
  readonly reader: StoredReader;
  readonly stages: Stages;
  readonly services: ServiceAllocator | undefined;
  readonly turns: Turns;
  readonly indexes: SelectionIndexes;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Absent: signatures in objects are taken for good. */
  readonly verify: VerifySignature | undefined;
  /** Lets other work run between two slices of a long answer (law 10). */
  readonly yieldToLoop: () => Promise<void>;
}
