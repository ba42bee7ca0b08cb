/** What a client is told of a patch: by form, and by how strict it asked the server to be. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json, JsonObject } from '../../machinery/object.ts';
import { startTestServer, type TestServer } from '../testing.ts';
import { APPLY_PATCH, JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH } from './patch.ts';

const PATH = '/apis/apps/v1/namespaces/default/deployments';
const deployment: JsonObject = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
  },
};

const by = (contentType: string, fieldValidation = '') => ({
  contentType,
  query: [['fieldManager', 'me'] as const, ...(fieldValidation === '' ? [] : [['fieldValidation', fieldValidation] as const])],
});

async function withDeployment(run: (server: TestServer) => Promise<void>): Promise<void> {
  await using server = startTestServer();
  await server.ask('POST', PATH, deployment);
  await run(server);
}

const container = (more: JsonObject): JsonObject => ({ spec: { zzz: 1, aaa: 2, template: { spec: { containers: [{ name: 'c', image: 'i', ...more }] } } } });
const UNKNOWN = ['spec.aaa', 'spec.template.spec.containers[0].what', 'spec.zzz'].map((path) => `unknown field "${path}"`);
const OPERATIONS: Json = [
  { op: 'add', path: '/spec/zzz', value: 1, foo: 'bar' },
  { op: 'add', path: '/spec/aaa', value: 2 },
  { op: 'add', path: '/spec/template/spec/containers/0/what', value: 1 },
];

for (const [type, patch, before] of [
  [MERGE_PATCH, container({ what: 1 }), []],
  [STRATEGIC_PATCH, container({ what: 1 }), []],
  [JSON_PATCH, OPERATIONS, ['json patch unknown field "[0].foo"']],
] as const)
  test(`${type}: unknown fields are refused, told, or ignored`, () =>
    withDeployment(async (server) => {
      const texts = [...before, ...UNKNOWN];
      const refused = await server.refusal('PATCH', `${PATH}/web`, patch, by(type, 'Strict'));
      assert.deepEqual([refused.code, refused.reason], [422, 'Invalid']);
      assert.ok(refused.message.startsWith(' "" is invalid: patch: Invalid value: "'), refused.message);
      assert.ok(refused.message.endsWith(`: strict decoding error: ${texts.join(', ')}`), refused.message);
      assert.deepEqual(
        refused.details?.causes?.map(({ reason, field }) => [reason, field]),
        [['FieldValueInvalid', 'patch']],
      );
      assert.deepEqual((await server.ask('PATCH', `${PATH}/web`, patch, by(type))).warnings, texts);
      assert.deepEqual((await server.ask('PATCH', `${PATH}/web`, patch, by(type, 'Ignore'))).warnings, []);
    }));

test('a patch that makes no such object is invalid, in the words of its form', () =>
  withDeployment(async (server) => {
    const wrong = { spec: { replicas: 'x' } };
    const merged = await server.refusal('PATCH', `${PATH}/web`, wrong, by(MERGE_PATCH));
    assert.equal(merged.code, 422);
    assert.match(
      merged.message,
      /^ "" is invalid: patch: Invalid value: ".*\\"replicas\\":\\"x\\".*": json: cannot unmarshal string into Go struct field [A-Za-z]+\.spec\.replicas of type int32$/,
    );
    const rows: readonly (readonly [JsonObject, string])[] = [
      [wrong, '"map[spec:map[replicas:x]]": unrecognized type: int32'],
      [{ spec: { template: 'x' } }, '"map[spec:map[template:x]]": cannot restore struct from: string'],
      [{ metadata: { labels: ['x', 1] } }, '"map[metadata:map[labels:[x 1]]]": cannot restore map from slice'],
      [{ spec: { template: { spec: { volumes: 1 } } } }, '"map[spec:map[template:map[spec:map[volumes:1]]]]": cannot restore slice from int64'],
      [{ spec: { template: { spec: { hostNetwork: { a: 1 } } } } }, '"map[spec:map[template:map[spec:map[hostNetwork:map[a:1]]]]]": unrecognized type: bool'],
    ];
    for (const [patch, text] of rows) {
      const { code, message } = await server.refusal('PATCH', `${PATH}/web`, patch, by(STRATEGIC_PATCH));
      assert.deepEqual([code, message], [422, ` "" is invalid: patch: Invalid value: ${text}`]);
    }
    // Whatever else there is to say of it.
    const unknown = await server.refusal('PATCH', `${PATH}/web`, { spec: { replicas: 'x', what: 1 } }, by(STRATEGIC_PATCH, 'Strict'));
    assert.match(unknown.message, /: unrecognized type: int32$/);
  }));

test('what is no patch at all', () =>
  withDeployment(async (server) => {
    const rows: readonly (readonly [string, string, Json, string])[] = [
      [JSON_PATCH, '', { a: 1 }, 'error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp'],
      [JSON_PATCH, 'Ignore', { a: 1 }, 'json: cannot unmarshal object into Go value of type jsonpatch.Patch'],
      [JSON_PATCH, '', [{ op: 1, path: '/a' }], 'error decoding patch: json: cannot unmarshal number into Go struct field jsonPatchOp.op of type string'],
      [MERGE_PATCH, '', ['a'], 'error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}'],
      [STRATEGIC_PATCH, '', 'a', 'json: cannot unmarshal string into Go value of type map[string]interface {}'],
    ];
    for (const [type, validation, patch, message] of rows) {
      const refused = await server.refusal('PATCH', `${PATH}/web`, patch, by(type, validation));
      assert.deepEqual([refused.code, refused.message], [400, message]);
    }
    const failed = await server.refusal('PATCH', `${PATH}/web`, [{ op: 'test', path: '/spec/replicas', value: 9 }], by(JSON_PATCH));
    assert.deepEqual([failed.code, failed.reason, failed.message], [422, 'Invalid', 'the server rejected our request due to an error in our request']);
    const none = await server.refusal('PATCH', `${PATH}/none`, [], by(JSON_PATCH));
    assert.deepEqual([none.code, none.message], [404, 'deployments.apps "none" not found']);
  }));

test('an applied object of another kind or version is refused by its name', () =>
  withDeployment(async (server) => {
    const rows: readonly (readonly [JsonObject, string])[] = [
      [{ ...deployment, kind: 'Pod' }, 'invalid object type: apps/v1, Kind=Pod'],
      [{ ...deployment, apiVersion: 'v1' }, 'invalid object type: /v1, Kind=Deployment'],
      [{ kind: 'Deployment', metadata: { name: 'web' } }, 'invalid object type: /, Kind=Deployment'],
      [{ apiVersion: 'apps/v1', metadata: { name: 'web' } }, 'invalid object type: apps/v1, Kind='],
    ];
    for (const [patch, message] of rows) {
      const refused = await server.refusal('PATCH', `${PATH}/web`, patch, by(APPLY_PATCH));
      assert.deepEqual([refused.code, refused.reason, refused.message], [400, 'BadRequest', message]);
    }
  }));

test('applying creates, unless the object names a uid; another name is refused', () =>
  withDeployment(async (server) => {
    const named = (name: string, more: JsonObject = {}): JsonObject => ({ ...deployment, metadata: { name, ...more } });
    const made = await server.ask('PATCH', `${PATH}/new`, named('new'), by(APPLY_PATCH));
    assert.equal(made.code, 201);
    assert.equal((await server.ask('PATCH', `${PATH}/new`, named('new'), by(APPLY_PATCH))).code, 200);
    const uid = await server.refusal('PATCH', `${PATH}/other`, named('other', { uid: 'u-1' }), by(APPLY_PATCH));
    assert.deepEqual(
      [uid.code, uid.message],
      [409, 'Operation cannot be fulfilled on deployments.apps "other": uid mismatch: the provided object specified uid u-1, and no existing object was found'],
    );
    const name = await server.refusal('PATCH', `${PATH}/web`, named('other'), by(APPLY_PATCH));
    assert.deepEqual([name.code, name.message], [400, 'the name of the object (other) does not match the name on the URL (web)']);
    const missing = await server.refusal('PATCH', `${PATH}/web`, deployment, { contentType: APPLY_PATCH });
    assert.deepEqual(
      [missing.code, missing.message],
      [422, 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch'],
    );
    const status = await server.refusal('PATCH', `${PATH}/none/status`, named('none'), by(APPLY_PATCH));
    assert.equal(status.code, 404);
  }));
