import type { Draft } from '../../machinery/object.ts';
import { formatTime } from '../../machinery/time.ts';
import type * as v1 from '../gen/types/resource.v1.ts';
import type { StrategyContext } from '../kind.ts';
import type { KindRules } from '../kind-rules.ts';
import { generationOf, specAndStatus } from '../strategy.ts';
import { nameAndAge } from '../columns.ts';
import { resourceClaimColumns, resourceSliceColumns } from './columns.ts';
import { fromV1, toV1 } from './convert.ts';
import { validateClaim, validateClaimTemplate, validateDeviceClass, validateDeviceClassUpdate, validateSpecUpdate } from './dynamic-resource.validation.ts';
import { dropFreed, validateClaimStatus } from './claim-status.validation.ts';
import { validateSlice, validateSliceUpdate } from './device-slice.validation.ts';

interface Details {
  allocationMode?: string | undefined;
  count?: number | undefined;
  deviceClassName?: string | undefined;
  tolerations?: { operator?: string | undefined }[] | undefined;
}

/** A request in either shape: v1beta1 has the details beside the name. */
type AnyRequest = Details & { exactly?: Details | undefined; firstAvailable?: Details[] | undefined };

function defaultClaimSpec(spec: Draft<v1.ResourceClaimSpec> | undefined): void {
  for (const request of (spec?.devices?.requests ?? []) as AnyRequest[]) {
    const flat = (request.deviceClassName ?? '') === '' ? undefined : request;
    for (const details of [flat, request.exactly, ...(request.firstAvailable ?? [])]) if (details !== undefined) defaultDetails(details);
  }
}

function defaultDetails(details: Details): void {
  details.allocationMode ||= 'ExactCount';
  if (details.allocationMode === 'ExactCount') details.count ||= 1;
  for (const toleration of details.tolerations ?? []) toleration.operator ||= 'Equal';
}

const OLD = { storage: { group: 'resource.k8s.io', version: 'v1' }, convert: { toStorage: toV1, fromStorage: fromV1 } } as const;

const claimBase = specAndStatus<v1.ResourceClaim>({ generation: false, statusKeepsMetadata: true });

export const resourceClaimRules: KindRules<v1.ResourceClaim> = {
  strategy: {
    ...claimBase,
    default: ({ spec }) => defaultClaimSpec(spec),
    allowUnconditionalUpdate: true,
    validateCreate: validateClaim,
    validateUpdate: validateSpecUpdate,
    status: {
      prepareForUpdate: (draft, old, context) => {
        claimBase.status.prepareForUpdate?.(draft, old, context);
        dropFreed(draft, old);
      },
      validateUpdate: validateClaimStatus,
    },
  },
  columns: resourceClaimColumns,
};

export const resourceClaimTemplateRules: KindRules<v1.ResourceClaimTemplate> = {
  strategy: {
    default: ({ spec }) => defaultClaimSpec(spec?.spec),
    allowUnconditionalUpdate: true,
    validateCreate: validateClaimTemplate,
    validateUpdate: validateSpecUpdate,
  },
  columns: nameAndAge,
};

const sliceBase = generationOf<v1.ResourceSlice>('spec');

/** Values of attributes and mappings that are behind a gate which is shut. */
const LISTS = ['bools', 'ints', 'strings', 'versions'] as const;

const hasLists = (attribute: v1.DeviceAttribute): boolean => LISTS.some((field) => attribute[field] !== undefined);

/** A taint is from now on unless it says otherwise; what no gate lets through is dropped, unless the slice had such before. */
function completeDevices({ spec }: Draft<v1.ResourceSlice>, old: v1.ResourceSlice | undefined, { nowMs }: StrategyContext): void {
  const before = old?.spec.devices ?? [];
  const keepsLists = before.some(({ attributes }) => Object.values(attributes ?? {}).some(hasLists));
  const keepsMappings = before.some(({ nodeAllocatableResourceMappings: mappings }) => Object.keys(mappings ?? {}).length > 0);
  for (const device of spec?.devices ?? []) {
    for (const taint of device.taints ?? []) taint.timeAdded ??= formatTime(nowMs);
    if (!keepsLists) for (const attribute of Object.values(device.attributes ?? {})) for (const field of LISTS) delete attribute[field];
    if (!keepsMappings) delete device.nodeAllocatableResourceMappings;
  }
}

export const resourceSliceRules: KindRules<v1.ResourceSlice> = {
  strategy: {
    prepareForCreate: (draft, context) => {
      sliceBase.prepareForCreate?.(draft, context);
      completeDevices(draft, undefined, context);
    },
    prepareForUpdate: (draft, old, context) => {
      completeDevices(draft, old, context);
      sliceBase.prepareForUpdate?.(draft, old, context);
    },
    allowUnconditionalUpdate: true,
    validateCreate: validateSlice,
    validateUpdate: validateSliceUpdate,
  },
  columns: resourceSliceColumns,
  selectable: {
    names: ['spec.nodeName', 'spec.driver'],
    values: ({ spec }) => ({ 'spec.nodeName': spec?.nodeName ?? '', 'spec.driver': spec?.driver ?? '' }),
  },
};

export const deviceClassRules: KindRules<v1.DeviceClass> = {
  strategy: { ...generationOf('spec'), allowUnconditionalUpdate: true, validateCreate: validateDeviceClass, validateUpdate: validateDeviceClassUpdate },
  columns: nameAndAge,
};

/** The shape of v1beta1: converted to v1 before anything but defaulting. */
export const oldResourceClaimRules: KindRules<v1.ResourceClaim> = { ...resourceClaimRules, ...OLD };
export const oldResourceClaimTemplateRules: KindRules<v1.ResourceClaimTemplate> = { ...resourceClaimTemplateRules, ...OLD };
export const oldResourceSliceRules: KindRules<v1.ResourceSlice> = { ...resourceSliceRules, ...OLD };
