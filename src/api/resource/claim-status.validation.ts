import { type FieldError, type FieldPath, forbidden, invalid, notSupported, required, tooLong, tooMany } from '../../machinery/field-error.ts';
import type { Draft } from '../../machinery/object.ts';
import { asJson, type Errors, IMMUTABLE, isEmpty, root } from '../checks.ts';
import { validateConditions } from '../conditions.ts';
import { validateNodeSelector } from '../core/affinity.validation.ts';
import { checkDriverName } from '../core/remote-volume.validation.ts';
import { semanticEqual } from '../equal.ts';
import type * as v1 from '../gen/types/resource.v1.ts';
import { interfaceAddressFaults } from '../ip.ts';
import { configurationErrors, referenceErrors, requestNames, validateReferences } from './device-claim.validation.ts';
import { bindingErrors, labelErrors, poolNameErrors, rawErrors, tolerationErrors, validateEach, validateSet } from './device-names.validation.ts';

const MAX_CONSUMERS = 256;
const MAX_RESULTS = 32;
/** Those of the class and those of the claim. */
const MAX_CONFIGURATIONS = 64;
const MAX_CONDITIONS = 8;
const MAX_DATA_BYTES = 10 * 1024;
const MAX_INTERFACE_NAME = 256;
const MAX_HARDWARE_ADDRESS = 128;
const MAX_ADDRESSES = 16;

interface DeviceKey {
  readonly driver: string;
  readonly pool: string;
  readonly device: string;
  readonly shareID?: string | undefined;
}

/** `driver/pool/device`, and the share where it has one. */
const keyOf = ({ driver, pool, device, shareID }: DeviceKey): string => [driver, pool, device, ...(isEmpty(shareID) ? [] : [shareID])].join('/');

const idOf = ({ driver, pool, device }: DeviceKey): string => keyOf({ driver, pool, device });

const allocatedBy = (status: { readonly allocation?: v1.AllocationResult | undefined } | undefined): ReadonlySet<string> =>
  new Set((status?.allocation?.devices?.results ?? []).map(idOf));

/** The devices of the old allocation that are not in the new one have no status any more. */
export function dropFreed({ status }: Draft<v1.ResourceClaim>, old: v1.ResourceClaim): void {
  if (status?.devices === undefined) return;
  const [now, before] = [allocatedBy(status), allocatedBy(old.status)];
  status.devices = status.devices.filter((device) => now.has(idOf(device)) || !before.has(idOf(device)));
  if (status.devices.length === 0) delete status.devices;
}

export function validateClaimStatus({ metadata, spec, status }: v1.ResourceClaim, old: v1.ResourceClaim): readonly FieldError[] {
  const path = root('status');
  const allocated = new Set((status?.allocation?.devices?.results ?? []).map(keyOf));
  const errors: Errors = [
    ...validateSet(status?.reservedFor, MAX_CONSUMERS, path.child('reservedFor'), consumerErrors, ({ uid }) => uid),
    ...validateSet(
      status?.devices,
      Number.POSITIVE_INFINITY,
      path.child('devices'),
      (device, at) => deviceErrors(device, allocated, at),
      (device) => keyOf(device),
    ),
    ...reservationErrors(status, metadata?.deletionTimestamp === undefined ? undefined : (old.status?.reservedFor ?? []), path.child('reservedFor')),
  ];
  const [now, before] = [status?.allocation, old.status?.allocation];
  const at = path.child('allocation');
  if (now === undefined) return errors;
  // Results that are stored were held to fewer rules.
  if (before !== undefined) return semanticEqual(now, before) ? errors : [...errors, invalid(at, asJson(now), IMMUTABLE)];
  return [...errors, ...allocationErrors(now, requestNames(spec?.devices), at)];
}

function consumerErrors(consumer: v1.ResourceClaimConsumerReference, path: FieldPath): Errors {
  return (['resource', 'name', 'uid'] as const).flatMap((field) => (isEmpty(consumer[field]) ? [required(path.child(field))] : []));
}

/** `kept`: who had it reserved, when the claim goes: others may not come. */
function reservationErrors(
  status: v1.ResourceClaimStatus | undefined,
  kept: readonly v1.ResourceClaimConsumerReference[] | undefined,
  path: FieldPath,
): Errors {
  const reserved = status?.reservedFor ?? [];
  if (reserved.length === 0) return [];
  if (status?.allocation === undefined) return [forbidden(path, 'may not be specified when `allocated` is not set')];
  if (kept === undefined || reserved.every((consumer) => kept.some((k) => semanticEqual(k, consumer)))) return [];
  return [forbidden(path, 'new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set')];
}

