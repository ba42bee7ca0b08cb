import { duplicate, type FieldPath, forbidden, invalid, notSupported, required, tooLong } from '../../machinery/field-error.ts';
import { asJson, checkSupported, type Errors, isEmpty } from '../checks.ts';
import type * as core from '../gen/types/core.v1.ts';
import { checkDescendingPath } from './path.validation.ts';
import { containersOf } from './placed-containers.ts';
import { validateWindowsOptions } from './windows.validation.ts';

const MAX_ID = 2 ** 31 - 1;
const ID_FAULT = `must be between 0 and ${MAX_ID}, inclusive`;

function checkId(errors: Errors, path: FieldPath, id: number | undefined): void {
  if (id !== undefined && (id < 0 || id > MAX_ID)) errors.push(invalid(path, id, ID_FAULT));
}

const PROFILES = ['Localhost', 'RuntimeDefault', 'Unconfined'];

function validateSeccomp(profile: core.SeccompProfile | undefined, path: FieldPath): Errors {
  const errors: Errors = [];
  if (profile === undefined) return errors;
  if (isEmpty(profile.type)) errors.push(required(path.child('type'), 'type is required when seccompProfile is set'));
  else checkSupported(errors, path.child('type'), profile.type, PROFILES);
  const file = path.child('localhostProfile');
  if (profile.type === 'Localhost') {
    if (profile.localhostProfile === undefined) errors.push(required(file, 'must be set when seccomp type is Localhost'));
    else checkDescendingPath(errors, file, profile.localhostProfile);
  } else if (profile.localhostProfile !== undefined) {
    errors.push(invalid(file, asJson(profile), 'can only be set when seccomp type is Localhost'));
  }
  return errors;
}

const MAX_PROFILE_LENGTH = 4095;

function validateAppArmor(profile: core.AppArmorProfile | undefined, path: FieldPath): Errors {
  const errors: Errors = [];
  if (profile === undefined) return errors;
  const file = path.child('localhostProfile');
  if (isEmpty(profile.type)) errors.push(required(path.child('type'), 'type is required when appArmorProfile is set'));
  else checkSupported(errors, path.child('type'), profile.type, PROFILES);
  if (profile.type === 'Localhost') {
    const name = profile.localhostProfile;
    if (name === undefined) errors.push(required(file, 'must be set when AppArmor type is Localhost'));
    else if (name.trim() !== name) errors.push(invalid(file, name, 'must not be padded with whitespace'));
    else if (name === '') errors.push(required(file, 'must be set when AppArmor type is Localhost'));
    if ((name ?? '').length > MAX_PROFILE_LENGTH) errors.push(tooLong(file, MAX_PROFILE_LENGTH));
  } else if (PROFILES.includes(profile.type) && profile.localhostProfile !== undefined) {
    errors.push(invalid(file, profile.localhostProfile, 'can only be set when AppArmor type is Localhost'));
  }
  return errors;
}

