import { duplicate, type FieldError, type FieldPath, invalid, required } from '../../machinery/field-error.ts';
import { dns1035LabelFaults, dns1123SubdomainFaults, EMPTY_FAULT, qualifiedNameFaults } from '../../machinery/names.ts';
import { addFaults, asJson, type Errors, isEmpty, root } from '../checks.ts';
import type * as internal from '../gen/types/apiserverinternal.v1alpha1.ts';

const STATUS = root('status');

/** `apps.deployments`: a group, which for the core one is `core`, and a resource. */
export function storageVersionNameFaults(name: string): readonly string[] {
  const dot = name.lastIndexOf('.');
  if (dot < 0) return ['name must be in the form of <group>.<resource>'];
  return [
    ...dns1123SubdomainFaults(name.slice(0, dot)).map((fault) => `the group segment ${fault}`),
    ...dns1035LabelFaults(name.slice(dot + 1)).map((fault) => `the resource segment ${fault}`),
  ];
}

export function validateStorageVersionStatus({ status = {} }: internal.StorageVersion): readonly FieldError[] {
  const errors: Errors = [];
  const servers = status.storageVersions ?? [];
  const seen = new Set<string>();
  for (const [i, server] of servers.entries()) {
    const at = STATUS.child('storageVersions').index(i);
    const id = server.apiServerID ?? '';
    if (seen.has(id)) errors.push(duplicate(at.child('apiServerID'), id));
    seen.add(id);
    errors.push(...serverErrors(server, at));
  }
  const fault = commonVersionFault(servers, status.commonEncodingVersion);
  if (fault !== undefined) errors.push(invalid(STATUS.child('commonEncodingVersion'), status.commonEncodingVersion, fault));
  return [...errors, ...conditionErrors(status.conditions ?? [])];
}

function serverErrors(server: internal.ServerStorageVersion, at: FieldPath): Errors {
  const { decodableVersions, servedVersions = [] } = server;
  const [apiServerID, encodingVersion] = [server.apiServerID ?? '', server.encodingVersion ?? ''];
  const errors: Errors = [];
  const decodable = decodableVersions ?? [];
  addFaults(errors, at.child('apiServerID'), apiServerID, dns1123SubdomainFaults(apiServerID));
  checkVersion(errors, at.child('encodingVersion'), encodingVersion);
  for (const [i, version] of decodable.entries()) checkVersion(errors, at.child('decodableVersions').index(i), version);
  if (!decodable.includes(encodingVersion))
    errors.push(invalid(at.child('decodableVersions'), asJson(decodableVersions), `decodableVersions must include encodingVersion ${encodingVersion}`));
  for (const [i, version] of servedVersions.entries()) {
    const servedAt = at.child('servedVersions').index(i);
    checkVersion(errors, servedAt, version);
    if (!decodable.includes(version))
      errors.push(invalid(servedAt, version, `individual served version : ${version} must be included in decodableVersions : [${decodable.join(' ')}]`));
  }
  return errors;
}

/** All faults of a version are one. */
function checkVersion(errors: Errors, path: FieldPath, version: string): void {
  const faults = versionFaults(version);
  if (faults.length > 0) errors.push(invalid(path, version, faults.join(',')));
}

const VERSION_FAULT =
  "an apiVersion is a DNS-1035 label, which must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyVersion')";

/** `v1` or `group/v1`. */
function versionFaults(text: string): readonly string[] {
  const [first = '', second, ...rest] = text.split('/');
  if (rest.length > 0) return [VERSION_FAULT];
  const group = second === undefined ? [] : partFaults('group', first, dns1123SubdomainFaults);
  return [...group, ...partFaults('version', second ?? first, dns1035LabelFaults)];
}

function partFaults(part: string, text: string, faults: (text: string) => readonly string[]): readonly string[] {
  return (text === '' ? [EMPTY_FAULT] : faults(text)).map((fault) => `${part} part: ${fault}`);
}

/** The version that all servers write, if there is one, and none otherwise. */
function commonVersionFault(servers: readonly internal.ServerStorageVersion[], said: string | undefined): string | undefined {
  const versions = new Set(servers.map(({ encodingVersion }) => encodingVersion ?? ''));
  const [common] = versions;
  if (versions.size !== 1 || common === undefined) {
    if (said === undefined) return undefined;
    return 'should be nil if servers do not agree on the same encoding version, or if there is no server reporting the supported versions yet';
  }
  if (said === undefined) return `the common encoding version is ${common}`;
  return said === common ? undefined : `the actual common encoding version is ${common}`;
}

/** The paths are those that Kubernetes gives, which leave out the name of the list. */
function conditionErrors(conditions: readonly internal.StorageVersionCondition[]): Errors {
  const errors: Errors = [];
  const seen = new Map<string, number>();
  for (const [i, { type = '', status = '', reason, message }] of conditions.entries()) {
    const at = STATUS.index(i);
    const before = seen.get(type);
    if (before !== undefined) errors.push(invalid(at.child('type'), type, `the type of the condition is not unique, it also appears in conditions[${before}]`));
    seen.set(type, i);
    addFaults(errors, at.child('type'), type, qualifiedNameFaults(type));
    addFaults(errors, at.child('status'), status, qualifiedNameFaults(status));
    if (isEmpty(reason)) errors.push(required(at.child('reason'), 'reason cannot be empty'));
    if (isEmpty(message)) errors.push(required(at.child('message'), 'message cannot be empty'));
  }
  return errors;
}
