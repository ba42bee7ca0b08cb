import {
  duplicate,
  type FieldError,
  type FieldPath,
  forbidden,
  formatFieldError,
  invalid,
  notSupported,
  required,
  tooLong,
} from '../../machinery/field-error.ts';
import { validateLabels } from '../../machinery/labels.ts';
import { validateAnnotations } from '../../machinery/metadata.ts';
import { dns1123LabelFaults, dns1123SubdomainFaults, qualifiedNameFaults } from '../../machinery/names.ts';
import { addFaults, asJson, checkOneOf, type Errors, isEmpty } from '../checks.ts';
import type * as core from '../gen/types/core.v1.ts';
import { validateAffinity, validateSpread, validateTolerations } from './affinity.validation.ts';
import { validateEnvFiles } from './env.validation.ts';
import { type Around, validateContainers, validateEphemeralContainers, validateInitContainers } from './container.validation.ts';
import { validateDnsConfig, validateHostAliases } from './dns.validation.ts';
import { validateOverhead, validatePodResources } from './resources.validation.ts';
import { validatePodAnnotations, validateProfilesMatch } from './pod-annotations.validation.ts';
import { checkDnsPolicy, validateHostUsers, validatePodSecurityContext } from './security-context.validation.ts';
import { type VolumeOwner, validateVolumes } from './volume.validation.ts';
import { validateForSystem, validateHostProcess } from './windows.validation.ts';

const RESTART_POLICIES = ['Always', 'OnFailure', 'Never'];
const MAX_SECONDS = 2 ** 31 - 1;

const TEMPLATE: VolumeOwner = { podName: undefined, isPod: false };
const MAX_HOSTNAME = 64;

/** The spec of a pod, whether in a pod or in a template. */
export function validatePodSpec(spec: core.PodSpec, path: FieldPath, owner: VolumeOwner = TEMPLATE): Errors {
  const volumes = validateVolumes(spec.volumes, path.child('volumes'), owner);
  const around: Around = {
    volumes: volumes.byName,
    claimNames: new Set((spec.resourceClaims ?? []).map((c) => c.name).filter((name) => name !== '')),
    graceSeconds: spec.terminationGracePeriodSeconds,
    restartPolicy: spec.restartPolicy,
    hostUsers: spec.hostUsers !== false,
  };
  const errors: Errors = [
    ...volumes.errors,
    ...(owner.isMirror === true ? (spec.resourceClaims ?? []).map(() => STATIC_CLAIM) : validateClaims(spec.resourceClaims, path.child('resourceClaims'))),
    ...validateContainers(spec.containers, path.child('containers'), around),
    ...validateInitContainers(spec, path.child('initContainers'), around),
    ...validateEphemeralContainers(spec, path.child('ephemeralContainers'), around),
    ...validatePodResources(spec, path.child('resources'), around.claimNames),
    ...validateHostNetwork(spec, path, owner),
  ];
  checkOneOf(errors, path.child('restartPolicy'), spec.restartPolicy, RESTART_POLICIES);
  checkDnsPolicy(errors, path.child('dnsPolicy'), spec.dnsPolicy);
  errors.push(...validateLabels(spec.nodeSelector, path.child('nodeSelector')));
  errors.push(...validatePodSecurityContext(spec.securityContext, spec, path.child('securityContext')));
  errors.push(...validateAffinity(spec.affinity, path.child('affinity')));
  errors.push(...validateDnsConfig(spec.dnsConfig, spec.dnsPolicy, path.child('dnsConfig')));
  for (const [i, { conditionType }] of (spec.readinessGates ?? []).entries())
    addFaults(errors, path.child('readinessGates').index(i).child('conditionType'), conditionType, qualifiedNameFaults(conditionType));
  errors.push(...validateGates(spec.schedulingGates, path.child('schedulingGates')));
  errors.push(...validateSpread(spec.topologySpreadConstraints, path.child('topologySpreadConstraints')));
  errors.push(...validateHostProcess(spec, path), ...validateHostUsers(spec, path), ...hostnameErrors(spec, path.child('hostnameOverride')));
  return [...errors, ...validateNames(spec, path), ...validateRest(spec, path), ...validateEnvFiles(spec, path)];
}

