import type { Draft, KubeObject } from '../../machinery/object.ts';
import type * as v1 from '../gen/types/resource.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { generationOf, specAndStatus } from '../strategy.ts';
import { nameAndAge, resourceClaimColumns, resourceSliceColumns } from './columns.ts';
import { fromV1, toV1 } from './convert.ts';
import {
  validateClaim,
  validateClaimTemplate,
  validateClaimTemplateUpdate,
  validateClaimUpdate,
  validateDeviceClass,
  validateSlice,
  validateSliceUpdate,
} from './dynamic-resource.validation.ts';

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

export const resourceClaimRules: KindRules<v1.ResourceClaim> = {
  strategy: {
    ...specAndStatus({ generation: false }),
    default: ({ spec }) => defaultClaimSpec(spec),
    allowUnconditionalUpdate: true,
    validateCreate: validateClaim,
    validateUpdate: validateClaimUpdate,
  },
  columns: resourceClaimColumns,
};

export const resourceClaimTemplateRules: KindRules<v1.ResourceClaimTemplate> = {
  strategy: {
    default: ({ spec }) => defaultClaimSpec(spec?.spec),
    allowUnconditionalUpdate: true,
    validateCreate: validateClaimTemplate,
    validateUpdate: validateClaimTemplateUpdate,
  },
  columns: nameAndAge,
};

export const resourceSliceRules: KindRules<v1.ResourceSlice> = {
  strategy: { ...generationOf('spec'), allowUnconditionalUpdate: true, validateCreate: validateSlice, validateUpdate: validateSliceUpdate },
  columns: resourceSliceColumns,
  selectable: {
    names: ['spec.nodeName', 'spec.driver'],
    values: ({ spec }) => ({ 'spec.nodeName': spec?.nodeName ?? '', 'spec.driver': spec?.driver ?? '' }),
  },
};

export const deviceClassRules: KindRules<v1.DeviceClass> = {
  strategy: { ...generationOf('spec'), allowUnconditionalUpdate: true, validateCreate: validateDeviceClass, validateUpdate: validateDeviceClass },
  columns: nameAndAge,
};

/** The shape of v1beta1: converted to v1 before anything but defaulting. */
export const oldResourceClaimRules: KindRules<v1.ResourceClaim> = { ...resourceClaimRules, ...OLD };
export const oldResourceClaimTemplateRules: KindRules<v1.ResourceClaimTemplate> = { ...resourceClaimTemplateRules, ...OLD };
export const oldResourceSliceRules: KindRules<v1.ResourceSlice> = { ...resourceSliceRules, ...OLD };

export const deviceTaintRules: KindRules<KubeObject & { readonly spec?: unknown; readonly status?: unknown }> = {
  strategy: { ...specAndStatus(), allowUnconditionalUpdate: true },
  columns: nameAndAge,
};
