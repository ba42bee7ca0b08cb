import { duplicate, type FieldError, type FieldPath, forbidden, invalid, notSupported, required } from '../../machinery/field-error.ts';
import { validateLabels } from '../../machinery/labels.ts';
import { dns1123LabelFaults, dns1123SubdomainFaults, portNumberFaults, qualifiedNameFaults } from '../../machinery/names.ts';
import { addFaults, asJson, checkOneOf, checkSupported, type Errors, isEmpty, root } from '../checks.ts';
import type * as core from '../gen/types/core.v1.ts';
import { cidrFaults, familyOf, ipFaults } from '../ip.ts';
import { checkPort } from './probe.validation.ts';

const SPEC = root('spec');
const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];
const KUBELET_PORT = 10_250;
const DAY_SECONDS = 86_400;

const isHeadless = (spec: core.ServiceSpec): boolean => spec.clusterIP === 'None' || spec.clusterIPs?.[0] === 'None';

export function validateService({ spec = {} }: core.Service): readonly FieldError[] {
  const errors: Errors = [];
  if ((spec.ports ?? []).length === 0 && !isHeadless(spec) && spec.type !== 'ExternalName') errors.push(required(SPEC.child('ports')));
  errors.push(...validateType(spec));
  errors.push(...validatePorts(spec));
  errors.push(...validateLabels(spec.selector, SPEC.child('selector')));
  checkOneOf(errors, SPEC.child('sessionAffinity'), spec.sessionAffinity, ['ClientIP', 'None']);
  errors.push(...validateAffinity(spec));
  errors.push(...validateAddresses(spec));
  for (const [i, address] of (spec.externalIPs ?? []).entries()) errors.push(...externalAddressErrors(address, SPEC.child('externalIPs').index(i)));
  checkOneOf(errors, SPEC.child('type'), spec.type, TYPES);
  errors.push(...validateBalancing(spec));
  errors.push(...validatePolicies(spec));
  return errors;
}

function validateType(spec: core.ServiceSpec): Errors {
  const errors: Errors = [];
  if (spec.type === 'LoadBalancer' || spec.type === 'NodePort') {
    if (spec.type === 'LoadBalancer') {
      for (const [i, { port }] of (spec.ports ?? []).entries())
        if (port === KUBELET_PORT) errors.push(invalid(SPEC.child('ports').index(i), port, 'may not expose port 10250 externally since it is used by kubelet'));
    }
    if (isHeadless(spec)) errors.push(invalid(SPEC.child('clusterIPs').index(0), 'None', `may not be set to 'None' for ${spec.type} services`));
  }
  if (spec.type !== 'ExternalName') return errors;
  if ((spec.clusterIPs ?? []).length > 0 || !isEmpty(spec.clusterIP))
    errors.push(forbidden(SPEC.child('clusterIPs'), 'may not be set for ExternalName services'));
  // A name may end with a dot; the rest is a DNS name.
  const name = (spec.externalName ?? '').replace(/\.$/, '');
  if (name === '') errors.push(required(SPEC.child('externalName')));
  else addFaults(errors, SPEC.child('externalName'), name, dns1123SubdomainFaults(name));
  return errors;
}

function validatePorts(spec: core.ServiceSpec): Errors {
  const errors: Errors = [];
  const ports = spec.ports ?? [];
  const names = new Set<string>();
  const nodePorts = new Set<string>();
  const pairs = new Set<string>();
  for (const [i, port] of ports.entries()) {
    const at = SPEC.child('ports').index(i);
    errors.push(...validatePort(port, at, ports.length > 1, names, isHeadless(spec)));
    if ((spec.type === 'ClusterIP' || spec.type === 'ExternalName') && (port.nodePort ?? 0) !== 0)
      errors.push(forbidden(at.child('nodePort'), `may not be used when \`type\` is '${spec.type}'`));
    if ((port.nodePort ?? 0) !== 0) {
      const key = `${port.protocol}/${port.nodePort}`;
      if (nodePorts.has(key)) errors.push(duplicate(at.child('nodePort'), port.nodePort ?? 0));
      nodePorts.add(key);
    }
    const pair = `${port.protocol}/${port.port}`;
    if (pairs.has(pair)) errors.push(duplicate(at, { protocol: port.protocol ?? '', port: port.port }));
    pairs.add(pair);
  }
  return errors;
}

