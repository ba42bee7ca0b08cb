import { duplicate, type FieldError, type FieldPath, forbidden, invalid, notSupported, required } from '../../machinery/field-error.ts';
import { validateLabels } from '../../machinery/labels.ts';
import { dns1123LabelFaults, dns1123SubdomainFaults, portNumberFaults, qualifiedNameFaults } from '../../machinery/names.ts';
import { addFaults, asJson, checkOneOf, checkSupported, type Errors, IMMUTABLE, isEmpty, root } from '../checks.ts';
import type * as core from '../gen/types/core.v1.ts';
import { cidrFaults, familyOf, ipFaults } from '../ip.ts';
import { keepOldAddresses } from '../old-addresses.ts';
import { endpointAddressErrors } from './endpoints.validation.ts';
import { validateLoadBalancerStatus } from './load-balancer.validation.ts';
import { checkPort } from './probe.validation.ts';

const SPEC = root('spec');
const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];
const DAY_SECONDS = 86_400;
const HINTS = 'service.kubernetes.io/topology-aware-hints';
const MODE = 'service.kubernetes.io/topology-mode';
const SOURCE_RANGES = 'service.beta.kubernetes.io/load-balancer-source-ranges';
const ONLY_BALANCER = "may only be used when `type` is 'LoadBalancer'";

const isHeadless = ({ clusterIPs }: core.ServiceSpec): boolean => clusterIPs?.length === 1 && clusterIPs[0] === 'None';

/** `ValidateService`. What the allocator gives has been given by now. */
export function validateService({ metadata, spec = {} }: core.Service): readonly FieldError[] {
  const errors: Errors = [];
  const annotations = metadata?.annotations ?? {};
  const [hints, mode] = [annotations[HINTS], annotations[MODE]];
  if (hints !== undefined && mode !== undefined && hints !== mode)
    errors.push(invalid(root('metadata').child('annotations').key(MODE), mode, `must match annotations[${HINTS}] when both are specified`));
  if ((spec.ports ?? []).length === 0 && !isHeadless(spec) && spec.type !== 'ExternalName') errors.push(required(SPEC.child('ports')));
  errors.push(...validateType(spec));
  const names = new Set<string>();
  for (const [i, port] of (spec.ports ?? []).entries()) errors.push(...validatePort(port, SPEC.child('ports').index(i), (spec.ports ?? []).length > 1, names));
  errors.push(...validateLabels(spec.selector, SPEC.child('selector')));
  checkOneOf(errors, SPEC.child('sessionAffinity'), spec.sessionAffinity, ['ClientIP', 'None']);
  errors.push(...validateAffinity(spec));
  errors.push(...validateAddresses(spec));
  for (const [i, address] of (spec.externalIPs ?? []).entries()) errors.push(...externalAddressErrors(address, SPEC.child('externalIPs').index(i)));
  checkOneOf(errors, SPEC.child('type'), spec.type, TYPES);
  errors.push(...validateNumbers(spec));
  errors.push(...validateBalancing(spec, annotations[SOURCE_RANGES]), ...classErrors(spec));
  errors.push(...validatePolicies(spec));
  return errors;
}

function validateType(spec: core.ServiceSpec): Errors {
  const errors: Errors = [];
  if ((spec.type === 'LoadBalancer' || spec.type === 'NodePort') && isHeadless(spec))
    errors.push(invalid(SPEC.child('clusterIPs').index(0), 'None', `may not be set to 'None' for ${spec.type} services`));
  if (spec.type !== 'ExternalName') return errors;
  const not = 'may not be set for ExternalName services';
  if ((spec.clusterIPs ?? []).length > 0) errors.push(forbidden(SPEC.child('clusterIPs'), not));
  if ((spec.ipFamilies ?? []).length > 0) errors.push(forbidden(SPEC.child('ipFamilies'), not));
  if (spec.ipFamilyPolicy !== undefined) errors.push(forbidden(SPEC.child('ipFamilyPolicy'), not));
  // A name may end with a dot; the rest is a DNS name.
  const name = (spec.externalName ?? '').replace(/\.$/, '');
  if (name === '') errors.push(required(SPEC.child('externalName')));
  else addFaults(errors, SPEC.child('externalName'), name, dns1123SubdomainFaults(name));
  return errors;
}