/** A pod that the kubelet made of a file is known to nobody before it runs. */
const STATIC_CLAIM: FieldError = { type: 'FieldValueForbidden', field: '', detail: 'static pods do not support resource claims' };

/** What a pod shares of devices (KEP-4381), by the names that its containers use. */
function validateClaims(claims: readonly core.PodResourceClaim[] | undefined, path: FieldPath): Errors {
  const errors: Errors = [];
  const seen = new Set<string>();
  for (const [i, claim] of (claims ?? []).entries()) {
    const at = path.index(i);
    const { name, resourceClaimName: claimName, resourceClaimTemplateName: template } = claim;
    if (isEmpty(name)) errors.push(required(at.child('name')));
    else if (seen.has(name)) errors.push(duplicate(at.child('name'), name));
    else addFaults(errors, at.child('name'), name, dns1123LabelFaults(name));
    seen.add(name);
    if (claimName !== undefined && template !== undefined)
      errors.push(invalid(at, asJson(claim), 'at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified'));
    if (claimName === undefined && template === undefined)
      errors.push(invalid(at, asJson(claim), 'must specify one of: `resourceClaimName`, `resourceClaimTemplateName`'));
    if (claimName !== undefined) addFaults(errors, at.child('resourceClaimName'), claimName, dns1123SubdomainFaults(claimName));
    if (template !== undefined) addFaults(errors, at.child('resourceClaimTemplateName'), template, dns1123SubdomainFaults(template));
  }
  return errors;
}

/** The whole name that the pod's machine bears (KEP-4762): neither the cluster's nor the host's can be asked for beside it. */
function hostnameErrors({ hostnameOverride: name, setHostnameAsFQDN, hostNetwork }: core.PodSpec, path: FieldPath): Errors {
  const errors: Errors = [];
  if (name === undefined) return errors;
  if (setHostnameAsFQDN === true) errors.push(forbidden(path, 'may not be specified when setHostnameAsFQDN is true'));
  if (hostNetwork === true) errors.push(forbidden(path, 'may not be specified when hostNetwork is true'));
  if (name.length > MAX_HOSTNAME) errors.push(tooLong(path, MAX_HOSTNAME));
  addFaults(errors, path, name, dns1123SubdomainFaults(name));
  return errors;
}

/** With the host's network, a port of the container is that of the host; a template may leave it to the pod's defaults. */
function validateHostNetwork(spec: core.PodSpec, path: FieldPath, { isPod }: VolumeOwner): Errors {
  const errors: Errors = [];
  if (spec.hostNetwork !== true) return errors;
  for (const [i, container] of (spec.containers ?? []).entries()) {
    for (const [j, port] of (container.ports ?? []).entries()) {
      const { hostPort = 0, containerPort } = port;
      if (hostPort === containerPort || (hostPort === 0 && !isPod)) continue;
      const at = path.child('containers').index(i).child('ports').index(j);
      errors.push(invalid(at.child('hostPort'), hostPort, 'must match `containerPort` when `hostNetwork` is true'));
    }
  }
  return errors;
}

function validateGates(gates: readonly core.PodSchedulingGate[] | undefined, path: FieldPath): Errors {
  const errors: Errors = [];
  const seen = new Set<string>();
  for (const [i, { name }] of (gates ?? []).entries()) {
    addFaults(errors, path.index(i), name, qualifiedNameFaults(name));
    if (seen.has(name)) errors.push({ type: 'FieldValueDuplicate', field: path.index(i).toString(), value: name, detail: '' });
    seen.add(name);
  }
  return errors;
}

