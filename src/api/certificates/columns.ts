import { humanDuration } from '../../machinery/time.ts';
import { ageColumn, nameColumn, text } from '../columns.ts';
import type * as certificates from '../gen/types/certificates.v1.ts';
import type * as beta from '../gen/types/certificates.v1beta1.ts';
import type { Column } from '../kind.ts';

function formatCondition({ status }: certificates.CertificateSigningRequest): string {
  const has = (type: string): boolean => (status?.conditions ?? []).some((c) => c.type === type);
  const words = [has('Denied') ? 'Denied' : has('Approved') ? 'Approved' : 'Pending'];
  if (has('Failed')) words.push('Failed');
  if ((status?.certificate ?? '') !== '') words.push('Issued');
  return words.join(',');
}

export const certificateSigningRequestColumns: readonly Column<certificates.CertificateSigningRequest>[] = [
  nameColumn,
  ageColumn,
  text('SignerName', 'Who should sign.', ({ spec }) => spec.signerName),
  text('Requestor', 'Who asks.', ({ spec }) => spec.username ?? ''),
  text('RequestedDuration', 'How long it should be valid.', ({ spec }) =>
    spec.expirationSeconds === undefined ? '<none>' : humanDuration(spec.expirationSeconds * 1000),
  ),
  text('Condition', 'Approved, Denied or Pending; Issued or Failed.', formatCondition),
];

export const clusterTrustBundleColumns: readonly Column<beta.ClusterTrustBundle>[] = [
  nameColumn,
  text('SignerName', 'Whose roots they are.', ({ spec }) => spec.signerName ?? '<none>'),
];

function formatState({ status }: beta.PodCertificateRequest): string {
  const has = (type: string): boolean => (status?.conditions ?? []).some((c) => c.type === type && c.status === 'True');
  for (const type of ['Denied', 'Failed', 'Issued']) if (has(type)) return type;
  return 'Pending';
}

export const podCertificateRequestColumns: readonly Column<beta.PodCertificateRequest>[] = [
  nameColumn,
  text('PodName', 'The pod that it is for.', ({ spec }) => spec.podName),
  text('ServiceAccountName', 'The identity of the pod.', ({ spec }) => spec.serviceAccountName),
  text('NodeName', 'The node of the pod.', ({ spec }) => spec.nodeName),
  text('SignerName', 'Who should sign.', ({ spec }) => spec.signerName),
  text('State', 'Denied, Failed, Issued or Pending.', formatState),
];
