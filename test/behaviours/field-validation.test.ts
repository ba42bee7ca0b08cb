/** Fields that nobody knows, or that stand twice, on create, update, patch and apply: test/e2e/apimachinery/field_validation.go. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { APPLY, type Front, MERGE, openFront } from './front.ts';

const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments';
const body = (metadata: string, spec: string): string =>
  `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"my-dep",${metadata}"labels":{"app":"nginx"}},"spec":{${spec}"selector":{"matchLabels":{"app":"nginx"}},"template":{"metadata":{"labels":{"app":"nginx"}},"spec":{"containers":[{"name":"nginx","image":"nginx:latest"}]}}}}`;
const TWICE = '"unknownField":"foo","replicas":2,"replicas":3,';

describe('field validation', () => {
  let front: Front;
  before(async () => {
    front = await openFront();
    await front.say('POST', DEPLOYMENTS, { body: body('', '').replace('my-dep', 'there') });
  });
  after(() => front[Symbol.asyncDispose]());

  const ofThere = (metadata: string, spec: string): string => body(metadata, spec).replace('my-dep', 'there');

  it('Strict, on create: unknown and duplicate fields, in one message', async () => {
    const { code, body: status } = await front.say('POST', `${DEPLOYMENTS}?fieldManager=field_validation_mgr&fieldValidation=Strict`, {
      body: body('', TWICE),
    });
    assert.deepEqual(
      [code, status['message']],
      [
        400,
        'Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: unknown field "spec.unknownField", duplicate field "spec.replicas"',
      ],
    );
  });

  it('Strict, on create: unknown metadata', async () => {
    const { code, body: status } = await front.say('POST', `${DEPLOYMENTS}?fieldValidation=Strict`, { body: body('"unknownMeta":"foo",', '') });
    assert.deepEqual([code, String(status['message']).includes('strict decoding error: unknown field "metadata.unknownMeta"')], [400, true]);
  });

  it('Strict, on create: unknown metadata of what is embedded', async () => {
    const nested = body('', '').replace('"template":{"metadata":{', '"template":{"metadata":{"unknownSubMeta":"foo",');
    const { body: status } = await front.say('POST', `${DEPLOYMENTS}?fieldValidation=Strict`, { body: nested });
    assert.match(String(status['message']), /strict decoding error: unknown field "spec\.template\.metadata\.unknownSubMeta"$/);
  });

  it('Strict, on update and on patches', async () => {
    const put = await front.say('PUT', `${DEPLOYMENTS}/there?fieldValidation=Strict`, { body: ofThere('', TWICE) });
    assert.equal(put.code, 400);
    assert.match(String(put.body['message']), /strict decoding error: unknown field "spec\.unknownField", duplicate field "spec\.replicas"$/);
    const patch = await front.say('PATCH', `${DEPLOYMENTS}/there?fieldValidation=Strict`, { type: MERGE, body: `{"spec":{${TWICE}"paused":true}}` });
    assert.equal(patch.code, 422);
    assert.match(String(patch.body['message']), /strict decoding error: duplicate field "spec\.replicas", unknown field "spec\.unknownField"$/);
  });

  it('Strict, on apply: what the schema does not know is refused whatever the directive says', async () => {
    for (const directive of ['Strict', 'Warn', 'Ignore']) {
      const { code, body: status } = await front.say('PATCH', `${DEPLOYMENTS}/there?fieldManager=m&fieldValidation=${directive}`, {
        type: APPLY,
        body: ofThere('', '"unknownField":"foo",'),
      });
      assert.equal(code, 500);
      assert.match(String(status['message']), /\.spec\.unknownField: field not declared in schema$/);
    }
  });

  it('Warn, and no word about it: it is done, and said', async () => {
    for (const query of ['', 'fieldValidation=Warn&']) {
      const { code, warnings } = await front.say('POST', `${DEPLOYMENTS}?${query}dryRun=All`, { body: body('"unknownMeta":"foo",', TWICE) });
      assert.deepEqual(
        [code, warnings],
        [
          201,
          ['299 - "unknown field \\"metadata.unknownMeta\\""', '299 - "unknown field \\"spec.unknownField\\""', '299 - "duplicate field \\"spec.replicas\\""'],
        ],
      );
    }
  });

  it('Ignore: it is done without a word; the last of two counts', async () => {
    const { code, warnings, body: made } = await front.say('POST', `${DEPLOYMENTS}?fieldValidation=Ignore&dryRun=All`, { body: body('', TWICE) });
    assert.deepEqual([code, warnings, (made['spec'] as { readonly replicas: number }).replicas], [201, [], 3]);
  });

  it('YAML: lines are named', async () => {
    const yaml = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: twice\ndata:\n  a: b\n  a: c\nextra: 1\n';
    const path = '/api/v1/namespaces/default/configmaps';
    const strict = await front.say('POST', `${path}?fieldValidation=Strict`, { body: yaml, type: 'application/yaml' });
    assert.equal(
      strict.body['message'],
      'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: yaml: unmarshal errors:\n  line 7: key "a" already set in map, unknown field "extra"',
    );
    const warned = await front.say('POST', `${path}?dryRun=All`, { body: yaml, type: 'application/yaml' });
    assert.deepEqual([warned.code, warned.warnings], [201, ['299 - "line 7: key \\"a\\" already set in map"', '299 - "unknown field \\"extra\\""']]);
  });

  const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps?fieldValidation=Strict';
  /** What is said of a ConfigMap, piece by piece. */
  const said = async (text: string, type = 'application/json'): Promise<readonly string[]> => {
    const { code, body: status } = await front.say('POST', CONFIG_MAPS, { body: text, type });
    assert.equal(code, 400);
    return String(status['message'])
      .replace(/^.*?strict decoding error: /s, '')
      .split(', ');
  };

  it('in the order of the document: a field that stands twice where it stands again', async () => {
    const texts = await said('{"z":{"in":1,"in":2},"data":{"a":"1","a":"2"},"y":1,"metadata":{"name":"a","x":1,"name":"b","name":"c","x":2},"z":3,"1":1}');
    assert.deepEqual(texts, [
      ...['unknown field "z"', 'duplicate field "data.a"', 'unknown field "y"', 'unknown field "metadata.x"'],
      ...['duplicate field "metadata.name"', 'unknown field "1"'],
    ]);
  });

  it('a hundred of them, of both kinds', async () => {
    const fields = Array.from({ length: 150 }, (_, i) => `"f${i}":1`).join(',');
    const texts = await said(`{"metadata":{"name":"a","name":"b"},${fields},"metadata":{"name":"c"}}`);
    assert.deepEqual([texts.length, texts[0], texts.at(-1)], [100, 'duplicate field "metadata.name"', 'unknown field "f98"']);
  });

  it('YAML: what stands twice first, then what is unknown, by name', async () => {
    const yaml = 'kind: ConfigMap\nz: 1\nmetadata:\n  name: a\n  w: 1\n  v: 2\nb: 1\nb: 2\n';
    const words = [
      'yaml: unmarshal errors:\n  line 8: key "b" already set in map',
      ...['b', 'metadata.v', 'metadata.w', 'z'].map((f) => `unknown field "${f}"`),
    ];
    assert.deepEqual(await said(yaml, 'application/yaml'), words);
    assert.deepEqual(await said('{"z":1,"metadata":{"w":1,"v":1},"b":1}', 'application/yaml'), words.slice(1));
  });

  it('YAML: of several documents the first is taken', async () => {
    const { code, body: made } = await front.say('POST', '/api/v1/namespaces/default/configmaps?dryRun=All', {
      body: 'kind: ConfigMap\nmetadata:\n  name: first\n---\nkind: Secret\n',
      type: 'application/yaml',
    });
    assert.deepEqual([code, (made['metadata'] as { readonly name: string }).name], [201, 'first']);
  });
});
