import { type FieldError, type FieldPath, invalid, notSupported, required } from '../../machinery/field-error.ts';
import { dns1123LabelFaults, dns1123SubdomainFaults, portNumberFaults, qualifiedNameFaults } from '../../machinery/names.ts';
import { addFaults, checkName, type Errors, isEmpty, root } from '../checks.ts';
import type * as core from '../gen/types/core.v1.ts';
import { canonicalIP, ipFaults, NEW_FAULTS } from '../ip.ts';

const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];

export function validateEndpoints({ subsets }: core.Endpoints): readonly FieldError[] {
  const errors: Errors = [];
  for (const [i, subset] of (subsets ?? []).entries()) {
    const at = root('subsets').index(i);
    const { addresses = [], notReadyAddresses = [], ports = [] } = subset;
    if (addresses.length === 0 && notReadyAddresses.length === 0) errors.push(required(at, 'must specify `addresses` or `notReadyAddresses`'));
    for (const [j, address] of addresses.entries()) errors.push(...validateAddress(address, at.child('addresses').index(j)));
    for (const [j, address] of notReadyAddresses.entries()) errors.push(...validateAddress(address, at.child('notReadyAddresses').index(j)));
    for (const [j, port] of ports.entries()) errors.push(...validatePort(port, at.child('ports').index(j), ports.length > 1));
  }
  return errors;
}

function validateAddress({ ip, hostname, nodeName }: core.EndpointAddress, path: FieldPath): Errors {
  const errors: Errors = [];
  addFaults(errors, path.child('ip'), ip, ipFaults(ip ?? ''));
  if (!isEmpty(hostname)) addFaults(errors, path.child('hostname'), hostname, dns1123LabelFaults(hostname));
  if (nodeName !== undefined) addFaults(errors, path.child('nodeName'), nodeName, dns1123SubdomainFaults(nodeName));
  errors.push(...endpointAddressErrors(ip ?? '', path.child('ip')));
  return errors;
}

/** An endpoint must not lead to the machine itself or to its neighbours by link. */
export function endpointAddressErrors(ip: string, path: FieldPath): Errors {
  if (ipFaults(ip).length > 0 && !ipFaults(ip).some((fault) => NEW_FAULTS.has(fault))) return [invalid(path, ip, 'must be a valid IP address')];
  const plain = canonicalIP(ip);
  if (plain === '0.0.0.0' || plain === '::') return [invalid(path, ip, `may not be unspecified (${ip})`)];
  if (plain.startsWith('127.') || plain === '::1') return [invalid(path, ip, 'may not be in the loopback range (127.0.0.0/8, ::1/128)')];
  if (plain.startsWith('169.254.') || /^fe[89ab]/.test(plain)) return [invalid(path, ip, 'may not be in the link-local range (169.254.0.0/16, fe80::/10)')];
  if (plain.startsWith('224.0.0.') || /^ff[0-9a-f]2:/.test(plain))
    return [invalid(path, ip, 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)')];
  return [];
}

function validatePort({ name, port, protocol, appProtocol }: core.EndpointPort, path: FieldPath, needsName: boolean): Errors {
  const errors: Errors = [];
  if (needsName) checkName(errors, path.child('name'), name, dns1123LabelFaults);
  else if (!isEmpty(name)) addFaults(errors, path.child('name'), name, dns1123LabelFaults(name));
  addFaults(errors, path.child('port'), port, portNumberFaults(port));
  if (isEmpty(protocol)) errors.push(required(path.child('protocol')));
  else if (!PROTOCOLS.includes(protocol)) errors.push(notSupported(path.child('protocol'), protocol, PROTOCOLS));
  if (appProtocol !== undefined) addFaults(errors, path.child('appProtocol'), appProtocol, qualifiedNameFaults(appProtocol));
  return errors;
}
