import { type FieldError, type FieldPath, forbidden, invalid, notSupported, required } from '../../machinery/field-error.ts';
import { validateLabelSelector } from '../../machinery/labels.ts';
import { portNumberFaults } from '../../machinery/names.ts';
import { addFaults, asJson, type Errors, isEmpty, root } from '../checks.ts';
import { checkPort } from '../core/probe.validation.ts';
import type * as networking from '../gen/types/networking.v1.ts';
import { cidrContains, cidrFaults, isCidr } from '../ip.ts';
import { keepOldAddresses } from '../old-addresses.ts';
import { withoutSelectorValues } from '../old-selectors.ts';

const SPEC = root('spec');
const PROTOCOLS = ['TCP', 'UDP', 'SCTP'];
const TYPES = ['Ingress', 'Egress'];

export function validateNetworkPolicy({ spec }: networking.NetworkPolicy): readonly FieldError[] {
  const errors: Errors = [...validateLabelSelector(spec?.podSelector, SPEC.child('podSelector'))];
  for (const [i, rule] of (spec?.ingress ?? []).entries()) errors.push(...validateRule(rule.ports, rule.from, SPEC.child('ingress').index(i), 'from'));
  for (const [i, rule] of (spec?.egress ?? []).entries()) errors.push(...validateRule(rule.ports, rule.to, SPEC.child('egress').index(i), 'to'));
  const types = spec?.policyTypes ?? [];
  if (types.length > 2) return [...errors, invalid(SPEC.child('policyTypes'), asJson(types), 'may not specify more than two policyTypes')];
  for (const [i, type] of types.entries()) if (!TYPES.includes(type)) errors.push(notSupported(SPEC.child('policyTypes').index(i), type, TYPES));
  return errors;
}

/** A policy whose own selector was taken with values that are none may have such values. */
export function validateNetworkPolicyUpdate(policy: networking.NetworkPolicy, old: networking.NetworkPolicy): readonly FieldError[] {
  const errors = keepOldAddresses(validateNetworkPolicy)(policy, old);
  return validateLabelSelector(old.spec?.podSelector, SPEC).length > 0 ? withoutSelectorValues(errors) : errors;
}

function validateRule(
  ports: readonly networking.NetworkPolicyPort[] | undefined,
  peers: readonly networking.NetworkPolicyPeer[] | undefined,
  path: FieldPath,
  side: 'from' | 'to',
): Errors {
  const errors: Errors = [];
  for (const [i, port] of (ports ?? []).entries()) errors.push(...validatePort(port, path.child('ports').index(i)));
  for (const [i, peer] of (peers ?? []).entries()) errors.push(...validatePeer(peer, path.child(side).index(i)));
  return errors;
}

function validatePort({ protocol, port, endPort }: networking.NetworkPolicyPort, path: FieldPath): Errors {
  const errors: Errors = [];
  if (protocol !== undefined && !PROTOCOLS.includes(protocol)) errors.push(notSupported(path.child('protocol'), protocol, PROTOCOLS));
  const end = path.child('endPort');
  if (typeof port === 'string' && endPort !== undefined) errors.push(invalid(end, endPort, 'may not be specified when `port` is non-numeric'));
  if (port !== undefined) checkPort(errors, path.child('port'), port);
  if (endPort === undefined || typeof port === 'string') return errors;
  if (port === undefined) return [...errors, invalid(end, endPort, 'may not be specified when `port` is not specified')];
  if (endPort < port) errors.push(invalid(end, endPort, 'must be greater than or equal to `port`'));
  addFaults(errors, end, endPort, portNumberFaults(endPort));
  return errors;
}

function validatePeer({ podSelector, namespaceSelector, ipBlock }: networking.NetworkPolicyPeer, path: FieldPath): Errors {
  const errors: Errors = [];
  if (podSelector !== undefined) errors.push(...validateLabelSelector(podSelector, path.child('podSelector')));
  if (namespaceSelector !== undefined) errors.push(...validateLabelSelector(namespaceSelector, path.child('namespaceSelector')));
  if (ipBlock !== undefined) errors.push(...validateBlock(ipBlock, path.child('ipBlock')));
  if (podSelector === undefined && namespaceSelector === undefined && ipBlock === undefined) errors.push(required(path, 'must specify a peer'));
  else if (ipBlock !== undefined && (podSelector !== undefined || namespaceSelector !== undefined))
    errors.push(forbidden(path, 'may not specify both ipBlock and another peer'));
  return errors;
}

const lengthOf = (cidr: string): number => Number(cidr.split('/')[1]);

function validateBlock({ cidr, except }: networking.IPBlock, path: FieldPath): Errors {
  const errors: Errors = [];
  if (isEmpty(cidr)) return [required(path.child('cidr'))];
  addFaults(errors, path.child('cidr'), cidr, cidrFaults(cidr));
  for (const [i, part] of (except ?? []).entries()) {
    const at = path.child('except').index(i);
    addFaults(errors, at, part, cidrFaults(part));
    if (isCidr(part) && isCidr(cidr) && (lengthOf(part) === lengthOf(cidr) || !cidrContains(cidr, part)))
      errors.push(invalid(at, part, 'must be a strict subset of `cidr`'));
  }
  return errors;
}
