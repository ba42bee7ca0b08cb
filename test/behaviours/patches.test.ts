/** Patches that can't be taken, and what they leave (apiserver `handlers/patch.go`). */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Json } from '../../src/machinery/object.ts';
import { APPLY, type Front, JSON_PATCH, MERGE, openFront, STRATEGIC } from './front.ts';

const MAPS = '/api/v1/namespaces/default/configmaps';
const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments';
const REJECTED = 'the server rejected our request due to an error in our request';
const map = (metadata: Json): Json => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata });

interface Row {
  readonly says: string;
  readonly type: string;
  readonly body: Json | string;
  readonly query?: string;
  readonly path?: string;
  readonly code: number;
  readonly reason?: string;
  readonly message: string | RegExp;
}

const ROWS: readonly Row[] = [
  {
    says: 'of no known kind: all kinds that there are',
    type: 'application/json',
    body: {},
    code: 415,
    reason: 'UnsupportedMediaType',
    message:
      'the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, application/apply-patch+yaml',
  },
  { says: 'a merge patch of nothing', type: MERGE, body: '', code: 400, message: 'error decoding patch: unexpected end of JSON input' },
  {
    says: 'a merge patch that is no JSON',
    type: MERGE,
    body: 'x',
    code: 400,
    message: "error decoding patch: invalid character 'x' looking for beginning of value",
  },
  {
    says: 'a merge patch that is a list',
    type: MERGE,
    body: [],
    code: 400,
    message: 'error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}',
  },
  { says: 'a strategic patch of nothing', type: STRATEGIC, body: '', code: 400, message: 'unexpected end of JSON input' },
  {
    says: 'a strategic patch that is a list',
    type: STRATEGIC,
    body: [],
    code: 400,
    message: 'json: cannot unmarshal array into Go value of type map[string]interface {}',
  },
  {
    says: 'a JSON patch that is an object',
    type: JSON_PATCH,
    body: {},
    code: 400,
    message: 'error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp',
  },
  {
    says: 'a JSON patch with too many operations',
    type: JSON_PATCH,
    body: Array.from({ length: 10_001 }, () => ({ op: 'test', path: '/data/a', value: 'b' })),
    code: 413,
    reason: 'RequestEntityTooLarge',
    message: 'Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001',
  },
  { says: 'a test that fails', type: JSON_PATCH, body: [{ op: 'test', path: '/data/a', value: 'z' }], code: 422, reason: 'Invalid', message: REJECTED },
  { says: 'a removal of what is not there', type: JSON_PATCH, body: [{ op: 'remove', path: '/data/zz' }], code: 422, reason: 'Invalid', message: REJECTED },
  { says: 'an operation that does not exist', type: JSON_PATCH, body: [{ op: 'nope', path: '/data/a' }], code: 422, reason: 'Invalid', message: REJECTED },
  {
    says: 'a field of another type, by a merge patch: with the whole object',
    type: MERGE,
    body: { data: { a: 5 } },
    code: 422,
    reason: 'Invalid',
    message:
      /^ "" is invalid: patch: Invalid value: "\{.*\\"data\\":\{\\"a\\":5\}.*\}": json: cannot unmarshal number into Go struct field ConfigMap\.data of type string$/,
  },
  {
    says: 'a field of another type, by a strategic patch: with the patch, in the words of the converter',
    type: STRATEGIC,
    body: { data: { a: 5 }, metadata: { labels: { x: 'y' } } },
    code: 422,
    reason: 'Invalid',
    message: ' "" is invalid: patch: Invalid value: "map[data:map[a:5] metadata:map[labels:map[x:y]]]": cannot convert int64 to string',
  },
  {
    says: 'a list where a map belongs, by a strategic patch',
    type: STRATEGIC,
    body: { data: [1, 'x'] },
    code: 422,
    reason: 'Invalid',
    message: ' "" is invalid: patch: Invalid value: "map[data:[1 x]]": cannot restore map from slice',
  },
  {
    says: 'a text where a list belongs, by a strategic patch',
    type: STRATEGIC,
    path: `${DEPLOYMENTS}/d`,
    body: { spec: { template: { spec: { hostAliases: 'x' } } } },
    code: 422,
    reason: 'Invalid',
    message: / "" is invalid: patch: Invalid value: "map\[spec:map\[template:map\[spec:map\[hostAliases:x\]\]\]\]": cannot restore slice from string$/,
  },
  {
    says: 'a truth value where a number belongs, by a strategic patch',
    type: STRATEGIC,
    path: `${DEPLOYMENTS}/d`,
    body: { spec: { replicas: true } },
    code: 422,
    reason: 'Invalid',
    message: ' "" is invalid: patch: Invalid value: "map[spec:map[replicas:true]]": unrecognized type: int32',
  },
  {
    says: 'a field that nobody knows, strictly, by a merge patch',
    type: MERGE,
    query: 'fieldValidation=Strict',
    body: { colour: 'red' },
    code: 422,
    reason: 'Invalid',
    message: / "" is invalid: patch: Invalid value: "\{.*\}": strict decoding error: unknown field "colour"$/,
  },
  {
    says: 'a key that stands twice, strictly, before what nobody knows',
    type: MERGE,
    query: 'fieldValidation=Strict',
    body: '{"colour":"red","data":{"a":"b","a":"c"}}',
    code: 422,
    reason: 'Invalid',
    message: /: strict decoding error: duplicate field "data\.a", unknown field "colour"$/,
  },
  {
    says: 'a field that nobody knows, strictly, by a strategic patch',
    type: STRATEGIC,
    query: 'fieldValidation=Strict',
    body: { colour: 'red' },
    code: 422,
    reason: 'Invalid',
    message: ' "" is invalid: patch: Invalid value: "map[colour:red]": strict decoding error: unknown field "colour"',
  },
  {
    says: 'a key that stands twice in an operation, strictly',
    type: JSON_PATCH,
    query: 'fieldValidation=Strict',
    body: '[{"op":"add","path":"/data/a","value":"x","value":"y"}]',
    code: 422,
    reason: 'Invalid',
    message: /: strict decoding error: json patch duplicate field "\[0\]\.value"$/,
  },
  {
    says: 'another kind',
    type: MERGE,
    body: { kind: 'Secret' },
    code: 422,
    reason: 'Invalid',
    message: / "" is invalid: patch: Invalid value: "\{.*\}": converting \(v1\.Secret\) to \(core\.ConfigMap\): unknown conversion$/,
  },
  {
    says: 'another name',
    type: MERGE,
    body: { metadata: { name: 'b' } },
    code: 400,
    message: 'the name of the object (b) does not match the name on the URL (a)',
  },
  {
    says: 'no name',
    type: JSON_PATCH,
    body: [{ op: 'remove', path: '/metadata/name' }],
    code: 400,
    message: 'the name of the object (a based on URL) was undeterminable: name must be provided',
  },
  {
    says: 'another namespace',
    type: STRATEGIC,
    body: { metadata: { namespace: 'b' } },
    code: 400,
    message: 'the namespace of the provided object does not match the namespace sent on the request',
  },
  {
    says: 'another uid',
    type: MERGE,
    body: { metadata: { uid: 'b' } },
    code: 422,
    reason: 'Invalid',
    message: 'ConfigMap "a" is invalid: metadata.uid: Invalid value: "b": field is immutable',
  },
  { says: 'an old version', type: MERGE, body: { metadata: { resourceVersion: '1' } }, code: 409, reason: 'Conflict', message: /the object has been modified/ },
  { says: 'what is not there', type: MERGE, path: `${MAPS}/nosuch`, body: {}, code: 404, reason: 'NotFound', message: 'configmaps "nosuch" not found' },
  {
    says: 'force, without an apply',
    type: MERGE,
    query: 'force=true',
    body: {},
    code: 422,
    reason: 'Invalid',
    message: 'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch',
  },
  {
    says: 'an apply without a manager, and with other faults: in order',
    type: APPLY,
    query: 'dryRun=Some&fieldValidation=Nope',
    body: map({ name: 'a' }),
    code: 422,
    reason: 'Invalid',
    message:
      'PatchOptions.meta.k8s.io "" is invalid: [fieldManager: Required value: is required for apply patch, dryRun: Unsupported value: ["Some"]: supported values: "All", fieldValidation: Unsupported value: "Nope": supported values: "", "Ignore", "Strict", "Warn"]',
  },
  {
    says: 'an apply of another version',
    type: APPLY,
    query: 'fieldManager=m',
    body: { apiVersion: 'v2', kind: 'ConfigMap', metadata: { name: 'a' } },
    code: 400,
    message: 'invalid object type: /v2, Kind=ConfigMap',
  },
  {
    says: 'an apply of nothing',
    type: APPLY,
    query: 'fieldManager=m',
    body: '',
    code: 400,
    message: 'invalid object type: /, Kind=',
  },
  {
    says: 'an apply of YAML with a fault',
    type: APPLY,
    query: 'fieldManager=m',
    body: 'a: b: c',
    code: 400,
    message: /^error decoding YAML: error converting YAML to JSON: yaml: line 1: /,
  },
  {
    says: 'an apply of a list',
    type: APPLY,
    query: 'fieldManager=m',
    body: '- a',
    code: 400,
    message: 'error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of type map[string]interface {}',
  },
  {
    says: 'an apply of a key that stands twice, strictly',
    type: APPLY,
    query: 'fieldManager=m&fieldValidation=Strict',
    body: 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  x: a\n  x: b\n',
    code: 400,
    message: 'error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  line 6: key "x" already set in map',
  },
  {
    says: 'an apply of a field that nobody knows',
    type: APPLY,
    query: 'fieldManager=m',
    body: { ...(map({ name: 'a' }) as object), colour: 'red' } as Json,
    code: 500,
    reason: '',
    message: 'failed to create typed patch object (/a; /v1, Kind=ConfigMap): .colour: field not declared in schema',
  },
  {
    says: 'an apply without a kind',
    type: APPLY,
    query: 'fieldManager=m',
    body: { apiVersion: 'v1', metadata: { name: 'a' } },
    code: 400,
    message: 'invalid object type: /v1, Kind=',
  },
  {
    says: 'an apply with managers',
    type: APPLY,
    query: 'fieldManager=m',
    body: map({ name: 'a', managedFields: [{ manager: 'x', operation: 'Apply' }] }),
    code: 400,
    message: 'metadata.managedFields must be nil',
  },
  {
    says: 'an apply that creates, without a name',
    type: APPLY,
    query: 'fieldManager=m',
    path: `${MAPS}/fresh`,
    body: { apiVersion: 'v1', kind: 'ConfigMap' },
    code: 400,
    message: 'the name of the object (fresh based on URL) was undeterminable: name must be provided',
  },
];

