import { events, ingresses, services } from '../api/gen/resources.ts';
import type { Ingress } from '../api/gen/types/networking.v1.ts';
import type { Service } from '../api/gen/types/core.v1.ts';
import type { Component, ComponentOptions } from '../client/component.ts';
import type { Informer } from '../client/informer.ts';
import { failure } from '../base/log.ts';
import type { KubeObject, Stored } from '../machinery/object.ts';

const REASON = 'NotRouted';

/** What a Service asks for that this version takes and does not do; undefined: nothing. The `kubernetes` Service is the server's own. */
export function noticeOfService(service: Service): string | undefined {
  const { type = 'ClusterIP', selector, clusterIP } = service.spec ?? {};
  if (service.metadata?.name === 'kubernetes' && service.metadata.namespace === 'default') return undefined;
  if (type === 'LoadBalancer')
    return 'This version of Berth gives out addresses and node ports, but sends no traffic through them yet: neither the load balancer nor the cluster IP leads to pods.';
  if (type === 'NodePort')
    return 'This version of Berth reserves the node port, but sends no traffic through it yet: neither the port nor the cluster IP leads to pods.';
  if (type === 'ExternalName') return 'This version of Berth has no cluster DNS yet: the external name is not served.';
  if (clusterIP === 'None') return selector === undefined ? undefined : 'This version of Berth has no cluster DNS yet: pods are reached by their addresses.';
  return 'This version of Berth gives out the cluster IP, but sends no traffic through it yet: pods are reached by their addresses.';
}

export function noticeOfIngress(_ingress: Ingress): string {
  return 'This version of Berth has no ingress controller of its own yet: the rules are kept, and nothing is routed.';
}

/** Says on each object, once, what of it has no effect (law 8: nothing is dropped in silence). */
export function startNetworkNotices(options: ComponentOptions): Component {
  const { client, informers, log } = options;
  const recorder = options.recorder.as('berth-network');
  const told = new Set<string>();

  async function tell(object: Stored<KubeObject>, message: string): Promise<void> {
    const { uid, namespace = 'default' } = object.metadata;
    if (told.has(uid)) return;
    told.add(uid);
    try {
      const { items } = await client.list(events, { namespace, fieldSelector: `involvedObject.uid=${uid},reason=${REASON}`, limit: 1 });
      if (items.length === 0) recorder.event(object, 'Warning', REASON, message);
    } catch (thrown) {
      log.debug('a notice was not given', failure(thrown));
    }
  }

  const follow = <T extends KubeObject>(informer: Informer<T>, notice: (object: T) => string | undefined): Disposable => {
    const look = (object: Stored<T>): void => {
      const message = notice(object);
      if (message !== undefined && object.metadata.deletionTimestamp === undefined) void tell(object, message);
    };
    return informer.onChange({ added: look, deleted: ({ metadata }) => void told.delete(metadata.uid) });
  };
  const subscriptions = [follow(informers.of(services), noticeOfService), follow(informers.of(ingresses), noticeOfIngress)];
  return {
    name: 'network-notices',
    [Symbol.asyncDispose]: async () => {
      for (const each of subscriptions) each[Symbol.dispose]();
    },
  };
}
