import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { builtinKinds } from '../../api/registry.ts';
import type { JsonObject } from '../../machinery/object.ts';
import { StatusError } from '../../machinery/status-error.ts';
import type { RawResponse } from '../stages.ts';
import { compareVersions } from './groups.ts';
import { discoveryForm } from './negotiate.ts';
import { discoveryRoutes } from './routes.ts';
import { builtinFacts } from '../../api/facts.ts';
import { decodeProtobufObject } from '../../schema/protobuf-decode.ts';

const kinds = builtinKinds().filter(({ servedByDefault }) => servedByDefault);
const routes = discoveryRoutes({
  served: { revision: 1, kinds: () => kinds },
  facts: builtinFacts,
  keys: { digest: (data) => createHash('sha256').update(data).digest() },
  serverAddress: () => '127.0.0.1:6443',
});

async function ask(path: string, headers: Record<string, string> = {}): Promise<RawResponse> {
  const route = routes.find((each) => path === each.path || path.startsWith(`${each.path}/`));
  assert.ok(route);
  return route.handle({ method: 'GET', path, query: [], headers, user: { name: 'ann', groups: [] }, signal: undefined, body: () => new Uint8Array() });
}

const json = async (path: string, headers: Record<string, string> = {}): Promise<JsonObject> =>
  JSON.parse(Buffer.from((await ask(path, headers)).body as Uint8Array).toString()) as JsonObject;

const AGGREGATED =
  'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json';

test('the old roots', async () => {
  assert.deepEqual(await json('/api'), {
    kind: 'APIVersions',
    versions: ['v1'],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: '127.0.0.1:6443' }],
  });
  const { groups } = (await json('/apis')) as { groups: { name: string; preferredVersion: { version: string }; versions: { version: string }[] }[] };
  assert.deepEqual(
    groups.slice(0, 3).map(({ name }) => name),
    ['apiregistration.k8s.io', 'apps', 'events.k8s.io'],
  );
  const autoscaling = groups.find(({ name }) => name === 'autoscaling');
  assert.deepEqual([autoscaling?.preferredVersion.version, autoscaling?.versions.map(({ version }) => version)], ['v2', ['v2', 'v1']]);
});

test('a resource as Kubernetes shows it', async () => {
  const { resources } = (await json('/api/v1')) as { resources: { name: string }[] };
  const pods = resources.find(({ name }) => name === 'pods');
  assert.deepEqual(
    { ...pods, shortNames: undefined, categories: undefined },
    {
      name: 'pods',
      singularName: 'pod',
      namespaced: true,
      kind: 'Pod',
      verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'],
      shortNames: undefined,
      categories: undefined,
      // The very hash that Kubernetes publishes for core/v1 Pod.
      storageVersionHash: 'xPOwRZ+Yhw8=',
    },
  );
  assert.deepEqual(
    resources.find(({ name }) => name === 'pods/eviction'),
    {
      name: 'pods/eviction',
      singularName: '',
      namespaced: true,
      group: 'policy',
      version: 'v1',
      kind: 'Eviction',
      verbs: ['create'],
    },
  );
});

