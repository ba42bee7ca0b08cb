import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathAttributes, resourceAttributes } from '../authz/authorizer.ts';
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

test('what is being worked on is counted until it ends: reads and writes, and by kind what runs long', () => {
  const metrics = new RequestMetrics();
  const user = { name: 'ann', groups: [] };
  const about = (verb: string, subresource = '') =>
    resourceAttributes({ user, verb, group: '', version: 'v1', resource: 'pods', namespace: 'shop', subresource });
  const shown = (): readonly string[] =>
    metrics.gauges.flatMap(({ values }) =>
      values().map(({ value, labels = {} }) => `${labels['request_kind'] ?? `${labels['verb']} ${labels['resource']}`} ${value}`),
    );
  const ends = [
    metrics.begin(about('list'), false),
    metrics.begin(about('create'), false),
    metrics.begin(about('watch'), true),
    metrics.begin(about('watch'), true),
    metrics.begin(about('create', 'exec'), true),
    // Anybody's word for a method, at anybody's path: it makes no series.
    metrics.begin(pathAttributes({ user, verb: 'watch', path: '/made-up' }), true),
  ];
  assert.deepEqual(shown(), ['readOnly 2', 'mutating 1', 'WATCH pods 2', 'CONNECT pods 1']);
  for (const end of ends) end();
  assert.deepEqual(shown(), ['readOnly 0', 'mutating 0', 'WATCH pods 0', 'CONNECT pods 0']);
});
