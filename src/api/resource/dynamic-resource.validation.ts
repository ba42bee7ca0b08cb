import { type FieldError, invalid } from '../../machinery/field-error.ts';
import { validateLabels } from '../../machinery/labels.ts';
import { validateAnnotations } from '../../machinery/metadata.ts';
import { asJson, type Errors, IMMUTABLE, root } from '../checks.ts';
import { isExtendedResource } from '../core/resources.validation.ts';
import { semanticEqual } from '../equal.ts';
import type * as v1 from '../gen/types/resource.v1.ts';
import { validateClassConfigurations, validateDeviceClaim, validateSelectors } from './device-claim.validation.ts';

const SPEC = root('spec');

export const validateClaim = ({ spec }: v1.ResourceClaim): readonly FieldError[] => validateDeviceClaim(spec?.devices, SPEC.child('devices'));

export function validateClaimTemplate({ spec: { metadata, spec } }: v1.ResourceClaimTemplate): readonly FieldError[] {
  const at = SPEC.child('metadata');
  return [
    ...validateAnnotations(metadata?.annotations, at.child('annotations')),
    ...validateLabels(metadata?.labels, at.child('labels')),
    ...validateDeviceClaim(spec?.devices, SPEC.child('spec', 'devices')),
  ];
}

/** Of a claim and of a template: nothing else of it is looked at again. */
export function validateSpecUpdate({ spec }: { readonly spec: unknown }, old: { readonly spec: unknown }): readonly FieldError[] {
  return semanticEqual(spec, old.spec) ? [] : [invalid(SPEC, asJson(spec), IMMUTABLE)];
}

export const validateDeviceClass = (of: v1.DeviceClass): readonly FieldError[] => validateClassSpec(of.spec, false);

/** What is stored may be longer than what is new. */
export const validateDeviceClassUpdate = (of: v1.DeviceClass, old: v1.DeviceClass): readonly FieldError[] =>
  validateClassSpec(of.spec, semanticEqual(of.spec.config, old.spec.config));

function validateClassSpec({ selectors, config, extendedResourceName: name }: v1.DeviceClassSpec, stored: boolean): readonly FieldError[] {
  const errors: Errors = [...validateSelectors(selectors, SPEC.child('selectors')), ...validateClassConfigurations(config, stored, SPEC.child('config'))];
  if (name !== undefined && !isExtendedResource(name)) errors.push(invalid(SPEC.child('extendedResourceName'), name, 'must be a valid extended resource name'));
  return errors;
}
