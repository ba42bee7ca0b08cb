import type * as certificates from '../gen/types/certificates.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { keep } from '../strategy.ts';
import { certificateSigningRequestColumns } from './columns.ts';
import { validateCertificateSigningRequest } from './certificate-signing-request.validation.ts';

/** The spec never changes after creation; the user's fields in it are filled in by the server. */
export const certificateSigningRequestRules: KindRules<certificates.CertificateSigningRequest> = {
  strategy: {
    prepareForCreate: (draft) => {
      draft.status = {};
    },
    prepareForUpdate: (draft, old) => {
      keep(draft, old, 'spec');
      keep(draft, old, 'status');
    },
    allowUnconditionalUpdate: true,
    validateCreate: validateCertificateSigningRequest,
    validateUpdate: validateCertificateSigningRequest,
    resetFields: [['spec'], ['status']],
    status: { prepareForUpdate: (draft, old) => keep(draft, old, 'spec'), resetFields: [['spec'], ['status', 'conditions']] },
  },
  columns: certificateSigningRequestColumns,
  shortNames: ['csr'],
  selectable: { names: ['spec.signerName'], values: ({ spec }) => ({ 'spec.signerName': spec?.signerName ?? '' }) },
};
