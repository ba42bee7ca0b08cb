import { type FieldError, invalid, required } from '../../machinery/field-error.ts';
import { dns1035LabelFaults, dns1123SubdomainFaults } from '../../machinery/names.ts';
import { addFaults, type Errors, isEmpty, root } from '../checks.ts';
import type * as apiregistration from '../gen/types/apiregistration.v1.ts';

const SPEC = root('spec');

export function validateApiService({ metadata, spec }: apiregistration.APIService): readonly FieldError[] {
  const errors: Errors = [];
  const { group = '', version = '' } = spec ?? {};
  const name = metadata?.name ?? '';
  if (name !== `${version}.${group}`) errors.push(invalid(root('metadata').child('name'), name, 'must be `spec.version+"."+spec.group`'));
  if (group !== '') addFaults(errors, SPEC.child('group'), group, dns1123SubdomainFaults(group));
  if (version === '') errors.push(required(SPEC.child('version')));
  else addFaults(errors, SPEC.child('version'), version, dns1035LabelFaults(version));
  errors.push(
    ...priorityErrors('groupPriorityMinimum', spec?.groupPriorityMinimum ?? 0, 20_000),
    ...priorityErrors('versionPriority', spec?.versionPriority ?? 0, 1000),
  );
  const skips = spec?.insecureSkipTLSVerify === true;
  const bundle = !isEmpty(spec?.caBundle);
  if (spec?.service === undefined) {
    if (bundle) errors.push(invalid(SPEC.child('caBundle'), `${(spec?.caBundle ?? '').length} bytes`, 'local APIServices may not have a caBundle'));
    if (skips) errors.push(invalid(SPEC.child('insecureSkipTLSVerify'), true, 'local APIServices may not have insecureSkipTLSVerify'));
    return errors;
  }
  for (const field of ['namespace', 'name'] as const) if (isEmpty(spec.service[field])) errors.push(required(SPEC.child('service', field)));
  if (skips && bundle) errors.push(invalid(SPEC.child('insecureSkipTLSVerify'), true, 'may not be true if caBundle is present'));
  return errors;
}

function priorityErrors(field: string, value: number, max: number): Errors {
  return value <= 0 || value > max ? [invalid(SPEC.child(field), value, `must be positive and less than ${max}`)] : [];
}
