import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../machinery/object.ts';
import { openApiIndex, openApiV2, openApiV3 } from './openapi.ts';
import { definitionName } from './openapi-definitions.ts';
import type { OpenApiKind } from './openapi-paths.ts';
import { encodeOpenApiV2 } from './openapi-protobuf.ts';
import { facts } from './testdata/facts.ts';

const DEMO: OpenApiKind = {
  group: 'demo.k8s.io',
  version: 'v1',
  kind: 'Demo',
  resource: 'demos',
  namespaced: true,
  typeName: 'demo.v1.Demo',
  verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'],
  subresources: { status: { kind: { group: 'demo.k8s.io', version: 'v1', kind: 'Demo' }, verbs: ['get', 'patch', 'update'] } },
};
const options = {
  facts,
  version: 'v1.36.0',
  describe: (type: string, field?: string) => (type === 'demo.v1.Port' && field === 'port' ? 'The number.' : undefined),
};

const at = (value: unknown, ...path: readonly string[]): unknown => path.reduce<unknown>((node, key) => (node as JsonObject)[key], value);

test('Swagger definitions carry merge keys, list types and kinds', () => {
  const document = openApiV2(options, [DEMO]);
  const demo = at(document, 'definitions', 'io.k8s.api.demo.v1.Demo');
  assert.deepEqual(at(demo, 'x-kubernetes-group-version-kind'), [{ group: 'demo.io', version: 'v1', kind: 'Demo' }]);
  assert.deepEqual(at(demo, 'properties', 'spec'), { description: 'A DemoSpec.', $ref: '#/definitions/io.k8s.api.demo.v1.DemoSpec' });
  const spec = at(document, 'definitions', 'io.k8s.api.demo.v1.DemoSpec', 'properties');
  assert.deepEqual(at(spec, 'ports'), {
    description: 'A list of Port objects, no two with the same port and protocol.',
    type: 'array',
    items: { $ref: '#/definitions/io.k8s.api.demo.v1.Port' },
    'x-kubernetes-list-map-keys': ['port', 'protocol'],
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-patch-merge-key': 'port',
    'x-kubernetes-patch-strategy': 'merge',
  });
  assert.deepEqual(at(spec, 'data'), {
    description: 'A map from strings to byte strings in base64.',
    type: 'object',
    additionalProperties: { type: 'string', format: 'byte' },
  });
  assert.deepEqual(at(document, 'definitions', 'io.k8s.api.demo.v1.Port', 'required'), ['port']);
  assert.deepEqual(at(document, 'definitions', 'io.k8s.api.demo.v1.Port', 'properties', 'port'), {
    description: 'The number.',
    type: 'integer',
    format: 'int32',
  });
  assert.equal(definitionName('machinery.meta.v1.ObjectMeta'), 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta');
  assert.equal(definitionName('machinery.api.resource.Quantity'), 'io.k8s.apimachinery.pkg.api.resource.Quantity');
});

test('paths name actions, kinds and the parameters that kubectl looks for', () => {
  const { paths } = openApiV3(options, [DEMO]);
  assert.deepEqual(Object.keys(paths as object), [
    '/apis/demo.k8s.io/v1/',
    '/apis/demo.k8s.io/v1/demos',
    '/apis/demo.k8s.io/v1/namespaces/{namespace}/demos',
    '/apis/demo.k8s.io/v1/namespaces/{namespace}/demos/{name}',
    '/apis/demo.k8s.io/v1/namespaces/{namespace}/demos/{name}/status',
    '/apis/demo.k8s.io/v1/watch/demos',
    '/apis/demo.k8s.io/v1/watch/namespaces/{namespace}/demos',
    '/apis/demo.k8s.io/v1/watch/namespaces/{namespace}/demos/{name}',
  ]);
  const patch = at(paths, '/apis/demo.k8s.io/v1/namespaces/{namespace}/demos/{name}', 'patch');
  assert.equal(at(patch, 'operationId'), 'patchDemoV1NamespacedDemo');
  assert.equal(at(patch, 'x-kubernetes-action'), 'patch');
  assert.deepEqual(at(patch, 'x-kubernetes-group-version-kind'), { group: 'demo.k8s.io', kind: 'Demo', version: 'v1' });
  const names = (at(patch, 'parameters') as readonly { name: string }[]).map((p) => p.name);
  assert.deepEqual(names, ['dryRun', 'fieldManager', 'fieldValidation', 'force']);
  const beside = at(paths, '/apis/demo.k8s.io/v1/namespaces/{namespace}/demos/{name}', 'parameters') as readonly { name: string }[];
  assert.deepEqual(
    beside.map((p) => p.name),
    ['name', 'namespace', 'pretty'],
  );
});

test('OpenAPI 3 puts references with company into allOf, and lists closed sets', () => {
  const { components } = openApiV3({ ...options, describe: () => 'x' }, [DEMO]);
  const spec = at(components, 'schemas', 'io.k8s.api.demo.v1.DemoSpec', 'properties');
  assert.deepEqual(at(spec, 'selector'), { allOf: [{ $ref: '#/components/schemas/io.k8s.api.demo.v1.Selector' }], description: 'x' });
  assert.deepEqual(at(spec, 'mode', 'enum'), ['A', 'B']);
  assert.deepEqual(
    openApiIndex(['apis/apps/v1', 'api/v1'], () => 'H'),
    {
      paths: { 'api/v1': { serverRelativeURL: '/openapi/v3/api/v1?hash=H' }, 'apis/apps/v1': { serverRelativeURL: '/openapi/v3/apis/apps/v1?hash=H' } },
    },
  );
});

/** Enough of protobuf's wire format to read texts and messages back. */
function* fields(bytes: Uint8Array): Generator<readonly [number, number | Uint8Array]> {
  let place = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[place++] ?? 0;
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  };
  while (place < bytes.length) {
    const tag = varint();
    if ((tag & 7) === 0) yield [tag >> 3, varint()];
    else {
      const length = varint();
      assert.ok((tag & 7) === 2 && place + length <= bytes.length);
      yield [tag >> 3, bytes.subarray(place, (place += length))];
    }
  }
}

