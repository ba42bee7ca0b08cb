import type * as beta from '../gen/types/certificates.v1beta1.ts';
import type { Condition } from '../gen/types/machinery.ts';
import type { Draft } from '../../machinery/object.ts';
import { formatTime } from '../../machinery/time.ts';
import type { KindRules } from '../kind-rules.ts';
import { specAndStatus } from '../strategy.ts';
import { podCertificateRequestColumns } from './columns.ts';
import {
  validatePodCertificateRequest,
  validatePodCertificateRequestStatus,
  validatePodCertificateRequestUpdate,
} from './pod-certificate-request.validation.ts';

const DAY_SECONDS = 86_400;

const base = specAndStatus<beta.PodCertificateRequest>({ generation: false, statusKeepsMetadata: true });

type Request = beta.PodCertificateRequest;
const ENDS = ['Issued', 'Denied', 'Failed'];

/** How it ended stays as it was said first, unless that is taken from it or said once more. */
function keepEnd(draft: Draft<Request>, old: Request): void {
  const conditions = draft.status?.conditions ?? [];
  for (const end of ENDS) {
    const before = (old.status?.conditions ?? []).filter(({ type }) => type === end);
    const places = conditions.flatMap(({ type }, i) => (type === end ? [i] : []));
    if (places.length !== before.length) continue;
    for (const [i, place] of places.entries()) conditions[place] = { ...(before[i] as Draft<Condition>) };
  }
}

/** Since when a condition has its status: where nobody says, since it got it. */
function stamp(draft: Draft<Request>, old: Request, now: string): void {
  for (const condition of draft.status?.conditions ?? []) {
    const before = old.status?.conditions?.find(({ type, status }) => type === condition.type && status === condition.status);
    condition.lastTransitionTime ??= before?.lastTransitionTime ?? now;
  }
}

export const podCertificateRequestRules: KindRules<beta.PodCertificateRequest> = {
  strategy: {
    ...base,
    validateCreate: validatePodCertificateRequest,
    validateUpdate: validatePodCertificateRequestUpdate,
    status: {
      prepareForUpdate: (draft, old, context) => {
        base.status.prepareForUpdate?.(draft, old, context);
        keepEnd(draft, old);
        stamp(draft, old, formatTime(context.nowMs));
      },
      validateUpdate: validatePodCertificateRequestStatus,
    },
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
