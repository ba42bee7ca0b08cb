import { duplicate, type FieldError, type FieldPath, forbidden, invalid, notSupported, required } from '../../machinery/field-error.ts';
import { dns1123LabelFaults, dns1123SubdomainFaults, qualifiedNameFaults } from '../../machinery/names.ts';
import { getOwn } from '../../machinery/record.ts';
import { addFaults, asJson, checkName, checkUnique, type Errors, IMMUTABLE, isEmpty, root } from '../checks.ts';
import type * as core from '../gen/types/core.v1.ts';
import { familyOf, ipFaults } from '../ip.ts';
import { runsAgain } from './pod-restart.rules.ts';
import { validatePodAnnotationsUpdate } from './pod-annotations.validation.ts';

const STATUS = root('status');

/** `ValidatePodStatusUpdate`. */
export function validatePodStatusUpdate(pod: core.Pod, old: core.Pod): readonly FieldError[] {
  const { status, spec } = pod;
  const errors: Errors = [...validatePodAnnotationsUpdate(pod, old), ...conditionErrors(status?.conditions)];
  const nominated = status?.nominatedNodeName;
  if (!isEmpty(nominated) && nominated !== old.status?.nominatedNodeName) errors.push(...nominationErrors(nominated, old.spec?.nodeName));
  checkGeneration(errors, STATUS, status?.observedGeneration);
  if ((status?.qosClass ?? '') !== (old.status?.qosClass ?? '')) errors.push(invalid(STATUS.child('qosClass'), status?.qosClass ?? '', IMMUTABLE));
  const ephemeral = 'ephemeralContainerStatuses';
  errors.push(...revived(status?.containerStatuses, old.status?.containerStatuses, STATUS.child('containerStatuses'), runsAgain(old.spec, 'containers')));
  errors.push(
    ...revived(status?.initContainerStatuses, old.status?.initContainerStatuses, STATUS.child('initContainerStatuses'), runsAgain(old.spec, 'initContainers')),
  );
  errors.push(...revived(status?.[ephemeral], old.status?.[ephemeral], STATUS.child(ephemeral), () => false));
  errors.push(...claimErrors(status?.resourceClaimStatuses, spec?.resourceClaims), ...extendedErrors(status?.extendedResourceClaimStatus, spec));
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
    const at = path.index(i).child('user', 'linux');
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
      for (const [k, { health = '', message }] of (allocated.resources ?? []).entries()) {
        const where = at.child('resources').index(k);
        if (!HEALTHS.includes(health)) errors.push(notSupported(where.child('health'), health, HEALTHS));
        if (message === '') errors.push(required(where.child('message'), 'must be non-empty if specified'));
      }
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

function conditionErrors(conditions: readonly core.PodCondition[] | undefined): Errors {
  const errors: Errors = [];
  for (const [i, { type, observedGeneration }] of (conditions ?? []).entries()) {
    const at = STATUS.child('conditions').index(i);
    checkGeneration(errors, at, observedGeneration);
    if (!SYSTEM_CONDITIONS.has(type)) addFaults(errors, at.child('Type'), type, qualifiedNameFaults(type));
  }
  return errors;
}

/** `path`: of what has seen the generation. */
function checkGeneration(errors: Errors, path: FieldPath, seen = 0): void {
  if (seen < 0) errors.push(invalid(path.child('observedGeneration'), seen, 'must be a non-negative integer'));
}

/** A pod that has a node is nominated for none. */
function nominationErrors(nominated: string, nodeName: string | undefined): Errors {
  const errors: Errors = [];
  const path = STATUS.child('nominatedNodeName');
  addFaults(errors, path, nominated, dns1123SubdomainFaults(nominated));
  if (!isEmpty(nodeName)) errors.push(forbidden(path, 'may not be set on pods that are already bound to a node'));
  return errors;
}

/** A container that has ended for good does not run again. */
function revived(
  now: readonly core.ContainerStatus[] | undefined,
  then: readonly core.ContainerStatus[] | undefined,
  path: FieldPath,
  mayRun: (name: string, exitCode: number) => boolean,
): Errors {
  const errors: Errors = [];
  for (const [i, { name, state }] of (then ?? []).entries()) {
    const ended = state?.terminated;
    if (ended === undefined || mayRun(name, ended.exitCode)) continue;
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
    if (resourceClaimName !== undefined)
      addFaults(
        errors,
        STATUS.child('resourceClaimStatuses').index(i).child('resourceClaimName'),
        resourceClaimName,
        dns1123SubdomainFaults(resourceClaimName),
      );
  }
  return errors;
}

/** The claim that was made for what containers ask of extended resources (KEP-5004). */
function extendedErrors(status: core.PodExtendedResourceClaimStatus | undefined, spec: core.PodSpec | undefined): Errors {
  const errors: Errors = [];
  if (status === undefined) return errors;
  const path = STATUS.child('extendedResourceClaimStatus');
  const containers = new Map([...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].map((c) => [c.name, c] as const));
  const mappings = status.requestMappings ?? [];
  if (mappings.length === 0) errors.push(required(path.child('requestMappings'), 'at least one request mapping is required'));
  const seen = new Set<string>();
  for (const [i, { containerName, resourceName, requestName }] of mappings.entries()) {
    const at = path.child('requestMappings').index(i);
    const container = containers.get(containerName);
    if (container === undefined) errors.push(invalid(at.child('containerName'), containerName, NO_CONTAINER));
    else if (getOwn(container.resources?.requests, resourceName) === undefined) errors.push(invalid(at.child('resourceName'), resourceName, NO_EXTENDED));
    // The path is the one that Kubernetes gives.
    addFaults(errors, path.child('requestName'), requestName, dns1123LabelFaults(requestName));
    const key = JSON.stringify([containerName, resourceName, requestName]);
    if (seen.has(key))
      errors.push(
        duplicate(at.child('containerName'), containerName),
        duplicate(at.child('resourceName'), resourceName),
        duplicate(at.child('requestName'), requestName),
      );
    seen.add(key);
  }
  checkName(errors, path.child('resourceClaimName'), status.resourceClaimName, dns1123SubdomainFaults);
  return errors;
}

const NO_CONTAINER = 'must match the name of an entry in spec.initContainers.name or spec.containers.name';
const NO_EXTENDED = 'must match the extended resource name of an entry in spec.initContainers.resources.requests or spec.containers.resources.requests';

function addressErrors(field: 'podIPs' | 'hostIPs', addresses: readonly { readonly ip: string }[] | undefined): Errors {
  const errors: Errors = [];
  const path = STATUS.child(field);
  for (const [i, { ip }] of (addresses ?? []).entries()) addFaults(errors, path.index(i), ip, ipFaults(ip));
  const families = new Set((addresses ?? []).map(({ ip }) => familyOf(ip)));
  if (errors.length === 0 && families.size < (addresses ?? []).length)
    errors.push(invalid(path, asJson(addresses), 'may specify no more than one IP for each IP family'));
  return errors;
}
