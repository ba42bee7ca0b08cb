import { duplicate, type FieldPath, forbidden, invalid, notFound, notSupported, required, tooMany } from '../../machinery/field-error.ts';
import { dns1123LabelFaults, portNameFaults, portNumberFaults } from '../../machinery/names.ts';
import { addFaults, checkName, checkOneOf, checkSupported, type Errors, isEmpty } from '../checks.ts';
import type * as core from '../gen/types/core.v1.ts';
import { validateEnv, validateEnvFrom } from './env.validation.ts';
import { checkDescendingPath } from './path.validation.ts';
import { validateHooksAndProbes } from './probe.validation.ts';
import { validateResources } from './resources.validation.ts';
import { validateSecurityContext } from './security-context.validation.ts';

/** What the containers of a pod are checked against. */
export interface Around {
  readonly volumes: ReadonlyMap<string, core.Volume>;
  readonly claimNames: ReadonlySet<string>;
  readonly graceSeconds: number | undefined;
  readonly restartPolicy: string | undefined;
  /** Of the host. */
  readonly hostUsers: boolean;
}

type AnyContainer = core.Container | core.EphemeralContainer;

const PULL_POLICIES = ['Always', 'IfNotPresent', 'Never'];
const MESSAGE_POLICIES = ['File', 'FallbackToLogsOnError'];

/** What holds for every sort of container. */
function validateAny(container: AnyContainer, path: FieldPath, around: Around): Errors {
  const errors: Errors = [];
  checkName(errors, path.child('name'), container.name, dns1123LabelFaults);
  if (isEmpty(container.image)) errors.push(required(path.child('image')));
  checkOneOf(errors, path.child('terminationMessagePolicy'), container.terminationMessagePolicy, MESSAGE_POLICIES);
  errors.push(...validatePorts(container.ports, path.child('ports')));
  errors.push(...validateEnv(container.env, path.child('env')));
  errors.push(...validateEnvFrom(container.envFrom, path.child('envFrom')));
  errors.push(...validateMounts(container, path.child('volumeMounts'), around.volumes));
  errors.push(...validateDevices(container, path.child('volumeDevices'), around.volumes));
  checkOneOf(errors, path.child('imagePullPolicy'), container.imagePullPolicy, PULL_POLICIES);
  errors.push(...validateResources(container.resources, path.child('resources'), around.claimNames));
  errors.push(...validateResizePolicy(container.resizePolicy, path.child('resizePolicy'), around.restartPolicy));
  errors.push(...validateSecurityContext(container.securityContext, path.child('securityContext'), around.hostUsers));
  return errors;
}

export function validateContainers(containers: readonly core.Container[] | undefined, path: FieldPath, around: Around): Errors {
  if (containers === undefined || containers.length === 0) return [required(path)];
  const errors: Errors = [];
  const names = new Set<string>();
  for (const [i, container] of containers.entries()) {
    const at = path.index(i);
    errors.push(...validateAny(container, at, around));
    if (names.has(container.name)) errors.push(duplicate(at.child('name'), container.name));
    names.add(container.name);
    errors.push(...validateHooksAndProbes(container, at, around.graceSeconds), ...validateRestart(container, at));
  }
  errors.push(...validateHostPorts(containers, path));
  return errors;
}

/** In a pod, not in a template: there, images with spaces around have been stored. */
export function imageSpaceErrors(containers: readonly core.Container[] | undefined, path: FieldPath): Errors {
  const errors: Errors = [];
  for (const [i, { image }] of (containers ?? []).entries()) checkImageSpace(errors, path.index(i).child('image'), image);
  return errors;
}

export function checkImageSpace(errors: Errors, path: FieldPath, image: string | undefined): void {
  if (image !== undefined && image.trim() !== image) errors.push(invalid(path, image, 'must not have leading or trailing whitespace'));
}

const RESTART_POLICIES = ['Always', 'Never', 'OnFailure'];
const RESTART_ACTIONS = ['Restart', 'RestartAllContainers'];
const EXIT_OPERATORS = ['In', 'NotIn'];

const MAX_RULES = 20;
const MAX_EXIT_CODES = 255;

