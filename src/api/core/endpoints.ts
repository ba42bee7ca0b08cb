import { FieldPath } from '../../machinery/field-error.ts';
import { ipWarnings } from '../address.warnings.ts';
import type * as core from '../gen/types/core.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { keepOldAddresses } from '../old-addresses.ts';
import { endpointsColumns } from './columns.ts';
import { validateEndpoints } from './endpoints.validation.ts';

/** The controller writes them well. */
function endpointsWarnings({ metadata, subsets }: core.Endpoints): readonly string[] {
  if (metadata?.labels?.['endpoints.kubernetes.io/managed-by'] === 'endpoint-controller') return [];
  return (subsets ?? []).flatMap((subset, i) =>
    (['addresses', 'notReadyAddresses'] as const).flatMap((field) =>
      (subset[field] ?? []).flatMap(({ ip }, j) => ipWarnings(new FieldPath('subsets').index(i).child(field).index(j).child('ip'), ip)),
    ),
  );
}

export const endpointsRules: KindRules<core.Endpoints> = {
  strategy: {
    default: ({ subsets }) => {
      for (const subset of subsets ?? []) for (const port of subset.ports ?? []) port.protocol ||= 'TCP';
    },
    allowCreateOnUpdate: true,
    allowUnconditionalUpdate: true,
    validateCreate: validateEndpoints,
    validateUpdate: keepOldAddresses(validateEndpoints),
    warnings: endpointsWarnings,
  },
  columns: endpointsColumns,
  shortNames: ['ep'],
  deprecation: 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
};
