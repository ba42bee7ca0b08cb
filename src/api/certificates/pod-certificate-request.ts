import type * as beta from '../gen/types/certificates.v1beta1.ts';
import type { KindRules } from '../kind-rules.ts';
import { specAndStatus } from '../strategy.ts';
import { podCertificateRequestColumns } from './columns.ts';
import {
  validatePodCertificateRequest,
  validatePodCertificateRequestStatus,
  validatePodCertificateRequestUpdate,
} from './pod-certificate-request.validation.ts';

const DAY_SECONDS = 86_400;

const base = specAndStatus<beta.PodCertificateRequest>({ generation: false });

export const podCertificateRequestRules: KindRules<beta.PodCertificateRequest> = {
  strategy: {
    ...base,
    validateCreate: validatePodCertificateRequest,
    validateUpdate: validatePodCertificateRequestUpdate,
    status: { ...base.status, validateUpdate: validatePodCertificateRequestStatus },
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