/** When a container starts again, where that is not the pod's to say (KEP-5307). */
function validateRestart({ restartPolicy, restartPolicyRules: rules = [] }: core.Container, path: FieldPath): Errors {
  const errors: Errors = [];
  checkSupported(errors, path.child('restartPolicy'), restartPolicy, RESTART_POLICIES);
  if (rules.length > 0 && restartPolicy === undefined)
    errors.push(required(path.child('restartPolicy'), 'must specify restartPolicy when restart rules are used'));
  const at = path.child('restartPolicyRules');
  if (rules.length > MAX_RULES) errors.push(tooMany(at, rules.length, MAX_RULES));
  for (const [i, { action, exitCodes }] of rules.entries()) {
    if (!RESTART_ACTIONS.includes(action)) errors.push(notSupported(at.index(i).child('action'), action ?? '', RESTART_ACTIONS));
    const codes = at.index(i).child('exitCodes');
    if (exitCodes === undefined) {
      errors.push(required(codes, 'must be specified'));
      continue;
    }
    if (!EXIT_OPERATORS.includes(exitCodes.operator)) errors.push(notSupported(codes.child('operator'), exitCodes.operator ?? '', EXIT_OPERATORS));
    const count = (exitCodes.values ?? []).length;
    if (count > MAX_EXIT_CODES) errors.push(tooMany(codes.child('values'), count, MAX_EXIT_CODES));
  }
  return errors;
}

/** Init containers; those with restartPolicy Always run beside the others. */
export function validateInitContainers(spec: core.PodSpec, path: FieldPath, around: Around): Errors {
  const errors: Errors = [];
  if (spec.initContainers === undefined) return errors;
  const names = new Set((spec.containers ?? []).map((c) => c.name));
  for (const [i, container] of spec.initContainers.entries()) {
    const at = path.index(i);
    errors.push(...validateAny(container, at, around));
    errors.push(...validateRestart(container, at));
    if (names.has(container.name)) errors.push(duplicate(at.child('name'), container.name));
    else if (container.name !== '') names.add(container.name);
    errors.push(...validateHostPorts([container], path));
    if (container.restartPolicy === 'Always') errors.push(...validateHooksAndProbes(container, at, around.graceSeconds));
    else
      for (const field of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const)
        if (container[field] !== undefined) errors.push(forbidden(at.child(field), 'may not be set for init containers without restartPolicy=Always'));
    if (container.restartPolicy !== 'Always') errors.push(...restartErrors(container, at.child('resizePolicy')));
  }
  return errors;
}

/** What runs once is not started again for the sake of its resources. */
function restartErrors({ resizePolicy }: core.Container, path: FieldPath): Errors {
  const fault = "must not be set to 'RestartContainer' for non-sidecar initContainers";
  return (resizePolicy ?? []).flatMap(({ restartPolicy }, i) =>
    restartPolicy === 'RestartContainer' ? [invalid(path.index(i).child('restartPolicy'), restartPolicy, fault)] : [],
  );
}

/** Fields that a container has which is added to a running pod. Others are named in the error. */
const EPHEMERAL_FIELDS = new Set([
  ...[
    'name',
    'image',
    'command',
    'args',
    'workingDir',
    'envFrom',
    'env',
    'volumeMounts',
    'volumeDevices',
    'terminationMessagePath',
    'terminationMessagePolicy',
  ],
  ...['imagePullPolicy', 'securityContext', 'stdin', 'stdinOnce', 'tty', 'targetContainerName'],
]);

export function validateEphemeralContainers(spec: core.PodSpec, path: FieldPath, around: Around): Errors {
  const errors: Errors = [];
  if (spec.ephemeralContainers === undefined) return errors;
  const others = new Set([...(spec.containers ?? []), ...(spec.initContainers ?? [])].map((c) => c.name));
  const names = new Set<string>();
  for (const [i, container] of spec.ephemeralContainers.entries()) {
    const at = path.index(i);
    errors.push(...validateAny(container, at, around));
    checkImageSpace(errors, at.child('image'), container.image);
    if (names.has(container.name) || others.has(container.name)) errors.push(duplicate(at.child('name'), container.name));
    names.add(container.name);
    const target = container.targetContainerName;
    if (!isEmpty(target) && !others.has(target)) errors.push(notFound(at.child('targetContainerName'), target));
    for (const [field, value] of Object.entries(container)) {
      const empty = typeof value === 'object' && value !== null && Object.keys(value).length === 0;
      if (!EPHEMERAL_FIELDS.has(field) && value !== undefined && !empty) errors.push(forbidden(at.child(field), 'cannot be set for an Ephemeral Container'));
    }
    for (const [j, mount] of (container.volumeMounts ?? []).entries()) {
      const mountPath = at.child('volumeMounts').index(j);
      if (!isEmpty(mount.subPath)) errors.push(forbidden(mountPath.child('subPath'), 'cannot be set for an Ephemeral Container'));
      if (!isEmpty(mount.subPathExpr)) errors.push(forbidden(mountPath.child('subPathExpr'), 'cannot be set for an Ephemeral Container'));
    }
  }
  return errors;
}

