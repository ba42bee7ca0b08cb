import type { Pod } from '../../api/gen/types/core.v1.ts';
import { spec } from '../pods/pod.ts';

const OWN = `# Kubernetes-managed hosts file.
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::\tip6-localnet
fe00::\tip6-mcastprefix
fe00::1\tip6-allnodes
fe00::2\tip6-allrouters
`;

/** The name by which a pod knows itself; and its domain, when it has a subdomain. */
export function hostnameOf(pod: Pod, clusterDomain: string, nodeHostname: string): { readonly hostname: string; readonly domain: string } {
  const { hostname, subdomain, hostNetwork = false, hostnameOverride } = spec(pod);
  if (hostnameOverride !== undefined && hostnameOverride !== '') return { hostname: hostnameOverride, domain: '' };
  if (hostNetwork) return { hostname: nodeHostname, domain: '' };
  // Linux allows 63 characters; a name cut at a dash would not be one.
  const name = (hostname !== undefined && hostname !== '' ? hostname : (pod.metadata?.name ?? '')).slice(0, 63).replace(/[-.]+$/, '');
  const domain = subdomain === undefined || subdomain === '' ? '' : `${subdomain}.${pod.metadata?.namespace ?? ''}.svc.${clusterDomain}`;
  return { hostname: name, domain };
}

/** /etc/hosts of a pod that has a network of its own; `nodeFile` is what the node's own says, for pods on the node's network. */
export function hostsFile(
  pod: Pod,
  podIps: readonly string[],
  { hostname, domain }: { readonly hostname: string; readonly domain: string },
  nodeFile: string,
): string {
  const { hostNetwork = false, hostAliases = [] } = spec(pod);
  let text = hostNetwork ? `# Kubernetes-managed hosts file (host network).\n${nodeFile}` : OWN;
  if (!hostNetwork) for (const ip of podIps) text += domain === '' ? `${ip}\t${hostname}\n` : `${ip}\t${hostname}.${domain}\t${hostname}\n`;
  if (hostAliases.length === 0) return text;
  text += '\n# Entries added by HostAliases.\n';
  for (const { ip, hostnames = [] } of hostAliases) text += `${ip}\t${hostnames.join('\t')}\n`;
  return text;
}