const all = (bytes: Uint8Array, number: number): Uint8Array[] =>
  [...fields(bytes)].flatMap(([n, value]) => (n === number && typeof value !== 'number' ? [value] : []));
const textOf = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);

test('the protobuf form holds the same definitions', () => {
  const document = openApiV2({ ...options, describe: () => 'ü'.repeat(100) }, [DEMO]);
  const encoded = encodeOpenApiV2(document as JsonObject);
  assert.equal(textOf(all(encoded, 1)[0]), '2.0');
  const definitions = all(all(encoded, 9)[0] as Uint8Array, 1).map((named) => [textOf(all(named, 1)[0]), all(named, 2)[0] as Uint8Array] as const);
  assert.deepEqual(
    definitions.map(([name]) => name),
    Object.keys(document.definitions as object),
  );
  const demo = definitions.find(([name]) => name === 'io.k8s.api.demo.v1.Demo')?.[1] as Uint8Array;
  assert.equal(textOf(all(demo, 4)[0]), 'ü'.repeat(100));
  const extension = all(demo, 31)[0] as Uint8Array;
  assert.equal(textOf(all(extension, 1)[0]), 'x-kubernetes-group-version-kind');
  assert.deepEqual(JSON.parse(textOf(all(all(extension, 2)[0] as Uint8Array, 2)[0])), [{ group: 'demo.io', version: 'v1', kind: 'Demo' }]);
  const properties = all(all(demo, 25)[0] as Uint8Array, 1).map((named) => textOf(all(named, 1)[0]));
  assert.deepEqual(properties, ['apiVersion', 'kind', 'metadata', 'spec', 'status']);
});
