import assert from 'node:assert/strict';
import type { TLSSocket } from 'node:tls';
import { test } from 'node:test';
import { certificateOf } from './identity.ts';

let shown = 0;
const socket = (subject: object): TLSSocket => {
  const peer = { subject, raw: Buffer.from('der'), valid_to: 'Jan  1 00:00:00 2030 GMT', fingerprint512: String(++shown) };
  return { authorized: true, getPeerCertificate: () => peer } as unknown as TLSSocket;
};
const UID = '1.3.6.1.4.1.57683.2';

test('who a certificate is for', () => {
  const now = Date.UTC(2026, 0, 1);
  const of = (subject: object) => {
    const found = certificateOf(socket(subject), now);
    return found === undefined || found === 'bad' ? found : [found.commonName, found.organizations, found.uid];
  };
  assert.deepEqual(of({ CN: 'ann', O: 'devs' }), ['ann', ['devs'], undefined]);
  assert.deepEqual(of({ CN: ['old', 'ann'], O: ['devs', 'ops'], [UID]: '42' }), ['ann', ['devs', 'ops'], '42']);
  // Two of them: nobody can tell which.
  assert.equal(of({ CN: 'ann', [UID]: ['42', '43'] }), 'bad');
  assert.equal(of({ O: 'devs' }), undefined);
  // It ends while the connection lasts.
  assert.equal(certificateOf(socket({ CN: 'ann' }), Date.UTC(2031, 0, 1)), 'bad');
});
