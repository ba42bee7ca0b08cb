import { ageColumn, formatLabels, nameColumn, text, wide } from '../columns.ts';
import type * as core from '../gen/types/core.v1.ts';
import type { Column } from '../kind.ts';

interface Ingress {
  readonly ip?: string | undefined;
  readonly hostname?: string | undefined;
}

/** Addresses of a load balancer, sorted, each once. */
export function formatLoadBalancer(ingress: readonly Ingress[] | undefined): string {
  const addresses = (ingress ?? []).map(({ ip, hostname }) => (ip !== undefined && ip !== '' ? ip : (hostname ?? ''))).filter((a) => a !== '');
  return [...new Set(addresses)].sort().join(',');
}

function formatExternalIP({ spec, status }: core.Service): string {
  const external = spec?.externalIPs ?? [];
  switch (spec?.type) {
    case 'ClusterIP':
    case 'NodePort':
      return external.length > 0 ? external.join(',') : '<none>';
    case 'LoadBalancer': {
      const own = formatLoadBalancer(status?.loadBalancer?.ingress);
      const all = [...(own === '' ? [] : [own]), ...external];
      return all.length === 0 ? '<pending>' : all.join(',');
    }
    case 'ExternalName':
      return spec.externalName ?? '';
    default:
      return '<unknown>';
  }
}

function formatPorts(ports: readonly core.ServicePort[] | undefined): string {
  const all = (ports ?? []).map(
    ({ port, nodePort, protocol }) => `${port}${nodePort === undefined || nodePort === 0 ? '' : `:${nodePort}`}/${protocol ?? 'TCP'}`,
  );
  return all.length === 0 ? '<none>' : all.join(',');
}

export const serviceColumns: readonly Column<core.Service>[] = [
  nameColumn,
  text('Type', 'How the service is reached.', ({ spec }) => spec?.type ?? ''),
  text('Cluster-IP', 'Its address inside the cluster.', ({ spec }) => (spec?.clusterIP === undefined || spec.clusterIP === '' ? '<none>' : spec.clusterIP)),
  text('External-IP', 'Its addresses outside the cluster.', formatExternalIP),
  text('Port(s)', 'Ports, with the node port after a colon.', ({ spec }) => formatPorts(spec?.ports)),
  ageColumn,
  wide('Selector', 'Labels of the pods behind it.', ({ spec }) => formatLabels(spec?.selector)),
];
