import type { Projection } from '../apiserver/codec/projection.ts';
import type { Random } from '../base/random.ts';
import type { Transport } from '../client/transport.ts';
import type { Plugin } from '../scheduler/plugin.ts';
import type { Store } from '../store/store.ts';

/** A bug on purpose, put in from outside: it proves that the checkers would find one like it. Nothing of it is in what users run. */
export interface Plant {
  readonly name: string;
  /** Stands between a component and the API server. */
  readonly transport?: (component: string, inner: Transport, store: Store<Projection>) => Transport;
  readonly schedulerPlugins?: readonly Plugin[];
  /** Replaces the API server's chance. */
  readonly random?: (given: Random) => Random;
}
