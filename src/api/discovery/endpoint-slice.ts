import type { Draft } from '../../machinery/object.ts';
import { ipWarnings } from '../address.warnings.ts';
import { root } from '../checks.ts';
import { semanticEqual } from '../equal.ts';
import type * as discovery from '../gen/types/discovery.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { metadataOf, setGeneration } from '../strategy.ts';
import { endpointSliceColumns } from './columns.ts';
import { validateEndpointSlice, validateEndpointSliceUpdate } from './endpoint-slice.validation.ts';

/** v1 knows nodeName and zone instead. */
function dropTopology({ endpoints }: Draft<discovery.EndpointSlice>): void {
  for (const endpoint of endpoints ?? []) delete endpoint.deprecatedTopology;
}

const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by';
const CONTROLLERS = ['endpointslice-controller.k8s.io', 'endpointslicemirroring-controller.k8s.io'];

/** Controllers write addresses as they should be written. */
function warnings({ metadata, addressType, endpoints }: discovery.EndpointSlice): readonly string[] {
  const out = addressType === 'FQDN' ? ['spec.addressType: FQDN endpoints are deprecated'] : [];
  if (addressType === 'FQDN' || CONTROLLERS.includes(metadata?.labels?.[MANAGED_BY] ?? '')) return out;
  const path = root('endpoints');
  for (const [i, { addresses }] of (endpoints ?? []).entries())
    for (const [j, address] of (addresses ?? []).entries()) out.push(...ipWarnings(path.index(i).child('addresses').index(j), address));
  return out;
}

export const endpointSliceRules: KindRules<discovery.EndpointSlice> = {
  strategy: {
    prepareForCreate: (draft) => {
      metadataOf(draft).generation = 1;
      dropTopology(draft);
    },
    prepareForUpdate: (draft, old) => {
      const same = semanticEqual({ ...draft, metadata: draft.metadata?.labels }, { ...old, metadata: old.metadata?.labels });
      setGeneration(draft, old, !same);
      if (!semanticEqual(draft.endpoints, old.endpoints)) dropTopology(draft);
    },
    default: ({ ports }) => {
      for (const port of ports ?? []) {
        port.name ??= '';
        port.protocol ??= 'TCP';
      }
    },
    allowUnconditionalUpdate: true,
    validateCreate: validateEndpointSlice,
    validateUpdate: validateEndpointSliceUpdate,
    warnings,
  },
  columns: endpointSliceColumns,
};
