import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StatusError } from '../../machinery/status-error.ts';
import { RequestMetrics } from '../metrics/request-metrics.ts';
import { metricsRoute } from '../metrics/route.ts';
import type { Route } from '../stages.ts';
import { healthRoutes } from './health.ts';

let ready = false;
const routes = healthRoutes([
  { name: 'store', check: () => undefined },
  { name: 'bootstrap', only: 'ready', check: () => (ready ? undefined : 'secret details') },
  { name: 'throws', only: 'ready', check: () => (ready ? undefined : Promise.reject(new Error('x'))) },
]);

async function ask(all: readonly Route[], url: string): Promise<string> {
  const { pathname, searchParams } = new URL(url, 'http://x');
  const route = all.find((each) => pathname === each.path || pathname.startsWith(`${each.path}/`));
  assert.ok(route);
  const request = {
    method: 'GET',
    path: pathname,
    query: [...searchParams],
    headers: {},
    user: { name: 'ann', groups: [] },
    signal: undefined,
    body: () => new Uint8Array(),
  };
  try {
    const { code, body } = await route.handle(request);
    return `${code} ${String(body)}`;
  } catch (thrown) {
    if (thrown instanceof StatusError) return `${thrown.code} ${thrown.message}`;
    throw thrown;
  }
}

test('health pages', async () => {
  ready = false;
  assert.equal(await ask(routes, '/livez'), '200 ok');
  assert.equal(await ask(routes, '/healthz?verbose'), '200 [+]ping ok\n[+]store ok\nhealthz check passed\n');
  assert.equal(
    await ask(routes, '/readyz'),
    '500 [+]ping ok\n[+]store ok\n[-]bootstrap failed: reason withheld\n[-]throws failed: reason withheld\nreadyz check failed\n',
  );
  assert.equal(await ask(routes, '/readyz?exclude=bootstrap&exclude=throws'), '200 ok');
  assert.equal(await ask(routes, '/readyz/store'), '200 ok');
  assert.equal(await ask(routes, '/readyz/bootstrap'), '500 internal server error: secret details\n');
  assert.equal(await ask(routes, '/livez/bootstrap'), '404 404 page not found\n');
  ready = true;
  assert.equal(await ask(routes, '/readyz'), '200 ok');
  assert.match(
    await ask(routes, '/livez?verbose&exclude=nope&exclude=also'),
    /warn: some health checks cannot be excluded: no matches for "also","nope"\nlivez check passed\n$/,
  );
});

test('metrics count requests under Kubernetes’ names', async () => {
  const requests = new RequestMetrics();
  const attributes = {
    user: { name: 'ann', groups: [] },
    verb: 'list',
    resourceRequest: true,
    group: 'apps',
    version: 'v1',
    resource: 'deployments',
    subresource: '',
    namespace: 'shop',
    name: '',
    path: '',
  };
  const record = { user: undefined, attributes, method: 'GET', path: '', code: 200, startedMs: 0, elapsedMs: 30, watch: false };
  requests.record(record);
  requests.record({ ...record, code: 403 });
  requests.record({ ...record, watch: true, attributes: { ...attributes, verb: 'watch' } });
  requests.record({ ...record, attributes: { ...attributes, verb: 'create', subresource: 'exec' } });
  const text = await ask([metricsRoute(requests, [{ name: 'berth_store_revision', help: 'x', values: () => [{ value: 7 }] }])], '/metrics');
  const has = (line: string): void => assert.ok(text.includes(`\n${line}\n`), line);
  const labels = 'group="apps",version="v1",resource="deployments",subresource="",scope="namespace",dry_run="",component="apiserver"';
  has(`apiserver_request_total{verb="LIST",${labels},code="200"} 1`);
  has(`apiserver_request_total{verb="LIST",${labels},code="403"} 1`);
  has(`apiserver_request_duration_seconds_bucket{verb="LIST",${labels},le="0.025"} 0`);
  has(`apiserver_request_duration_seconds_bucket{verb="LIST",${labels},le="0.05"} 2`);
  has(`apiserver_request_duration_seconds_bucket{verb="LIST",${labels},le="+Inf"} 2`);
  has(`apiserver_request_duration_seconds_count{verb="LIST",${labels}} 2`);
  has('berth_store_revision 7');
  assert.match(text, /verb="CONNECT".*subresource="exec"/);
  assert.equal(text.includes('apiserver_request_duration_seconds_count{verb="WATCH"'), false);
});
