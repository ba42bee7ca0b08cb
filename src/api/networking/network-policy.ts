import type * as networking from '../gen/types/networking.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { generationOf } from '../strategy.ts';
import { networkPolicyColumns } from './columns.ts';
import { validateNetworkPolicy } from './network-policy.validation.ts';

export const networkPolicyRules: KindRules<networking.NetworkPolicy> = {
  strategy: {
    ...generationOf('spec'),
    default: ({ spec }) => {
      if (spec === undefined) return;
      if ((spec.policyTypes ?? []).length === 0) spec.policyTypes = ['Ingress', ...((spec.egress ?? []).length > 0 ? ['Egress'] : [])];
      for (const rule of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) for (const port of rule.ports ?? []) port.protocol ??= 'TCP';
    },
    allowUnconditionalUpdate: true,
    validateCreate: validateNetworkPolicy,
    validateUpdate: validateNetworkPolicy,
  },
  columns: networkPolicyColumns,
  shortNames: ['netpol'],
};
