import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Json, JsonObject } from '../../../machinery/object.ts';
import { startTestServer, type TestServer } from '../../testing.ts';

const PODS = '/api/v1/namespaces/default/pods';
const patchType = { contentType: 'application/strategic-merge-patch+json' };
let server: TestServer;

before(async () => {
  server = startTestServer();
  const resources = { requests: { cpu: '100m', memory: '64Mi' }, limits: { cpu: '1' } };
  await server.ask('POST', PODS, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web' }, spec: { containers: [{ name: 'c', image: 'i:1', resources }] } });
});
after(() => server[Symbol.asyncDispose]());

const causes = async (subresource: string, spec: Json): Promise<readonly string[]> => {
  const { details } = await server.refusal('PATCH', `${PODS}/web/${subresource}`, { spec }, patchType);
  return (details?.causes ?? []).map(({ field, message }) => `${field}: ${message}`);
};

describe('pods/ephemeralcontainers', () => {
  test('a container is added, with its defaults', async () => {
    const { body } = await server.ask(
      'PATCH',
      `${PODS}/web/ephemeralcontainers`,
      { spec: { ephemeralContainers: [{ name: 'debug', image: 'busybox' }] } },
      patchType,
    );
    const [added] = (body['spec'] as { ephemeralContainers: readonly JsonObject[] }).ephemeralContainers;
    assert.deepEqual([added?.['imagePullPolicy'], added?.['terminationMessagePolicy']], ['Always', 'File']);
  });
  test('what it may not have is refused by field', async () => {
    assert.deepEqual(await causes('ephemeralcontainers', { ephemeralContainers: [{ name: 'ports', image: 'i', ports: [{ containerPort: 80 }] }] }), [
      'spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container',
    ]);
    assert.deepEqual(await causes('ephemeralcontainers', { ephemeralContainers: [{ name: 'c', image: 'i' }] }), [
      'spec.ephemeralContainers[0].name: Duplicate value: "c"',
    ]);
  });
  test('it is neither changed nor removed', async () => {
    assert.deepEqual(await causes('ephemeralcontainers', { ephemeralContainers: [{ name: 'debug', image: 'other' }] }), [
      'spec.ephemeralContainers: Forbidden: existing ephemeral containers "debug" may not be changed\n',
    ]);
  });
});

describe('pods/resize', () => {
  const resize = (resources: Json): Json => ({ containers: [{ name: 'c', resources }] });
  test('cpu and memory change', async () => {
    const { body } = await server.ask('PATCH', `${PODS}/web/resize`, { spec: resize({ requests: { cpu: '200m' } }) }, patchType);
    const [container] = (body['spec'] as { containers: readonly { resources: { requests: JsonObject } }[] }).containers;
    assert.equal(container?.resources.requests['cpu'], '200m');
  });
  const rows: readonly (readonly [what: string, resources: Json, causes: readonly string[]])[] = [
    [
      'a request above its limit',
      { requests: { cpu: '3' } },
      ['spec.containers[0].resources.requests: Invalid value: "3": must be less than or equal to cpu limit of 1'],
    ],
    ['a limit taken away', { limits: { cpu: null } }, ['spec.containers[0].resources.limits: Forbidden: resource limits cannot be removed']],
    [
      'another class of service',
      { requests: { cpu: '1', memory: '64Mi' }, limits: { cpu: '1', memory: '64Mi' } },
      ['spec: Invalid value: "Burstable": Pod QOS Class may not change as a result of resizing'],
    ],
  ];
  for (const [what, resources, expected] of rows) test(`refused: ${what}`, async () => assert.deepEqual(await causes('resize', resize(resources)), expected));
});

test('every request for a deprecated kind is told so', async () => {
  const text = 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice';
  assert.deepEqual((await server.ask('GET', '/api/v1/endpoints')).warnings, [text]);
  const made = await server.ask('POST', '/api/v1/namespaces/default/endpoints', { apiVersion: 'v1', kind: 'Endpoints', metadata: { name: 'e' } });
  assert.deepEqual(made.warnings, [text]);
  assert.deepEqual((await server.ask('GET', PODS)).warnings, []);
});
