import { type FieldError, type FieldPath, forbidden, invalid, required, tooLong } from '../../machinery/field-error.ts';
import { addQuantities, formatQuantity, type Quantity, quantityValue } from '../../machinery/quantity.ts';
import { asJson, type Errors, IMMUTABLE, root } from '../checks.ts';
import { validateNodeSelector } from '../core/affinity.validation.ts';
import { checkDriverName } from '../core/remote-volume.validation.ts';
import { quantityOf } from '../core/resources.validation.ts';
import { semanticEqual } from '../equal.ts';
import type * as v1 from '../gen/types/resource.v1.ts';
import {
  bindingErrors,
  labelErrors,
  poolNameErrors,
  qualifiedErrors,
  subdomainErrors,
  taintErrors,
  validateEach,
  validateMap,
  validateSet,
} from './device-names.validation.ts';

const MAX_DEVICES = 128;
/** Of devices with taints or shared counters. */
const MAX_LARGE_DEVICES = 64;
const MAX_COUNTER_SETS = 8;
const MAX_COUNTERS = 32;
const MAX_CONSUMPTIONS = 2;
const MAX_TAINTS = 16;
/** Attributes and capacities of a device. */
const MAX_SAID = 32;
const MAX_OPTIONS = 10;
const MAX_LABEL = 63;
/** A domain of 63 characters, a slash, a name of 32. */
const MAX_QUALIFIED = 96;

export const validateSlice = (slice: v1.ResourceSlice): readonly FieldError[] => validateSpec(slice.spec, undefined);
export const validateSliceUpdate = (slice: v1.ResourceSlice, old: v1.ResourceSlice): readonly FieldError[] => validateSpec(slice.spec, old.spec);

const SPEC = root('spec');

function validateSpec(spec: v1.ResourceSliceSpec, old: v1.ResourceSliceSpec | undefined): readonly FieldError[] {
  const errors: Errors = [...checkDriverName(spec.driver, SPEC.child('driver')), ...poolErrors(spec.pool, SPEC.child('pool'))];
  if (old !== undefined) {
    if (spec.pool?.name !== old.pool?.name) errors.push(invalid(SPEC.child('pool', 'name'), spec.pool?.name ?? '', IMMUTABLE));
    if (spec.driver !== old.driver) errors.push(invalid(SPEC.child('driver'), spec.driver, IMMUTABLE));
    if (spec.nodeName !== old.nodeName) errors.push(invalid(SPEC.child('nodeName'), spec.nodeName ?? null, IMMUTABLE));
  }
  errors.push(...placeErrors(spec));
  if (spec.sharedCounters !== undefined && spec.devices !== undefined) errors.push(invalid(SPEC, '', 'only one of `sharedCounters` or `devices` is allowed'));
  const large = (spec.devices ?? []).some(({ taints, consumesCounters }) => (taints ?? []).length > 0 || (consumesCounters ?? []).length > 0);
  const before = new Map((old?.devices ?? []).map((device) => [device.name, device]));
  errors.push(
    ...validateSet(
      spec.devices,
      large ? MAX_LARGE_DEVICES : MAX_DEVICES,
      SPEC.child('devices'),
      (device, at) => deviceErrors(device, before.get(device.name), at, spec.perDeviceNodeSelection === true),
      ({ name }) => name,
    ),
    ...validateSet(
      spec.sharedCounters,
      MAX_COUNTER_SETS,
      SPEC.child('sharedCounters'),
      ({ name, counters }, at) => [
        ...(name === '' ? [required(at.child('name'))] : labelErrors(name, at.child('name'))),
        ...counterErrors(counters, at.child('counters')),
      ],
      ({ name }) => name,
    ),
  );
  return errors;
}

function poolErrors(pool: v1.ResourcePool | undefined, path: FieldPath): Errors {
  const { name, resourceSliceCount = 0, generation = 0 }: Partial<v1.ResourcePool> = pool ?? {};
  const errors = poolNameErrors(name, path.child('name'));
  if (resourceSliceCount <= 0) errors.push(invalid(path.child('resourceSliceCount'), resourceSliceCount, 'must be greater than zero'));
  if (generation < 0) errors.push(invalid(path.child('generation'), generation, 'must be greater than or equal to zero'));
  return errors;
}

const ONE_PLACE = 'exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required';

