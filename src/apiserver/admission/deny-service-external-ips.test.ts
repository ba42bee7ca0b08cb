import assert from 'node:assert/strict';
import { test } from 'node:test';
import { services } from '../../api/gen/resources.ts';
import { denyServiceExternalIps } from './deny-service-external-ips.ts';
import { requestOf, run } from './testing.ts';

const service = (...externalIPs: readonly string[]) => ({ metadata: { name: 'web', namespace: 'default' }, spec: { externalIPs } });
const refused = async (object: object, old?: object): Promise<boolean> =>
  (await run(denyServiceExternalIps, requestOf({ resource: services, name: 'web', object, ...(old === undefined ? {} : { operation: 'UPDATE', old }) }))) ===
  'services "web" is forbidden: Use of external IPs is denied by admission control';

test('addresses that are new are refused, those that are there may stay or go', async () => {
  assert.deepEqual(
    [
      await refused(service()),
      await refused(service('192.0.2.1')),
      await refused(service('192.0.2.1'), service('192.0.2.1', '192.0.2.2')),
      await refused(service('192.0.2.3'), service('192.0.2.1')),
    ],
    [false, true, false, true],
  );
});