function validatePort(port: core.ServicePort, path: FieldPath, needsName: boolean, names: Set<string>, headless: boolean): Errors {
  const errors: Errors = [];
  if (isEmpty(port.name)) {
    if (needsName) errors.push(required(path.child('name')));
  } else {
    addFaults(errors, path.child('name'), port.name, dns1123LabelFaults(port.name));
    if (names.has(port.name)) errors.push(duplicate(path.child('name'), port.name));
    names.add(port.name);
  }
  addFaults(errors, path.child('port'), port.port, portNumberFaults(port.port));
  if (isEmpty(port.protocol)) errors.push(required(path.child('protocol')));
  else if (!PROTOCOLS.includes(port.protocol)) errors.push(notSupported(path.child('protocol'), port.protocol, PROTOCOLS));
  checkPort(errors, path.child('targetPort'), port.targetPort);
  if (!isEmpty(port.appProtocol)) addFaults(errors, path.child('appProtocol'), port.appProtocol, qualifiedNameFaults(port.appProtocol));
  if (headless && typeof port.targetPort === 'string' && port.targetPort === '') errors.push(required(path.child('targetPort')));
  return errors;
}

function validateAffinity({ sessionAffinity, sessionAffinityConfig }: core.ServiceSpec): Errors {
  const path = SPEC.child('sessionAffinityConfig');
  if (sessionAffinity !== 'ClientIP')
    return sessionAffinityConfig === undefined ? [] : [forbidden(path, `must not be set when session affinity is ${sessionAffinity ?? 'None'}`)];
  const seconds = sessionAffinityConfig?.clientIP?.timeoutSeconds;
  const at = path.child('clientIP', 'timeoutSeconds');
  if (seconds === undefined) return [required(at, `when session affinity type is ${sessionAffinity}`)];
  return seconds <= 0 || seconds > DAY_SECONDS ? [invalid(at, seconds, `must be greater than 0 and less than ${DAY_SECONDS}`)] : [];
}

/** clusterIP, clusterIPs, ipFamilies and ipFamilyPolicy among each other. */
function validateAddresses(spec: core.ServiceSpec): Errors {
  const errors: Errors = [];
  const ips = spec.clusterIPs ?? [];
  if (spec.type === 'ExternalName') {
    if ((spec.ipFamilies ?? []).length > 0) errors.push(forbidden(SPEC.child('ipFamilies'), 'may not be set for ExternalName services'));
    if (spec.ipFamilyPolicy !== undefined) errors.push(forbidden(SPEC.child('ipFamilyPolicy'), 'may not be set for ExternalName services'));
    return errors;
  }
  if (!isEmpty(spec.clusterIP) && ips.length > 0 && spec.clusterIP !== ips[0])
    errors.push(invalid(SPEC.child('clusterIPs'), [...ips], 'first value must match `clusterIP`'));
  if (isEmpty(spec.clusterIP) && ips.length > 0) errors.push(required(SPEC.child('clusterIP'), 'must be set when `clusterIPs` is specified'));
  const families = spec.ipFamilies ?? [];
  for (const [i, family] of families.entries()) {
    const at = SPEC.child('ipFamilies').index(i);
    if (family !== 'IPv4' && family !== 'IPv6') errors.push(notSupported(at, family, ['IPv4', 'IPv6']));
    if (families.indexOf(family) !== i) errors.push(duplicate(at, family));
  }
  checkSupported(errors, SPEC.child('ipFamilyPolicy'), spec.ipFamilyPolicy, ['PreferDualStack', 'RequireDualStack', 'SingleStack']);
  if (ips.length > 2) errors.push(invalid(SPEC.child('clusterIPs'), [...ips], 'may only hold up to 2 values'));
  for (const [i, ip] of ips.entries()) {
    const at = SPEC.child('clusterIPs').index(i);
    if (ip === 'None') {
      if (i > 0) errors.push(invalid(at, ip, "must be empty, 'None', or a valid IP address"));
      continue;
    }
    addFaults(errors, at, ip, ipFaults(ip));
    const family = families[i];
    if (family !== undefined && familyOf(ip) !== undefined && familyOf(ip) !== family)
      errors.push(invalid(at, ip, `expected an ${family} value as indicated by \`ipFamilies[${i}]\``));
  }
  if (ips.length === 2 && familyOf(ips[0] ?? '') === familyOf(ips[1] ?? ''))
    errors.push(invalid(SPEC.child('clusterIPs'), [...ips], 'may specify no more than one IP for each IP family'));
  return errors;
}

