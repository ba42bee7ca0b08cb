import { familyOf } from '../../api/ip.ts';
import type * as core from '../../api/gen/types/core.v1.ts';
import { validateClusterAddresses, validateClusterAddressesUpdate } from '../../api/core/service.validation.ts';
import { type FieldError, FieldPath, invalid } from '../../machinery/field-error.ts';
import type { Draft } from '../../machinery/object.ts';

type ServiceDraft = Draft<core.Service>;
type SpecDraft = NonNullable<ServiceDraft['spec']>;
type Family = 'IPv4' | 'IPv6';

const SPEC = new FieldPath('spec');
const POLICY = SPEC.child('ipFamilyPolicy');

/** What a cluster of one family makes of the families and addresses asked for (Kubernetes' `initIPFamilyFields`), or why it cannot. */
export function settleFamilies(service: ServiceDraft, spec: SpecDraft, old: core.Service | undefined, family: Family): readonly FieldError[] {
  const before = old?.spec;
  if (before !== undefined && isSamePreference(spec, before)) return [];
  const free = spec.clusterIP === 'None' && Object.keys(spec.selector ?? {}).length === 0;
  spec.ipFamilyPolicy ||= before?.ipFamilyPolicy ?? (free ? 'RequireDualStack' : 'SingleStack');
  const wrong = old === undefined ? validateClusterAddresses(service as core.Service) : validateClusterAddressesUpdate(service as core.Service, old);
  if (wrong.length > 0) return wrong;
  const errors = [...(before === undefined ? [] : settleFewer(spec, before)), ...countErrors(spec), ...inferFamilies(spec, family)];
  if (errors.length > 0) return errors;
  if (free) takeBoth(spec, family);
  else errors.push(...unknownFamilies(spec, family));
  if ((spec.ipFamilies ?? []).length === 0) spec.ipFamilies = [family];
  return errors;
}

/** A service that would like both families stays as it is when the cluster comes to have another number of them. */
function isSamePreference(spec: SpecDraft, before: core.ServiceSpec): boolean {
  const both = spec.ipFamilyPolicy === 'PreferDualStack' && (before.ipFamilyPolicy ?? 'PreferDualStack') === 'PreferDualStack';
  return both && spec.type === before.type && isSame(spec.clusterIPs, before.clusterIPs) && isSame(spec.ipFamilies, before.ipFamilies);
}

const isSame = (now: readonly string[] = [], then: readonly string[] = []): boolean => now.length === then.length && now.every((one, i) => one === then[i]);

/** The second address and family go when one is all that is wanted; and only then. */
function settleFewer(spec: SpecDraft, before: core.ServiceSpec): readonly FieldError[] {
  if (spec.ipFamilyPolicy === 'SingleStack') {
    if (isSame(spec.clusterIPs, before.clusterIPs)) spec.clusterIPs?.splice(1);
    if (isSame(spec.ipFamilies, before.ipFamilies)) spec.ipFamilies?.splice(1);
    return [];
  }
  const isFewer = (now: readonly string[] = [], then: readonly string[] = []): boolean => now.length > 0 && now.length < then.length;
  const refuse = (what: string): FieldError => invalid(POLICY, spec.ipFamilyPolicy ?? '', `must be 'SingleStack' to release the secondary ${what}`);
  return [
    ...(isFewer(spec.clusterIPs, before.clusterIPs) ? [refuse('cluster IP')] : []),
    ...(isFewer(spec.ipFamilies, before.ipFamilies) ? [refuse('IP family')] : []),
  ];
}

function countErrors({ ipFamilyPolicy, clusterIPs = [], ipFamilies = [] }: SpecDraft): readonly FieldError[] {
  if (ipFamilyPolicy !== 'SingleStack') return [];
  const refuse = (what: string): FieldError =>
    invalid(POLICY, ipFamilyPolicy, `must be 'RequireDualStack' or 'PreferDualStack' when multiple ${what} are specified`);
  return [...(clusterIPs.length === 2 ? [refuse('cluster IPs')] : []), ...(ipFamilies.length === 2 ? [refuse('IP families')] : [])];
}

/** Whoever names an address has named its family. */
function inferFamilies(spec: SpecDraft, family: Family): readonly FieldError[] {
  const errors: FieldError[] = [];
  const ips = spec.clusterIPs ?? [];
  for (const [i, ip] of ips.entries()) {
    if (ip === 'None') break;
    const its = familyOf(ip);
    if (i < (spec.ipFamilies ?? []).length) continue;
    if (its === family) (spec.ipFamilies ??= []).push(its);
    else errors.push(invalid(SPEC.child('clusterIPs').index(i), [...ips], `${its ?? 'unknown'} is not configured on this cluster`));
  }
  return errors;
}

/** A headless service without a selector has no address that a family would have to suit. */
function takeBoth(spec: SpecDraft, family: Family): void {
  const [first = family, ...others] = spec.ipFamilies ?? [];
  const second = first === 'IPv4' ? 'IPv6' : 'IPv4';
  spec.ipFamilies = others.length > 0 || spec.ipFamilyPolicy === 'SingleStack' ? [first, ...others] : [first, second];
}

function unknownFamilies({ ipFamilyPolicy, ipFamilies = [] }: SpecDraft, family: Family): readonly FieldError[] {
  const errors: FieldError[] = [];
  if (ipFamilyPolicy === 'RequireDualStack') errors.push(invalid(POLICY, ipFamilyPolicy, 'this cluster is not configured for dual-stack services'));
  for (const [i, asked] of ipFamilies.entries())
    if (asked !== family) errors.push(invalid(SPEC.child('ipFamilies').index(i), asked, 'not configured on this cluster'));
  return errors;
}
