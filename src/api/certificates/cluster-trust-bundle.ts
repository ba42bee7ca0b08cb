import type * as beta from '../gen/types/certificates.v1beta1.ts';
import type { KindRules } from '../kind-rules.ts';
import { clusterTrustBundleColumns } from './columns.ts';

export const clusterTrustBundleRules: KindRules<beta.ClusterTrustBundle> = {
  strategy: { allowUnconditionalUpdate: false },
  columns: clusterTrustBundleColumns,
  selectable: { names: ['spec.signerName'], values: ({ spec }) => ({ 'spec.signerName': spec?.signerName ?? '' }) },
};
