import type * as networking from '../gen/types/networking.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { specAndStatus } from '../strategy.ts';
import { ingressColumns } from './columns.ts';
import { keepOldAddresses } from '../old-addresses.ts';
import { validateIngress, validateIngressStatus, validateIngressUpdate } from './ingress.validation.ts';

const CLASS_ANNOTATION = 'kubernetes.io/ingress.class';

function warnings({ metadata, spec }: networking.Ingress, old: networking.Ingress | undefined): readonly string[] {
  const named = metadata?.annotations?.[CLASS_ANNOTATION] !== undefined && spec?.ingressClassName === undefined;
  return old === undefined && named ? [`annotation "${CLASS_ANNOTATION}" is deprecated, please use 'spec.ingressClassName' instead`] : [];
}

const base = specAndStatus<networking.Ingress>();

export const ingressRules: KindRules<networking.Ingress> = {
  strategy: {
    ...base,
    warnings,
    allowUnconditionalUpdate: true,
    validateCreate: validateIngress,
    validateUpdate: validateIngressUpdate,
    status: { ...base.status, validateUpdate: keepOldAddresses(validateIngressStatus) },
  },
  columns: ingressColumns,
  shortNames: ['ing'],
};
