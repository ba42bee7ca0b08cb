import { type FieldPath, forbidden, invalid } from '../../machinery/field-error.ts';
import { dns1123SubdomainFaults } from '../../machinery/names.ts';
import { addFaults, type Errors } from '../checks.ts';
import type * as core from '../gen/types/core.v1.ts';
import { containersOf } from './placed-containers.ts';

const MAX_CREDENTIAL_KIB = 64;
const MAX_DOMAIN = 256;
const MAX_USER = 104;
const NETBIOS_DOMAIN = /^[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}$/;
const DNS_DOMAIN = /^([A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]{0,61}[A-Za-z0-9])(\.([A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]{0,61}[A-Za-z0-9]))*$/;

export function validateWindowsOptions(options: core.WindowsSecurityContextOptions | undefined, path: FieldPath): Errors {
  const errors: Errors = [];
  const { gmsaCredentialSpecName: name, gmsaCredentialSpec: credentials, runAsUserName: user } = options ?? {};
  if (name !== undefined) addFaults(errors, path.child('gmsaCredentialSpecName'), name, dns1123SubdomainFaults(name));
  const at = path.child('gmsaCredentialSpec');
  if (credentials === '') errors.push(invalid(at, '', 'gmsaCredentialSpec cannot be an empty string'));
  else if ((credentials ?? '').length > MAX_CREDENTIAL_KIB * 1024)
    errors.push(invalid(at, credentials, `gmsaCredentialSpec size must be under ${MAX_CREDENTIAL_KIB} KiB`));
  if (user !== undefined) addFaults(errors, path.child('runAsUserName'), user, userFaults(user));
  return errors;
}

/** `DOMAIN\user` or `user`. */
function userFaults(text: string): readonly string[] {
  const parts = text.split('\\');
  if (text === '') return ['runAsUserName cannot be an empty string'];
  if (/\p{Cc}/u.test(text)) return ['runAsUserName cannot contain control characters'];
  if (parts.length > 2) return ['runAsUserName cannot contain more than one backslash'];
  const user = parts.at(-1) ?? '';
  const domain = parts.length === 2 ? (parts[0] ?? '') : undefined;
  const faults: string[] = [];
  if (domain !== undefined) {
    if (domain.length >= MAX_DOMAIN) faults.push(`runAsUserName's Domain length must be under ${MAX_DOMAIN} characters`);
    if (!NETBIOS_DOMAIN.test(domain) && !DNS_DOMAIN.test(domain)) faults.push("runAsUserName's Domain doesn't match the NetBios nor the DNS format");
  }
  if (user === '') faults.push("runAsUserName's User cannot be empty");
  else if (user.length > MAX_USER) faults.push(`runAsUserName's User length must not be longer than ${MAX_USER} characters`);
  if (/^[. ]+$/.test(user)) faults.push("runAsUserName's User cannot contain only periods or spaces");
  if (/["/\\:;|=,+*?<>@[\]]/.test(user)) faults.push('runAsUserName\'s User cannot contain the following characters: "/\\:;|=,+*?<>@[]');
  return faults;
}

/** Processes of the host: all containers of a pod or none. */
export function validateHostProcess(spec: core.PodSpec, path: FieldPath): Errors {
  const errors: Errors = [];
  const ofPod = spec.securityContext?.windowsOptions?.hostProcess;
  const containers = containersOf(spec, path);
  let count = 0;
  for (const { container, path: at } of containers) {
    const own = container.securityContext?.windowsOptions?.hostProcess;
    if (ofPod !== undefined && own !== undefined && ofPod !== own) {
      const field = at.child('securityContext').child('windowsOptions', 'hostProcess');
      errors.push(invalid(field, own, `pod hostProcess value must be identical if both are specified, was ${ofPod}`));
    }
    if (own ?? ofPod ?? false) count++;
  }
  if (count === 0) return errors;
  if (count !== containers.length)
    errors.push(invalid(path, '', 'If pod contains any hostProcess containers then all containers must be HostProcess containers'));
  if (spec.hostNetwork !== true) errors.push(invalid(path.child('hostNetwork'), false, 'hostNetwork must be true if pod contains any hostProcess containers'));
  return errors;
}

const NO_WINDOWS = 'cannot be set for a windows pod';
const NO_LINUX = 'windows options cannot be set for a linux pod';

/** What a pod may not have that says which system it is for (KEP-2802). */
export function validateForSystem(spec: core.PodSpec, path: FieldPath): Errors {
  const inPod = path.child('securityContext');
  const containers = containersOf(spec, path).map(({ container, path: at }) => [container.securityContext, at.child('securityContext')] as const);
  if (spec.os?.name === 'linux')
    return [[spec.securityContext, inPod] as const, ...containers].flatMap(([context, at]) =>
      context?.windowsOptions === undefined ? [] : [forbidden(at.child('windowsOptions'), NO_LINUX)],
    );
  if (spec.os?.name !== 'windows') return [];
  return [
    ...given(spec.securityContext, ['appArmorProfile', 'seLinuxOptions'], inPod),
    ...given(spec, ['hostUsers'], path),
    ...(['hostPID', 'hostIPC'] as const).filter((field) => spec[field] === true).map((field) => forbidden(path.child(field), NO_WINDOWS)),
    ...given(spec.securityContext, ['seccompProfile', 'fsGroup', 'fsGroupChangePolicy', 'sysctls'], inPod),
    ...given(spec, ['shareProcessNamespace'], path),
    ...given(spec.securityContext, ['runAsUser', 'runAsGroup', 'supplementalGroups', 'supplementalGroupsPolicy', 'seLinuxChangePolicy'], inPod),
    ...containers.flatMap(([context, at]) => given(context, CONTAINER_FIELDS, at)),
  ];
}

const CONTAINER_FIELDS = [
  ...['appArmorProfile', 'seLinuxOptions', 'seccompProfile', 'capabilities', 'readOnlyRootFilesystem', 'privileged', 'allowPrivilegeEscalation'],
  ...['procMount', 'runAsUser', 'runAsGroup'],
];

function given(object: object | undefined, fields: readonly string[], path: FieldPath): Errors {
  const values = (object ?? {}) as Readonly<Record<string, unknown>>;
  return fields.filter((field) => values[field] !== undefined).map((field) => forbidden(path.child(field), NO_WINDOWS));
}