function validatePort(port: core.ServicePort, path: FieldPath, needsName: boolean, names: Set<string>): Errors {
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
  if (port.appProtocol !== undefined) addFaults(errors, path.child('appProtocol'), port.appProtocol, qualifiedNameFaults(port.appProtocol));
  return errors;
}

/** Ports of nodes and of the service among each other. */
function validateNumbers({ type, ports = [] }: core.ServiceSpec): Errors {
  const errors: Errors = [];
  const path = SPEC.child('ports');
  if (type === 'ClusterIP')
    for (const [i, { nodePort = 0 }] of ports.entries())
      if (nodePort !== 0) errors.push(forbidden(path.index(i).child('nodePort'), "may not be used when `type` is 'ClusterIP'"));
  const nodePorts = new Set<string>();
  for (const [i, { protocol, nodePort = 0 }] of ports.entries()) {
    if (nodePort === 0) continue;
    const key = `${protocol}/${nodePort}`;
    if (nodePorts.has(key)) errors.push(duplicate(path.index(i).child('nodePort'), nodePort));
    nodePorts.add(key);
  }
  const pairs = new Set<string>();
  for (const [i, { protocol = '', port }] of ports.entries()) {
    const pair = `${protocol}/${port}`;
    if (pairs.has(pair)) errors.push(duplicate(path.index(i), { protocol, port }));
    pairs.add(pair);
  }
  return errors;
}

function validateAffinity({ sessionAffinity, sessionAffinityConfig }: core.ServiceSpec): Errors {
  const path = SPEC.child('sessionAffinityConfig');
  if (sessionAffinity === 'None' && sessionAffinityConfig !== undefined) return [forbidden(path, 'must not be set when session affinity is None')];
  if (sessionAffinity !== 'ClientIP') return [];
  const seconds = sessionAffinityConfig?.clientIP?.timeoutSeconds;
  const at = path.child('clientIP', 'timeoutSeconds');
  if (seconds === undefined) return [required(at, `when session affinity type is ${sessionAffinity}`)];
  return seconds <= 0 || seconds > DAY_SECONDS ? [invalid(at, seconds, `must be greater than 0 and less than ${DAY_SECONDS}`)] : [];
}

/** What the allocator goes by must be right before it gives anything: `ValidateServiceClusterIPsRelatedFields`. */
export const validateClusterAddresses = ({ spec = {} }: core.Service): readonly FieldError[] => validateAddresses(spec);
export const validateClusterAddressesUpdate = keepOldAddresses(validateClusterAddresses);

/** clusterIP, clusterIPs, ipFamilies and ipFamilyPolicy among each other. */
function validateAddresses(spec: core.ServiceSpec): Errors {
  // Their absence has been seen to.
  if (spec.type === 'ExternalName') return [];
  const errors: Errors = [];
  const path = SPEC.child('clusterIPs');
  const ips = spec.clusterIPs ?? [];
  if (!isEmpty(spec.clusterIP)) {
    if (ips.length === 0) errors.push(required(path));
    else if (spec.clusterIP !== ips[0]) errors.push(invalid(path, [...ips], 'first value must match `clusterIP`'));
  } else if (ips.length > 0) errors.push(invalid(path, [...ips], 'must be empty when `clusterIP` is not specified'));
  const families = spec.ipFamilies ?? [];
  for (const [i, family] of families.entries()) {
    const at = SPEC.child('ipFamilies').index(i);
    if (family !== 'IPv4' && family !== 'IPv6') errors.push(notSupported(at, family, ['IPv4', 'IPv6']));
    if (families.indexOf(family) !== i) errors.push(duplicate(at, family));
  }
  checkSupported(errors, SPEC.child('ipFamilyPolicy'), spec.ipFamilyPolicy, ['PreferDualStack', 'RequireDualStack', 'SingleStack']);
  const wrong = wrongAddresses(ips, path);
  errors.push(...wrong);
  if (ips.length > 2) errors.push(invalid(path, [...ips], 'may only hold up to 2 values'));
  if (wrong.length > 0) return errors;
  if (ips.length > 1 && new Set(ips.map(familyOf)).size < 2) errors.push(invalid(path, [...ips], 'may specify no more than one IP for each IP family'));
  if (isHeadless(spec)) return errors;
  for (const [i, ip] of ips.entries()) {
    const family = families[i];
    if ((family === 'IPv4' || family === 'IPv6') && familyOf(ip) !== family)
      errors.push(invalid(path.index(i), ip, `expected an ${family} value as indicated by \`ipFamilies[${i}]\``));
  }
  return errors;
}

