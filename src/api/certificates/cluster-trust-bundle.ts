import type * as beta from '../gen/types/certificates.v1beta1.ts';
import type { KindRules } from '../kind-rules.ts';
import { validateBundle, validateBundleUpdate } from './cluster-trust-bundle.validation.ts';
import { clusterTrustBundleColumns } from './columns.ts';

export const clusterTrustBundleRules: KindRules<beta.ClusterTrustBundle> = {
  strategy: {
    allowUnconditionalUpdate: false,
    // It depends on the signer: see the validation.
    validateName: () => [],
    validateCreate: validateBundle,
    validateUpdate: validateBundleUpdate,
  },
  columns: clusterTrustBundleColumns,
  selectable: { names: ['spec.signerName'], values: ({ spec }) => ({ 'spec.signerName': spec?.signerName ?? '' }) },
};