test('the aggregated form', async () => {
  const answer = await ask('/apis', { accept: AGGREGATED });
  assert.equal(answer.headers?.['content-type'], 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList');
  const body = JSON.parse(Buffer.from(answer.body as Uint8Array).toString()) as {
    apiVersion: string;
    items: { metadata: { name: string }; versions: { resources: object[] }[] }[];
  };
  assert.equal(body.apiVersion, 'apidiscovery.k8s.io/v2');
  const apps = body.items.find(({ metadata }) => metadata.name === 'apps');
  const deployments = apps?.versions[0]?.resources.find((r) => 'resource' in r && r.resource === 'deployments') as Record<string, unknown>;
  assert.deepEqual(deployments['responseKind'], { group: 'apps', version: 'v1', kind: 'Deployment' });
  assert.deepEqual(
    (deployments['subresources'] as { subresource: string }[]).map(({ subresource }) => subresource),
    ['scale', 'status'],
  );
  assert.equal(deployments['scope'], 'Namespaced');
});

test('a page that is known costs nothing', async () => {
  const first = await ask('/apis', { accept: AGGREGATED });
  const again = await ask('/apis', { accept: AGGREGATED, 'if-none-match': first.headers?.['etag'] ?? '' });
  assert.equal(again.code, 304);
  assert.deepEqual([first.headers?.['cache-control'], first.headers?.['vary']], ['public', 'Accept']);
  const old = await ask('/apis');
  assert.deepEqual(
    ['etag', 'vary', 'cache-control'].filter((name) => name in (old.headers ?? {})),
    [],
  );
});

test('in protobuf', async () => {
  const rows: readonly (readonly [path: string, kind: string, type: string, field: string])[] = [
    ['/api', 'APIVersions', 'machinery.meta.v1.APIVersions', 'versions'],
    ['/apis', 'APIGroupList', 'machinery.meta.v1.APIGroupList', 'groups'],
    ['/apis/apps', 'APIGroup', 'machinery.meta.v1.APIGroup', 'versions'],
    ['/apis/apps/v1', 'APIResourceList', 'machinery.meta.v1.APIResourceList', 'resources'],
    ['/apis', 'APIGroupDiscoveryList', 'apidiscovery.v2.APIGroupDiscoveryList', 'items'],
  ];
  for (const [path, kind, type, field] of rows) {
    const json = kind === 'APIGroupDiscoveryList' ? ';g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList' : '';
    const accept = `application/vnd.kubernetes.protobuf${json}`;
    const { headers, body } = await ask(path, { accept });
    assert.equal(headers?.['content-type'], accept);
    const decoded = decodeProtobufObject(builtinFacts, body as Uint8Array, (_, seen) => (seen === kind ? type : undefined)) as JsonObject;
    const plain = JSON.parse(Buffer.from((await ask(path, { accept: `application/json${json}` })).body as Uint8Array).toString()) as JsonObject;
    assert.deepEqual((decoded[field] as readonly JsonObject[]).length, (plain[field] as readonly JsonObject[]).length, `${path} ${kind}`);
  }
});

test('what is not served', async () => {
  assert.equal((await ask('/apis/nope')).code, 404);
  for (const path of ['/apis/apps/v9', '/api/v2']) {
    await assert.rejects(ask(path), (thrown) => thrown instanceof StatusError && thrown.code === 404);
  }
});

test('negotiation', () => {
  const rows: readonly (readonly [accept: string, form: string])[] = [
    ['', 'legacy json'],
    [AGGREGATED, 'v2 json'],
    ['application/json;as=APIGroupDiscoveryList;v=v2beta1;g=apidiscovery.k8s.io,application/json', 'v2beta1 json'],
    ['application/json;g=apidiscovery.k8s.io;v=v3;as=APIGroupDiscoveryList,application/json', 'legacy json'],
    ['application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList;q=0.5,application/json', 'v2 json'],
    ['application/vnd.kubernetes.protobuf;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList', 'v2 protobuf'],
    ['*/*', 'legacy json'],
    ['application/vnd.kubernetes.protobuf', 'legacy protobuf'],
    ['application/vnd.kubernetes.protobuf,application/json', 'legacy protobuf'],
    ['application/yaml', 'legacy yaml'],
    ['application/json;g=apidiscovery.k8s.io;v=v3;as=APIGroupDiscoveryList', '406'],
    ['text/html', '406'],
  ];
  for (const [accept, expected] of rows) {
    let seen: string;
    try {
      const { shape, format } = discoveryForm(accept);
      seen = `${shape} ${format}`;
    } catch (thrown) {
      seen = String((thrown as StatusError).code);
    }
    assert.equal(seen, expected, accept);
  }
});

test('versions in order', () => {
  const order = ['v10', 'v2', 'v1', 'v11beta2', 'v10beta3', 'v3beta1', 'v12alpha1', 'v11alpha2', 'foo1', 'foo10'];
  assert.deepEqual(
    [...order].reverse().sort((a, b) => compareVersions(b, a)),
    order,
  );
});
