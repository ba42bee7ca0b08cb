import { ageColumn, integer, nameColumn, text } from '../columns.ts';
import type * as v1 from '../gen/types/admissionregistration.v1.ts';
import type { Column } from '../kind.ts';

export const webhookColumns: readonly Column<v1.ValidatingWebhookConfiguration | v1.MutatingWebhookConfiguration>[] = [
  nameColumn,
  integer('Webhooks', 'How many webhooks it has.', ({ webhooks }) => (webhooks ?? []).length),
  ageColumn,
];

const formatParamKind = (kind: v1.ParamKind | undefined): string => (kind === undefined ? '<unset>' : `${kind.apiVersion ?? ''}/${kind.kind ?? ''}`);

const formatParamRef = (ref: v1.ParamRef | undefined): string => {
  if (ref === undefined) return '<unset>';
  if (ref.name !== undefined && ref.name !== '') return ref.namespace === undefined || ref.namespace === '' ? ref.name : `${ref.namespace}/${ref.name}`;
  return '<selector>';
};

export const validatingPolicyColumns: readonly Column<v1.ValidatingAdmissionPolicy>[] = [
  nameColumn,
  integer('Validations', 'How many rules it has.', ({ spec }) => (spec?.validations ?? []).length),
  text('ParamKind', 'The kind of its parameters.', ({ spec }) => formatParamKind(spec?.paramKind)),
  ageColumn,
];

export const mutatingPolicyColumns: readonly Column<v1.MutatingAdmissionPolicy>[] = [
  nameColumn,
  integer('Mutations', 'How many changes it makes.', ({ spec }) => (spec?.mutations ?? []).length),
  text('ParamKind', 'The kind of its parameters.', ({ spec }) => formatParamKind(spec?.paramKind)),
  ageColumn,
];

export const policyBindingColumns: readonly Column<v1.ValidatingAdmissionPolicyBinding | v1.MutatingAdmissionPolicyBinding>[] = [
  nameColumn,
  text('PolicyName', 'The policy.', ({ spec }) => spec?.policyName ?? ''),
  text('ParamRef', 'Its parameters.', ({ spec }) => formatParamRef(spec?.paramRef)),
  ageColumn,
];
