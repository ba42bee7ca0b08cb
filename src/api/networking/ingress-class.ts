import type * as networking from '../gen/types/networking.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { generationOf } from '../strategy.ts';
import { ingressClassColumns } from './columns.ts';
import { validateIngressClass, validateIngressClassUpdate } from './ingress.validation.ts';

export const ingressClassRules: KindRules<networking.IngressClass> = {
  strategy: {
    ...generationOf('spec'),
    default: ({ spec }) => {
      if (spec?.parameters !== undefined) spec.parameters.scope ??= 'Cluster';
    },
    allowUnconditionalUpdate: true,
    validateCreate: validateIngressClass,
    validateUpdate: validateIngressClassUpdate,
  },
  columns: ingressClassColumns,
};
