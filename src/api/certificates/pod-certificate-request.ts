import type * as beta from '../gen/types/certificates.v1beta1.ts';
import type { KindRules } from '../kind-rules.ts';
import { specAndStatus } from '../strategy.ts';
import { podCertificateRequestColumns } from './columns.ts';

const DAY_SECONDS = 86_400;

export const podCertificateRequestRules: KindRules<beta.PodCertificateRequest> = {
  strategy: {
    ...specAndStatus({ generation: false }),
    default: ({ spec }) => {
      if (spec !== undefined) spec.maxExpirationSeconds ??= DAY_SECONDS;
    },
    allowUnconditionalUpdate: false,
  },
  columns: podCertificateRequestColumns,
  selectable: {
    names: ['spec.signerName', 'spec.podName', 'spec.nodeName'],
    values: ({ spec }) => ({ 'spec.signerName': spec?.signerName ?? '', 'spec.podName': spec?.podName ?? '', 'spec.nodeName': spec?.nodeName ?? '' }),
  },
};