/** Addresses that are no place in the network. */
function externalAddressErrors(address: string, path: FieldPath): Errors {
  const errors: Errors = [];
  addFaults(errors, path, address, ipFaults(address));
  if (address === '0.0.0.0' || address === '::') errors.push(invalid(path, address, 'may not be unspecified (0.0.0.0 or ::)'));
  if (address.startsWith('127.') || address === '::1') errors.push(invalid(path, address, 'may not be in the loopback range (127.0.0.0/8, ::1/128)'));
  if (address.startsWith('169.254.')) errors.push(invalid(path, address, 'may not be in the link-local range (169.254.0.0/16, fe80::/10)'));
  if (address.startsWith('224.0.0.')) errors.push(invalid(path, address, 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)'));
  return errors;
}

function validateBalancing(spec: core.ServiceSpec): Errors {
  const errors: Errors = [];
  const ranges = spec.loadBalancerSourceRanges ?? [];
  if (ranges.length > 0 && spec.type !== 'LoadBalancer')
    errors.push(forbidden(SPEC.child('loadBalancerSourceRanges'), "may only be used when `type` is 'LoadBalancer'"));
  for (const [i, range] of ranges.entries()) addFaults(errors, SPEC.child('loadBalancerSourceRanges').index(i), range, cidrFaults(range.trim()));
  if (spec.allocateLoadBalancerNodePorts !== undefined && spec.type !== 'LoadBalancer')
    errors.push(forbidden(SPEC.child('allocateLoadBalancerNodePorts'), "may only be used when `type` is 'LoadBalancer'"));
  if (spec.loadBalancerClass !== undefined) {
    if (spec.type !== 'LoadBalancer') errors.push(forbidden(SPEC.child('loadBalancerClass'), "may only be used when `type` is 'LoadBalancer'"));
    addFaults(errors, SPEC.child('loadBalancerClass'), spec.loadBalancerClass, qualifiedNameFaults(spec.loadBalancerClass));
  }
  return errors;
}

function validatePolicies(spec: core.ServiceSpec): Errors {
  const errors: Errors = [];
  const external = SPEC.child('externalTrafficPolicy');
  const reachable = spec.type === 'LoadBalancer' || spec.type === 'NodePort' || (spec.type === 'ClusterIP' && (spec.externalIPs ?? []).length > 0);
  if (!isEmpty(spec.externalTrafficPolicy)) {
    if (!reachable) errors.push(invalid(external, spec.externalTrafficPolicy, 'may only be set for externally-accessible services'));
    else checkOneOf(errors, external, spec.externalTrafficPolicy, ['Cluster', 'Local']);
  } else if (reachable) errors.push(required(external, 'required for externally-accessible services'));
  const health = spec.healthCheckNodePort ?? 0;
  if (health !== 0 && !(spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local')) {
    errors.push(invalid(SPEC.child('healthCheckNodePort'), health, "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"));
  }
  if (spec.internalTrafficPolicy !== undefined) checkSupported(errors, SPEC.child('internalTrafficPolicy'), spec.internalTrafficPolicy, ['Cluster', 'Local']);
  else if (spec.type !== 'ExternalName') errors.push(required(SPEC.child('internalTrafficPolicy')));
  checkSupported(errors, SPEC.child('trafficDistribution'), spec.trafficDistribution, ['PreferClose', 'PreferSameNode', 'PreferSameZone']);
  return errors;
}

/** Addresses, once given, stay as long as the type has any. */
export function validateServiceUpdate(service: core.Service, old: core.Service): readonly FieldError[] {
  const errors: Errors = [];
  const [now, then] = [service.spec ?? {}, old.spec ?? {}];
  if (now.type !== 'ExternalName' && then.type !== 'ExternalName') {
    const [ips, before] = [now.clusterIPs ?? [], then.clusterIPs ?? []];
    if (before.length > 0 && ips.length > 0 && ips[0] !== before[0])
      errors.push(invalid(SPEC.child('clusterIPs').index(0), asJson(ips), 'may not change once set'));
    else if (before.length > 0 && ips.length === 0) errors.push(invalid(SPEC.child('clusterIPs').index(0), asJson(ips), 'primary clusterIP can not be unset'));
  }
  if (then.type === 'LoadBalancer' && now.type === 'LoadBalancer' && then.loadBalancerClass !== undefined && now.loadBalancerClass !== then.loadBalancerClass) {
    errors.push(invalid(SPEC.child('loadBalancerClass'), now.loadBalancerClass ?? null, 'may not change once set'));
  }
  return [...errors, ...validateService(service)];
}
