import type { Service } from '../../api/gen/types/core.v1.ts';
import type { Informer } from '../../client/informer.ts';
import type { Allocations } from '../devices/allocations.ts';
import type { Puller } from '../images/puller.ts';
import type { NodeComponentOptions } from '../options.ts';
import type { Volumes } from '../volumes/volumes.ts';
import type { RuntimeCache } from './runtime-cache.ts';

/** What all pods of a node share. */
export interface NodeParts {
  readonly options: NodeComponentOptions;
  readonly runtime: RuntimeCache;
  readonly volumes: Volumes;
  readonly puller: Puller;
  readonly allocations: Allocations;
  readonly services: Informer<Service>;
}
