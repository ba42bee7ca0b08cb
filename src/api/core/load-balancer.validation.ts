import { type FieldError, type FieldPath, forbidden, invalid, notSupported, required } from '../../machinery/field-error.ts';
import { dns1123SubdomainFaults } from '../../machinery/names.ts';
import { addFaults, type Errors, isEmpty } from '../checks.ts';
import type * as core from '../gen/types/core.v1.ts';
import { ipFaults, isIP } from '../ip.ts';

const MODES = ['Proxy', 'VIP'];

/** Where a balancer is reached: an address or a name. `type`: of the service. */
export function validateLoadBalancerStatus(status: core.LoadBalancerStatus | undefined, path: FieldPath, type: string | undefined): readonly FieldError[] {
  const errors: Errors = [];
  const ingress = status?.ingress ?? [];
  if (type !== 'LoadBalancer' && ingress.length > 0) return [forbidden(path.child('ingress'), "may only be used when `spec.type` is 'LoadBalancer'")];
  for (const [i, { ip, hostname, ipMode }] of ingress.entries()) {
    const at = path.child('ingress').index(i);
    if (!isEmpty(ip)) addFaults(errors, at.child('ip'), ip, ipFaults(ip));
    if (!isEmpty(ip) && ipMode === undefined) errors.push(required(at.child('ipMode'), 'must be specified when `ip` is set'));
    if (ipMode !== undefined && isEmpty(ip)) errors.push(forbidden(at.child('ipMode'), 'may not be specified when `ip` is not set'));
    else if (ipMode !== undefined && !MODES.includes(ipMode)) errors.push(notSupported(at.child('ipMode'), ipMode, MODES));
    if (isEmpty(hostname)) continue;
    addFaults(errors, at.child('hostname'), hostname, dns1123SubdomainFaults(hostname));
    if (isIP(hostname)) errors.push(invalid(at.child('hostname'), hostname, 'must be a DNS name, not an IP address'));
  }
  return errors;
}