function wrongAddresses(ips: readonly string[], path: FieldPath): Errors {
  const errors: Errors = [];
  for (const [i, ip] of ips.entries()) {
    if (i > 0 || ip !== 'None') addFaults(errors, path.index(i), ip, ipFaults(ip));
    else if (ips.length > 1) errors.push(invalid(path, [...ips], "'None' must be the first and only value"));
  }
  return errors;
}

/** Of the network, and of no machine alone. */
function externalAddressErrors(address: string, path: FieldPath): Errors {
  const errors: Errors = [];
  addFaults(errors, path, address, ipFaults(address));
  return errors.length > 0 ? errors : endpointAddressErrors(address, path);
}

function validateBalancing(spec: core.ServiceSpec, annotated: string | undefined): Errors {
  const errors: Errors = [];
  const ranges = spec.loadBalancerSourceRanges ?? [];
  // The path is the one that Kubernetes gives.
  const path = ranges.length > 0 ? SPEC.child('LoadBalancerSourceRanges') : root('metadata').child('annotations').key(SOURCE_RANGES);
  if ((ranges.length > 0 || annotated !== undefined) && spec.type !== 'LoadBalancer') errors.push(forbidden(path, ONLY_BALANCER));
  for (const [i, range] of ranges.entries()) addFaults(errors, path.index(i), range.trim(), cidrFaults(range.trim()));
  if (ranges.length === 0 && annotated !== undefined && annotated.trim() !== '')
    for (const range of annotated.split(',')) addFaults(errors, path, range.trim(), cidrFaults(range.trim()));
  if (spec.allocateLoadBalancerNodePorts !== undefined && spec.type !== 'LoadBalancer')
    errors.push(forbidden(SPEC.child('allocateLoadBalancerNodePorts'), ONLY_BALANCER));
  if (spec.allocateLoadBalancerNodePorts === undefined && spec.type === 'LoadBalancer') errors.push(required(root('allocateLoadBalancerNodePorts')));
  return errors;
}

function classErrors({ type, loadBalancerClass }: core.ServiceSpec): Errors {
  const errors: Errors = [];
  const path = SPEC.child('loadBalancerClass');
  if (loadBalancerClass === undefined) return errors;
  if (type === 'LoadBalancer') addFaults(errors, path, loadBalancerClass, qualifiedNameFaults(loadBalancerClass));
  else errors.push(forbidden(path, ONLY_BALANCER));
  return errors;
}

/** A balancer that keeps to its node asks each node whether it has any of the pods. */
const needsHealthPort = ({ type, externalTrafficPolicy }: core.ServiceSpec): boolean => type === 'LoadBalancer' && externalTrafficPolicy === 'Local';

function validatePolicies(spec: core.ServiceSpec): Errors {
  const errors: Errors = [];
  const external = SPEC.child('externalTrafficPolicy');
  const reachable = spec.type === 'LoadBalancer' || spec.type === 'NodePort' || (spec.type === 'ClusterIP' && (spec.externalIPs ?? []).length > 0);
  if (reachable) checkOneOf(errors, external, spec.externalTrafficPolicy, ['Cluster', 'Local']);
  else if (!isEmpty(spec.externalTrafficPolicy))
    errors.push(invalid(external, spec.externalTrafficPolicy, 'may only be set for externally-accessible services'));
  const path = SPEC.child('healthCheckNodePort');
  const port = spec.healthCheckNodePort ?? 0;
  if (!needsHealthPort(spec)) {
    if (port !== 0) errors.push(invalid(path, port, "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"));
  } else if (port === 0) errors.push(required(path));
  else addFaults(errors, path, port, portNumberFaults(port));
  const internal = SPEC.child('internalTrafficPolicy');
  if (spec.internalTrafficPolicy !== undefined) checkSupported(errors, internal, spec.internalTrafficPolicy, ['Cluster', 'Local']);
  else if (spec.type === 'ClusterIP' || spec.type === 'NodePort' || spec.type === 'LoadBalancer') errors.push(required(internal));
  checkSupported(errors, SPEC.child('trafficDistribution'), spec.trafficDistribution, ['PreferClose', 'PreferSameNode', 'PreferSameZone']);
  return errors;
}

