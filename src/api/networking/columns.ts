import { formatLabelSelector } from '../../machinery/labels.ts';
import { ageColumn, nameColumn, text } from '../columns.ts';
import { formatLoadBalancer } from '../core/service.columns.ts';
import type * as networking from '../gen/types/networking.v1.ts';
import type { Column } from '../kind.ts';

const MOST_HOSTS = 3;

function formatHosts(rules: readonly networking.IngressRule[] | undefined): string {
  const hosts = (rules ?? []).map((r) => r.host ?? '').filter((h) => h !== '');
  if (hosts.length === 0) return '*';
  const shown = hosts.slice(0, MOST_HOSTS).join(',');
  return (rules ?? []).length > MOST_HOSTS && hosts.length >= MOST_HOSTS ? `${shown} + ${(rules ?? []).length - MOST_HOSTS} more...` : shown;
}

export const ingressColumns: readonly Column<networking.Ingress>[] = [
  nameColumn,
  text(
    'Class',
    'The class of controllers that serve it.',
    ({ metadata, spec }) => spec?.ingressClassName ?? metadata?.annotations?.['kubernetes.io/ingress.class'] ?? '<none>',
  ),
  text('Hosts', 'Host names that it answers to.', ({ spec }) => formatHosts(spec?.rules)),
  text('Address', 'Where it is reached.', ({ status }) => formatLoadBalancer(status?.loadBalancer?.ingress)),
  text('Ports', 'Ports that are open.', ({ spec }) => ((spec?.tls ?? []).length > 0 ? '80, 443' : '80')),
  ageColumn,
];

function formatParameters({ spec }: networking.IngressClass): string {
  const ref = spec?.parameters;
  if (ref === undefined) return '<none>';
  return `${ref.kind}${ref.apiGroup === undefined || ref.apiGroup === '' ? '' : `.${ref.apiGroup}`}/${ref.name}`;
}

export const ingressClassColumns: readonly Column<networking.IngressClass>[] = [
  nameColumn,
  text('Controller', 'Who serves it.', ({ spec }) => spec?.controller ?? ''),
  text('Parameters', 'Further settings.', formatParameters),
  ageColumn,
];

export const networkPolicyColumns: readonly Column<networking.NetworkPolicy>[] = [
  nameColumn,
  text('Pod-Selector', 'Labels of the pods that it isolates.', ({ spec }) => formatLabelSelector(spec?.podSelector)),
  ageColumn,
];

export const serviceCidrColumns: readonly Column<networking.ServiceCIDR>[] = [
  nameColumn,
  text('CIDRs', 'Ranges of addresses.', ({ spec }) => (spec?.cidrs ?? []).join(',')),
  ageColumn,
];

function formatParent({ spec }: networking.IPAddress): string {
  const ref = spec?.parentRef;
  if (ref === undefined) return '<none>';
  return [`${ref.resource ?? ''}${ref.group === undefined || ref.group === '' ? '' : `.${ref.group}`}`, ref.namespace ?? '', ref.name ?? '']
    .filter((p) => p !== '')
    .join('/');
}

export const ipAddressColumns: readonly Column<networking.IPAddress>[] = [nameColumn, text('ParentRef', 'What the address belongs to.', formatParent)];
