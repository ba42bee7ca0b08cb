import { Disposals } from '../base/disposal.ts';
import { failure } from '../base/log.ts';
import { sleep } from '../base/clock.ts';
import type { Component, ComponentOptions, ControllerSetOptions } from '../client/component.ts';
import { startAttachDetach } from './attach/attach-detach.ts';
import { startBinder } from './binder/binder.ts';
import { ensureClasses } from './classes.ts';

export interface StorageOptions extends ControllerSetOptions {
  /** Removes a directory below /tmp where hostPath volumes lie; absent: volumes with such a path and the policy Delete turn Failed. */
  readonly deleteHostPath?: ((path: string) => Promise<void>) | undefined;
  /** Make Berth's CSIDriver and StorageClasses. Default true. */
  readonly classes?: boolean;
}

const RETRY_MS = 1_000;

/** The deciding parts of storage, once for a cluster. The doing is `startPoolNode`, on each node. */
export async function startStorage(options: StorageOptions): Promise<Component> {
  const disposals = new Disposals();
  const { as, deleteHostPath } = options;
  disposals.use(startBinder({ ...as('persistent-volume-binder'), deleteHostPath }));
  disposals.use(startAttachDetach(as('attachdetach-controller')));
  if (options.classes !== false) disposals.use(keepTrying(as('berth-classes')));
  return { name: 'storage', [Symbol.asyncDispose]: () => disposals[Symbol.asyncDispose]() };
}

/** The API may not be ready: the classes come as soon as it is. */
function keepTrying({ client, clock, log }: ComponentOptions): AsyncDisposable {
  const ended = new AbortController();
  const run = async (): Promise<void> => {
    while (!ended.signal.aborted) {
      try {
        return await ensureClasses(client);
      } catch (thrown) {
        log.debug('storage classes not made yet', failure(thrown));
        await sleep(clock, RETRY_MS, ended.signal).catch(() => undefined);
      }
    }
  };
  const done = run();
  return {
    [Symbol.asyncDispose]: async () => {
      ended.abort();
      await done;
    },
  };
}