function validateNames(spec: core.PodSpec, path: FieldPath): Errors {
  const errors: Errors = [];
  const check = (
    field: 'serviceAccountName' | 'nodeName' | 'hostname' | 'subdomain' | 'priorityClassName',
    faults: (name: string) => readonly string[],
  ): void => {
    const value = spec[field];
    if (!isEmpty(value)) addFaults(errors, path.child(field), value, faults(value));
  };
  check('serviceAccountName', dns1123SubdomainFaults);
  check('nodeName', dns1123SubdomainFaults);
  const seconds = spec.activeDeadlineSeconds;
  if (seconds !== undefined && (seconds < 1 || seconds > MAX_SECONDS))
    errors.push(invalid(path.child('activeDeadlineSeconds'), seconds, `must be between 1 and ${MAX_SECONDS}, inclusive`));
  check('hostname', dns1123LabelFaults);
  check('subdomain', dns1123LabelFaults);
  errors.push(...validateTolerations(spec.tolerations, path.child('tolerations')));
  errors.push(...validateHostAliases(spec.hostAliases, path.child('hostAliases')));
  check('priorityClassName', dns1123SubdomainFaults);
  if (spec.runtimeClassName !== undefined)
    addFaults(errors, path.child('runtimeClassName'), spec.runtimeClassName, dns1123SubdomainFaults(spec.runtimeClassName));
  return errors;
}

const PREEMPTION_POLICIES = ['PreemptLowerPriority', 'Never'];

function validateRest(spec: core.PodSpec, path: FieldPath): Errors {
  const errors: Errors = [];
  if (spec.preemptionPolicy !== undefined) checkOneOf(errors, path.child('preemptionPolicy'), spec.preemptionPolicy, PREEMPTION_POLICIES);
  errors.push(...validateOverhead(spec.overhead, path.child('overhead')));
  if (spec.os !== undefined) {
    if (isEmpty(spec.os.name)) errors.push(required(path.child('os', 'name')));
    else if (spec.os.name !== 'linux' && spec.os.name !== 'windows') errors.push(notSupported(path.child('os'), spec.os.name, ['linux', 'windows']));
  }
  return [...errors, ...validateForSystem(spec, path)];
}

export function validateTemplate(template: core.PodTemplateSpec | undefined, path: FieldPath): Errors {
  const errors: Errors = [
    ...validateLabels(template?.metadata?.labels, path.child('labels')),
    ...validateAnnotations(template?.metadata?.annotations, path.child('annotations')),
    ...validatePodAnnotations(template ?? {}, path.child('annotations')),
  ];
  errors.push(...validatePodSpec(template?.spec ?? { containers: [] }, path.child('spec')), ...validateProfilesMatch(template ?? {}, path.child('spec')));
  if ((template?.spec?.ephemeralContainers ?? []).length > 0)
    errors.push(forbidden(path.child('spec', 'ephemeralContainers'), 'ephemeral containers not allowed in pod template'));
  return errors;
}

/** For an update: what the old template was already wrong in is let be, so that rules that came later do not lock an object. `path`: of the template. */
export function keepOldTemplate<T>(validate: (object: T) => readonly FieldError[], path: string): (object: T, old: T) => readonly FieldError[] {
  return (object, old) => {
    const errors = validate(object);
    const isInside = ({ field }: FieldError): boolean => field.startsWith(`${path}.`);
    if (!errors.some(isInside)) return errors;
    const known = new Set(validate(old).filter(isInside).map(formatFieldError));
    return errors.filter((error) => !known.has(formatFieldError(error)));
  };
}

/** What a template may not have whose pods are replaced when they end. `word`: the kind as the message names it. */
export function validateLongRunning(template: core.PodTemplateSpec | undefined, path: FieldPath, word: string): readonly FieldError[] {
  const errors: Errors = [];
  const policy = template?.spec?.restartPolicy ?? '';
  if (policy !== 'Always') errors.push(notSupported(path.child('spec', 'restartPolicy'), policy, ['Always']));
  if (template?.spec?.activeDeadlineSeconds !== undefined)
    errors.push(forbidden(path.child('spec', 'activeDeadlineSeconds'), `activeDeadlineSeconds in ${word} is not Supported`));
  return errors;
}
