import { failure } from '../base/log.ts';
import { events } from '../api/gen/resources.ts';
import type { KubeObject, Stored } from '../machinery/object.ts';
import type { Component, ComponentOptions } from './component.ts';
import type { Informer } from './informer.ts';

/** What is said of an object of one kind; undefined: nothing. */
export interface Notice {
  subscribe(tell: (object: Stored<KubeObject>, message: string) => void, forget: (uid: string) => void): Disposable;
}

export function notice<T extends KubeObject>(informer: Informer<T>, of: (object: Stored<T>) => string | undefined): Notice {
  return {
    subscribe: (tell, forget) =>
      informer.onChange({
        added: (object) => {
          const message = of(object);
          if (message !== undefined && object.metadata.deletionTimestamp === undefined) tell(object, message);
        },
        deleted: ({ metadata }) => forget(metadata.uid),
      }),
  };
}

/** Says on each object, once, what of it has no effect (law 8: nothing is dropped in silence). `options.recorder` is who says it. */
export function startNotices(
  options: ComponentOptions,
  { name, reason, notices }: { readonly name: string; readonly reason: string; readonly notices: readonly Notice[] },
): Component {
  const { client, recorder, log } = options;
  const told = new Set<string>();

  async function say(object: Stored<KubeObject>, message: string): Promise<void> {
    const { uid, namespace = 'default' } = object.metadata;
    if (told.has(uid)) return;
    told.add(uid);
    try {
      const { items } = await client.list(events, { namespace, fieldSelector: `involvedObject.uid=${uid},reason=${reason}`, limit: 1 });
      if (items.length === 0) recorder.event(object, 'Warning', reason, message);
    } catch (thrown) {
      log.debug('a notice was not given', failure(thrown));
    }
  }

  const subscriptions = notices.map((each) =>
    each.subscribe(
      (object, message) => void say(object, message),
      (uid) => void told.delete(uid),
    ),
  );
  return {
    name,
    [Symbol.asyncDispose]: async () => {
      for (const each of subscriptions) each[Symbol.dispose]();
    },
  };
}
