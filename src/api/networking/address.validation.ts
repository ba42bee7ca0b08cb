import { type FieldError, forbidden, invalid, required } from '../../machinery/field-error.ts';
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

export function validateIPAddressUpdate({ spec }: networking.IPAddress, old: networking.IPAddress): readonly FieldError[] {
  return semanticEqual(spec?.parentRef, old.spec?.parentRef) ? [] : [invalid(SPEC.child('parentRef'), asJson(spec?.parentRef), IMMUTABLE)];
}

export function validateServiceCIDR({ spec }: networking.ServiceCIDR): readonly FieldError[] {
  const errors: Errors = [];
  const cidrs = spec?.cidrs ?? [];
  const path = SPEC.child('cidrs');
  if (cidrs.length === 0) return [required(path, 'at least one CIDR required')];
  if (cidrs.length > 2) return [invalid(path, asJson(spec), 'may only hold up to 2 values')];
  const families = cidrs.map((cidr) => (isCidr(cidr) ? familyOf(cidr.split('/')[0] ?? '') : undefined));
  if (cidrs.length === 2 && (families.includes(undefined) || families[0] === families[1]))
    return [invalid(path, asJson(spec), 'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64')];
  for (const [i, cidr] of cidrs.entries()) addFaults(errors, path.index(i), cidr, strictCidrFaults(cidr));
  return errors;
}

/** A second family may be added; what is there stays. */
export function validateServiceCIDRUpdate(of: networking.ServiceCIDR, old: networking.ServiceCIDR): readonly FieldError[] {
  const errors: Errors = [...validateServiceCIDR(of)];
  const [now, before] = [of.spec?.cidrs ?? [], old.spec?.cidrs ?? []];
  for (const [i, cidr] of before.entries()) if (now[i] !== cidr) errors.push(invalid(SPEC.child('cidrs').index(i), now[i] ?? '', IMMUTABLE));
  if (before.length === 2 && now.length > 2) errors.push(forbidden(SPEC.child('cidrs'), 'may only hold up to 2 values'));
  return errors;
}
