import { type FieldError, invalid, required } from '../../machinery/field-error.ts';
import { dns1123SubdomainFaults, pathSegmentNameFaults } from '../../machinery/names.ts';
import { addFaults, asJson, type Errors, IMMUTABLE, isEmpty, root } from '../checks.ts';
import { semanticEqual } from '../equal.ts';
import type * as networking from '../gen/types/networking.v1.ts';
import { familyOf, isCidr, strictCidrFaults } from '../ip.ts';

const SPEC = root('spec');

export function validateIPAddress({ spec }: networking.IPAddress): readonly FieldError[] {
  const ref = spec?.parentRef;
  const path = SPEC.child('parentRef');
  if (ref === undefined) return [required(path)];
  const errors: Errors = [];
  // Services are of the group without a name.
  if (!isEmpty(ref.group)) addFaults(errors, path.child('group'), ref.group, dns1123SubdomainFaults(ref.group));
  for (const field of ['resource', 'name'] as const) {
    if (isEmpty(ref[field])) errors.push(required(path.child(field)));
    else addFaults(errors, path.child(field), ref[field], pathSegmentNameFaults(ref[field]));
  }
  if (!isEmpty(ref.namespace)) addFaults(errors, path.child('namespace'), ref.namespace, pathSegmentNameFaults(ref.namespace));
  return errors;
}

export function validateIPAddressUpdate(address: networking.IPAddress, old: networking.IPAddress): readonly FieldError[] {
  const [now, before] = [address.spec?.parentRef, old.spec?.parentRef];
  const errors = validateIPAddress(address);
  return semanticEqual(now, before) ? errors : [...errors, invalid(SPEC.child('parentRef'), asJson(now), IMMUTABLE)];
}

const CIDRS = SPEC.child('cidrs');

export function validateServiceCIDR({ spec }: networking.ServiceCIDR): readonly FieldError[] {
  const errors: Errors = [];
  const cidrs = spec?.cidrs ?? [];
  if (cidrs.length === 0) return [required(CIDRS, 'at least one CIDR required')];
  if (cidrs.length > 2) return [invalid(CIDRS, asJson(spec), 'may only hold up to 2 values')];
  for (const [i, cidr] of cidrs.entries()) addFaults(errors, CIDRS.index(i), cidr, strictCidrFaults(cidr));
  const [first, second] = cidrs.map((cidr) => (isCidr(cidr) ? familyOf(cidr.split('/')[0] ?? '') : undefined));
  if (cidrs.length === 2 && first === second && first !== undefined)
    errors.push(invalid(CIDRS, asJson(cidrs), 'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64'));
  return errors;
}

/** A second family may be added; what is there stays. */
export function validateServiceCIDRUpdate(of: networking.ServiceCIDR, old: networking.ServiceCIDR): readonly FieldError[] {
  const [now, before] = [of.spec?.cidrs ?? [], old.spec?.cidrs ?? []];
  const changed = before.flatMap((cidr, i) => (now[i] === cidr ? [] : [invalid(CIDRS.index(i), now[i], IMMUTABLE)]));
  if (now.length === before.length) return changed;
  if (before.length === 1 && now.length === 2) return [...changed, ...validateServiceCIDR(of)];
  return [invalid(CIDRS, asJson(of.spec?.cidrs), IMMUTABLE)];
}
