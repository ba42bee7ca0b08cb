import { ingresses, networkPolicies, services } from '../api/gen/resources.ts';
import type { Ingress } from '../api/gen/types/networking.v1.ts';
import type { Service } from '../api/gen/types/core.v1.ts';
import type { Component, ComponentOptions } from '../client/component.ts';
import { notice, startNotices } from '../client/notices.ts';

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

/** Isolation that is asked for and not there has to be known. */
const POLICY = 'This version of Berth keeps network policies, and enforces none yet: pods reach each other as if there were none.';

export function startNetworkNotices(options: ComponentOptions): Component {
  const { informers } = options;
  return startNotices(
    { ...options, recorder: options.recorder.as('berth-network') },
    {
      name: 'network-notices',
      reason: REASON,
      notices: [
        notice(informers.of(services), noticeOfService),
        notice(informers.of(ingresses), noticeOfIngress),
        notice(informers.of(networkPolicies), () => POLICY),
      ],
    },
  );
}
