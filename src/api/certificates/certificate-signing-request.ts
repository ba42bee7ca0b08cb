import { pathSegmentNameFaults } from '../../machinery/names.ts';
import type * as certificates from '../gen/types/certificates.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import type { Draft } from '../../machinery/object.ts';
import { formatTime } from '../../machinery/time.ts';
import { keep } from '../strategy.ts';
import { certificateSigningRequestColumns } from './columns.ts';
import {
  validateCertificateSigningRequest,
  validateCertificateSigningRequestStatus,
  validateCertificateSigningRequestUpdate,
} from './certificate-signing-request.validation.ts';

type Request = certificates.CertificateSigningRequest;
const DECISIONS = ['Approved', 'Denied'];

/** A writer of the status leaves what was decided as it is, as long as it neither adds to it nor takes from it. */
function keepDecision(draft: Draft<Request>, old: Request): void {
  const conditions = draft.status?.conditions;
  if (draft.status === undefined || conditions === undefined) return;
  for (const decision of DECISIONS) {
    const before = (old.status?.conditions ?? []).filter(({ type }) => type === decision);
    const places = conditions.flatMap(({ type }, i) => (type === decision ? [i] : []));
    if (places.length === before.length)
      for (const [i, place] of places.entries()) conditions[place] = { ...before[i], type: decision, status: before[i]?.status ?? 'True' };
  }
}

/** When a condition was written, and since when it has its status. */
export function stampConditions(draft: Draft<Request>, old: Request, now: string): void {
  for (const condition of draft.status?.conditions ?? []) {
    const before = old.status?.conditions?.find(({ type, status }) => type === condition.type && status === condition.status);
    condition.lastUpdateTime ??= now;
    condition.lastTransitionTime ??= before?.lastTransitionTime ?? now;
  }
}

/** The spec never changes after creation; the user's fields in it are filled in by the server. */
export const certificateSigningRequestRules: KindRules<Request> = {
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
    validateUpdate: validateCertificateSigningRequestUpdate,
    validateName: pathSegmentNameFaults,
    resetFields: [['spec'], ['status']],
    status: {
      prepareForUpdate: (draft, old, { nowMs }) => {
        keep(draft, old, 'spec');
        keepDecision(draft, old);
        stampConditions(draft, old, formatTime(nowMs));
      },
      validateUpdate: validateCertificateSigningRequestStatus,
      resetFields: [['spec'], ['status', 'conditions']],
    },
  },
  columns: certificateSigningRequestColumns,
  shortNames: ['csr'],
  selectable: { names: ['spec.signerName'], values: ({ spec }) => ({ 'spec.signerName': spec?.signerName ?? '' }) },
};
