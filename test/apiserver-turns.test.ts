/** Law 10 without a clock: every long path gives the loop back after a bounded amount of work. What that costs is measured by `bench/turns.ts`. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { once } from 'node:events';
import { Agent, request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { map, pod } from '../bench/turns-rows.ts';
import type { Listening } from '../src/apiserver/http/front.ts';
import { startTestServer, type TestServer } from '../src/apiserver/testing.ts';
import { SystemClock } from '../src/base/system-clock.ts';
import { Certificates } from '../src/cluster/certificates.ts';
import type { Json } from '../src/machinery/object.ts';
import type { Status } from '../src/machinery/status-error.ts';
import { exchange, type RawAnswer } from './apiserver-exchange.ts';

const MAPS = '/api/v1/namespaces/ns/configmaps';
const PODS = '/api/v1/namespaces/ns/pods';
const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';
const COUNT = 12_000;
const KEYS = 6000;

describe('every long path gives the loop back', () => {
  let server: TestServer;
  let listening: Listening;
  let directory: string;
  let ca: string;
  let agent: Agent;
  let turns = 0;

  before(async () => {
    const clock = new SystemClock();
    const yieldToLoop = (): Promise<void> => {
      turns++;
      return new Promise((resolve) => setImmediate(resolve));
    };
    server = startTestServer({ clock, yieldToLoop });
    directory = await mkdtemp(join(tmpdir(), 'berth-turns-'));
    const certificates = await Certificates.open(directory, clock);
    const pair = await certificates.issue({ commonName: 'server', organizations: [], dnsNames: [], ipAddresses: ['127.0.0.1'], usages: ['server'] });
    ca = certificates.caPem;
    listening = await server.api.listen({ host: '127.0.0.1', port: 0, tls: { key: pair.keyPem, cert: pair.certPem, clientCa: ca } });
    agent = new Agent({ keepAlive: true });
    for (let at = 0; at < COUNT; at += 500)
      await Promise.all(
        Array.from({ length: 500 }, (_, i) => server.ask('POST', '/api/v1/namespaces/many/configmaps', JSON.parse(map(`m-${at + i}`, 1)) as Json)),
      );
    await server.ask('POST', MAPS, JSON.parse(map('big', KEYS)) as Json);
    await server.ask('POST', PODS, JSON.parse(pod('big', { containers: [{ name: 'main', image: 'a', env: environment() }] })) as Json);
  });

  after(async () => {
    agent.destroy();
    await server[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });

  const environment = (value = 'v'): readonly object[] => Array.from({ length: 3000 }, (_, at) => ({ name: `VARIABLE_${at}`, value }));

  const asked = async (
    method: string,
    path: string,
    body?: string | Uint8Array,
    headers: Record<string, string> = {},
  ): Promise<RawAnswer & { readonly turns: number }> => {
    const before = turns;
    const answer = await exchange(listening.port, ca, agent, method, path, body, { 'content-type': 'application/json', ...headers });
    return { ...answer, turns: turns - before };
  };

  const MANY = '/api/v1/namespaces/many/configmaps';
  // Bytes of stored objects: some 250 each. A page of JSON needs a turn for each 256 KB that goes out.
  const reads: readonly (readonly [what: string, path: string, accept: string, least: number])[] = [
    ['JSON', MANY, 'application/json', 8],
    ['protobuf', MANY, PROTOBUF, 20],
    ['Table', MANY, TABLE, 10],
    ['YAML', `${MANY}?limit=2000`, 'application/yaml', 25],
    ['indented JSON', `${MANY}?pretty=true`, 'application/json', 6],
    ['a label', `${MANY}?labelSelector=a%3Db`, 'application/json', 2],
    ['a field', `${MANY}?fieldSelector=metadata.name!%3Da`, 'application/json', 2],
    ['a large object in protobuf', `${MAPS}/big`, PROTOBUF, 3],
    ['a large object as a Table', `${MAPS}/big`, TABLE, 3],
    ['a large object, indented', `${MAPS}/big?pretty=true`, 'application/json', 1],
    ['a list of large objects', MAPS, PROTOBUF, 3],
  ];
  for (const [what, path, accept, least] of reads)
    test(`reading ${what}`, async () => {
      const { code, turns: taken } = await asked('GET', path, undefined, { accept });
      assert.equal(code, 200);
      assert.ok(taken >= least, `${taken} turns, at least ${least}`);
    });

  const operations = (): string => JSON.stringify(Array.from({ length: 5000 }, (_, at) => ({ op: 'replace', path: `/data/key-${at}`, value: 'x' })));
  const writes: readonly (readonly [what: string, method: string, path: string, type: string, body: () => string, code: number, least: number])[] = [
    ['create', 'POST', MAPS, 'application/json', () => map('new', KEYS), 201, 10],
    ['create from YAML', 'POST', MAPS, 'application/yaml', () => `# ${'.'.repeat(70_000)}\n${map('yaml', KEYS)}`, 201, 8],
    ['update', 'PUT', `${MAPS}/big`, 'application/json', () => map('big', KEYS, 'w'), 200, 15],
    ['merge patch', 'PATCH', `${MAPS}/big`, 'application/merge-patch+json', () => '{"data":{"one":"1"}}', 200, 15],
    ['JSON patch', 'PATCH', `${MAPS}/big`, 'application/json-patch+json', operations, 200, 17],
    ['strategic merge patch', 'PATCH', `${PODS}/big`, 'application/strategic-merge-patch+json', () => '{"metadata":{"labels":{"a":"b"}}}', 200, 10],
    ['apply', 'PATCH', `${MAPS}/big?fieldManager=f&force=true`, 'application/apply-patch+yaml', () => map('big', KEYS, 'x'), 200, 20],
    ['apply of a new one', 'PATCH', `${MAPS}/applied?fieldManager=f`, 'application/apply-patch+yaml', () => map('applied', KEYS), 201, 12],
    ['thousands of faults', 'POST', MAPS, 'application/json', () => map('faults', KEYS).replaceAll('key-', 'no key '), 422, 12],
    ['a key twice', 'POST', MAPS, 'application/json', () => map('twice', KEYS).replace('"data":{', '"data":{"key-0":"w",'), 201, 10],
    ['what is no JSON', 'POST', MAPS, 'application/json', () => `${map('none', KEYS)}}`, 400, 1],
  ];
  for (const [what, method, path, type, body, code, least] of writes)
    test(`${what} of a large object`, async () => {
      const answer = await asked(method, path, body(), { 'content-type': type });
      assert.equal(answer.code, code, answer.text.slice(0, 300));
      assert.ok(answer.turns >= least, `${answer.turns} turns, at least ${least}`);
    });

  test('a refusal in several turns is what it would be in one', async () => {
    const { code, text } = await asked('POST', MAPS, map('faults', KEYS).replaceAll('key-', 'no key '));
    const status = JSON.parse(text) as Status;
    assert.equal(code, 422);
    assert.deepEqual(Object.keys(status), ['kind', 'apiVersion', 'metadata', 'status', 'message', 'reason', 'details', 'code']);
    assert.equal(text, `${JSON.stringify(status)}\n`);
    const causes = status.details?.causes ?? [];
    assert.equal(causes.length, KEYS);
    assert.equal(status.message, `ConfigMap "faults" is invalid: [${causes.map(({ field, message }) => `${field}: ${message}`).join(', ')}]`);
  });

  test('a small write takes no turn', async () => {
    const { code, turns: taken } = await asked('POST', MAPS, map('small', 3));
    assert.deepEqual([code, taken], [201, 0]);
  });

  // After the writes: what was made over HTTPS has not been read in process.
  const watches: readonly (readonly [what: string, path: string, accept: string, objects: number, least: number])[] = [
    ['all of it', MANY, 'application/json', COUNT, 20],
    ['what few have', `${MANY}?fieldSelector=metadata.name%3Dm-1`, 'application/json', 1, 0],
    ['all but one', `${MANY}?fieldSelector=metadata.name!%3Dm-1`, 'application/json', COUNT - 1, 20],
    ['nothing of it', `${MANY}?labelSelector=a%3Db`, 'application/json', 0, 2],
    ['a large object as a Table', `${MAPS}?fieldSelector=metadata.name%3Dapplied`, TABLE, 1, 2],
    ['a large object in protobuf', `${MAPS}?fieldSelector=metadata.name%3Dapplied`, PROTOBUF, 1, 4],
  ];
  for (const [what, path, accept, objects, least] of watches)
    test(`the state that a watch begins with: ${what}`, async () => {
      const before = turns;
      const query = 'watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
      const request = httpsRequest({
        host: '127.0.0.1',
        port: listening.port,
        ca,
        agent: false,
        path: `${path}${path.includes('?') ? '&' : '?'}${query}`,
        headers: { accept },
      });
      request.end();
      const [response] = (await once(request, 'response')) as [AsyncIterable<Buffer>];
      const chunks: Buffer[] = [];
      for await (const chunk of response) {
        chunks.push(chunk);
        if (Buffer.concat(chunks.slice(-2)).includes('k8s.io/initial-events-end')) break;
      }
      const text = Buffer.concat(chunks).toString();
      const added = accept === PROTOBUF ? text.split('\n\u0005ADDED') : text.split('{"type":"ADDED"');
      assert.equal(added.length - 1, objects);
      assert.ok(turns - before >= least, `${turns - before} turns, at least ${least}`);
    });

  const field = (tag: number, bytes: Uint8Array): Buffer => {
    const length: number[] = [];
    let rest = bytes.length;
    for (; rest > 0x7f; rest >>>= 7) length.push((rest & 0x7f) | 0x80);
    return Buffer.concat([Buffer.from([tag, ...length, rest]), bytes]);
  };
  const unknown = (raw: Uint8Array, contentType = ''): Buffer =>
    Buffer.concat([
      Buffer.from('k8s\0', 'latin1'),
      field(0x0a, Buffer.concat([field(0x0a, Buffer.from('v1')), field(0x12, Buffer.from('ConfigMap'))])),
      field(0x12, raw),
      field(0x22, Buffer.from(contentType)),
    ]);
  const entry = field(0x12, Buffer.concat([field(0x0a, Buffer.from('k')), field(0x12, Buffer.from('v'))]));
  const bounded: readonly (readonly [what: string, type: string, body: () => string | Uint8Array, message: RegExp])[] = [
    ['too many values', 'application/json', () => map('a', 50_000), /made of too many values/],
    ['too deep', 'application/json', () => '['.repeat(1_500_000), /nested too deeply/],
    ['protobuf of too many entries', PROTOBUF, () => unknown(Buffer.concat(Array(100_000).fill(entry))), /made of too many values/],
    ['JSON in protobuf, too deep', PROTOBUF, () => unknown(Buffer.from('['.repeat(1_500_000)), 'application/json'), /nested too deeply/],
    ['JSON in protobuf, too many values', PROTOBUF, () => unknown(Buffer.from(map('a', 60_000)), 'application/json'), /made of too many values/],
    ['aliases in YAML', 'application/yaml', () => `a: &a [${'x,'.repeat(1500)}]\nb: [${'*a,'.repeat(300)}]\n`, /made of too many values/],
    [
      'YAML of too many values',
      'application/yaml',
      () => `data:\n${Array.from({ length: 50_500 }, (_, at) => ` k${at}: v\n`).join('')}`,
      /made of too many values/,
    ],
  ];
  for (const [what, type, body, message] of bounded)
    test(`413: ${what}`, async () => {
      const { code, text } = await asked('POST', MAPS, body(), { 'content-type': type });
      const status = JSON.parse(text) as { readonly reason: string; readonly message: string };
      assert.deepEqual([code, status.reason], [413, 'RequestEntityTooLarge'], text.slice(0, 300));
      assert.match(status.message, message);
    });
});
