import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatFieldError } from '../../machinery/field-error.ts';
import type * as certificates from '../gen/types/certificates.v1.ts';
import { stampConditions } from './certificate-signing-request.ts';
import { validateCertificateSigningRequestApproval } from './certificate-signing-request.validation.ts';

type Conditions = readonly certificates.CertificateSigningRequestCondition[];

const spec: certificates.CertificateSigningRequestSpec = {
  request: btoa('-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n'),
  signerName: 'a.b/c',
  usages: ['client auth'],
};
const request = (conditions: Conditions, certificate?: string): certificates.CertificateSigningRequest => ({
  spec,
  status: { conditions, ...(certificate === undefined ? {} : { certificate }) },
});
const causes = (now: Conditions, before: Conditions, certificate?: string): readonly string[] =>
  validateCertificateSigningRequestApproval(request(now, certificate), request(before)).map(formatFieldError);

const APPROVED = { type: 'Approved', status: 'True' };
const DENIED = { type: 'Denied', status: 'True' };

test('a request is approved or denied, once and for all', () => {
  assert.deepEqual(causes([APPROVED], []), []);
  assert.deepEqual(causes([APPROVED, DENIED], []), ['status.conditions: Invalid value: "Denied": Approved and Denied conditions are mutually exclusive']);
  assert.deepEqual(causes([APPROVED, DENIED], [DENIED, APPROVED]), []);
  assert.deepEqual(causes([DENIED], [APPROVED]), ['status.conditions: Forbidden: updates may not remove a condition of type "Approved"']);
  assert.deepEqual(causes([{ ...APPROVED, status: 'False' }], []), ['status.conditions[0].status: Unsupported value: "False": supported values: "True"']);
  const certificate = btoa('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
  assert.deepEqual(causes([APPROVED], [], certificate), [
    'status.certificate: Invalid value: "<certificate data>": x509: malformed certificate',
    'status.certificate: Forbidden: updates may not set certificate content',
  ]);
});

test('a condition is stamped with the time of the write, and keeps the time since when it has its status', () => {
  const [before, now] = ['2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'];
  const draft = { spec: { request: '', signerName: 'a.b/c', usages: [] }, status: { conditions: [{ ...APPROVED }, { type: 'Other', status: 'True' }] } };
  stampConditions(draft, request([{ ...APPROVED, lastUpdateTime: before, lastTransitionTime: before }]), now);
  assert.deepEqual(draft.status.conditions, [
    { ...APPROVED, lastUpdateTime: now, lastTransitionTime: before },
    { type: 'Other', status: 'True', lastUpdateTime: now, lastTransitionTime: now },
  ]);
});
