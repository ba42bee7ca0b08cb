import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { VirtualClock } from '../../base/virtual-clock.ts';
import { builtinFacts } from '../../api/facts.ts';
import { builtinKinds } from '../../api/registry.ts';
import type { RawResponse } from '../stages.ts';
import { openApiRoutes, type OpenApiRouteOptions } from './routes.ts';

const kinds = builtinKinds().filter(({ servedByDefault }) => servedByDefault);
let turns = 0;
const clock = new VirtualClock();
const options: OpenApiRouteOptions = {
  clock,
  served: { revision: 1, kinds: () => kinds },
  facts: builtinFacts,
  keys: { digest: (data) => createHash('sha256').update(data).digest() },
  version: 'v1.36.0+berth-1',
  yieldToLoop: () => {
    turns++;
    return new Promise((resolve) => setImmediate(resolve));
  },
};
const typesOnly = openApiRoutes(options);

async function ask(url: string, headers: Record<string, string> = {}, routes = typesOnly): Promise<RawResponse> {
  const { pathname, searchParams } = new URL(url, 'https://x');
  const route = routes.find((each) => pathname === each.path || (each.match === 'prefix' && pathname.startsWith(`${each.path}/`)));
  assert.ok(route);
  return route.handle({
    method: 'GET',
    path: pathname,
    query: [...searchParams],
    headers,
    user: { name: 'ann', groups: [] },
    signal: undefined,
    body: () => new Uint8Array(),
  });
}

type Document = {
  paths: Record<string, Record<string, Record<string, unknown>>>;
  components: { schemas: Record<string, Record<string, unknown>> };
  definitions: Record<string, unknown>;
};

const json = async <T>(url: string): Promise<T> => {
  const { body } = await ask(url);
  return (body instanceof Uint8Array ? JSON.parse(Buffer.from(body).toString()) : body) as T;
};

test('the index leads to documents, an old hash to today’s', async () => {
  const { paths } = await json<{ paths: Record<string, { serverRelativeURL: string }> }>('/openapi/v3');
  const url = paths['apis/apps/v1']?.serverRelativeURL ?? '';
  const answer = await ask(url);
  assert.equal(answer.code, 200);
  assert.equal(answer.headers?.['cache-control'], 'public, immutable');
  assert.equal((await ask(url, { 'if-none-match': answer.headers?.['etag'] ?? '' })).code, 304);
  const old = await ask('/openapi/v3/apis/apps/v1?hash=OLD');
  assert.deepEqual([old.code, old.headers?.['location']], [301, url]);
});

test('a whole document is made in slices, once for all who ask meanwhile', async () => {
  turns = 0;
  const answers = await Promise.all([ask('/openapi/v2', { accept: 'application/json' }), ask('/openapi/v2', { accept: 'application/json' })]);
  assert.ok(turns > 20, `${turns} turns`);
  assert.equal(answers[0].body, answers[1].body);
  const before = turns;
  await ask('/openapi/v2', { accept: 'application/json' });
  assert.equal(turns, before);
});

test('in which form a document comes, and which there is none of', async () => {
  const PROTOBUF = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';
  const rows: readonly (readonly [url: string, accept: string, seen: string])[] = [
    ['/openapi/v2', '', 'application/json'],
    ['/openapi/v2', '*/*', 'application/json'],
    ['/openapi/v2', 'application/*', 'application/json'],
    ['/openapi/v2', 'text/html,application/xml;q=0.9,*/*;q=0.8', 'application/json'],
    ['/openapi/v2', `application/json;q=0.5,${PROTOBUF}`, PROTOBUF],
    ['/openapi/v2', `application/json,${PROTOBUF}`, 'application/json'],
    ['/openapi/v2', 'text/html', '406'],
    ['/openapi/v2', 'application/yaml', '406'],
    ['/openapi/v3/apis/apps/v1', '*/*', 'application/json'],
    ['/openapi/v3/apis/apps/v1', 'text/html', '406'],
    ['/openapi/v3/apis/apps/v1?hash=OLD', 'text/html', '406'],
    ['/openapi/v3/apis/apps/v1?hash=', '', 'application/json'],
    ['/openapi/v3/apis/nosuch/v1', '', '404'],
    ['/openapi/v3', 'text/html', '200'],
  ];
  for (const [url, accept, seen] of rows) {
    const { code, headers, body } = await ask(url, accept === '' ? {} : { accept });
    assert.equal(code === 200 ? (headers?.['content-type'] ?? '200') : String(code), seen, `${url} ${accept}`);
    if (code !== 200) assert.equal(body, '');
  }
});

test('a document that is known by its hash is kept for a year', async () => {
  const { headers } = await ask('/openapi/v3/apis/apps/v1');
  const etag = headers?.['etag'] ?? '';
  assert.deepEqual([headers?.['vary'], headers?.['expires']], ['Accept', undefined]);
  const kept = await ask(`/openapi/v3/apis/apps/v1?hash=${etag.slice(1, -1)}`);
  assert.equal(Date.parse(kept.headers?.['expires'] ?? '') - clock.now(), 365 * 24 * 3600 * 1000);
  for (const known of [`"other", ${etag}`, `W/${etag}`, '*'])
    assert.equal((await ask('/openapi/v3/apis/apps/v1', { 'if-none-match': known })).code, 304, known);
});

