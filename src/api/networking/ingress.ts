import type * as networking from '../gen/types/networking.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { specAndStatus } from '../strategy.ts';
import { ingressColumns } from './columns.ts';
import { validateIngress, validateIngressUpdate } from './ingress.validation.ts';

export const ingressRules: KindRules<networking.Ingress> = {
  strategy: { ...specAndStatus(), allowUnconditionalUpdate: true, validateCreate: validateIngress, validateUpdate: validateIngressUpdate },
  columns: ingressColumns,
  shortNames: ['ing'],
};
