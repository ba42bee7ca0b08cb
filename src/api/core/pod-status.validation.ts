import { duplicate, type FieldError, type FieldPath, forbidden, invalid } from '../../machinery/field-error.ts';
import { dns1123SubdomainFaults, qualifiedNameFaults } from '../../machinery/names.ts';
import { addFaults, asJson, type Errors, IMMUTABLE, isEmpty, root } from '../checks.ts';
import type * as core from '../gen/types/core.v1.ts';
import { familyOf, ipFaults } from '../ip.ts';

const STATUS = root('status');

/** `ValidatePodStatusUpdate`. */
export function validatePodStatusUpdate({ status, spec }: core.Pod, old: core.Pod): readonly FieldError[] {
  const errors: Errors = conditionErrors(status?.conditions);
  const nominated = status?.nominatedNodeName;
  if (!isEmpty(nominated) && nominated !== old.status?.nominatedNodeName)
    addFaults(errors, STATUS.child('nominatedNodeName'), nominated, dns1123SubdomainFaults(nominated));
  if ((status?.qosClass ?? '') !== (old.status?.qosClass ?? '')) errors.push(invalid(STATUS.child('qosClass'), status?.qosClass ?? '', IMMUTABLE));
  const policies = policiesOf(old.spec);
  for (const field of ['containerStatuses', 'initContainerStatuses'] as const)
    errors.push(...revived(status?.[field], old.status?.[field], STATUS.child(field), (name) => policies.get(name) ?? old.spec?.restartPolicy));
  const ephemeral = 'ephemeralContainerStatuses';
  errors.push(...revived(status?.[ephemeral], old.status?.[ephemeral], STATUS.child(ephemeral), () => 'Never'));
  errors.push(...claimErrors(status?.resourceClaimStatuses, spec?.resourceClaims));
  errors.push(...addressErrors('podIPs', status?.podIPs), ...addressErrors('hostIPs', status?.hostIPs));
  const host = status?.hostIP;
  const first = status?.hostIPs?.[0]?.ip;
  if (first !== undefined && !isEmpty(host) && host !== first)
    errors.push(invalid(STATUS.child('hostIPs').index(0).child('ip'), first, 'must be equal to `hostIP`'));
  return errors;
}

const SYSTEM_CONDITIONS = new Set(['PodScheduled', 'Ready', 'Initialized']);

/** The path is the one that Kubernetes gives, though conditions stand in the status. */
function conditionErrors(conditions: readonly core.PodCondition[] | undefined): Errors {
  const errors: Errors = [];
  for (const [i, { type }] of (conditions ?? []).entries())
    if (!SYSTEM_CONDITIONS.has(type)) addFaults(errors, root('metadata').child('conditions').index(i).child('Type'), type, qualifiedNameFaults(type));
  return errors;
}

/** Containers with a policy of their own (sidecars, KEP-5307). */
function policiesOf(spec: core.PodSpec | undefined): ReadonlyMap<string, string> {
  const all = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
  return new Map(
    all.flatMap(({ name, restartPolicy, restartPolicyRules = [] }) =>
      isEmpty(restartPolicy) ? [] : [[name, restartPolicyRules.length > 0 ? 'Always' : restartPolicy]],
    ),
  );
}

/** A container that has ended for good does not run again. */
function revived(
  now: readonly core.ContainerStatus[] | undefined,
  then: readonly core.ContainerStatus[] | undefined,
  path: FieldPath,
  policyOf: (name: string) => string | undefined,
): Errors {
  const errors: Errors = [];
  for (const [i, { name, state }] of (then ?? []).entries()) {
    const ended = state?.terminated;
    const policy = policyOf(name);
    if (ended === undefined || policy === 'Always' || (ended.exitCode !== 0 && policy === 'OnFailure')) continue;
    const after = (now ?? []).find((s) => s.name === name);
    if (after !== undefined && after.state?.terminated === undefined)
      errors.push(forbidden(path.index(i).child('state'), 'may not be transitioned to non-terminated state'));
  }
  return errors;
}

function claimErrors(statuses: readonly core.PodResourceClaimStatus[] | undefined, claims: readonly core.PodResourceClaim[] | undefined): Errors {
  const errors: Errors = [];
  const seen = new Set<string>();
  for (const [i, { name, resourceClaimName }] of (statuses ?? []).entries()) {
    const at = STATUS.child('resourceClaimStatuses').index(i).child('name');
    if (claims?.some((claim) => claim.name === name) !== true) errors.push(invalid(at, name, 'must match the name of an entry in `spec.resourceClaims`'));
    if (seen.has(name)) errors.push(duplicate(at, name));
    seen.add(name);
    if (resourceClaimName !== undefined) addFaults(errors, at, resourceClaimName, dns1123SubdomainFaults(resourceClaimName));
  }
  return errors;
}

function addressErrors(field: 'podIPs' | 'hostIPs', addresses: readonly { readonly ip: string }[] | undefined): Errors {
  const errors: Errors = [];
  const path = STATUS.child(field);
  for (const [i, { ip }] of (addresses ?? []).entries()) addFaults(errors, path.index(i), ip, ipFaults(ip));
  const families = (addresses ?? []).map(({ ip }) => familyOf(ip));
  if (errors.length === 0 && new Set(families).size < families.length)
    errors.push(invalid(path, asJson(addresses), 'may specify no more than one IP for each IP family'));
  return errors;
}
