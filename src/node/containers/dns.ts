import type { Pod } from '../../api/gen/types/core.v1.ts';
import type { ClusterDns } from '../options.ts';
import { spec } from '../pods/pod.ts';

export interface DnsConfig {
  readonly servers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
}

/** What resolv.conf of a pod says, by its dnsPolicy and dnsConfig. Without a cluster name server, ClusterFirst is the node's own. */
export function dnsOf(pod: Pod, { servers, domain, host }: ClusterDns): DnsConfig {
  const { dnsPolicy = 'ClusterFirst', hostNetwork = false, dnsConfig } = spec(pod);
  const clusterFirst = servers.length > 0 && (dnsPolicy === 'ClusterFirstWithHostNet' || (dnsPolicy === 'ClusterFirst' && !hostNetwork));
  const namespace = pod.metadata?.namespace ?? '';
  const base: DnsConfig =
    dnsPolicy === 'None'
      ? { servers: [], searches: [], options: [] }
      : clusterFirst
        ? { servers, searches: [`${namespace}.svc.${domain}`, `svc.${domain}`, domain, ...host.searches], options: ['ndots:5'] }
        : host;
  if (dnsConfig === undefined) return base;
  return {
    servers: unique([...base.servers, ...(dnsConfig.nameservers ?? [])]),
    searches: unique([...base.searches, ...(dnsConfig.searches ?? [])]),
    options: mergeOptions(
      base.options,
      (dnsConfig.options ?? []).map(({ name = '', value }) => (value === undefined || value === '' ? name : `${name}:${value}`)),
    ),
  };
}

function unique(all: readonly string[]): readonly string[] {
  return [...new Set(all)];
}

/** A later option of the same name replaces the earlier one. */
function mergeOptions(base: readonly string[], own: readonly string[]): readonly string[] {
  const merged = new Map<string, string>();
  for (const option of [...base, ...own]) merged.set(option.split(':', 1)[0] ?? option, option);
  return [...merged.values()];
}
