import type { Json, JsonObject } from '../../machinery/object.ts';

/**
 * resource.k8s.io/v1beta1 and later versions say the same in two shapes: a request of v1beta1 has its details beside its name,
 * later ones under `exactly`; a device of v1beta1 has its attributes under `basic`, later ones beside its name.
 */
const DETAILS = ['deviceClassName', 'selectors', 'allocationMode', 'count', 'adminAccess', 'tolerations', 'capacity'];
const BASIC = [
  'attributes',
  'capacity',
  'consumesCounters',
  'nodeName',
  'nodeSelector',
  'allNodes',
  'taints',
  'bindsToNode',
  'bindingConditions',
  'bindingFailureConditions',
  'allowMultipleAllocations',
  'nodeAllocatableResourceMappings',
];

const isObject = (value: Json | undefined): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

export const toV1 = (object: JsonObject): JsonObject =>
  changed(
    object,
    'resource.k8s.io/v1',
    (request) => nested(request, 'exactly', DETAILS),
    (device) => flattened(device, 'basic'),
  );
export const fromV1 = (object: JsonObject): JsonObject =>
  changed(
    object,
    'resource.k8s.io/v1beta1',
    (request) => flattened(request, 'exactly'),
    (device) => nested(device, 'basic', BASIC),
  );

type Change = (item: JsonObject) => JsonObject;

/** `request`: of claims and templates; `device`: of slices. */
function changed(object: JsonObject, apiVersion: string, request: Change, device: Change): JsonObject {
  const head = object.apiVersion === undefined ? {} : { apiVersion };
  if (!isObject(object.spec)) return { ...object, ...head };
  return { ...object, ...head, spec: changedSpec(object.spec, request, device) };
}

function changedSpec(spec: JsonObject, request: Change, device: Change): JsonObject {
  if (isObject(spec.spec)) return { ...spec, spec: changedSpec(spec.spec, request, device) };
  if (Array.isArray(spec.devices)) return { ...spec, devices: (spec.devices as readonly Json[]).map((d) => (isObject(d) ? device(d) : d)) };
  const { devices } = spec;
  if (!isObject(devices) || !Array.isArray(devices.requests)) return spec;
  return { ...spec, devices: { ...devices, requests: (devices.requests as readonly Json[]).map((r) => (isObject(r) ? request(r) : r)) } };
}

/** Moves the named fields under one; nothing to move leaves the item as it is. */
function nested(item: JsonObject, under: string, fields: readonly string[]): JsonObject {
  const moved = Object.entries(item).filter(([field]) => fields.includes(field));
  if (moved.length === 0) return item;
  return { ...Object.fromEntries(Object.entries(item).filter(([field]) => !fields.includes(field))), [under]: Object.fromEntries(moved) };
}

function flattened(item: JsonObject, under: string): JsonObject {
  const { [under]: inner, ...rest } = item;
  return isObject(inner) ? { ...rest, ...inner } : item;
}
