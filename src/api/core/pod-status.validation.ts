import { duplicate, type FieldError, type FieldPath, forbidden, invalid, notSupported } from '../../machinery/field-error.ts';
import { dns1123SubdomainFaults, qualifiedNameFaults } from '../../machinery/names.ts';
import { addFaults, asJson, checkUnique, type Errors, IMMUTABLE, isEmpty, root } from '../checks.ts';
import type * as core from '../gen/types/core.v1.ts';
import { familyOf, ipFaults } from '../ip.ts';
import { validatePodAnnotationsUpdate } from './pod-annotations.validation.ts';

const STATUS = root('status');

/** `ValidatePodStatusUpdate`. */
export function validatePodStatusUpdate(pod: core.Pod, old: core.Pod): readonly FieldError[] {
  const { status, spec } = pod;
  const errors: Errors = [...validatePodAnnotationsUpdate(pod, old), ...conditionErrors(status?.conditions)];
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
  errors.push(...addressErrors('podIPs', status?.podIPs));
  const first = status?.hostIPs?.[0]?.ip;
  if (first !== undefined && (status?.hostIP ?? '') !== first)
    errors.push(invalid(STATUS.child('hostIPs').index(0).child('ip'), first, 'must be equal to `hostIP`'));
  errors.push(...addressErrors('hostIPs', status?.hostIPs));
  const lists = ['containerStatuses', 'initContainerStatuses', ephemeral] as const;
  for (const field of lists) errors.push(...userErrors(status?.[field], STATUS.child(field), spec?.os?.name ?? 'linux'));
  errors.push(...allocatedErrors(status?.containerStatuses, spec?.containers, STATUS.child('containerStatuses')));
  errors.push(...allocatedErrors(status?.initContainerStatuses, spec?.initContainers, STATUS.child('initContainerStatuses')));
  for (const [i, { allocatedResourcesStatus }] of (status?.[ephemeral] ?? []).entries())
    if ((allocatedResourcesStatus ?? []).length > 0)
      errors.push(forbidden(STATUS.child(ephemeral).index(i).child('allocatedResourcesStatus'), 'must not be specified in container status'));
  return errors;
}

const MAX_ID = 2 ** 31 - 1;

/** Who the first process of a container runs as (KEP-3619). */
function userErrors(statuses: readonly core.ContainerStatus[] | undefined, path: FieldPath, system: string): Errors {
  const errors: Errors = [];
  const check = (at: FieldPath, id: number): void => {
    if (id < 0 || id > MAX_ID) errors.push(invalid(at, id, `must be between 0 and ${MAX_ID}, inclusive`));
  };
  for (const [i, { user }] of (statuses ?? []).entries()) {
    const at = path.index(i).child('linux');
    if (user?.linux === undefined) continue;
    if (system === 'windows') errors.push(forbidden(at, 'cannot be set for a windows pod'));
    if (system !== 'linux') continue;
    check(at.child('uid'), user.linux.uid);
    check(at.child('gid'), user.linux.gid);
    for (const [j, group] of (user.linux.supplementalGroups ?? []).entries()) check(at.child('supplementalGroups').index(j), group);
  }
  return errors;
}

const HEALTHS = ['Healthy', 'Unhealthy', 'Unknown'];

/** How the devices of a container are (KEP-4680): of those that it asks for, each once. */
function allocatedErrors(statuses: readonly core.ContainerStatus[] | undefined, containers: readonly core.Container[] | undefined, path: FieldPath): Errors {
  const errors: Errors = [];
  for (const [i, { name, allocatedResourcesStatus }] of (statuses ?? []).entries()) {
    const resources = (containers ?? []).find((c) => c.name === name)?.resources;
    const known = (containers ?? []).some((c) => c.name === name);
    for (const [j, allocated] of (allocatedResourcesStatus ?? []).entries()) {
      const at = path.index(i).child('allocatedResourcesStatus').index(j);
      const isClaim = allocated.name.startsWith('claim:');
      const claims = (resources?.claims ?? []).map((claim) => `claim:${claim.name}${isEmpty(claim.request) ? '' : `/${claim.request}`}`);
      const names = isClaim ? claims : Object.keys(resources?.requests ?? {});
      if (known && !names.includes(allocated.name)) errors.push(invalid(at.child('name'), allocated.name, isClaim ? NO_CLAIM : NO_REQUEST));
      for (const [k, { health = '' }] of (allocated.resources ?? []).entries())
        if (!HEALTHS.includes(health)) errors.push(notSupported(at.child('resources').index(k).child('health'), health, HEALTHS));
      checkUnique(
        errors,
        at.child('resources'),
        allocated.resources,
        (r) => r.resourceID,
        (p) => p.child('resourceID'),
      );
    }
  }
  return errors;
}

const NO_CLAIM = "must match one of the container's resource claims in a format 'claim:<claimName>/<request>' or 'claim:<claimName>' if request is empty";
const NO_REQUEST = "must match one of the container's resource requests";

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
  const twice: Errors = [];
  for (const [i, address] of (addresses ?? []).entries())
    if ((addresses ?? []).findIndex(({ ip }) => ip === address.ip) < i) twice.push(duplicate(path.index(i), asJson(address)));
  const family: Errors =
    errors.length === 0 && new Set(families).size < families.length
      ? [invalid(path, asJson(addresses), 'may specify no more than one IP for each IP family')]
      : [];
  // In the order in which Kubernetes looks, which is another for each.
  return field === 'podIPs' ? [...errors, ...family, ...twice] : [...errors, ...twice, ...family];
}
