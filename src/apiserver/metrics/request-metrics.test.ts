import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathAttributes } from '../authz/authorizer.ts';
import { RequestMetrics } from './request-metrics.ts';

test('however many paths and methods people think of, the number of series is bounded and counting goes on', () => {
  const metrics = new RequestMetrics();
  const user = { name: 'system:anonymous', groups: [] };
  const record = (method: string, path: string): void =>
    metrics.record({
      user,
      attributes: pathAttributes({ user, verb: method.toLowerCase(), path }),
      method,
      path,
      code: 403,
      startedMs: 0,
      elapsedMs: 1,
      watch: false,
    });
  for (let at = 0; at < 20_500; at++) record('GET', `/path-${at}`);
  for (let at = 0; at < 100; at++) record(`METHOD-${at}`, '/');
  const all = [...metrics.series()];
  assert.ok(all.length <= 20_001, String(all.length));
  assert.equal(
    all.reduce((sum, { codes }) => sum + (codes.get(403) ?? 0), 0),
    20_600,
  );
});
