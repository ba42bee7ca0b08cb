import { cidrWarnings } from '../address.warnings.ts';
import { root } from '../checks.ts';
import type * as networking from '../gen/types/networking.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { generationOf } from '../strategy.ts';
import { networkPolicyColumns } from './columns.ts';
import { validateNetworkPolicy, validateNetworkPolicyUpdate } from './network-policy.validation.ts';

function warnings({ spec }: networking.NetworkPolicy): readonly string[] {
  const path = root('spec');
  const from = (spec?.ingress ?? []).map((rule, i) => ({ peers: rule.from, at: path.child('ingress').index(i).child('from') }));
  const to = (spec?.egress ?? []).map((rule, i) => ({ peers: rule.to, at: path.child('egress').index(i).child('to') }));
  return [...from, ...to].flatMap(({ peers = [], at }) =>
    peers.flatMap(({ ipBlock }, j) => {
      if (ipBlock === undefined) return [];
      const block = at.index(j).child('ipBlock');
      const except = (ipBlock.except ?? []).flatMap((cidr, k) => cidrWarnings(block.child('except').index(k), cidr));
      return [...cidrWarnings(block.child('cidr'), ipBlock.cidr), ...except];
    }),
  );
}

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
    validateUpdate: validateNetworkPolicyUpdate,
    warnings,
  },
  columns: networkPolicyColumns,
  shortNames: ['netpol'],
};