/** Which nodes can use the devices: said in one way. */
function placeErrors({ nodeName, nodeSelector, allNodes, perDeviceNodeSelection }: v1.ResourceSliceSpec): Errors {
  const errors: Errors = [];
  const said: string[] = [];
  if (nodeName === '') errors.push(invalid(SPEC.child('nodeName'), nodeName, 'must be either unset or set to a non-empty string'));
  else if (nodeName !== undefined) {
    said.push('`nodeName`');
    errors.push(...subdomainErrors(nodeName, SPEC.child('nodeName')));
  }
  if (nodeSelector !== undefined) {
    said.push('`nodeSelector`');
    errors.push(...validateNodeSelector(nodeSelector, SPEC.child('nodeSelector')));
    if ((nodeSelector.nodeSelectorTerms ?? []).length !== 1)
      errors.push(invalid(SPEC.child('nodeSelector', 'nodeSelectorTerms'), asJson(nodeSelector.nodeSelectorTerms), 'must have exactly one node selector term'));
  }
  for (const [field, value] of Object.entries({ allNodes, perDeviceNodeSelection })) {
    if (value === true) said.push(`\`${field}\``);
    else if (value === false) errors.push(invalid(SPEC.child(field), value, 'must be either unset or set to true'));
  }
  if (said.length === 0) errors.push(required(SPEC, ONE_PLACE));
  else if (said.length > 1) errors.push(invalid(SPEC, `{${said.join(', ')}}`, `${ONE_PLACE}, but multiple fields are set`));
  return errors;
}

function deviceErrors(device: v1.Device, old: v1.Device | undefined, path: FieldPath, perDevice: boolean): Errors {
  const errors: Errors = [...labelErrors(device.name ?? '', path.child('name'))];
  const said = Object.keys(device.attributes ?? {}).length + Object.keys(device.capacity ?? {}).length;
  if (said > MAX_SAID) errors.push(invalid(path, said, `the total number of attributes and capacities must not exceed ${MAX_SAID}`));
  const rules = { longestKey: MAX_QUALIFIED, key: qualifiedErrors };
  errors.push(
    ...validateMap(device.attributes, rules, path.child('attributes'), attributeErrors),
    ...validateMap(device.capacity, rules, path.child('capacity'), device.allowMultipleAllocations === true ? sharedCapacityErrors : capacityErrors),
  );
  if (!semanticEqual(device.taints, old?.taints)) errors.push(...validateEach(device.taints, MAX_TAINTS, path.child('taints'), taintErrors));
  errors.push(
    ...validateSet(
      device.consumesCounters,
      MAX_CONSUMPTIONS,
      path.child('consumesCounters'),
      ({ counterSet, counters }, at) => [
        ...(counterSet === '' ? [required(at.child('counterSet'))] : labelErrors(counterSet, at.child('counterSet'))),
        ...counterErrors(counters, at.child('counters')),
      ],
      ({ counterSet }) => counterSet,
    ),
  );
  return [...errors, ...devicePlaceErrors(device, path, perDevice), ...bindingErrors(device, path)];
}

const ONE_DEVICE_PLACE =
  'exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec';

function devicePlaceErrors({ nodeName, nodeSelector, allNodes }: v1.Device, path: FieldPath, perDevice: boolean): Errors {
  if (!perDevice) {
    if (nodeName === undefined && nodeSelector === undefined && allNodes === undefined) return [];
    const fault = '`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec';
    return [invalid(path, null, fault)];
  }
  const errors: Errors = [];
  const said: string[] = [];
  if (nodeName === '') errors.push(invalid(path.child('nodeName'), nodeName, 'must not be empty'));
  else if (nodeName !== undefined) {
    said.push('`nodeName`');
    errors.push(...subdomainErrors(nodeName, path.child('nodeName')));
  }
  if (nodeSelector !== undefined) {
    said.push('`nodeSelector`');
    errors.push(...validateNodeSelector(nodeSelector, path.child('nodeSelector')));
  }
  if (allNodes === true) said.push('`allNodes`');
  else if (allNodes === false) errors.push(invalid(path.child('allNodes'), allNodes, 'must be either unset or set to true'));
  if (said.length === 0) errors.push(required(path, ONE_DEVICE_PLACE));
  else if (said.length > 1) errors.push(invalid(path, `{${said.join(', ')}}`, ONE_DEVICE_PLACE));
  return errors;
}

function counterErrors(counters: Readonly<Record<string, v1.Counter>> | undefined, path: FieldPath): Errors {
  if (Object.keys(counters ?? {}).length === 0) return [required(path)];
  return validateMap(counters, { most: MAX_COUNTERS, longestKey: MAX_LABEL, key: labelErrors }, path);
}

