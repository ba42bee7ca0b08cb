import { type FieldError, invalid, notSupported, required } from '../../machinery/field-error.ts';
import { dns1035LabelFaults, dns1123SubdomainFaults, pathSegmentNameFaults, portNumberFaults } from '../../machinery/names.ts';
import { addFaults, type Errors, isEmpty, root } from '../checks.ts';
import type * as apiregistration from '../gen/types/apiregistration.v1.ts';

const SPEC = root('spec');

export function validateApiService({ metadata, spec }: apiregistration.APIService): readonly FieldError[] {
  const errors: Errors = [];
  const { group = '', version = '' } = spec ?? {};
  const name = metadata?.name ?? '';
  if (name !== '') addFaults(errors, root('metadata').child('name'), name, nameFaults(name, `${version}.${group}`));
  if (group === '' && version !== 'v1') errors.push(required(SPEC.child('group'), 'only v1 may have an empty group and it better be legacy kube'));
  if (group !== '') addFaults(errors, SPEC.child('group'), group, dns1123SubdomainFaults(group));
  addFaults(errors, SPEC.child('version'), version, dns1035LabelFaults(version));
  errors.push(
    ...priorityErrors('groupPriorityMinimum', spec?.groupPriorityMinimum ?? 0, 20_000),
    ...priorityErrors('versionPriority', spec?.versionPriority ?? 0, 1000),
  );
  const skips = spec?.insecureSkipTLSVerify === true;
  const bundle = !isEmpty(spec?.caBundle);
  if (spec?.service === undefined) {
    if (bundle) errors.push(invalid(SPEC.child('caBundle'), `${bytesOf(spec?.caBundle ?? '')} bytes`, 'local APIServices may not have a caBundle'));
    if (skips) errors.push(invalid(SPEC.child('insecureSkipTLSVerify'), true, 'local APIServices may not have insecureSkipTLSVerify'));
    return errors;
  }
  for (const field of ['namespace', 'name'] as const) if (isEmpty(spec.service[field])) errors.push(required(SPEC.child('service', field)));
  const port = spec.service.port ?? 0;
  for (const fault of portNumberFaults(port)) errors.push(invalid(SPEC.child('service', 'port'), port, `port is not valid: ${fault}`));
  if (skips && bundle) errors.push(invalid(SPEC.child('insecureSkipTLSVerify'), true, 'may not be true if caBundle is present'));
  return errors;
}

function nameFaults(name: string, wanted: string): readonly string[] {
  const faults = pathSegmentNameFaults(name);
  return faults.length > 0 || name === wanted ? faults : [`must be \`spec.version+"."+spec.group\`: ${JSON.stringify(wanted)}`];
}

/** Of what base64 text stands for. */
const bytesOf = (text: string): number => Math.floor((text.replace(/=+$/, '').length * 3) / 4);

const CONDITION_STATUSES = ['True', 'False', 'Unknown'];

export function validateApiServiceStatus({ status }: apiregistration.APIService): readonly FieldError[] {
  const errors: Errors = [];
  for (const [i, condition] of (status?.conditions ?? []).entries()) {
    const path = root('status').child('conditions').index(i).child('status');
    if (!CONDITION_STATUSES.includes(condition.status)) errors.push(notSupported(path, condition.status, CONDITION_STATUSES));
  }
  return errors;
}

function priorityErrors(field: string, value: number, max: number): Errors {
  return value <= 0 || value > max ? [invalid(SPEC.child(field), value, `must be positive and less than ${max}`)] : [];
}
