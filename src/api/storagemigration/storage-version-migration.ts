import { type FieldError, invalid, required } from '../../machinery/field-error.ts';
import { dns1035LabelFaults, dns1123SubdomainFaults } from '../../machinery/names.ts';
import { addFaults, asJson, type Errors, IMMUTABLE, isEmpty, root } from '../checks.ts';
import { validateConditions } from '../conditions.ts';
import { semanticEqual } from '../equal.ts';
import type * as beta from '../gen/types/storagemigration.v1beta1.ts';
import type { KindRules } from '../kind-rules.ts';
import { specAndStatus } from '../strategy.ts';
import { storageVersionMigrationColumns } from './columns.ts';

type Migration = beta.StorageVersionMigration;

const SPEC = root('spec');
const VERSION = root('status').child('resourceVersion');
const CONDITIONS = root('status').child('conditions');
const WELL_FORMED = /^[1-9]\d*$/;

function validate({ spec }: Migration): Errors {
  const errors: Errors = [];
  const { group = '', resource } = spec?.resource ?? {};
  const at = SPEC.child('resource');
  if (isEmpty(resource)) errors.push(required(at.child('resource'), 'resource is required to be set'));
  else joined(errors, at.child('resource'), resource, dns1035LabelFaults(resource));
  if (group !== '') joined(errors, at.child('group'), group, dns1123SubdomainFaults(group));
  return errors;
}

const joined = (errors: Errors, path: typeof SPEC, value: string, faults: readonly string[]): void =>
  addFaults(errors, path, value, faults.length === 0 ? [] : [faults.join(',')]);

function validateUpdate(migration: Migration, old: Migration): Errors {
  const errors = validate(migration);
  if (!semanticEqual(migration.spec, old.spec)) errors.push(invalid(SPEC, asJson(migration.spec), IMMUTABLE));
  return errors;
}

/** What has ended stays as it has. */
function validateStatus({ status }: Migration, old: Migration): readonly FieldError[] {
  const { resourceVersion = '', conditions } = status ?? {};
  const before = old.status?.resourceVersion ?? '';
  const errors: Errors = [];
  if (resourceVersion !== '' && !WELL_FORMED.test(resourceVersion))
    errors.push(invalid(VERSION, resourceVersion, `resource version is not well formed: ${resourceVersion}`));
  errors.push(...validateConditions(conditions, CONDITIONS));
  if (before !== '' && before !== resourceVersion) errors.push(invalid(VERSION, resourceVersion, IMMUTABLE));
  const is = (type: string): boolean => isTrue(conditions, type);
  const fault = (text: string): void => void errors.push(invalid(CONDITIONS, asJson(conditions), text));
  if (is('Succeeded') && is('Failed')) fault('Both success and failed conditions cannot be true at the same time');
  if (is('Succeeded') && is('Running')) fault('Running condition cannot be true when success condition is true');
  if (is('Failed') && is('Running')) fault('Running condition cannot be true when failed condition is true');
  if (isTrue(old.status?.conditions, 'Succeeded') && !is('Succeeded')) fault('Success condition cannot be set to false once it is true');
  if (isTrue(old.status?.conditions, 'Failed') && !is('Failed')) fault('Failed condition cannot be set to false once it is true');
  return errors;
}

const isTrue = (conditions: beta.StorageVersionMigrationStatus['conditions'], wanted: string): boolean =>
  conditions?.some(({ type, status }) => type === wanted && status === 'True') === true;

const base = specAndStatus<Migration>({ generation: false });

export const storageVersionMigrationRules: KindRules<Migration> = {
  strategy: { ...base, validateCreate: validate, validateUpdate, status: { ...base.status, validateUpdate: validateStatus } },
  columns: storageVersionMigrationColumns,
};