/** `hostUsers`: whether the pod is in the host's user namespace. */
export function validateSecurityContext(context: core.SecurityContext | undefined, path: FieldPath, hostUsers: boolean): Errors {
  const errors: Errors = [];
  if (context === undefined) return errors;
  checkId(errors, path.child('runAsUser'), context.runAsUser);
  checkId(errors, path.child('runAsGroup'), context.runAsGroup);
  checkSupported(errors, path.child('procMount'), context.procMount, ['Default', 'Unmasked']);
  if (hostUsers && context.procMount === 'Unmasked') errors.push(invalid(path.child('procMount'), 'Unmasked', '`hostUsers` must be false to use `Unmasked`'));
  errors.push(...validateSeccomp(context.seccompProfile, path.child('seccompProfile')));
  if (context.allowPrivilegeEscalation === false) {
    if (context.privileged === true) errors.push(invalid(path, asJson(context), 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true'));
    if ((context.capabilities?.add ?? []).includes('CAP_SYS_ADMIN'))
      errors.push(invalid(path, asJson(context), 'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN'));
  }
  errors.push(...validateWindowsOptions(context.windowsOptions, path.child('windowsOptions')));
  errors.push(...validateAppArmor(context.appArmorProfile, path.child('appArmorProfile')));
  return errors;
}

const SYSCTL_SEGMENT = '[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
const SYSCTL = `(${SYSCTL_SEGMENT}[\\./])*${SYSCTL_SEGMENT}`;
const SYSCTL_RE = new RegExp(`^${SYSCTL}$`);
const MAX_SYSCTL = 253;

/** `net/ipv4/conf/eth0.1/forwarding`: where slashes part the name, dots are part of it. */
function withDots(name = ''): string {
  const [first] = name.match(/[./]/) ?? [];
  return first === '/' ? name.replace(/[./]/g, (char) => (char === '/' ? '.' : '/')) : name;
}

/** Settings that belong to a namespace which the pod shares with the host would be the host's. */
const HOST_SYSCTLS = [
  ['hostNetwork', /^net\./],
  ['hostIPC', /^(kernel\.(shm|msg)|kernel\.sem$|fs\.mqueue\.)/],
] as const;

function validateSysctls(spec: core.PodSpec, path: FieldPath): Errors {
  const errors: Errors = [];
  const seen = new Set<string>();
  for (const [i, { name }] of (spec.securityContext?.sysctls ?? []).entries()) {
    const at = path.index(i).child('name');
    if (isEmpty(name)) errors.push(required(at));
    else if (name.length > MAX_SYSCTL || !SYSCTL_RE.test(name))
      errors.push(invalid(at, name, `must have at most ${MAX_SYSCTL} characters and match regex ^${SYSCTL}$`));
    else if (seen.has(name)) errors.push(duplicate(at, name));
    seen.add(name);
    for (const [field, names] of HOST_SYSCTLS)
      if (spec[field] === true && names.test(withDots(name))) errors.push(invalid(at, name, `may not be specified when '${field}' is true`));
  }
  return errors;
}

/** The pod's own, with what it shares with the host. */
export function validatePodSecurityContext(context: core.PodSecurityContext | undefined, spec: core.PodSpec, path: FieldPath): Errors {
  const errors: Errors = [];
  if (context === undefined) return errors;
  checkId(errors, path.child('fsGroup'), context.fsGroup);
  checkId(errors, path.child('runAsUser'), context.runAsUser);
  checkId(errors, path.child('runAsGroup'), context.runAsGroup);
  for (const [i, group] of (context.supplementalGroups ?? []).entries()) checkId(errors, path.child('supplementalGroups').index(i), group);
  if (spec.shareProcessNamespace === true && spec.hostPID === true)
    errors.push(invalid(path.child('shareProcessNamespace'), true, 'ShareProcessNamespace and HostPID cannot both be enabled'));
  errors.push(...validateSysctls(spec, path.child('sysctls')));
  checkSupported(errors, path.child('fsGroupChangePolicy'), context.fsGroupChangePolicy, ['Always', 'OnRootMismatch']);
  errors.push(...validateSeccomp(context.seccompProfile, path.child('seccompProfile')));
  errors.push(...validateWindowsOptions(context.windowsOptions, path.child('windowsOptions')));
  errors.push(...validateAppArmor(context.appArmorProfile, path.child('appArmorProfile')));
  checkSupported(errors, path.child('supplementalGroupsPolicy'), context.supplementalGroupsPolicy, ['Merge', 'Strict']);
  // To mount with the label has its own gate, SELinuxMount, which is shut in 1.36.
  checkSupported(errors, path.child('seLinuxChangePolicy'), context.seLinuxChangePolicy, ['Recursive']);
  return errors;
}

/** A user namespace of its own, and what it rules out. */
export function validateHostUsers(spec: core.PodSpec, path: FieldPath): Errors {
  const errors: Errors = [];
  if (spec.hostUsers !== false) return errors;
  const word = 'when `hostUsers` is false';
  if (spec.hostNetwork === true) errors.push(forbidden(path.child('hostNetwork'), word));
  // The paths are the ones that Kubernetes gives.
  if (spec.hostPID === true) errors.push(forbidden(path.child('HostPID'), word));
  if (spec.hostIPC === true) errors.push(forbidden(path.child('HostIPC'), word));
  for (const { container, path: at } of containersOf(spec, path))
    if ((container.volumeDevices ?? []).length > 0) errors.push(forbidden(at.child('volumeDevices'), word));
  return errors;
}

const DNS_POLICIES = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'];

export function checkDnsPolicy(errors: Errors, path: FieldPath, policy: string | undefined): void {
  if (isEmpty(policy)) errors.push(required(path));
  else if (!DNS_POLICIES.includes(policy)) errors.push(notSupported(path, policy, DNS_POLICIES));
}
