import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathAttributes } from '../authz/authorizer.ts';
import { AccessMetrics } from './access-metrics.ts';

test('who was let in, and what was allowed, at once or later', async () => {
  const metrics = new AccessMetrics();
  const authenticate = metrics.authenticate(({ bearerToken }) => {
    if (bearerToken === 'later') return Promise.resolve({ name: 'jane@example.com', groups: [] });
    if (bearerToken === 'fails') return Promise.reject(new Error('the provider is away'));
    return bearerToken === 'ann' ? { name: 'ann', groups: [] } : undefined;
  });
  const credentials = (bearerToken: string) => ({ certificate: undefined, bearerToken, remoteAddress: undefined });
  assert.deepEqual(authenticate(credentials('ann')), { name: 'ann', groups: [] });
  assert.equal(authenticate(credentials('nobody')), undefined);
  assert.deepEqual(await authenticate(credentials('later')), { name: 'jane@example.com', groups: [] });
  await assert.rejects(async () => authenticate(credentials('fails')), /the provider is away/);
  const authorize = metrics.authorize(({ path }) =>
    path === '/later' ? Promise.resolve({ allowed: true, reason: '' }) : { allowed: path === '/yes', reason: '' },
  );
  const user = { name: 'ann', groups: [] };
  for (const path of ['/yes', '/no', '/later']) await authorize(pathAttributes({ user, verb: 'get', path }));
  const shown = metrics.gauges.flatMap(({ name, values }) => values().map(({ value, labels }) => `${name} ${Object.values(labels ?? {}).join()} ${value}`));
  assert.deepEqual(shown.sort(), [
    'authenticated_user_requests email_id 1',
    'authenticated_user_requests other 1',
    'authentication_attempts error 1',
    'authentication_attempts failure 1',
    'authentication_attempts success 2',
    'authorization_attempts_total allowed 2',
    'authorization_attempts_total no-opinion 1',
  ]);
});
