import { cidrWarnings, ipWarnings } from '../address.warnings.ts';
import { isEmpty, root } from '../checks.ts';
import type * as core from '../gen/types/core.v1.ts';

const HINTS = 'service.kubernetes.io/topology-aware-hints';
const MODE = 'service.kubernetes.io/topology-mode';
const SPEC = root('spec');

/** Of where the balancer says it can be reached. */
export const serviceStatusWarnings = ({ status }: core.Service): readonly string[] =>
  (status?.loadBalancer?.ingress ?? []).flatMap(({ ip }, i) => ipWarnings(root('status').child('loadBalancer', 'ingress').index(i), ip ?? ''));

/** pkg/api/service/warnings.go */
export function serviceWarnings({ metadata, spec = {} }: core.Service): readonly string[] {
  const { type = 'ClusterIP', clusterIP, clusterIPs = [], externalIPs = [], loadBalancerIP } = spec;
  const headless = type === 'ClusterIP' && clusterIP === 'None';
  const out: string[] = [];
  if (metadata?.annotations?.[HINTS] !== undefined) out.push(`annotation ${HINTS} is deprecated, please use ${MODE} instead`);
  for (const [i, ip] of clusterIPs.entries()) out.push(...ipWarnings(SPEC.child('clusterIPs').index(i), ip));
  if (headless) {
    if (!isEmpty(loadBalancerIP)) out.push('spec.loadBalancerIP is ignored for headless services');
    if (externalIPs.length > 0) out.push('spec.externalIPs is ignored for headless services');
    if (spec.sessionAffinity !== 'None') out.push('spec.SessionAffinity is ignored for headless services');
  }
  for (const [i, ip] of externalIPs.entries()) out.push(...ipWarnings(SPEC.child('externalIPs').index(i), ip));
  if (externalIPs.length > 0 && !headless && type !== 'ExternalName')
    out.push('spec.externalIPs is deprecated and may no longer be implemented in some clusters');
  if (!isEmpty(loadBalancerIP)) out.push(...ipWarnings(SPEC.child('loadBalancerIP'), loadBalancerIP));
  for (const [i, cidr] of (spec.loadBalancerSourceRanges ?? []).entries()) out.push(...cidrWarnings(SPEC.child('loadBalancerSourceRanges').index(i), cidr));
  if (type === 'ExternalName' && externalIPs.length > 0) out.push('spec.externalIPs is ignored when spec.type is "ExternalName"');
  if (type !== 'ExternalName' && !isEmpty(spec.externalName)) out.push('spec.externalName is ignored when spec.type is not "ExternalName"');
  if (spec.trafficDistribution === 'PreferClose') out.push('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"');
  return out;
}
