import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { builtinFacts } from '../../api/facts.ts';
import { builtinKinds } from '../../api/registry.ts';
import type { RawResponse } from '../stages.ts';
import { definitionName } from './definitions.ts';
import { openApiRoutes } from './routes.ts';

const kinds = builtinKinds().filter(({ servedByDefault }) => servedByDefault);
const routes = openApiRoutes({
  served: { revision: 1, kinds: () => kinds },
  facts: builtinFacts,
  keys: { digest: (data) => createHash('sha256').update(data).digest() },
  version: 'v1.36.0+berth-1',
});

async function ask(url: string, headers: Record<string, string> = {}): Promise<RawResponse> {
  const { pathname, searchParams } = new URL(url, 'https://x');
  const route = routes.find((each) => pathname === each.path || (each.match === 'prefix' && pathname.startsWith(`${each.path}/`)));
  assert.ok(route);
  return route.handle({ method: 'GET', path: pathname, query: [...searchParams], headers, user: { name: 'ann', groups: [] }, signal: undefined, body: () => new Uint8Array() });
}

type Document = { paths: Record<string, Record<string, Record<string, unknown>>>; components: { schemas: Record<string, Record<string, unknown>> }; definitions: Record<string, unknown> };

const json = async <T>(url: string): Promise<T> => {
  const { body } = await ask(url);
  return (body instanceof Uint8Array ? JSON.parse(Buffer.from(body).toString()) : body) as T;
};

test('names of definitions', () => {
  const rows = [
    ['core.v1.Pod', 'io.k8s.api.core.v1.Pod'],
    ['machinery.meta.v1.ObjectMeta', 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta'],
    ['machinery.api.resource.Quantity', 'io.k8s.apimachinery.pkg.api.resource.Quantity'],
    ['machinery.util.intstr.IntOrString', 'io.k8s.apimachinery.pkg.util.intstr.IntOrString'],
    ['apiextensions.v1.JSON', 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON'],
    ['apiregistration.v1.APIService', 'io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIService'],
  ] as const;
  for (const [type, name] of rows) assert.equal(definitionName(type), name);
});

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

test('what kubectl looks for before it leaves validation to the server', async () => {
  const { paths } = await json<Document>('/openapi/v3/apis/apps/v1');
  const patch = paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}']?.['patch'] ?? {};
  assert.deepEqual(patch['x-kubernetes-group-version-kind'], { group: 'apps', version: 'v1', kind: 'Deployment' });
  assert.deepEqual((patch['parameters'] as { name: string }[]).map(({ name }) => name), ['dryRun', 'fieldManager', 'fieldValidation', 'force']);
});

test('every reference leads somewhere, and every operation has a name of its own', async () => {
  for (const url of ['/openapi/v3/api/v1', '/openapi/v3/apis/apiextensions.k8s.io/v1', '/openapi/v2']) {
    const document = await json<Document>(url);
    const known = document.definitions ?? document.components.schemas;
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/(?:definitions|components\/schemas)\/([^"]+)"/g)].map((match) => match[1] ?? '');
    assert.deepEqual([...new Set(references)].filter((name) => !Object.hasOwn(known, name)), [], url);
    const ids = [...JSON.stringify(document.paths).matchAll(/"operationId":"([^"]+)"/g)].map((match) => match[1] ?? '');
    assert.equal(new Set(ids).size, ids.length, url);
  }
});

test('merge keys and list types', async () => {
  const { components } = await json<Document>('/openapi/v3/api/v1');
  const spec = components.schemas['io.k8s.api.core.v1.PodSpec'] as { properties: Record<string, Record<string, unknown>>; required: string[] };
  assert.deepEqual(spec.required, ['containers']);
  assert.deepEqual(spec.properties['containers'], {
    type: 'array',
    items: { $ref: '#/components/schemas/io.k8s.api.core.v1.Container' },
    'x-kubernetes-list-map-keys': ['name'],
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-patch-merge-key': 'name',
    'x-kubernetes-patch-strategy': 'merge',
  });
});

test('the protobuf form is answered under a media type that Go can read', async () => {
  const answer = await ask('/openapi/v2', { accept: 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf' });
  assert.equal(answer.headers?.['content-type'], 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf');
  // Field 1 (swagger), length 3, "2.0"; field 2 (info).
  assert.equal(Buffer.from((answer.body as Uint8Array).subarray(0, 6)).toString('hex'), '0a03322e3012');
});
