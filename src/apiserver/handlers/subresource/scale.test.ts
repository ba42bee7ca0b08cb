import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json, JsonObject, ManagedFieldsEntry } from '../../../machinery/object.ts';
import { startTestServer, type TestServer } from '../../testing.ts';

const PATH = '/apis/apps/v1/namespaces/default/deployments';
const apply = (fieldManager: string, force = false) => ({
  contentType: 'application/apply-patch+yaml',
  query: [['fieldManager', fieldManager] as const, ...(force ? [['force', 'true'] as const] : [])],
});
const MERGE = { contentType: 'application/merge-patch+json', query: [['fieldManager', 'hpa'] as const] };
const scale = (replicas: number | undefined): JsonObject => ({
  apiVersion: 'autoscaling/v1',
  kind: 'Scale',
  metadata: { name: 'web' },
  ...(replicas === undefined ? {} : { spec: { replicas } }),
});
const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
const deployment = (replicas: number): JsonObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: { replicas, selector: { matchLabels: { a: 'b' } }, template },
});

async function withDeployment(run: (server: TestServer) => Promise<void>): Promise<void> {
  await using server = startTestServer();
  await server.ask('PATCH', `${PATH}/web`, deployment(2), apply('team'));
  await run(server);
}

/** Who owns spec.replicas: `manager operation apiVersion subresource`. */
async function ownersOfReplicas(server: TestServer): Promise<readonly string[]> {
  const { body } = await server.ask('GET', `${PATH}/web`);
  const { managedFields } = body.metadata as unknown as { readonly managedFields: readonly ManagedFieldsEntry[] };
  return managedFields
    .filter(({ fieldsV1 }) => (fieldsV1 as { readonly 'f:spec'?: JsonObject })['f:spec']?.['f:replicas'] !== undefined)
    .map(({ manager, operation, apiVersion, subresource = '' }) => `${manager} ${operation} ${apiVersion} ${subresource}`.trim());
}

const replicasOf = async (server: TestServer): Promise<Json | undefined> => ((await server.ask('GET', `${PATH}/web`)).body.spec as JsonObject).replicas;

test('who applies the count that is there owns it too', () =>
  withDeployment(async (server) => {
    const { body } = await server.ask('PATCH', `${PATH}/web/scale`, scale(2), apply('me'));
    assert.deepEqual([body.kind, body.spec, (body.metadata as JsonObject).managedFields], ['Scale', { replicas: 2 }, undefined]);
    assert.deepEqual(await ownersOfReplicas(server), ['me Apply apps/v1 scale', 'team Apply apps/v1']);
  }));

test('another count is a conflict with the owner of the replicas', () =>
  withDeployment(async (server) => {
    const { code, message, details } = await server.refusal('PATCH', `${PATH}/web/scale`, scale(5), apply('me'));
    assert.deepEqual([code, message], [409, 'Apply failed with 1 conflict: conflict with "team": .spec.replicas']);
    assert.deepEqual(details?.causes, [{ reason: 'FieldManagerConflict', message: 'conflict with "team"', field: '.spec.replicas' }]);
  }));

test('by force the count changes hands, and the object says so', () =>
  withDeployment(async (server) => {
    await server.ask('PATCH', `${PATH}/web/scale`, scale(5), apply('me', true));
    assert.equal(await replicasOf(server), 5);
    assert.deepEqual(await ownersOfReplicas(server), ['me Apply apps/v1 scale']);
    const { message } = await server.refusal('PATCH', `${PATH}/web`, deployment(2), apply('team'));
    assert.equal(message, 'Apply failed with 1 conflict: conflict with "me" with subresource "scale": .spec.replicas');
  }));

test('an updater of the scale is named as such', () =>
  withDeployment(async (server) => {
    await server.ask('PATCH', `${PATH}/web/scale`, { spec: { replicas: 7 } }, MERGE);
    assert.deepEqual(await ownersOfReplicas(server), ['hpa Update apps/v1 scale']);
    const { message } = await server.refusal('PATCH', `${PATH}/web/scale`, scale(3), apply('me'));
    assert.equal(message, 'Apply failed with 1 conflict: conflict with "hpa" with subresource "scale" using autoscaling/v1: .spec.replicas');
    await server.ask('PATCH', `${PATH}/web/scale`, scale(7), apply('me'));
    assert.deepEqual(await ownersOfReplicas(server), ['me Apply apps/v1 scale', 'hpa Update apps/v1 scale']);
  }));

test('what several own stays when one lets go', () =>
  withDeployment(async (server) => {
    await server.ask('PATCH', `${PATH}/web/scale`, scale(2), apply('me'));
    await server.ask('PATCH', `${PATH}/web/scale`, scale(undefined), apply('me'));
    assert.deepEqual([await replicasOf(server), await ownersOfReplicas(server)], [2, ['team Apply apps/v1']]);
  }));

test('a patch of another kind, or of none, is refused', () =>
  withDeployment(async (server) => {
    const wrong = await server.refusal('PATCH', `${PATH}/web/scale`, deployment(2), apply('me'));
    assert.equal(wrong.code, 400);
    const unknown = await server.refusal('PATCH', `${PATH}/web/scale`, { ...scale(2), spec: { count: 1 } }, apply('me'));
    assert.match(unknown.message, /\.spec\.count: field not declared in schema/);
  }));

test('a dry run leaves both the count and its owners', () =>
  withDeployment(async (server) => {
    const { body } = await server.ask('PATCH', `${PATH}/web/scale`, scale(5), {
      contentType: 'application/apply-patch+yaml',
      query: [
        ['dryRun', 'All'],
        ['fieldManager', 'me'],
        ['force', 'true'],
      ],
    });
    assert.deepEqual(body.spec, { replicas: 5 });
    assert.deepEqual([await replicasOf(server), await ownersOfReplicas(server)], [2, ['team Apply apps/v1']]);
  }));

test('an entry that came by the scale has no time', () =>
  withDeployment(async (server) => {
    await server.ask('PATCH', `${PATH}/web/scale`, { spec: { replicas: 7 } }, MERGE);
    const { body } = await server.ask('PATCH', `${PATH}/web/scale`, scale(7), apply('me'));
    assert.equal(body.kind, 'Scale');
    const { managedFields } = (await server.ask('GET', `${PATH}/web`)).body.metadata as unknown as { readonly managedFields: readonly ManagedFieldsEntry[] };
    assert.deepEqual(
      managedFields.map(({ manager, time }) => [manager, time !== undefined]),
      [
        ['me', false],
        ['team', true],
        ['hpa', false],
      ],
    );
  }));

test('where nobody owns the replicas, who scales does not come to; nor who writes a status', () =>
  withDeployment(async (server) => {
    await server.ask('PATCH', `${PATH}/web/scale`, { status: { replicas: 42 } }, MERGE);
    assert.deepEqual(await ownersOfReplicas(server), ['team Apply apps/v1']);
    const { replicas: _r, ...spec } = deployment(2).spec as JsonObject;
    await server.ask('PATCH', `${PATH}/web`, { ...deployment(2), spec }, apply('team'));
    await server.ask('PATCH', `${PATH}/web/scale`, { spec: { replicas: 7 } }, MERGE);
    assert.deepEqual([await replicasOf(server), await ownersOfReplicas(server)], [7, []]);
  }));
