import type { Gauge } from '../apiserver/metrics/route.ts';
import type { Clock } from '../base/clock.ts';
import type { EventRecorder } from '../client/component.ts';
import type { KubeObject } from '../machinery/object.ts';
import type { Store } from '../store/store.ts';

/** The API server, as users know it: what is said of its store is said of this Service. */
const API_SERVICE: KubeObject = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'kubernetes', namespace: 'default' } };

/** While the store takes no writes no event can be written: it is told when it takes them again, with the reason and how long it was. */
export function announceStore(store: Pick<Store<unknown>, 'onHealth' | 'health'>, recorder: EventRecorder, clock: Clock): Disposable {
  let failing: { readonly sinceMs: number; readonly cause: string } | undefined;
  return store.onHealth((health) => {
    if (health.state === 'read-only') {
      failing ??= { sinceMs: clock.monotonic(), cause: health.cause };
      return;
    }
    if (failing === undefined) return;
    const seconds = Math.ceil((clock.monotonic() - failing.sinceMs) / 1000);
    const message = `The store took no writes for ${seconds} s: ${failing.cause}. It takes them again; everything that was acknowledged is there`;
    failing = undefined;
    recorder.event(API_SERVICE, 'Warning', 'StoreReadOnly', message);
  });
}

export function storeGauge(store: Pick<Store<unknown>, 'health'>): Gauge {
  return {
    name: 'berth_store_writable',
    help: 'Whether the store takes writes: 1, or 0 while the disk is full, read-only or failing.',
    values: () => [{ value: store.health.state === 'ok' ? 1 : 0 }],
  };
}
