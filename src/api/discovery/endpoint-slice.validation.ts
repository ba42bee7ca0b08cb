import { duplicate, type FieldError, type FieldPath, invalid, notSupported, required, tooMany } from '../../machinery/field-error.ts';
import { dns1123LabelFaults, dns1123SubdomainFaults, labelValueFaults, qualifiedNameFaults } from '../../machinery/names.ts';
import { addFaults, type Errors, IMMUTABLE, isEmpty, root } from '../checks.ts';
import { endpointAddressErrors } from '../core/endpoints.validation.ts';
import type * as discovery from '../gen/types/discovery.v1.ts';
import { familyOf, ipFaults } from '../ip.ts';
import { keepOldAddresses } from '../old-addresses.ts';

const ADDRESS_TYPES = ['FQDN', 'IPv4', 'IPv6'];
const MAX_HINTS = 8;
const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];
const MAX_ENDPOINTS = 1000;
const MAX_ADDRESSES = 100;
const MAX_PORTS = 20_000;

export function validateEndpointSlice({ addressType, endpoints = [], ports = [] }: discovery.EndpointSlice): readonly FieldError[] {
  const errors: Errors = [];
  if (isEmpty(addressType)) errors.push(required(root('addressType')));
  else if (!ADDRESS_TYPES.includes(addressType)) errors.push(notSupported(root('addressType'), addressType, ADDRESS_TYPES));
  if (endpoints.length > MAX_ENDPOINTS) return [...errors, tooMany(root('endpoints'), endpoints.length, MAX_ENDPOINTS)];
  for (const [i, endpoint] of endpoints.entries()) errors.push(...validateEndpoint(endpoint, addressType, root('endpoints').index(i)));
  if (ports.length > MAX_PORTS) return [...errors, tooMany(root('ports'), ports.length, MAX_PORTS)];
  const names = new Set<string>();
  for (const [i, port] of ports.entries()) errors.push(...validatePort(port, root('ports').index(i), names));
  return errors;
}

/** A name of at least two labels; a dot behind them is no part of it. */
function domainErrors(text: string, path: FieldPath): Errors {
  if (text === '') return [required(path)];
  const domain = text.endsWith('.') ? text.slice(0, -1) : text;
  const faults = dns1123SubdomainFaults(domain);
  if (faults.length > 0) return [invalid(path, domain, faults.join(','))];
  const labels = domain.split('.');
  if (labels.length < 2) return [invalid(path, domain, 'should be a domain with at least two segments separated by dots')];
  const wrong = labels.find((label) => dns1123LabelFaults(label).length > 0);
  return wrong === undefined ? [] : [invalid(path, wrong, dns1123LabelFaults(wrong).join(','))];
}

function validateEndpoint({ addresses, nodeName, hostname, hints }: discovery.Endpoint, type: string, path: FieldPath): Errors {
  const errors: Errors = [];
  const at = path.child('addresses');
  if ((addresses ?? []).length === 0) errors.push(required(at, 'must contain at least 1 address'));
  else if (addresses.length > MAX_ADDRESSES) errors.push(tooMany(at, addresses.length, MAX_ADDRESSES));
  for (const [i, address] of (addresses ?? []).entries()) {
    if (type === 'FQDN') errors.push(...domainErrors(address, at.index(i)));
    else if (ipFaults(address).length > 0) addFaults(errors, at.index(i), address, ipFaults(address));
    else if (familyOf(address) !== type) errors.push(invalid(at.index(i), address, `must be an ${type} address`));
    else errors.push(...endpointAddressErrors(address, at.index(i)));
  }
  if (nodeName !== undefined) addFaults(errors, path.child('nodeName'), nodeName, dns1123SubdomainFaults(nodeName));
  if (hostname !== undefined) addFaults(errors, path.child('hostname'), hostname, dns1123LabelFaults(hostname));
  return [
    ...errors,
    ...hintErrors(hints?.forZones, path.child('hints', 'forZones'), labelValueFaults),
    ...hintErrors(hints?.forNodes, path.child('hints', 'forNodes'), dns1123SubdomainFaults),
  ];
}

/** Which zones or nodes an endpoint is for. */
function hintErrors(hints: readonly discovery.ForZone[] | undefined, path: FieldPath, faultsOf: (name: string) => readonly string[]): Errors {
  const errors: Errors = [];
  const count = (hints ?? []).length;
  if (count > MAX_HINTS) return [tooMany(path, count, MAX_HINTS)];
  const names = new Set<string>();
  for (const [i, { name }] of (hints ?? []).entries()) {
    const at = path.index(i).child('name');
    if (names.has(name)) errors.push(duplicate(at, name));
    names.add(name);
    addFaults(errors, at, name, faultsOf(name));
  }
  return errors;
}

function validatePort({ name = '', protocol, appProtocol }: discovery.EndpointPort, path: FieldPath, names: Set<string>): Errors {
  const errors: Errors = [];
  if (name !== '') addFaults(errors, path.child('name'), name, dns1123LabelFaults(name));
  if (names.has(name)) errors.push(duplicate(path.child('name'), name));
  names.add(name);
  if (protocol === undefined) errors.push(required(path.child('protocol')));
  else if (!PROTOCOLS.includes(protocol)) errors.push(notSupported(path.child('protocol'), protocol, PROTOCOLS));
  if (appProtocol !== undefined) addFaults(errors, path.child('appProtocol'), appProtocol, qualifiedNameFaults(appProtocol));
  return errors;
}

export function validateEndpointSliceUpdate(slice: discovery.EndpointSlice, old: discovery.EndpointSlice): readonly FieldError[] {
  const errors: Errors = [...keepOldAddresses(validateEndpointSlice)(slice, old)];
  if (slice.addressType !== old.addressType) errors.push(invalid(root('addressType'), slice.addressType, IMMUTABLE));
  return errors;
}