const ONCE = 'may not change once set';

/** Addresses and families, once given, stay as long as the type has any: a second one may come and go. */
export function validateServiceUpdate(service: core.Service, old: core.Service): readonly FieldError[] {
  const [now, then] = [service.spec ?? {}, old.spec ?? {}];
  const errors: Errors = [];
  if (now.type !== 'ExternalName' && then.type !== 'ExternalName') errors.push(...addressChanges(now, then), ...familyChanges(now, then));
  if (then.type === 'LoadBalancer' && now.type === 'LoadBalancer' && now.loadBalancerClass !== then.loadBalancerClass)
    errors.push(invalid(SPEC.child('loadBalancerClass'), now.loadBalancerClass ?? null, ONCE));
  errors.push(...classErrors(now));
  if (needsHealthPort(now) && needsHealthPort(then) && now.healthCheckNodePort !== then.healthCheckNodePort)
    errors.push(forbidden(SPEC.child('healthCheckNodePort'), IMMUTABLE));
  return [...errors, ...keepOldAddresses(validateService)(service, old)];
}

function addressChanges(now: core.ServiceSpec, then: core.ServiceSpec): Errors {
  const errors: Errors = [];
  const path = SPEC.child('clusterIPs');
  const [ips, before] = [now.clusterIPs ?? [], then.clusterIPs ?? []];
  if (isHeadless(now) && isHeadless(then)) return errors;
  if (before.length === ips.length) {
    for (const [i, ip] of before.entries()) if (ip !== ips[i]) errors.push(invalid(path.index(i), asJson(ips), ONCE));
    return errors;
  }
  if (ips.length === 0) errors.push(invalid(path.index(0), asJson(ips), 'primary clusterIP can not be unset'));
  else if (before.length > 0 && ips[0] !== before[0]) errors.push(invalid(path.index(0), asJson(ips), ONCE));
  if (before.length > ips.length && ips.length === 1) errors.push(...singleErrors(now, 'clusterIP'));
  return errors;
}

function singleErrors({ ipFamilyPolicy }: core.ServiceSpec, what: string): Errors {
  if (ipFamilyPolicy === 'SingleStack') return [];
  return [invalid(SPEC.child('ipFamilyPolicy'), ipFamilyPolicy ?? null, `must be set to 'SingleStack' when releasing the secondary ${what}`)];
}

function familyChanges(now: core.ServiceSpec, then: core.ServiceSpec): Errors {
  const errors: Errors = [];
  // A headless service has no address that a family would have to suit.
  if (isHeadless(now) || isHeadless(then)) return errors;
  const path = SPEC.child('ipFamilies').index(0);
  const [families, before] = [now.ipFamilies ?? [], then.ipFamilies ?? []];
  if (before.length === families.length) {
    for (const [i, family] of before.entries()) if (family !== families[i]) errors.push(invalid(path, asJson(families), ONCE));
    return errors;
  }
  const fewer = before.length > families.length;
  if (fewer && (now.clusterIPs ?? []).length === 0) errors.push(invalid(path, asJson(families), 'primary ipFamily can not be unset'));
  // The value is the one that Kubernetes gives.
  if (before.length > 0 && families.length > 0 && families[0] !== before[0]) errors.push(invalid(path, asJson(now.clusterIPs ?? []), ONCE));
  if (fewer && families.length === 1) errors.push(...singleErrors(now, 'ipFamily'));
  return errors;
}

export const validateServiceStatus = ({ spec = {}, status }: core.Service): readonly FieldError[] =>
  validateLoadBalancerStatus(status?.loadBalancer, root('status').child('loadBalancer'), spec.type);