const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];

function validatePorts(ports: readonly core.ContainerPort[] | undefined, path: FieldPath): Errors {
  const errors: Errors = [];
  if (ports === undefined) return errors;
  const names = new Set<string>();
  for (const [i, port] of ports.entries()) {
    const at = path.index(i);
    if (!isEmpty(port.name)) {
      const faults = portNameFaults(port.name);
      addFaults(errors, at.child('name'), port.name, faults);
      if (faults.length === 0 && names.has(port.name)) errors.push(duplicate(at.child('name'), port.name));
      if (faults.length === 0) names.add(port.name);
    }
    if (port.containerPort === undefined || port.containerPort === 0) errors.push(required(at.child('containerPort')));
    else addFaults(errors, at.child('containerPort'), port.containerPort, portNumberFaults(port.containerPort));
    if (port.hostPort !== undefined && port.hostPort !== 0) addFaults(errors, at.child('hostPort'), port.hostPort, portNumberFaults(port.hostPort));
    checkOneOf(errors, at.child('protocol'), port.protocol, PROTOCOLS);
  }
  return errors;
}

function validateHostPorts(containers: readonly core.Container[], path: FieldPath): Errors {
  const errors: Errors = [];
  const taken = new Set<string>();
  for (const [i, container] of containers.entries()) {
    for (const [j, port] of (container.ports ?? []).entries()) {
      if (port.hostPort === undefined || port.hostPort === 0) continue;
      const text = `${port.protocol ?? ''}/${port.hostIP ?? ''}/${port.hostPort}`;
      if (taken.has(text)) errors.push(duplicate(path.index(i).child('ports').index(j).child('hostPort'), text));
      taken.add(text);
    }
  }
  return errors;
}

const PROPAGATIONS = ['Bidirectional', 'HostToContainer', 'None'];
const RECURSIVE = ['Disabled', 'Enabled', 'IfPossible'];

function validateMounts(container: AnyContainer, path: FieldPath, volumes: ReadonlyMap<string, core.Volume>): Errors {
  const errors: Errors = [];
  if (container.volumeMounts === undefined) return errors;
  const devices = container.volumeDevices ?? [];
  const paths = new Set<string>();
  for (const [i, mount] of container.volumeMounts.entries()) {
    const at = path.index(i);
    if (isEmpty(mount.name)) errors.push(required(at.child('name')));
    if (!volumes.has(mount.name)) errors.push(notFound(at.child('name'), mount.name ?? ''));
    if (isEmpty(mount.mountPath)) errors.push(required(at.child('mountPath')));
    if (paths.has(mount.mountPath)) errors.push(invalid(at.child('mountPath'), mount.mountPath, 'must be unique'));
    paths.add(mount.mountPath);
    if (devices.some((d) => d.name === mount.name)) errors.push(invalid(at.child('name'), mount.name, 'must not already exist in volumeDevices'));
    if (devices.some((d) => d.devicePath === mount.mountPath))
      errors.push(invalid(at.child('mountPath'), mount.mountPath, 'must not already exist as a path in volumeDevices'));
    if (!isEmpty(mount.subPath)) checkDescendingPath(errors, path.child('subPath'), mount.subPath);
    if (!isEmpty(mount.subPathExpr)) {
      if (!isEmpty(mount.subPath)) errors.push(invalid(at.child('subPathExpr'), mount.subPathExpr, 'subPathExpr and subPath are mutually exclusive'));
      checkDescendingPath(errors, path.child('subPathExpr'), mount.subPathExpr);
    }
    checkPropagation(errors, mount, container, path.child('mountPropagation'));
    checkRecursive(errors, mount, path.child('recursiveReadOnly'));
  }
  return errors;
}

