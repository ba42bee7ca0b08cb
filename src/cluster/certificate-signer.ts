import type { Clock } from '../base/clock.ts';
import type { CertificateSigner, ParsedRequest } from '../controllers/certificate-signing.ts';
import { type KeyPair, parseRequest, signRequest } from './certificate-issue.ts';

/** Signs what comes through the CSR API with the cluster's own authority. The certificate library is loaded by the first request. */
export function certificateSigner(authority: () => KeyPair, clock: Pick<Clock, 'now'>): CertificateSigner {
  return {
    parse: (pem): Promise<ParsedRequest> => parseRequest(pem),
    sign: (pem, { seconds, usages }) => signRequest(authority(), pem, { nowMs: clock.now(), lifeMs: seconds * 1000, usages }),
  };
}
