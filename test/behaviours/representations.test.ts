/** In which form an answer comes (apiserver `handlers/negotiation`, `handlers/response.go`). */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { builtinFacts } from '../../src/api/facts.ts';
import type { Json, JsonObject } from '../../src/machinery/object.ts';
import { decodeProtobufObject } from '../../src/schema/protobuf-decode.ts';
import { WireReader } from '../../src/schema/protobuf-wire.ts';
import { type Front, type Heard, openFront } from './front.ts';

const MAPS = '/api/v1/namespaces/default/configmaps';
const as = (kind: string, version = 'v1', format = 'application/json'): string => `${format};as=${kind};v=${version};g=meta.k8s.io`;
const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const ACCEPTED = 'only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf';
const map = (name: string, data: Json = {}): JsonObject => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data });

describe('an answer', () => {
  let front: Front;
  before(async () => {
    front = await openFront();
    await front.say('POST', MAPS, { body: map('a', { k: 'v' }) });
  });
  after(() => front[Symbol.asyncDispose]());

  const get = (path: string, accept: string): Promise<Heard> => front.say('GET', path, { headers: { accept } });

  const REFUSED: readonly (readonly [path: string, accept: string, message: string])[] = [
    [`${MAPS}/a`, 'text/html', ACCEPTED],
    [MAPS, 'application/cbor', ACCEPTED],
    [`${MAPS}/a`, as('Table', 'v9'), ACCEPTED],
    [`${MAPS}/a`, as('Table', 'v1', PROTOBUF), ACCEPTED],
    [`${MAPS}/a`, 'application/json;stream=exec', ACCEPTED],
    [`${MAPS}?watch=1`, 'text/html', ACCEPTED],
    [
      `${MAPS}?watch=1`,
      'application/yaml,application/json',
      'only the following media types are accepted: application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch',
    ],
    [`${MAPS}/nosuch`, 'text/html', ACCEPTED],
  ];
  for (const [path, accept, message] of REFUSED) {
    it(`to ${path.slice(MAPS.length)} as ${accept} is refused`, async () => {
      const { code, headers, text } = await get(path, accept);
      assert.equal(code, 406);
      if (accept.startsWith('application/yaml')) {
        assert.equal(headers['content-type'], 'application/yaml');
        assert.ok(text.includes(message.slice(0, 60)), text);
        return;
      }
      // Who takes nothing that there is gets it for reading.
      const status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason: 'NotAcceptable', code: 406 };
      assert.deepEqual([headers['content-type'], text], ['application/json', JSON.stringify(status, null, 2)]);
    });
  }

  it('that suits nobody is refused before anything is done', async () => {
    const { code } = await front.say('POST', MAPS, { body: map('unseen'), headers: { accept: 'text/html' } });
    assert.deepEqual([code, (await front.say('GET', `${MAPS}/unseen`)).code], [406, 404]);
    const deletion = await front.say('DELETE', `${MAPS}/a`, { headers: { accept: 'text/html' } });
    assert.deepEqual([deletion.code, (await front.say('GET', `${MAPS}/a`)).code], [406, 200]);
    const stranger = await front.say('POST', MAPS, { body: map('unseen'), headers: { accept: 'text/html' }, as: 'nobody' });
    assert.equal(stranger.code, 403, 'and who may not ask at all is told that first');
  });

  it('that is a refusal comes in the form that the client takes', async () => {
    const status = { kind: 'Status', message: 'configmaps "nosuch" not found', reason: 'NotFound', code: 404 };
    const binary = await get(`${MAPS}/nosuch`, PROTOBUF);
    assert.deepEqual([binary.code, binary.headers['content-type']], [404, PROTOBUF]);
    const decoded = decodeProtobufObject(builtinFacts, binary.bytes, () => 'machinery.meta.v1.Status') as JsonObject;
    assert.deepEqual([decoded['message'], decoded['reason'], decoded['code']], [status.message, status.reason, status.code]);
    const yaml = await get(`${MAPS}/nosuch`, 'application/yaml');
    assert.deepEqual([yaml.code, yaml.headers['content-type']], [404, 'application/yaml']);
    assert.match(yaml.text, /^kind: Status$/m);
    const table = await get(`${MAPS}/nosuch`, `${as('Table')},application/json`);
    assert.deepEqual([table.code, table.body['kind'], table.body['message']], [404, 'Status', status.message]);
  });

  it('that is a Status is not turned into a Table', async () => {
    await front.say('POST', MAPS, { body: map('short') });
    const { code, body } = await front.say('DELETE', `${MAPS}/short`, { headers: { accept: as('Table') } });
    assert.deepEqual([code, body['kind'], body['status']], [200, 'Status', 'Success']);
  });

  it('is indented for who asks for it', async () => {
    const indented = async (query: string, headers: Readonly<Record<string, string>> = {}): Promise<boolean> =>
      (await front.say('GET', `${MAPS}/a${query}`, { headers })).text.startsWith('{\n  "kind"');
    assert.deepEqual(
      await Promise.all([
        indented(''),
        indented('?pretty=true'),
        indented('?pretty=1'),
        indented('?pretty=yes'),
        indented('?pretty=', { 'user-agent': 'curl/8' }),
        indented('?pretty=false', { 'user-agent': 'curl/8' }),
        indented('', { accept: 'application/json;pretty=1' }),
      ]),
      [false, true, true, false, true, false, true],
    );
  });

  it('ends with a line, unless it is indented', async () => {
    const faults = Object.fromEntries(Array.from({ length: 600 }, (_, i) => [`no key ${i}`, 'v']));
    const texts = async (query: string): Promise<readonly string[]> => [
      ...(await Promise.all(['', '/a', '/nosuch'].map((path) => front.say('GET', `${MAPS}${path}${query}`)))).map(({ text }) => text),
      (await front.say('POST', `${MAPS}${query}`, { body: { ...map('faulty'), data: faults } })).text,
      (await front.say('GET', `${MAPS}${query}`, { headers: { accept: as('Table') } })).text,
      (await front.say('GET', `${MAPS}/a${query}`, { headers: { accept: as('PartialObjectMetadata') } })).text,
    ];
    for (const text of await texts('')) assert.match(text.slice(-3), /[^\s]}\n$/);
    for (const text of await texts('?pretty=true')) assert.equal(text.slice(-2), '\n}');
  });

  it('as a Table: of one object, of a list, of what a write has made', async () => {
    const one = (await get(`${MAPS}/a`, as('Table'))).body as Record<string, Json>;
    const names = (one['columnDefinitions'] as readonly JsonObject[]).map(({ name }) => name);
    assert.deepEqual([one['kind'], one['apiVersion'], names], ['Table', 'meta.k8s.io/v1', ['Name', 'Data', 'Age']]);
    const [row] = one['rows'] as readonly JsonObject[];
    assert.deepEqual((row?.['cells'] as readonly Json[]).slice(0, 2), ['a', 1]);
    const list = (await get(`${MAPS}?limit=1`, as('Table', 'v1beta1'))).body;
    assert.deepEqual([list['apiVersion'], (list['rows'] as readonly Json[]).length], ['meta.k8s.io/v1beta1', 1]);
    const made = await front.say('POST', MAPS, { body: map('tabled'), headers: { accept: as('Table') } });
    assert.deepEqual([made.code, made.body['kind']], [201, 'Table']);
  });

  it('as a Table holds the metadata, the object or neither beside the cells', async () => {
    const shown = async (include: string): Promise<Json | undefined> => {
      const { body } = await get(`${MAPS}/a?includeObject=${include}`, as('Table'));
      const [row] = body['rows'] as readonly JsonObject[];
      return row?.['object'] as Json;
    };
    const kinds = await Promise.all(['', 'Metadata', 'Object'].map(async (include) => ((await shown(include)) as JsonObject)['kind']));
    assert.deepEqual([kinds, await shown('None')], [['PartialObjectMetadata', 'PartialObjectMetadata', 'ConfigMap'], null]);
    const { code, body } = await get(`${MAPS}?includeObject=Nope`, as('Table'));
    const fault = "includeObject: Invalid value: \"Nope\": must be 'Metadata', 'Object', 'None', or empty";
    assert.deepEqual([code, body['message']], [400, `Unable to convert to Table as requested: ${fault}`]);
  });

  it('as a Table, or by its metadata alone: a scale too', async () => {
    const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
    const body = { metadata: { name: 'web' }, spec: { replicas: 2, selector: { matchLabels: { a: 'b' } }, template } };
    await front.say('POST', '/apis/apps/v1/namespaces/default/deployments', { body });
    const path = '/apis/apps/v1/namespaces/default/deployments/web/scale';
    const table = (await get(path, as('Table'))).body as Record<string, Json>;
    const columns = (table['columnDefinitions'] as readonly JsonObject[]).map(({ name, type }) => `${name as string} ${type as string}`);
    assert.deepEqual([table['kind'], columns], ['Table', ['Name string', 'Desired integer', 'Available integer', 'Age string']]);
    const [row] = table['rows'] as readonly JsonObject[];
    assert.deepEqual((row?.['cells'] as readonly Json[]).slice(0, 3), ['web', 2, 0]);
    assert.deepEqual(Object.keys(table['metadata'] as JsonObject), ['resourceVersion']);
    const partial = (await get(path, as('PartialObjectMetadata'))).body;
    assert.deepEqual([partial['kind'], (partial['metadata'] as JsonObject)['name'], 'spec' in partial], ['PartialObjectMetadata', 'web', false]);
  });

  it('as a Table in a watch: the columns are there once', async () => {
    await front.say('POST', MAPS, { body: map('second') });
    const { events } = await get(`${MAPS}?watch=1&timeoutSeconds=1&includeObject=None`, as('Table'));
    const columns = events.map(({ object }) => (object['columnDefinitions'] as readonly Json[]).length);
    assert.ok(columns.length > 1);
    assert.deepEqual(columns, [3, ...columns.slice(1).map(() => 0)]);
  });

  it('as metadata only: of one object, of a list, in a watch', async () => {
    const one = (await get(`${MAPS}/a`, as('PartialObjectMetadata'))).body;
    assert.deepEqual([one['kind'], one['apiVersion'], 'data' in one], ['PartialObjectMetadata', 'meta.k8s.io/v1', false]);
    const list = (await get(MAPS, as('PartialObjectMetadataList'))).body;
    const [item] = list['items'] as readonly JsonObject[];
    assert.deepEqual([list['kind'], item?.['kind']], ['PartialObjectMetadataList', 'PartialObjectMetadata']);
    const { events } = await get(`${MAPS}?watch=1&timeoutSeconds=1&fieldSelector=metadata.name%3Da`, as('PartialObjectMetadata'));
    assert.deepEqual(
      events.map(({ object }) => [object['kind'], 'data' in object]),
      [['PartialObjectMetadata', false]],
    );
  });

  it('as metadata only, in protobuf: of one object, of a list, of what a write has made, in a watch', async () => {
    const decoded = ({ bytes }: { readonly bytes: Uint8Array }, type: string): JsonObject =>
      decodeProtobufObject(builtinFacts, bytes, (apiVersion, kind) => (`${apiVersion} ${kind}` === type ? TYPES[type] : undefined)) as JsonObject;
    const TYPES: Readonly<Record<string, string>> = {
      'meta.k8s.io/v1 PartialObjectMetadata': 'machinery.meta.v1.PartialObjectMetadata',
      'meta.k8s.io/v1 PartialObjectMetadataList': 'machinery.meta.v1.PartialObjectMetadataList',
    };
    const whole = (await front.say('GET', `${MAPS}/a`)).body;
    const one = await get(`${MAPS}/a`, as('PartialObjectMetadata', 'v1', PROTOBUF));
    assert.equal(one.headers['content-type'], PROTOBUF);
    const object = decoded(one, 'meta.k8s.io/v1 PartialObjectMetadata');
    assert.deepEqual([Object.keys(object).toSorted(), object['metadata']], [['apiVersion', 'kind', 'metadata'], whole['metadata']]);
    const list = decoded(await get(MAPS, as('PartialObjectMetadataList', 'v1', PROTOBUF)), 'meta.k8s.io/v1 PartialObjectMetadataList');
    const [first] = list['items'] as readonly JsonObject[];
    const { resourceVersion } = list['metadata'] as JsonObject;
    assert.deepEqual([(first?.['metadata'] as JsonObject)['name'], typeof resourceVersion], ['a', 'string']);
    const made = await front.say('POST', MAPS, { body: map('partial'), headers: { accept: as('PartialObjectMetadata', 'v1', PROTOBUF) } });
    const { name } = decoded(made, 'meta.k8s.io/v1 PartialObjectMetadata')['metadata'] as JsonObject;
    assert.deepEqual([made.code, name], [201, 'partial']);
    const watch = await get(`${MAPS}?watch=1&timeoutSeconds=1&fieldSelector=metadata.name%3Da`, as('PartialObjectMetadata', 'v1', PROTOBUF));
    const text = watch.bytes.toString('latin1');
    assert.equal(watch.headers['content-type'], `${PROTOBUF};stream=watch`);
    assert.deepEqual([text.includes('PartialObjectMetadata'), text.includes('ConfigMap')], [true, false]);
  });

  it('as a list of metadata in protobuf has its items first in v1beta1', async () => {
    for (const path of [MAPS, '/api/v1/componentstatuses']) {
      const fields = async (version: string): Promise<readonly number[]> => {
        const { code, bytes } = await get(path, as('PartialObjectMetadataList', version, PROTOBUF));
        assert.equal(code, 200);
        return fieldsOf(messageIn(bytes));
      };
      const [v1, beta] = [await fields('v1'), await fields('v1beta1')];
      assert.ok(v1.length > 1);
      assert.deepEqual([v1[0], new Set(v1.slice(1)), beta.at(-1), new Set(beta.slice(0, -1))], [1, new Set([2]), 2, new Set([1])]);
    }
  });

  it('as metadata only is refused where there is a list, or none', async () => {
    const list = await get(MAPS, `${as('PartialObjectMetadata')},application/json`);
    assert.deepEqual([list.code, list.body['message']], [406, 'you requested PartialObjectMetadata, but the requested object is a list (*core.ConfigMapList)']);
    const one = await get(`${MAPS}/a`, as('PartialObjectMetadataList'));
    assert.deepEqual(
      [one.code, one.body['message']],
      [406, 'you requested PartialObjectMetadataList, but the requested object is not a list (*core.ConfigMap)'],
    );
  });

  it('is packed only beyond 128 KiB, for who takes it', async () => {
    await front.say('POST', MAPS, { body: map('long', { text: 'x'.repeat(140 * 1024) }) });
    const encoding = async (name: string, accept: string): Promise<readonly (string | readonly string[] | undefined)[]> => {
      const { headers } = await front.say('GET', `${MAPS}/${name}`, { headers: { 'accept-encoding': accept } });
      return [headers['content-encoding'], headers['vary']];
    };
    assert.deepEqual(
      [await encoding('a', 'gzip'), await encoding('long', 'gzip'), await encoding('long', 'identity')],
      [
        [undefined, undefined],
        ['gzip', 'Accept-Encoding'],
        [undefined, undefined],
      ],
    );
  });
});

/** The bytes of the object within its envelope (runtime.Unknown, field 2). */
function messageIn(bytes: Uint8Array): Uint8Array {
  const reader = new WireReader(bytes.subarray(4));
  while (reader.tag() >>> 3 !== 2) reader.bytes();
  return reader.bytes();
}

/** The numbers of its fields, all of them with a length, as they stand. */
function fieldsOf(message: Uint8Array): readonly number[] {
  const reader = new WireReader(message);
  const numbers: number[] = [];
  while (!reader.done) {
    numbers.push(reader.tag() >>> 3);
    reader.bytes();
  }
  return numbers;
}