function checkPropagation(errors: Errors, { mountPropagation: mode }: core.VolumeMount, container: AnyContainer, path: FieldPath): void {
  if (mode === undefined) return;
  if (!PROPAGATIONS.includes(mode)) errors.push(notSupported(path, mode, PROPAGATIONS));
  if (mode === 'Bidirectional' && container.securityContext?.privileged !== true)
    errors.push(forbidden(path, 'Bidirectional mount propagation is available only to privileged containers'));
}

function checkRecursive(errors: Errors, { recursiveReadOnly: mode, readOnly, mountPropagation }: core.VolumeMount, path: FieldPath): void {
  if (mode === undefined || mode === 'Disabled') return;
  if (!RECURSIVE.includes(mode)) {
    errors.push(notSupported(path, mode, RECURSIVE));
    return;
  }
  if (readOnly !== true) errors.push(forbidden(path, 'may only be specified when readOnly is true'));
  if (mountPropagation !== undefined && mountPropagation !== 'None')
    errors.push(forbidden(path, 'may only be specified when mountPropagation is None or not specified'));
}

function validateDevices(container: AnyContainer, path: FieldPath, volumes: ReadonlyMap<string, core.Volume>): Errors {
  const errors: Errors = [];
  if (container.volumeDevices === undefined) return errors;
  const mounts = container.volumeMounts ?? [];
  const names = new Set<string>();
  const paths = new Set<string>();
  for (const [i, { name, devicePath }] of container.volumeDevices.entries()) {
    const at = path.index(i);
    const volume = volumes.get(name);
    if (isEmpty(name)) errors.push(required(at.child('name')));
    if (names.has(name)) errors.push(invalid(at.child('name'), name, 'must be unique'));
    // Only claims can be devices.
    if (volume !== undefined && volume.persistentVolumeClaim === undefined && volume.ephemeral === undefined) {
      errors.push(invalid(at.child('name'), name, 'can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode'));
    }
    if (volume === undefined) errors.push(notFound(at.child('name'), name ?? ''));
    if (isEmpty(devicePath)) errors.push(required(at.child('devicePath')));
    if (paths.has(devicePath)) errors.push(invalid(at.child('devicePath'), devicePath, 'must be unique'));
    if ((devicePath ?? '').split('/').includes('..')) errors.push(invalid(at.child('devicePath'), devicePath, "can not contain backsteps ('..')"));
    else paths.add(devicePath);
    if (mounts.some((m) => m.name === name)) errors.push(invalid(at.child('name'), name, 'must not already exist in volumeMounts'));
    if (mounts.some((m) => m.mountPath === devicePath))
      errors.push(invalid(at.child('devicePath'), devicePath, 'must not already exist as a path in volumeMounts'));
    if (!isEmpty(name)) names.add(name);
  }
  return errors;
}

const RESIZE_POLICIES = ['NotRequired', 'RestartContainer'];

function validateResizePolicy(policies: readonly core.ContainerResizePolicy[] | undefined, path: FieldPath, podRestart: string | undefined): Errors {
  const errors: Errors = [];
  if (policies === undefined) return errors;
  const seen = new Set<string>();
  for (const [i, { resourceName, restartPolicy }] of policies.entries()) {
    if (seen.has(resourceName)) errors.push(duplicate(path.index(i), resourceName));
    seen.add(resourceName);
    if (resourceName !== 'cpu' && resourceName !== 'memory')
      errors.push(isEmpty(resourceName) ? required(path) : notSupported(path, resourceName, ['cpu', 'memory']));
    if (!RESIZE_POLICIES.includes(restartPolicy)) errors.push(isEmpty(restartPolicy) ? required(path) : notSupported(path, restartPolicy, RESIZE_POLICIES));
    if (podRestart === 'Never' && restartPolicy !== 'NotRequired')
      errors.push(invalid(path, restartPolicy, "must be 'NotRequired' when pod `restartPolicy` is 'Never'"));
  }
  return errors;
}
