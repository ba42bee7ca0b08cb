/** What stands at which path, and what is said where nothing stands. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Json } from '../../src/machinery/object.ts';
import { type Front, openFront } from './front.ts';

const MAPS = '/api/v1/namespaces/default/configmaps';
const NOT_FOUND = 'the server could not find the requested resource';
const NOT_ALLOWED = 'the server does not allow this method on the requested resource';

const STARTED = [
  'start-kube-apiserver-admission-initializer',
  'generic-apiserver-start-informers',
  'start-apiextensions-informers',
  'start-apiextensions-controllers',
  'crd-informer-synced',
  'bootstrap-controller',
  'start-system-namespaces-controller',
  'rbac/bootstrap-roles',
  'scheduling/bootstrap-system-priority-classes',
  'start-cluster-authentication-info-controller',
  'start-kube-aggregator-informers',
  'apiservice-registration-controller',
  'apiservice-status-available-controller',
  'kube-apiserver-autoregistration',
  'apiservice-openapi-controller',
];

describe('paths', () => {
  let front: Front;
  before(async () => {
    front = await openFront({ seats: 600 });
    await front.say('POST', MAPS, { body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } } });
  });
  after(() => front[Symbol.asyncDispose]());

  it('below a group that is served: a Status without details', async () => {
    for (const path of ['/api/v2', '/api/v1/nosuch', '/api/v1/namespaces/default/nosuch/x', `${MAPS}/a/nosuch`, '/apis/apps/v9', '/apis/apps/v1/nosuch']) {
      const { code, body } = await front.say('GET', path);
      assert.equal(code, 404, path);
      assert.deepEqual(body, {
        kind: 'Status',
        apiVersion: 'v1',
        metadata: {},
        status: 'Failure',
        message: NOT_FOUND,
        reason: 'NotFound',
        details: {},
        code: 404,
      });
    }
  });

  it('elsewhere: a plain page', async () => {
    for (const path of ['/nosuch', '/apis/nosuch.example', '/apis/nosuch.example/v1', '/apis/nosuch.example/v1/things', '/readyz/nosuch']) {
      const { code, text, headers } = await front.say('GET', path);
      assert.deepEqual(
        [code, text, headers['content-type'], headers['x-content-type-options']],
        [404, '404 page not found\n', 'text/plain; charset=utf-8', 'nosniff'],
      );
    }
  });

  it('who may not ask is told so first', async () => {
    for (const [path, message] of [
      ['/nosuch', 'forbidden: User "system:anonymous" cannot get path "/nosuch"'],
      ['/', 'forbidden: User "system:anonymous" cannot get path "/"'],
      [
        `${MAPS}/nosuch`,
        'configmaps "nosuch" is forbidden: User "system:anonymous" cannot get resource "configmaps" in API group "" in the namespace "default"',
      ],
    ] as const) {
      const { code, body } = await front.say('GET', path, { anonymous: true });
      assert.deepEqual([code, body['reason'], body['message']], [403, 'Forbidden', message]);
    }
    const { code, headers, body } = await front.say('GET', '/api/v1/pods', { anonymous: true, headers: { authorization: 'Bearer nonsense' } });
    assert.deepEqual([code, body['message'], body['reason'], headers['www-authenticate']], [401, 'Unauthorized', 'Unauthorized', undefined]);
  });

  it('who may not ask is told so in words that no browser takes for more', async () => {
    const { code, headers, body } = await front.say('GET', MAPS, { as: 'a<b>&c' });
    const message = 'configmaps is forbidden: User "a&lt;b&gt;&amp;c" cannot list resource "configmaps" in API group "" in the namespace "default"';
    assert.deepEqual([code, body['message'], headers['x-content-type-options']], [403, message, 'nosniff']);
    const missing = await front.say('GET', `${MAPS}/nosuch`);
    assert.deepEqual([missing.code, missing.headers['x-content-type-options']], [404, undefined]);
  });

  it('a whole URL stands for its path', async () => {
    const { code, body } = await front.say('GET', `https://somewhere:6443${MAPS}/a?pretty=true`);
    assert.deepEqual([code, body['kind']], [200, 'ConfigMap']);
  });

  it('a method that is not served there', async () => {
    for (const [method, path] of [
      ['PUT', MAPS],
      ['PATCH', MAPS],
      ['POST', `${MAPS}/a`],
      ['POST', '/api/v1/configmaps'],
      ['OPTIONS', `${MAPS}/a`],
      ['OPTIONS', MAPS],
      ['TRACE', `${MAPS}/a`],
      ['DELETE', '/version'],
      ['POST', '/apis'],
      ['POST', '/apis/apps/v1'],
      ['PUT', '/openid/v1/jwks'],
      ['POST', `${MAPS}/a/status`],
      ['DELETE', '/api/v1/namespaces/default/status'],
      ['GET', '/api/v1/namespaces/default/finalize'],
      ['PATCH', '/api/v1/namespaces/default/finalize'],
      ['PUT', '/api/v1/namespaces/default/serviceaccounts/default/token'],
      ['DELETE', '/api/v1/namespaces/default/pods/a/log'],
      ['PUT', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews'],
    ] as const) {
      const { code, body, headers } = await front.say(method, path, method === 'PATCH' ? { body: '{}', type: 'application/merge-patch+json' } : {});
      const expected = path.endsWith('/a/status') ? [404, NOT_FOUND, undefined] : [405, NOT_ALLOWED, undefined];
      assert.deepEqual([code, body['message'], headers['allow']], expected, `${method} ${path}`);
    }
    const stranger = await front.say('OPTIONS', MAPS, { as: 'nobody' });
    assert.equal(stranger.code, 403, 'who may not ask is told that first');
  });

  it('HEAD only where no router knows the methods: an object is got, a list is listed', async () => {
    const answers: Record<string, number> = {};
    const asked = {
      405: [MAPS, `${MAPS}/a`, '/api/v1/namespaces/default/status', '/api', '/api/v1', '/apis/apps/v1', '/version', '/openid/v1/jwks'],
      200: ['/', '/apis', '/apis/apps', '/healthz', '/livez', '/readyz', '/metrics', '/openapi/v2', '/openapi/v3'],
      404: ['/apis/none', '/apis/none/v1', '/apis/apps/v0', '/none'],
    };
    for (const path of Object.values(asked).flat()) answers[path] = (await front.say('HEAD', path)).code;
    assert.deepEqual(answers, Object.fromEntries(Object.entries(asked).flatMap(([code, paths]) => paths.map((path) => [path, Number(code)]))));
    assert.equal((await front.say('HEAD', MAPS, { as: 'nobody' })).code, 403, 'who may not list is told that first');
  });

  it('names that no object can have', async () => {
    for (const [name, why] of [
      ['..', "may not be '..'"],
      ['.', "may not be '.'"],
      ['a%25b', "may not contain '%'"],
    ] as const) {
      const { code, body } = await front.say('GET', `${MAPS}/${name}`);
      assert.deepEqual([code, body['message']], [400, `Name parameter invalid: "${decodeURIComponent(name)}": ${why}`]);
    }
  });

  it('an escaped slash is a slash', async () => {
    const { code, body } = await front.say('GET', `${MAPS}/a%2Fb`);
    assert.deepEqual([code, body['message']], [404, NOT_FOUND]);
    assert.equal((await front.say('GET', '/api/v1/namespaces/default%2Fconfigmaps/a')).code, 200);
  });

  it('a slash at the end is forgiven by some, as Kubernetes forgives it', async () => {
    const codes: Record<string, number> = {};
    const asked = {
      200: ['/api/', '/api/v1/', '/apis/', '/apis/apps/', '/apis/apps/v1/', `${MAPS}/`, '/version/', '/openid/v1/jwks/', '/index.html'],
      404: ['/healthz/', '/livez/ping/', '/metrics/', '/metrics/slis/', '/openapi/v2/', '/openapi/v3/', '//', '//api/v1', '/api//v1'],
    };
    for (const path of Object.values(asked).flat()) codes[path] = (await front.say('GET', path)).code;
    assert.deepEqual(codes, Object.fromEntries(Object.entries(asked).flatMap(([code, paths]) => paths.map((path) => [path, Number(code)]))));
    const { body } = await front.say('GET', '/version/nosuch');
    assert.equal(body['message'], NOT_FOUND);
  });

  it('where there is no OpenAPI document: nothing', async () => {
    const { code, text } = await front.say('GET', '/openapi/v3/nosuch');
    assert.deepEqual([code, text], [404, '']);
  });

  it('the root lists them all, in order', async () => {
    const { code, headers, text, body } = await front.say('GET', '/');
    assert.deepEqual(
      [code, headers['content-type'], text.startsWith('{\n  "paths": [\n    "/.well-known/openid-configuration",\n')],
      [200, 'application/json', true],
    );
    const paths = body['paths'] as readonly string[];
    assert.deepEqual(paths, paths.toSorted());
    const expected = ['/api', '/api/v1', '/apis', '/apis/', '/apis/apps', '/apis/apps/v1', '/healthz', '/healthz/ping', '/livez', '/livez/ping'];
    for (const path of [
      ...expected,
      '/metrics',
      '/metrics/slis',
      '/openapi/v2',
      '/openapi/v3',
      '/openapi/v3/',
      '/openid/v1/jwks',
      '/readyz',
      '/readyz/ping',
      '/version',
    ])
      assert.ok(paths.includes(path), path);
  });

  it('health: in one word, or in many', async () => {
    const plain = async (path: string) => {
      const { code, text, headers } = await front.say('GET', path);
      return [code, text, headers['content-type'], headers['x-content-type-options']];
    };
    const TEXT = ['text/plain; charset=utf-8', 'nosniff'];
    for (const path of ['/healthz', '/livez', '/readyz', '/readyz/ping']) assert.deepEqual(await plain(path), [200, 'ok', ...TEXT], path);
    const lines = async (path: string) => String((await plain(path))[1]).split('\n');
    for (const path of ['/healthz', '/livez', '/readyz']) {
      const said = await lines(`${path}?verbose`);
      // test/e2e/apimachinery/health_handlers.go asks for these.
      for (const name of ['ping', 'log', 'etcd', 'autoregister-completion', ...STARTED.map((hook) => `poststarthook/${hook}`)])
        assert.ok(said.includes(`[+]${name} ok`), `${path} ${name}`);
      assert.equal(said.includes('[+]informer-sync ok'), path === '/readyz');
      assert.equal(said.includes('[+]store ok'), path === '/readyz');
      assert.deepEqual(said.slice(-2), [`${path.slice(1)} check passed`, '']);
    }
    assert.deepEqual(await plain('/readyz/poststarthook/rbac/bootstrap-roles'), [200, 'ok', ...TEXT]);
    const said = await lines('/readyz?verbose&exclude=store&exclude=nosuch');
    assert.ok(said.includes('[+]store excluded: ok'));
    assert.deepEqual(said.slice(-3), ['warn: some health checks cannot be excluded: no matches for "nosuch"', 'readyz check passed', '']);
  });

  it('version: integers as text', async () => {
    const { body } = await front.say('GET', '/version', { anonymous: true });
    for (const field of ['major', 'minor', 'emulationMajor', 'emulationMinor', 'minCompatibilityMajor', 'minCompatibilityMinor'])
      assert.match(String(body[field]), /^\d+$/);
    assert.match(String(body['gitVersion']), /^v1\.36\.\d+/);
    for (const field of ['gitCommit', 'gitTreeState', 'buildDate', 'goVersion', 'compiler', 'platform']) assert.equal(typeof body[field], 'string');
  });

  it('metrics: under the names that dashboards know', async () => {
    const { text, headers } = await front.say('GET', '/metrics');
    assert.match(String(headers['content-type']), /^text\/plain; version=0\.0\.4; charset=utf-8/);
    for (const name of [
      'apiserver_request_total',
      'apiserver_request_duration_seconds',
      'apiserver_current_inflight_requests',
      'apiserver_longrunning_requests',
      'apiserver_response_sizes',
      'apiserver_storage_objects',
      'apiserver_requested_deprecated_apis',
      'apiserver_flowcontrol_dispatched_requests_total',
      'authentication_attempts',
      'authenticated_user_requests',
      'kubernetes_build_info',
      'process_cpu_seconds_total',
    ])
      assert.match(text, new RegExp(`^# TYPE ${name} `, 'm'));
    const slis = await front.say('GET', '/metrics/slis');
    assert.match(slis.text, /^# TYPE kubernetes_healthchecks_total counter$/m);
    assert.doesNotMatch(slis.text, /apiserver_request_total/);
  });

  it('every answer is marked: an id, how it was classified, and that nobody keeps it', async () => {
    const { headers } = await front.say('GET', `${MAPS}/a`, { headers: { 'audit-id': 'mine' } });
    assert.deepEqual([headers['audit-id'], headers['cache-control'], headers['content-type']], ['mine', 'no-cache, private', 'application/json']);
    for (const name of ['x-kubernetes-pf-flowschema-uid', 'x-kubernetes-pf-prioritylevel-uid']) assert.match(String(headers[name]), /^[0-9a-f-]{36}$/);
  });

  it('what may be kept says so, and nothing else', async () => {
    const index = (await front.say('GET', '/openapi/v3')).body['paths'] as Record<string, { readonly serverRelativeURL: string }>;
    const { headers, code } = await front.say('GET', index['apis/batch/v1']?.serverRelativeURL ?? '');
    assert.deepEqual([code, headers['cache-control'], headers['vary']], [200, 'public, immutable', 'Accept']);
    assert.match(String(headers['etag']), /^"[0-9A-F]+"$/);
    const again = await front.say('GET', index['apis/batch/v1']?.serverRelativeURL ?? '', { headers: { 'if-none-match': String(headers['etag']) } });
    assert.deepEqual([again.code, again.text], [304, '']);
    const stale = await front.say('GET', '/openapi/v3/apis/batch/v1?hash=OLD');
    assert.deepEqual([stale.code, stale.headers['location']], [301, index['apis/batch/v1']?.serverRelativeURL]);
    const keys = await front.say('GET', '/openid/v1/jwks');
    assert.equal(keys.headers['cache-control'], 'public, max-age=3600');
  });

  it('a review is answered where it is made', async () => {
    const body: Json = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', spec: { nonResourceAttributes: { path: '/', verb: 'get' } } };
    const { code, body: review } = await front.say('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', { body });
    assert.deepEqual([code, (review['status'] as Record<string, Json>)['allowed']], [201, true]);
  });
});