test('what kubectl looks for before it leaves validation to the server', async () => {
  const { paths } = await json<Document>('/openapi/v3/apis/apps/v1');
  const patch = paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}']?.['patch'] ?? {};
  assert.deepEqual(patch['x-kubernetes-group-version-kind'], { group: 'apps', version: 'v1', kind: 'Deployment' });
  const names = (patch['parameters'] as { name: string }[]).map(({ name }) => name);
  for (const name of ['dryRun', 'fieldManager', 'fieldValidation', 'force']) assert.ok(names.includes(name), name);
});

const operation = (document: Document, path: string, method = 'get'): Record<string, unknown> => document.paths[path]?.[method] ?? {};
const responsesOf = (document: Document, path: string, method: string): Record<string, { readonly schema?: object }> =>
  operation(document, path, method)['responses'] as never;
const named = (parameters: unknown): readonly string[] => (parameters as { readonly name: string }[]).map(({ name }) => name);

test('the paths of watches, connections and discovery are there, each with the name that Kubernetes gives it', async () => {
  const document = await json<Document>('/openapi/v2');
  const names = {
    '/api/v1/watch/pods': 'watchCoreV1PodListForAllNamespaces',
    '/api/v1/watch/namespaces/{namespace}/pods': 'watchCoreV1NamespacedPodList',
    '/api/v1/watch/namespaces/{namespace}/pods/{name}': 'watchCoreV1NamespacedPod',
    '/apis/storage.k8s.io/v1/watch/storageclasses': 'watchStorageV1StorageClassList',
    '/apis/storage.k8s.io/v1/watch/storageclasses/{name}': 'watchStorageV1StorageClass',
    '/api/v1/namespaces/{namespace}/pods/{name}/exec': 'connectCoreV1GetNamespacedPodExec',
    '/api/v1/namespaces/{namespace}/pods/{name}/log': 'readCoreV1NamespacedPodLog',
    '/api/v1/nodes/{name}/proxy': 'connectCoreV1GetNodeProxy',
    '/api/v1/namespaces/{namespace}/services/{name}/proxy/{path}': 'connectCoreV1GetNamespacedServiceProxyWithPath',
    '/api/': 'getCoreAPIVersions',
    '/apis/': 'getAPIVersions',
    '/apis/rbac.authorization.k8s.io/': 'getRbacAuthorizationAPIGroup',
    '/apis/apps/v1/': 'getAppsV1APIResources',
    '/version/': 'getCodeVersion',
    '/.well-known/openid-configuration/': 'getServiceAccountIssuerOpenIDConfiguration',
    '/openid/v1/jwks/': 'getServiceAccountIssuerOpenIDKeyset',
  };
  assert.deepEqual(Object.fromEntries(Object.keys(names).map((path) => [path, operation(document, path)['operationId']])), names);
  assert.equal(operation(document, '/api/v1/watch/pods')['x-kubernetes-action'], 'watchlist');
  assert.deepEqual(responsesOf(document, '/api/v1/watch/pods', 'get')['200']?.schema, {
    $ref: '#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.WatchEvent',
  });
  const proxy = document.paths['/api/v1/nodes/{name}/proxy/{path}'] ?? {};
  assert.deepEqual(Object.keys(proxy).sort(), ['delete', 'get', 'head', 'options', 'parameters', 'patch', 'post', 'put']);
  assert.deepEqual(named(document.paths['/api/v1/namespaces/{namespace}/pods/{name}/exec']?.['parameters']), [
    ...['command', 'container', 'name', 'namespace', 'stderr', 'stdin', 'stdout', 'tty'],
  ]);
  assert.deepEqual(operation(document, '/api/v1/namespaces/{namespace}/pods/{name}/log')['produces'], [
    ...['text/plain', 'application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'],
  ]);
});

test('answers are told by code: what was made, what is under way, and the object or a Status after a deletion', async () => {
  const document = await json<Document>('/openapi/v2');
  const codes = (path: string, method: string): readonly string[] => Object.keys(responsesOf(document, path, method));
  const pods = '/api/v1/namespaces/{namespace}/pods';
  assert.deepEqual(codes(pods, 'post'), ['200', '201', '202', '401']);
  assert.deepEqual(codes(pods, 'delete'), ['200', '401']);
  assert.deepEqual(codes(`${pods}/{name}`, 'put'), ['200', '201', '401']);
  assert.deepEqual(codes(`${pods}/{name}`, 'patch'), ['200', '201', '401']);
  assert.deepEqual(codes(`${pods}/{name}`, 'delete'), ['200', '202', '401']);
  assert.deepEqual(responsesOf(document, `${pods}/{name}`, 'delete')['200']?.schema, { $ref: '#/definitions/io.k8s.api.core.v1.Pod' });
  assert.deepEqual(responsesOf(document, '/apis/apps/v1/namespaces/{namespace}/deployments/{name}', 'delete')['200']?.schema, {
    $ref: '#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.Status',
  });
});