function allocationErrors({ devices, nodeSelector }: v1.AllocationResult, names: ReadonlySet<string>, path: FieldPath): Errors {
  const at = path.child('devices');
  return [
    ...validateEach(devices?.results, MAX_RESULTS, at.child('results'), (result, each) => resultErrors(result, names, each)),
    ...validateEach(devices?.config, MAX_CONFIGURATIONS, at.child('config'), (config, each) => [
      ...sourceErrors(config.source, each.child('source')),
      ...validateReferences(config.requests, names, each.child('requests')),
      ...configurationErrors(config, each),
    ]),
    ...(nodeSelector === undefined ? [] : validateNodeSelector(nodeSelector, path.child('nodeSelector'))),
  ];
}

function resultErrors(result: v1.DeviceRequestAllocationResult, names: ReadonlySet<string>, path: FieldPath): Errors {
  return [
    ...referenceErrors(result.request ?? '', names, path.child('request')),
    ...identityErrors(result, path),
    ...bindingErrors(result, path),
    ...(result.shareID === undefined ? [] : shareErrors(result.shareID, path.child('shareID'))),
    ...(result.tolerations ?? []).flatMap((toleration, i) => tolerationErrors(toleration, path.child('tolerations').index(i))),
  ];
}

function identityErrors({ driver, pool, device }: DeviceKey, path: FieldPath): Errors {
  return [...checkDriverName(driver, path.child('driver')), ...poolNameErrors(pool, path.child('pool')), ...labelErrors(device ?? '', path.child('device'))];
}

function sourceErrors(source: string | undefined, path: FieldPath): Errors {
  if (isEmpty(source)) return [required(path)];
  return source === 'FromClaim' || source === 'FromClass' ? [] : [notSupported(path, source, ['FromClaim', 'FromClass'])];
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** Other forms that are read, though none of them is taken. */
const LOOSE_UUID = /^(?:(?:urn:uuid:)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\{[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\}|[0-9a-f]{32})$/i;
const UUID_LENGTHS = [32, 36, 38, 45];

function shareErrors(id: string, path: FieldPath): Errors {
  if (UUID.test(id)) return [];
  if (LOOSE_UUID.test(id))
    return [invalid(path, id, 'uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal characters')];
  return [invalid(path, id, `error validating uid: ${UUID_LENGTHS.includes(id.length) ? 'invalid UUID format' : `invalid UUID length: ${id.length}`}`)];
}

function deviceErrors(device: v1.AllocatedDeviceStatus, allocated: ReadonlySet<string>, path: FieldPath): Errors {
  const errors = identityErrors(device, path);
  if (device.shareID !== undefined) errors.push(...shareErrors(device.shareID, path.child('shareID')));
  if (!allocated.has(keyOf(device))) errors.push(invalid(path, keyOf(device), 'must be an allocated device in the claim'));
  const conditions = path.child('conditions');
  const count = (device.conditions ?? []).length;
  if (count > MAX_CONDITIONS) errors.push(tooMany(conditions, count, MAX_CONDITIONS));
  errors.push(...validateConditions(device.conditions, conditions));
  if (device.data !== undefined) errors.push(...rawErrors(device.data, MAX_DATA_BYTES, path.child('data')));
  return [...errors, ...networkErrors(device.networkData, path.child('networkData'))];
}

function networkErrors({ interfaceName = '', hardwareAddress = '', ips }: v1.NetworkDeviceData = {}, path: FieldPath): Errors {
  return [
    ...(interfaceName.length > MAX_INTERFACE_NAME ? [tooLong(path.child('interfaceName'), MAX_INTERFACE_NAME)] : []),
    ...(hardwareAddress.length > MAX_HARDWARE_ADDRESS ? [tooLong(path.child('hardwareAddress'), MAX_HARDWARE_ADDRESS)] : []),
    ...validateSet(
      ips,
      MAX_ADDRESSES,
      path.child('ips'),
      (address, at) => interfaceAddressFaults(address).map((fault) => invalid(at, address, fault)),
      (address) => address,
    ),
  ];
}