const VERSION =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(\.(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?$/;
const MAX_VALUE_LENGTH = 64;

/** What a device says of itself: one value under each name. */
function attributeErrors(attribute: v1.DeviceAttribute, path: FieldPath): Errors {
  const errors: Errors = [];
  const { string: text, version } = attribute;
  if (text !== undefined && text.length > MAX_VALUE_LENGTH) errors.push(tooLong(path.child('string'), MAX_VALUE_LENGTH));
  if (version !== undefined) {
    if (!VERSION.test(version)) errors.push(invalid(path.child('version'), version, 'must be a string compatible with semver.org spec 2.0.0'));
    if (version.length > MAX_VALUE_LENGTH) errors.push(tooLong(path.child('version'), MAX_VALUE_LENGTH));
  }
  const count = Object.values(attribute).filter((value) => value !== undefined).length;
  if (count !== 1) errors.push(invalid(path, count === 0 ? '' : asJson(attribute), 'exactly one value must be specified'));
  return errors;
}

function capacityErrors({ requestPolicy }: v1.DeviceCapacity, path: FieldPath): Errors {
  return requestPolicy === undefined ? [] : [forbidden(path.child('requestPolicy'), 'allowMultipleAllocations must be true')];
}

/** How much of a device that many share a request may take. */
function sharedCapacityErrors({ value, requestPolicy: policy }: v1.DeviceCapacity, path: FieldPath): Errors {
  if (policy === undefined) return [];
  const at = path.child('requestPolicy');
  const whole = quantityOf(value);
  const { default: usual, validRange, validValues = [] } = policy;
  if (validValues.length > 0 && validRange !== undefined)
    return [forbidden(at, 'exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time')];
  if (validValues.length > 0) {
    if (usual === undefined) return [required(at.child('default'), 'required when validValues is defined')];
    return optionErrors(validValues, quantityOf(usual), whole, at.child('validValues'));
  }
  if (validRange === undefined) return [];
  if (usual === undefined) return [required(at.child('default'), 'required when validRange is defined')];
  return rangeErrors(validRange, quantityOf(usual), whole, at.child('validRange'));
}

const isMore = (a: Quantity, b: Quantity): boolean => a.nanos > b.nanos;

function optionErrors(options: readonly string[], usual: Quantity, whole: Quantity, path: FieldPath): Errors {
  const errors: Errors = [];
  const amounts = options.map(quantityOf);
  for (const [i, amount] of amounts.entries()) {
    const next = amounts[i + 1];
    if (next !== undefined && isMore(amount, next)) errors.push(invalid(path.index(i + 1), formatQuantity(next), 'values must be sorted in ascending order'));
  }
  errors.push(
    ...validateSet(
      amounts,
      MAX_OPTIONS,
      path,
      (amount, at) => (isMore(amount, whole) ? [invalid(at, formatQuantity(amount), `option is larger than capacity value: ${formatQuantity(whole)}`)] : []),
      (amount) => String(quantityValue(amount)),
    ),
  );
  const known = amounts.length <= MAX_OPTIONS && amounts.some(({ nanos }) => nanos === usual.nanos);
  if (!known) errors.push(invalid(path, formatQuantity(usual), 'default value is not valid according to the requestPolicy'));
  return errors;
}

function rangeErrors(range: v1.CapacityRequestPolicyRange, usual: Quantity, whole: Quantity, path: FieldPath): Errors {
  if ((range.min as string | undefined) === undefined) return [required(path.child('min'), 'required when validRange is defined')];
  const errors: Errors = [];
  const check = (field: 'min' | 'max' | 'step', bad: boolean, value: Quantity, detail: string, bound: Quantity): void => {
    if (bad) errors.push(invalid(path.child(field), formatQuantity(value), `${detail}: ${formatQuantity(bound)}`));
  };
  const min = quantityOf(range.min);
  check('min', isMore(min, whole), min, 'min is larger than capacity value', whole);
  check('min', isMore(min, usual), usual, 'default is less than min', min);
  const max = range.max === undefined ? undefined : quantityOf(range.max);
  if (max !== undefined) {
    check('max', isMore(min, max), min, 'min is larger than max', max);
    check('max', isMore(max, whole), max, 'max is larger than capacity value', whole);
    check('max', isMore(usual, max), usual, 'default is more than max', max);
  }
  if (range.step === undefined) return errors;
  const step = quantityOf(range.step);
  const first = addQuantities(min, step);
  check('step', isMore(first, whole), step, `one step ${formatQuantity(first)} is larger than capacity value`, whole);
  for (const amount of [usual, ...(max === undefined ? [] : [max])])
    if (!isSteps(amount, min, step))
      errors.push(
        invalid(path.child('step'), formatQuantity(amount), `value is not a multiple of a given step (${formatQuantity(step)}) from (${formatQuantity(min)})`),
      );
  return errors;
}

function isSteps(amount: Quantity, from: Quantity, step: Quantity): boolean {
  const size = quantityValue(step);
  return size !== 0n && (quantityValue(amount) - quantityValue(from)) % size === 0n;
}