describe('a patch that is', () => {
  let front: Front;
  before(async () => {
    front = await openFront();
    await front.say('POST', MAPS, { body: { ...(map({ name: 'a' }) as object), data: { a: 'b' } } as Json });
    const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
    const spec = { replicas: 0, selector: { matchLabels: { a: 'b' } }, template };
    await front.say('POST', DEPLOYMENTS, { body: { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'd' }, spec } });
  });
  after(() => front[Symbol.asyncDispose]());

  for (const { says, type, body, query = '', path = `${MAPS}/a`, code, reason = 'BadRequest', message } of ROWS) {
    it(says, async () => {
      const answer = await front.say('PATCH', `${path}?${query}`, { type, body });
      assert.equal(answer.code, code, answer.text);
      const status = answer.body as { readonly message: string; readonly reason?: string };
      assert.equal(status.reason ?? '', reason);
      if (typeof message === 'string') assert.equal(status.message, message);
      else assert.match(status.message, message);
    });
  }

  it('refused says what it was refused for in its causes, and names no object', async () => {
    const { body } = await front.say('PATCH', `${MAPS}/a`, { type: STRATEGIC, body: { data: 'x' } });
    assert.deepEqual(body['details'], {
      causes: [{ reason: 'FieldValueInvalid', message: 'Invalid value: "map[data:x]": cannot restore map from string', field: 'patch' }],
    });
  });

  it('not quite right is taken with warnings', async () => {
    const merge = await front.say('PATCH', `${MAPS}/a`, { type: MERGE, body: '{"colour":"red","data":{"a":"b","a":"c"}}' });
    assert.deepEqual([merge.code, merge.warnings], [200, ['299 - "duplicate field \\"data.a\\""', '299 - "unknown field \\"colour\\""']]);
    const apply = await front.say('PATCH', `${MAPS}/a?fieldManager=m&force=true`, {
      type: APPLY,
      body: 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  x: a\n  x: b\n',
    });
    assert.deepEqual([apply.code, apply.warnings], [200, ['299 - "line 6: key \\"x\\" already set in map"']]);
  });

  it('strategic, and names another kind, changes no kind', async () => {
    const patched = await front.say('PATCH', `${MAPS}/a`, { type: STRATEGIC, body: { apiVersion: 'v2', kind: 'Secret' } });
    assert.deepEqual([patched.code, patched.body['apiVersion'], patched.body['kind']], [200, 'v1', 'ConfigMap']);
  });

  it('an apply that creates answers 201, one that changes 200', async () => {
    const apply = (data: Json) =>
      front.say('PATCH', `${MAPS}/applied?fieldManager=m`, { type: APPLY, body: { ...(map({ name: 'applied' }) as object), data } as Json });
    assert.deepEqual([(await apply({ a: '1' })).code, (await apply({ a: '2' })).code], [201, 200]);
  });
});