test('discovery and the version have documents of their own', async () => {
  const { paths } = await json<{ paths: Record<string, { serverRelativeURL: string }> }>('/openapi/v3');
  for (const name of ['api', 'apis', 'apis/apps', 'version', 'openid/v1/jwks', '.well-known/openid-configuration']) {
    const url = paths[name]?.serverRelativeURL ?? name;
    assert.deepEqual(Object.keys((await json<Document>(url)).paths), [`/${name}/`]);
  }
  const { components } = await json<Document>('/openapi/v3/version');
  assert.deepEqual(Object.keys(components.schemas), ['io.k8s.apimachinery.pkg.version.Info']);
});

test('every reference leads somewhere, and every operation has a name of its own', async () => {
  for (const url of ['/openapi/v3/api/v1', '/openapi/v3/apis', '/openapi/v3/apis/apiextensions.k8s.io/v1', '/openapi/v2']) {
    const document = await json<Document>(url);
    const known = document.definitions ?? document.components.schemas;
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/(?:definitions|components\/schemas)\/([^"]+)"/g)].map((match) => match[1] ?? '');
    assert.deepEqual(
      [...new Set(references)].filter((name) => !Object.hasOwn(known, name)),
      [],
      url,
    );
    const ids = [...JSON.stringify(document.paths).matchAll(/"operationId":"([^"]+)"/g)].map((match) => match[1] ?? '');
    assert.equal(new Set(ids).size, ids.length, url);
  }
});

test('the protobuf form is answered under a media type that Go can read', async () => {
  const answer = await ask('/openapi/v2', { accept: 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf' });
  assert.equal(answer.headers?.['content-type'], 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf');
  // Field 1 (swagger), length 3, "2.0"; field 2 (info).
  assert.equal(Buffer.from((answer.body as Uint8Array).subarray(0, 6)).toString('hex'), '0a03322e3012');
});

const pod = (document: Document): { readonly description: string; readonly properties: Record<string, { readonly description: string }> } =>
  (document.definitions ?? document.components.schemas)['io.k8s.api.core.v1.Pod'] as never;
const bodyOf = ({ body }: RawResponse): Document => JSON.parse(Buffer.from(body as Uint8Array).toString()) as Document;

test('what is written about types and fields is in both documents; the rest is explained by its type', async () => {
  let opened = 0;
  const texts = new Map([
    ['core.v1.Pod', 'About pods.'],
    ['core.v1.Pod spec', 'About the spec.'],
    ['core.v1.PodStatus', 'About the status type.'],
  ]);
  const described = openApiRoutes({
    ...options,
    descriptions: {
      version: () => Promise.resolve('1'),
      open: () => {
        opened++;
        return Promise.resolve((type, field) => texts.get(field === undefined ? type : `${type} ${field}`));
      },
    },
  });
  for (const url of ['/openapi/v2', '/openapi/v3/api/v1']) {
    const { description, properties } = pod(bodyOf(await ask(url, {}, described)));
    assert.equal(description, 'About pods.');
    assert.equal(properties['spec']?.description, 'About the spec.');
    assert.equal(properties['status']?.description, 'About the status type.');
    assert.equal(properties['kind']?.description, 'A string.');
  }
  assert.equal(opened, 1);
  const protobuf = await ask('/openapi/v2', { accept: 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf' }, described);
  assert.ok(Buffer.from(protobuf.body as Uint8Array).includes('About the status type.'));
  assert.notEqual((await ask('/openapi/v2', {}, described)).headers?.['etag'], (await ask('/openapi/v2')).headers?.['etag']);
});

test('without them every type and field has a sentence made from its type', async () => {
  const document = await json<Document>('/openapi/v2');
  const faults = Object.entries(document.definitions).flatMap(([name, definition]) => {
    const { description, properties = {} } = definition as {
      readonly description?: string;
      readonly properties?: Record<string, { readonly description?: string }>;
    };
    return [
      ...(/^\S.*\.$/.test(description ?? '') ? [] : [name]),
      ...Object.keys(properties).flatMap((field) => (/^\S.*\.$/.test(properties[field]?.description ?? '') ? [] : [`${name}.${field}`])),
    ];
  });
  assert.deepEqual(faults, []);
});

test('a document that nobody asks for is let go of', async () => {
  const drain = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const first = await ask('/openapi/v3/apis/apps/v1');
  await clock.advance(59_000, drain);
  assert.equal((await ask('/openapi/v3/apis/apps/v1')).body, first.body);
  await clock.advance(61_000, drain);
  assert.notEqual((await ask('/openapi/v3/apis/apps/v1')).body, first.body);
});
