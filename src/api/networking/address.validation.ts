import { type FieldError, forbidden, invalid, required } from '../../machinery/field-error.ts';
import { addFaults, asJson, type Errors, IMMUTABLE, isEmpty, root } from '../checks.ts';
import { semanticEqual } from '../equal.ts';
import type * as networking from '../gen/types/networking.v1.ts';
import { cidrFaults, familyOf, isIP } from '../ip.ts';

const SPEC = root('spec');

/** The name of an IPAddress is the address, in its canonical form. */
export const addressNameFaults = (name: string): readonly string[] =>
  isIP(name) && name === name.toLowerCase() ? [] : ['must be a valid IP address in canonical form, (e.g. 10.9.8.7 or 2001:db8::ffff)'];

export function validateIPAddress({ spec }: networking.IPAddress): readonly FieldError[] {
  const ref = spec?.parentRef;
  const path = SPEC.child('parentRef');
  if (ref === undefined) return [required(path)];
  const errors: Errors = [];
  if (isEmpty(ref.resource)) errors.push(required(path.child('resource')));
  if (isEmpty(ref.name)) errors.push(required(path.child('name')));
  return errors;
}

export function validateIPAddressUpdate(address: networking.IPAddress, old: networking.IPAddress): readonly FieldError[] {
  const errors: Errors = [...validateIPAddress(address)];
  if (!semanticEqual(address.spec?.parentRef, old.spec?.parentRef)) errors.push(invalid(SPEC.child('parentRef'), asJson(address.spec?.parentRef), IMMUTABLE));
  return errors;
}

export function validateServiceCIDR({ spec }: networking.ServiceCIDR): readonly FieldError[] {
  const errors: Errors = [];
  const cidrs = spec?.cidrs ?? [];
  const path = SPEC.child('cidrs');
  if (cidrs.length === 0) return [required(path, 'at least one CIDR required')];
  if (cidrs.length > 2) return [invalid(path, asJson(cidrs), 'may only hold up to 2 values')];
  for (const [i, cidr] of cidrs.entries()) addFaults(errors, path.index(i), cidr, cidrFaults(cidr));
  if (cidrs.length === 2 && familyOf(cidrs[0]?.split('/')[0] ?? '') === familyOf(cidrs[1]?.split('/')[0] ?? '')) {
    errors.push(invalid(path, asJson(cidrs), 'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64'));
  }
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
