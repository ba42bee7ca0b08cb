import type { Draft } from '../../machinery/object.ts';
import type * as v1 from '../gen/types/admissionregistration.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { generationOf, specAndStatus } from '../strategy.ts';
import { mutatingPolicyColumns, policyBindingColumns, validatingPolicyColumns } from './columns.ts';
import {
  validateMutatingPolicy,
  validateMutatingPolicyBinding,
  validateValidatingPolicy,
  validateValidatingPolicyBinding,
  validateValidatingPolicyStatus,
} from './policy.validation.ts';

function defaultMatch(match: Draft<v1.MatchResources> | undefined): void {
  if (match === undefined) return;
  match.matchPolicy ??= 'Equivalent';
  match.namespaceSelector ??= {};
  match.objectSelector ??= {};
  for (const rule of [...(match.resourceRules ?? []), ...(match.excludeResourceRules ?? [])]) rule.scope ??= '*';
}

const base = specAndStatus<v1.ValidatingAdmissionPolicy>({ statusKeepsMetadata: true });

export const validatingPolicyRules: KindRules<v1.ValidatingAdmissionPolicy> = {
  strategy: {
    ...base,
    default: ({ spec }) => {
      if (spec === undefined) return;
      spec.failurePolicy ??= 'Fail';
      defaultMatch(spec.matchConstraints);
    },
    allowUnconditionalUpdate: false,
    validateCreate: validateValidatingPolicy,
    validateUpdate: validateValidatingPolicy,
    status: { ...base.status, validateUpdate: validateValidatingPolicyStatus, resetFields: [['spec'], ['metadata']] },
  },
  columns: validatingPolicyColumns,
  categories: ['api-extensions'],
};

export const mutatingPolicyRules: KindRules<v1.MutatingAdmissionPolicy> = {
  strategy: {
    ...generationOf('spec'),
    default: ({ spec }) => {
      if (spec === undefined) return;
      spec.failurePolicy ??= 'Fail';
      spec.reinvocationPolicy ||= 'Never';
      defaultMatch(spec.matchConstraints);
    },
    allowUnconditionalUpdate: false,
    validateCreate: validateMutatingPolicy,
    validateUpdate: validateMutatingPolicy,
  },
  columns: mutatingPolicyColumns,
  categories: ['api-extensions'],
};

/** Of mutating policies. */
export const mutatingPolicyBindingRules: KindRules<v1.MutatingAdmissionPolicyBinding> = {
  strategy: {
    ...generationOf('spec'),
    default: ({ spec }) => {
      defaultMatch(spec?.matchResources);
    },
    allowUnconditionalUpdate: false,
    validateCreate: validateMutatingPolicyBinding,
    validateUpdate: validateMutatingPolicyBinding,
  },
  columns: policyBindingColumns,
  categories: ['api-extensions'],
};

export const validatingPolicyBindingRules: KindRules<v1.ValidatingAdmissionPolicyBinding> = {
  strategy: {
    ...generationOf('spec'),
    default: ({ spec }) => {
      defaultMatch(spec?.matchResources);
    },
    allowUnconditionalUpdate: false,
    validateCreate: validateValidatingPolicyBinding,
    validateUpdate: validateValidatingPolicyBinding,
  },
  columns: policyBindingColumns,
  categories: ['api-extensions'],
};
