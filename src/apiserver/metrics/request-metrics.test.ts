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
    metrics.gauges.flatMap(({ name, values }) =>
      (name === 'apiserver_response_sizes' ? [] : values()).map(
        ({ value, labels = {} }) => `${labels['request_kind'] ?? `${labels['verb']} ${labels['resource']}`} ${value}`,
      ),
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

test("sizes of answers are counted for reads, in Kubernetes' buckets", () => {
  const metrics = new RequestMetrics();
  const user = { name: 'ann', groups: [] };
  const record = (verb: string, bytes: number | undefined): void => {
    const attributes = resourceAttributes({ user, verb, group: '', version: 'v1', resource: 'pods', namespace: 'shop', subresource: '' });
    metrics.record({ user, attributes, method: 'GET', path: '/', code: 200, startedMs: 0, elapsedMs: 1, watch: false, bytes });
  };
  record('list', 900);
  record('list', 2_000_000);
  record('list', undefined);
  record('create', 900);
  const sizes = metrics.gauges.find(({ name }) => name === 'apiserver_response_sizes')?.values() ?? [];
  assert.deepEqual(
    sizes.map(({ value, suffix, labels }) => `${suffix} ${labels?.['verb']} ${labels?.['resource']} ${labels?.['le'] ?? ''} ${value}`),
    [
      ...[
        ['1000', 1],
        ['10000', 1],
        ['100000', 1],
        ['1e+06', 1],
        ['1e+07', 2],
        ['1e+08', 2],
        ['1e+09', 2],
        ['+Inf', 2],
      ].map(([le, n]) => `_bucket LIST pods ${le} ${n}`),
      '_sum LIST pods  2000900',
      '_count LIST pods  2',
    ],
  );
});
