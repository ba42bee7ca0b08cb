import { duplicate, type FieldError, invalid, required } from '../../machinery/field-error.ts';
import { dns1035LabelFaults, dns1123SubdomainFaults } from '../../machinery/names.ts';
import { asJson, addFaults, checkOneOf, type Errors, IMMUTABLE, isEmpty, root } from '../checks.ts';
import type * as apiextensions from '../gen/types/apiextensions.v1.ts';

const SPEC = root('spec');

/** What a definition must have before its schemas are looked at. */
export function validateCustomResourceDefinition({ metadata, spec }: apiextensions.CustomResourceDefinition): readonly FieldError[] {
  const errors: Errors = [];
  const wanted = `${spec.names?.plural ?? ''}.${spec.group ?? ''}`;
  if (metadata?.name !== wanted) errors.push(invalid(root('metadata').child('name'), metadata?.name ?? '', 'must be spec.names.plural+"."+spec.group'));
  if (isEmpty(spec.group)) errors.push(required(SPEC.child('group')));
  else if (dns1123SubdomainFaults(spec.group).length > 0) errors.push(invalid(SPEC.child('group'), spec.group, dns1123SubdomainFaults(spec.group).join(',')));
  else if (spec.group.split('.').length < 2) errors.push(invalid(SPEC.child('group'), spec.group, 'should be a domain with at least one dot'));
  checkOneOf(errors, SPEC.child('scope'), spec.scope, ['Cluster', 'Namespaced']);
  errors.push(...validateVersions(spec.versions ?? []), ...validateNames(spec.names));
  return errors;
}

function validateVersions(versions: readonly apiextensions.CustomResourceDefinitionVersion[]): Errors {
  const errors: Errors = [];
  const path = SPEC.child('versions');
  const names = new Set<string>();
  for (const [i, version] of versions.entries()) {
    const at = path.index(i);
    if (names.has(version.name)) errors.push(duplicate(at.child('name'), version.name));
    names.add(version.name);
    const faults = dns1035LabelFaults(version.name);
    if (faults.length > 0) errors.push(invalid(at.child('name'), version.name, faults.join(',')));
    if (version.schema?.openAPIV3Schema === undefined) errors.push(required(at.child('schema', 'openAPIV3Schema'), 'schemas are required'));
  }
  if (versions.filter((v) => v.storage).length !== 1) errors.push(invalid(path, asJson(versions), 'must have exactly one version marked as storage version'));
  return errors;
}

function validateNames(names: apiextensions.CustomResourceDefinitionNames | undefined): Errors {
  const errors: Errors = [];
  const path = SPEC.child('names');
  for (const field of ['plural', 'singular'] as const) {
    const value = names?.[field];
    if (isEmpty(value)) {
      if (field === 'plural') errors.push(required(path.child(field)));
    } else if (dns1035LabelFaults(value).length > 0) errors.push(invalid(path.child(field), value, dns1035LabelFaults(value).join(',')));
  }
  for (const field of ['kind', 'listKind'] as const) {
    const value = names?.[field];
    if (isEmpty(value)) errors.push(required(path.child(field)));
    else if (dns1035LabelFaults(value.toLowerCase()).length > 0)
      errors.push(invalid(path.child(field), value, `may have mixed case, but should otherwise match: ${dns1035LabelFaults(value.toLowerCase()).join(',')}`));
  }
  if (!isEmpty(names?.kind) && names?.kind === names?.listKind)
    errors.push(invalid(path.child('listKind'), names?.listKind, 'kind and listKind may not be the same'));
  for (const [i, short] of (names?.shortNames ?? []).entries()) addFaults(errors, path.child('shortNames').index(i), short, dns1035LabelFaults(short));
  return errors;
}

export function validateCustomResourceDefinitionUpdate(
  of: apiextensions.CustomResourceDefinition,
  old: apiextensions.CustomResourceDefinition,
): readonly FieldError[] {
  const errors: Errors = [...validateCustomResourceDefinition(of)];
  for (const field of ['group', 'scope'] as const) if (of.spec[field] !== old.spec[field]) errors.push(invalid(SPEC.child(field), of.spec[field], IMMUTABLE));
  const [names, before] = [of.spec.names, old.spec.names];
  for (const field of ['kind', 'plural'] as const)
    if (names?.[field] !== before?.[field]) errors.push(invalid(SPEC.child('names', field), names?.[field] ?? '', IMMUTABLE));
  const versions = new Set((of.spec.versions ?? []).map((v) => v.name));
  for (const [i, stored] of (old.status?.storedVersions ?? []).entries()) {
    if (!versions.has(stored))
      errors.push(
        invalid(
          root('status').child('storedVersions').index(i),
          stored,
          'missing from spec.versions; status.storedVersions must contain only versions that are in spec.versions',
        ),
      );
  }
  return errors;
}
