import { duplicate, type FieldError, type FieldPath, forbidden, invalid, required, tooMany } from '../../machinery/field-error.ts';
import { dns1123LabelFaults, dns1123SubdomainFaults, pathSegmentNameFaults } from '../../machinery/names.ts';
import { addFaults, asJson, checkName, type Errors, IMMUTABLE, isEmpty, root } from '../checks.ts';
import { validateConditions } from '../conditions.ts';
import { semanticEqual } from '../equal.ts';
import type * as alpha from '../gen/types/scheduling.v1alpha2.ts';

const SPEC = root('spec');
const STATUS = root('status');
const TEMPLATES = SPEC.child('podGroupTemplates');
const MAX_TEMPLATES = 8;

export function validateWorkload({ spec }: alpha.Workload): Errors {
  return spec === undefined ? [required(TEMPLATES)] : [...controllerErrors(spec.controllerRef), ...templatesErrors(spec.podGroupTemplates)];
}

export function validateWorkloadUpdate({ spec }: alpha.Workload, old: alpha.Workload): readonly FieldError[] {
  const errors: Errors = [];
  if (!semanticEqual(spec?.controllerRef, old.spec?.controllerRef)) errors.push(changed(SPEC.child('controllerRef')));
  const templates = spec?.podGroupTemplates;
  if (!semanticEqual(templates, old.spec?.podGroupTemplates)) errors.push(changed(TEMPLATES), ...countErrors(templates));
  return errors;
}

/** What may not change is named without its value. */
const changed = (path: FieldPath): FieldError => invalid(path, null, IMMUTABLE);

function controllerErrors(reference: alpha.TypedLocalObjectReference | undefined): Errors {
  if (reference === undefined) return [];
  const errors: Errors = [];
  const at = SPEC.child('controllerRef');
  if (!isEmpty(reference.apiGroup)) addFaults(errors, at.child('apiGroup'), reference.apiGroup, dns1123SubdomainFaults(reference.apiGroup));
  checkName(errors, at.child('kind'), reference.kind, pathSegmentNameFaults);
  checkName(errors, at.child('name'), reference.name, pathSegmentNameFaults);
  return errors;
}

function countErrors(templates: readonly alpha.PodGroupTemplate[] = []): Errors {
  if (templates.length > MAX_TEMPLATES) return [tooMany(TEMPLATES, templates.length, MAX_TEMPLATES)];
  return templates.length === 0 ? [required(TEMPLATES)] : [];
}

/** Too many or none: no more than that is said. */
function templatesErrors(templates: readonly alpha.PodGroupTemplate[] = []): Errors {
  const errors = countErrors(templates);
  if (errors.length > 0) return errors;
  const names = templates.map(({ name }) => name ?? '');
  for (const [i, { name, schedulingPolicy }] of templates.entries())
    if (names.indexOf(name ?? '') !== i) errors.push(duplicate(TEMPLATES.index(i), asJson({ name, schedulingPolicy })));
  for (const [i, { name, schedulingPolicy }] of templates.entries()) {
    checkName(errors, TEMPLATES.index(i).child('name'), name, dns1123LabelFaults);
    errors.push(...policyErrors(schedulingPolicy, TEMPLATES.index(i).child('schedulingPolicy')));
  }
  return errors;
}

function policyErrors({ basic, gang }: alpha.PodGroupSchedulingPolicy = {}, path: FieldPath): Errors {
  const errors: Errors = [];
  if (basic === undefined && gang === undefined) errors.push(invalid(path, '', 'must specify one of: `basic`, `gang`'));
  if (basic !== undefined && gang !== undefined) errors.push(invalid(path, '{basic, gang}', 'must specify exactly one of: `basic`, `gang`'));
  if (gang === undefined) return errors;
  const count = gang.minCount ?? 0;
  if (count === 0) errors.push(required(path.child('gang', 'minCount')));
  else if (count < 1) errors.push(invalid(path.child('gang', 'minCount'), count, 'must be greater than or equal to 1'));
  return errors;
}

export function validatePodGroup({ spec }: alpha.PodGroup): Errors {
  return [...templateReferenceErrors(spec?.podGroupTemplateRef), ...policyErrors(spec?.schedulingPolicy, SPEC.child('schedulingPolicy'))];
}

function templateReferenceErrors(reference: alpha.PodGroupTemplateReference | undefined): Errors {
  if (reference === undefined) return [];
  const at = SPEC.child('podGroupTemplateRef');
  if (reference.workload === undefined) return [invalid(at, '', 'must specify one of: `workload`')];
  const errors: Errors = [];
  checkName(errors, at.child('workload', 'workloadName'), reference.workload.workloadName, dns1123SubdomainFaults);
  checkName(errors, at.child('workload', 'podGroupTemplateName'), reference.workload.podGroupTemplateName, dns1123LabelFaults);
  return errors;
}

export function validatePodGroupUpdate({ spec }: alpha.PodGroup, { spec: old }: alpha.PodGroup): readonly FieldError[] {
  const errors: Errors = [];
  for (const field of ['podGroupTemplateRef', 'schedulingPolicy'] as const)
    if (!semanticEqual(spec?.[field], old?.[field])) errors.push(changed(SPEC.child(field)));
  // Groups are disrupted pod by pod: another mode is behind a gate that is shut.
  if (spec?.disruptionMode !== old?.disruptionMode) errors.push(forbidden(SPEC.child('disruptionMode'), ''));
  return errors;
}

export function validatePodGroupStatus({ status }: alpha.PodGroup): readonly FieldError[] {
  return validateConditions(status?.conditions, STATUS.child('conditions'));
}
