import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect as connectHttp2 } from 'node:http2';
import { Agent, request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connect } from 'node:tls';
import { gunzipSync } from 'node:zlib';
import { WebSocket } from 'ws';
import { builtinFacts } from '../src/api/facts.ts';
import type { Listening } from '../src/apiserver/http/front.ts';
import { openStages, type ClientCertificate, type Credentials, type RequestRecord } from '../src/apiserver/stages.ts';
import { configMap, startTestServer, type TestServer } from '../src/apiserver/testing.ts';
import { SystemClock } from '../src/base/system-clock.ts';
import { Certificates, type KeyPair } from '../src/cluster/certificates.ts';
import type { JsonObject } from '../src/machinery/object.ts';
import { StatusError } from '../src/machinery/status-error.ts';
import { parseYaml } from '../src/schema/yaml.ts';
import { decodeProtobufObject } from '../src/schema/protobuf-decode.ts';
import { exchange, type RawAnswer } from './apiserver-exchange.ts';

const MAPS = '/api/v1/namespaces/http/configmaps';

describe('the HTTPS front', () => {
  let server: TestServer;
  let listening: Listening;
  let directory: string;
  let certificates: Certificates;
  let pair: KeyPair;
  let agent: Agent;
  const seen: Credentials[] = [];
  let onRecord: ((record: RequestRecord) => void) | undefined;

  before(async () => {
    const clock = new SystemClock();
    const stages = {
      ...openStages,
      onRequest: (record: RequestRecord) => onRecord?.(record),
      authenticate: (credentials: Credentials) => {
        seen.push(credentials);
        if (credentials.bearerToken === 'nobody') throw new StatusError('Unauthorized', 'Unauthorized');
        return openStages.authenticate(credentials);
      },
    };
    server = startTestServer({ clock, stages: () => stages, yieldToLoop: () => new Promise((resolve) => setImmediate(resolve)) });
    directory = await mkdtemp(join(tmpdir(), 'berth-http-'));
    certificates = await Certificates.open(directory, clock);
    pair = await certificates.issue({ commonName: 'server', organizations: [], dnsNames: [], ipAddresses: ['127.0.0.1'], usages: ['server'] });
    listening = await listen();
    agent = new Agent({ keepAlive: true });
    await server.ask('POST', MAPS, configMap('a', { k: 'v' }));
  });

  const listen = (): Promise<Listening> =>
    server.api.listen({ host: '127.0.0.1', port: 0, tls: { key: pair.keyPem, cert: pair.certPem, clientCa: certificates.caPem } });

  after(async () => {
    agent.destroy();
    await server[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });

  const ask = (method: string, path: string, headers: Readonly<Record<string, string>> = {}, body?: string | Uint8Array): Promise<RawAnswer> =>
    exchange(listening.port, certificates.caPem, agent, method, path, body, headers);
  const json = (answer: RawAnswer): JsonObject => JSON.parse(answer.text) as JsonObject;

  test('answers carry what clients expect of every answer', async () => {
    const { code, headers } = await ask('GET', `${MAPS}/a`);
    assert.equal(code, 200);
    assert.equal(headers['content-type'], 'application/json');
    assert.equal(headers['cache-control'], 'no-cache, private');
    assert.match(String(headers['audit-id']), /^[0-9a-f-]{36}$/);
  });

  test('records say how long the body of an answer was', async () => {
    for (const path of [`${MAPS}/a`, MAPS]) {
      const { promise, resolve } = Promise.withResolvers<RequestRecord>();
      onRecord = resolve;
      const [{ bytes }, record] = await Promise.all([ask('GET', path), promise]);
      assert.equal(record.bytes, bytes.byteLength);
    }
    onRecord = undefined;
  });

  test('long answers are packed for whoever asks for it, over HTTP/1.1 and HTTP/2', async () => {
    const path = '/api/v1/namespaces/long/configmaps';
    for (let i = 0; i < 4; i++) await server.ask('POST', path, configMap(`m${i}`, { text: 'words '.repeat(10_000) }));
    const plain = await ask('GET', path);
    assert.equal(plain.headers['content-encoding'], undefined);
    const packed = await ask('GET', path, { 'accept-encoding': 'gzip' });
    assert.equal(packed.headers['content-encoding'], 'gzip');
    assert.ok(packed.bytes.byteLength < plain.bytes.byteLength / 10);
    assert.deepEqual(JSON.parse(gunzipSync(packed.bytes).toString()), json(plain));
    assert.equal((await ask('GET', path, { 'accept-encoding': 'gzip;q=0, deflate' })).headers['content-encoding'], undefined);
    assert.equal((await ask('GET', `${path}/m0`, { 'accept-encoding': 'gzip' })).headers['content-encoding'], undefined, 'short ones are not worth it');
    const session = connectHttp2(`https://127.0.0.1:${listening.port}`, { ca: certificates.caPem });
    const stream = session.request({ ':path': path, 'accept-encoding': 'gzip' });
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    session.close();
    assert.deepEqual(JSON.parse(gunzipSync(Buffer.concat(chunks)).toString()), json(plain));
  });

  test('HEAD of a resource is refused, as go-restful does, without a body', async () => {
    const { code, text } = await ask('HEAD', `${MAPS}/a`);
    assert.deepEqual([code, text], [405, '']);
  });

  test('people with curl or a browser, or who ask for it, get it indented', async () => {
    assert.match((await ask('GET', `${MAPS}/a`, { 'user-agent': 'curl/8' })).text, /^\{\n {2}"kind": "ConfigMap"/);
    assert.match((await ask('GET', `${MAPS}?pretty=true`)).text, /^\{\n {2}"kind": "ConfigMapList"/);
    for (const path of [MAPS, '/api/v1/namespaces/none/configmaps']) {
      const plain = json(await ask('GET', path));
      assert.equal((await ask('GET', `${path}?pretty=1`)).text, JSON.stringify(plain, null, 2));
    }
    assert.match((await ask('GET', `${MAPS}/a?pretty=false`, { 'user-agent': 'curl/8' })).text, /^\{"kind"/);
  });

  test('YAML both ways, as YAML 1.1', async () => {
    const body = 'apiVersion: v1\nkind: Secret\nmetadata: {name: yam}\nstringData: {k: "yes"}\n';
    const made = await ask('POST', '/api/v1/namespaces/http/secrets', { 'content-type': 'application/yaml', accept: 'application/yaml' }, body);
    assert.equal(made.code, 201, made.text);
    assert.equal(made.headers['content-type'], 'application/yaml');
    assert.match(made.text, /^kind: Secret$/m);
    await ask('POST', '/api/v1/namespaces/http/secrets', { 'content-type': 'application/yaml' }, body.replace('yam', 'yam2'));
    for (const path of ['/api/v1/namespaces/http/secrets', '/api/v1/namespaces/none/secrets']) {
      const parsed = await parseYaml((await ask('GET', path, { accept: 'application/yaml' })).text);
      assert.deepEqual('value' in parsed ? parsed.value : parsed.fault, json(await ask('GET', path)));
    }
  });

  test('Kubernetes protobuf both ways', async () => {
    const typeNameOf = (): string => 'core.v1.ConfigMap';
    const got = await ask('GET', `${MAPS}/a`, { accept: 'application/vnd.kubernetes.protobuf,application/json' });
    assert.equal(got.headers['content-type'], 'application/vnd.kubernetes.protobuf');
    assert.equal(got.bytes.toString('latin1', 0, 4), 'k8s\0');
    const object = decodeProtobufObject(builtinFacts, got.bytes, typeNameOf) as JsonObject;
    assert.deepEqual(object.data, { k: 'v' });
    const bytes = Buffer.from(got.bytes);
    bytes.write('b', bytes.indexOf('\n\x01a') + 2);
    const { encodeProtobufObject } = await import('../src/schema/protobuf-encode.ts');
    const sent = encodeProtobufObject(builtinFacts, 'core.v1.ConfigMap', configMap('b', { p: 'q' }));
    const made = await ask('POST', MAPS, { 'content-type': 'application/vnd.kubernetes.protobuf' }, sent);
    assert.equal(made.code, 201, made.text);
    assert.deepEqual(json(made).data, { p: 'q' });
    const list = await ask('GET', `${MAPS}?fieldSelector=metadata.name=b`, { accept: 'application/vnd.kubernetes.protobuf' });
    const read = decodeProtobufObject(builtinFacts, list.bytes, () => 'core.v1.ConfigMapList') as { items: JsonObject[] };
    assert.deepEqual(
      read.items.map(({ data }) => data),
      [{ p: 'q' }],
    );
  });

  test('tables and partial objects, of one and of many', async () => {
    const table = json(await ask('GET', MAPS, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' }));
    assert.equal(table.kind, 'Table');
    const [row] = table.rows as JsonObject[];
    assert.deepEqual((row?.cells as unknown[]).slice(0, 2), ['a', 1]);
    assert.equal((row?.object as JsonObject).kind, 'PartialObjectMetadata');
    assert.equal(((row?.object as JsonObject).metadata as JsonObject).name, 'a');
    const bare = json(await ask('GET', `${MAPS}/a?includeObject=None`, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' }));
    assert.equal((bare.rows as JsonObject[])[0]?.object, null);
    const partial = json(await ask('GET', `${MAPS}/a`, { accept: 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io' }));
    assert.deepEqual(
      { kind: partial.kind, apiVersion: partial.apiVersion, data: partial.data },
      { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', data: undefined },
    );
    const many = json(await ask('GET', MAPS, { accept: 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io' }));
    assert.equal(many.kind, 'PartialObjectMetadataList');
  });

  test('what can not be answered or read is 406 and 415', async () => {
    const wanted = await ask('GET', `${MAPS}/a`, { accept: 'text/html' });
    assert.equal(wanted.code, 406);
    assert.equal(json(wanted).reason, 'NotAcceptable');
    const sent = await ask('POST', MAPS, { 'content-type': 'text/html' }, '<p>');
    assert.equal(sent.code, 415);
    assert.match(
      String(json(sent).message),
      /^the body of the request was in an unknown format - accepted media types include: application\/json, application\/yaml, application\/vnd.kubernetes.protobuf$/,
    );
  });

  test('hostile bodies are refused, each with one clear Status', async () => {
    const post = (body: string): Promise<RawAnswer> => ask('POST', `${MAPS}?fieldValidation=Strict`, { 'content-type': 'application/json' }, body);
    const refusals: [body: string, code: number, message: RegExp][] = [
      ['{"metadata":', 400, /couldn't get version\/kind; json parse error: unexpected end of JSON input \({"metadata":\)$/],
      ['[]', 400, /the object provided is unrecognized/],
      ['', 400, /./],
      ['['.repeat(200_000), 413, /too deeply/],
      [`{"metadata":{"name":"x"},"data":{${'"a":"",'.repeat(400_000)}"b":""}}`, 413, /too many values/],
      [`{"metadata":{"name":"x"},"data":{"k":"${'x'.repeat(3 * 1024 * 1024)}"}}`, 413, /limit is 3145728$/],
      [`{"metadata":{"name":"x"},"data":{"k":"${'x'.repeat(1_500_000)}"}}`, 422, /Too long/],
      ['{"metadata":{"name":"x"},"data":{"k":"1","k":"2"}}', 400, /strict decoding error: duplicate field "data.k"$/],
      ['{"metadata":{"name":3}}', 400, /cannot unmarshal number into Go struct field ObjectMeta.metadata.name of type string$/],
    ];
    for (const [body, code, message] of refusals) {
      const answer = await post(body);
      assert.equal(answer.code, code, `${body.slice(0, 60)}: ${answer.text.slice(0, 300)}`);
      assert.equal(json(answer).kind, 'Status');
      assert.match(String(json(answer).message), message);
    }
  });

  test('keys that stand twice are told in the words of the form, refused, or ignored', async () => {
    const yaml = ['apiVersion: v1', 'kind: ConfigMap', 'metadata:', '  name: twice', '  name: twice', 'what: 1', 'data:', '  a: "1"', '  a: "2"'].join('\n');
    const flow = '{"apiVersion": "v1", "kind": "ConfigMap",\n "metadata": {"name": "a"},\n "data": {"k": "v",\n "k": "v"}}';
    const lines = ['line 5: key "name" already set in map', 'line 9: key "a" already set in map'];
    const rows: readonly (readonly [method: string, path: string, type: string, body: string, warnings: readonly string[], code: number, refusal: string])[] = [
      [
        ...(['POST', MAPS, 'application/yaml', yaml, [...lines, 'unknown field "what"'], 400] as const),
        `ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: yaml: unmarshal errors:\n  ${lines.join('\n  ')}, unknown field "what"`,
      ],
      [
        ...(['PATCH', `${MAPS}/a`, 'application/apply-patch+yaml', flow, ['line 4: key "k" already set in map'], 400] as const),
        'error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  line 4: key "k" already set in map',
      ],
      [
        ...([
          'PATCH',
          `${MAPS}/a`,
          'application/merge-patch+json',
          '{"data":{"k":"v","k":"v"},"what":1}',
          ['duplicate field "data.k"', 'unknown field "what"'],
          422,
        ] as const),
        ': strict decoding error: duplicate field "data.k", unknown field "what"',
      ],
      [
        ...(['PATCH', `${MAPS}/a`, 'application/strategic-merge-patch+json', '{"data":{"k":"v","k":"v"}}', ['duplicate field "data.k"'], 422] as const),
        ' "" is invalid: patch: Invalid value: "map[data:map[k:v]]": strict decoding error: duplicate field "data.k"',
      ],
      [
        ...(['PATCH', `${MAPS}/a`, 'application/json-patch+json'] as const),
        '[{"op":"add","path":"/data/x","path":"/data/k","value":"v","foo":1},{"op":"test","path":"/data/k","value":"v","op":"test"}]',
        ['json patch unknown field "[0].foo"', 'json patch duplicate field "[0].path"', 'json patch duplicate field "[1].op"'],
        422,
        ': strict decoding error: json patch unknown field "[0].foo", json patch duplicate field "[0].path", json patch duplicate field "[1].op"',
      ],
    ];
    for (const [method, path, type, body, warnings, code, refusal] of rows) {
      const send = (validation: string): Promise<RawAnswer> =>
        ask(method, `${path}?fieldManager=me&dryRun=All&fieldValidation=${validation}`, { 'content-type': type }, body);
      const strict = await send('Strict');
      assert.equal(strict.code, code, `${type}: ${strict.text}`);
      assert.ok(String(json(strict).message).endsWith(refusal), String(json(strict).message));
      const warned = await send('Warn');
      assert.ok(warned.code < 300, warned.text);
      assert.equal(String(warned.headers['warning']), warnings.map((text) => `299 - ${JSON.stringify(text)}`).join(', '));
      assert.equal((await send('Ignore')).headers['warning'], undefined);
    }
  });

  test('a client certificate is an identity only when the client CA signed it', async () => {
    const mine = await certificates.issue({ commonName: 'jane', organizations: ['a', 'b'], dnsNames: [], ipAddresses: [], usages: ['client'] });
    const own = new Agent({ key: mine.keyPem, cert: mine.certPem, maxCachedSessions: 0 });
    await exchange(listening.port, certificates.caPem, own, 'GET', `${MAPS}/a`, undefined);
    const shown = seen.at(-1)?.certificate as ClientCertificate;
    assert.deepEqual([shown.commonName, shown.organizations], ['jane', ['a', 'b']]);
    own.destroy();
    const elsewhere = await mkdtemp(join(tmpdir(), 'berth-http-'));
    const others = await Certificates.open(elsewhere, new SystemClock());
    const forged = await others.issue({ commonName: 'jane', organizations: ['system:masters'], dnsNames: [], ipAddresses: [], usages: ['client'] });
    const bad = new Agent({ key: forged.keyPem, cert: forged.certPem, maxCachedSessions: 0 });
    await exchange(listening.port, certificates.caPem, bad, 'GET', `${MAPS}/a`, undefined);
    assert.equal(seen.at(-1)?.certificate, 'bad');
    bad.destroy();
    await rm(elsewhere, { recursive: true });
    await ask('GET', `${MAPS}/a`, { authorization: 'Bearer abc' });
    assert.equal(seen.at(-1)?.bearerToken, 'abc');
  });

  test('a resumed TLS session keeps its identity', async () => {
    const mine = await certificates.issue({ commonName: 'resumed', organizations: [], dnsNames: [], ipAddresses: [], usages: ['client'] });
    const own = new Agent({ key: mine.keyPem, cert: mine.certPem, keepAlive: false });
    for (let i = 0; i < 3; i++) await exchange(listening.port, certificates.caPem, own, 'GET', `${MAPS}/a`, undefined);
    assert.deepEqual(
      seen.slice(-3).map(({ certificate }) => (certificate as ClientCertificate).commonName),
      ['resumed', 'resumed', 'resumed'],
    );
    own.destroy();
  });

  test('HTTP/2 gives the same, warnings included', async () => {
    const client = connectHttp2(`https://127.0.0.1:${listening.port}`, { ca: certificates.caPem });
    const body = JSON.stringify({ ...configMap('h2'), one: 1, two: 2 });
    const stream = client.request({ ':method': 'POST', ':path': MAPS, 'content-type': 'application/json' });
    stream.end(body);
    const headers = await new Promise<Record<string, unknown>>((resolve) => stream.on('response', (h) => resolve(h)));
    let text = '';
    for await (const chunk of stream) text += String(chunk);
    assert.equal(headers[':status'], 201);
    assert.deepEqual(String(headers.warning), '299 - "unknown field \\"one\\"", 299 - "unknown field \\"two\\""');
    assert.equal((JSON.parse(text) as JsonObject).kind, 'ConfigMap');
    const list = client.request({ ':path': MAPS });
    let all = '';
    for await (const chunk of list) all += String(chunk);
    assert.equal((JSON.parse(all) as JsonObject).kind, 'ConfigMapList');
    client.close();
  });

  test('over HTTP/2 a refusal that did not wait for the body is whole before its stream ends', { timeout: 300_000 }, async () => {
    const socket = connect({ host: '127.0.0.1', port: listening.port, ca: certificates.caPem, ALPNProtocols: ['h2'] });
    const frame = (type: number, flags: number, stream: number, payload: Buffer): Buffer => {
      const head = Buffer.alloc(9);
      head.writeUIntBE(payload.length, 0, 3);
      head.set([type, flags], 3);
      head.writeUInt32BE(stream, 5);
      return Buffer.concat([head, payload]);
    };
    const fields = { ':method': 'POST', ':scheme': 'https', ':authority': 'x', ':path': MAPS, authorization: 'Bearer nobody' };
    // HPACK, each field literally (RFC 7541 section 6.2.2).
    const packed = Object.entries(fields).flatMap((field) => [Buffer.of(0), ...field.flatMap((text) => [Buffer.of(text.length), Buffer.from(text)])]);
    socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    socket.write(frame(4, 0, 0, Buffer.alloc(0)));
    socket.write(frame(1, 4, 1, Buffer.concat(packed)));
    socket.write(frame(0, 1, 1, Buffer.from(JSON.stringify(configMap('never')))));
    let rest = Buffer.alloc(0);
    const seen: string[] = [];
    for await (const chunk of socket) {
      rest = Buffer.concat([rest, chunk as Buffer]);
      while (rest.length >= 9 && rest.length >= 9 + rest.readUIntBE(0, 3)) {
        const [type, flags, stream] = [rest[3], rest[4] ?? 0, rest.readUInt32BE(5)];
        if (stream === 1) seen.push(type === 3 ? 'reset' : (flags & 1) === 1 ? 'end' : 'part');
        rest = rest.subarray(9 + rest.readUIntBE(0, 3));
      }
      if (seen.includes('reset') || seen.includes('end')) break;
    }
    assert.deepEqual(
      seen.filter((what) => what !== 'part'),
      ['end'],
    );
  });

  /** Opens a watch and gives its lines one by one. */
  async function watch(
    path: string,
    port = listening.port,
    accept = 'application/json',
  ): Promise<{ readonly lines: AsyncIterator<string>; readonly code: number; readonly stop: () => void }> {
    return new Promise((resolve, reject) => {
      const request = httpsRequest({ host: '127.0.0.1', port, ca: certificates.caPem, path, headers: { accept }, agent: false }, (response) => {
        async function* lines(): AsyncGenerator<string> {
          let rest = '';
          for await (const chunk of response) {
            const parts = (rest + String(chunk)).split('\n');
            rest = parts.pop() ?? '';
            yield* parts;
          }
        }
        resolve({ lines: lines(), code: response.statusCode ?? 0, stop: () => request.destroy() });
      });
      request.on('error', reject);
      request.end();
    });
  }

  test('a watch is a line for each event; a Table shows its columns once', async () => {
    const { lines, stop } = await watch(`${MAPS}?watch=true&fieldSelector=metadata.name=w`);
    const tables = await watch(`${MAPS}?watch=true&fieldSelector=metadata.name=w`, listening.port, 'application/json;as=Table;v=v1;g=meta.k8s.io');
    await server.ask('POST', MAPS, configMap('w', { k: '1' }));
    const first = JSON.parse(String((await lines.next()).value)) as JsonObject;
    assert.equal(first.type, 'ADDED');
    assert.equal((first.object as JsonObject).kind, 'ConfigMap');
    const table = JSON.parse(String((await tables.lines.next()).value)) as { object: JsonObject };
    assert.ok((table.object.columnDefinitions as unknown[]).length > 0);
    await server.ask('DELETE', `${MAPS}/w`);
    assert.equal((JSON.parse(String((await lines.next()).value)) as JsonObject).type, 'DELETED');
    const second = JSON.parse(String((await tables.lines.next()).value)) as { object: JsonObject };
    assert.deepEqual(second.object.columnDefinitions, []);
    stop();
    tables.stop();
  });

  test('a watch from a version that is too old says so in its stream', async () => {
    for (let i = 0; i < 3; i++) await server.ask('PUT', `${MAPS}/a`, configMap('a', { k: String(i) }));
    await server.store.compact(server.store.revision);
    const { lines, code, stop } = await watch(`${MAPS}?watch=true&resourceVersion=1`);
    const event = JSON.parse(String((await lines.next()).value)) as { type: string; object: JsonObject };
    assert.deepEqual(
      { code, type: event.type, status: event.object.code, reason: event.object.reason },
      { code: 200, type: 'ERROR', status: 410, reason: 'Expired' },
    );
    stop();
  });

  test('a watcher that does not read is cut off; others go on', async () => {
    const stuck = connect({ host: '127.0.0.1', port: listening.port, ca: certificates.caPem, ALPNProtocols: ['http/1.1'] });
    await new Promise<void>((resolve) => stuck.once('secureConnect', () => resolve()));
    stuck.write(`GET /api/v1/namespaces/slow/configmaps?watch=true HTTP/1.1\r\nhost: x\r\n\r\n`);
    await new Promise<void>((resolve) => stuck.once('data', () => resolve()));
    stuck.pause();
    const cut = new Promise<void>((resolve) => stuck.on('close', () => resolve()));
    stuck.on('error', () => {});
    const open = server.api.watchCount;
    const quick = await watch('/api/v1/namespaces/slow/configmaps?watch=true');
    for (let i = 0; i < 60; i++) {
      await server.ask('POST', '/api/v1/namespaces/slow/configmaps', configMap(`m${i}`, { k: 'x'.repeat(500_000) }));
      await quick.lines.next();
    }
    while (server.api.watchCount > open) await new Promise((resolve) => setImmediate(resolve));
    stuck.resume();
    await cut;
    quick.stop();
  });

  /** Sends bytes as they are, and collects what comes back. */
  async function bare(text: string): Promise<{ readonly until: (what: RegExp) => Promise<string>; readonly send: (text: string) => void } & AsyncDisposable> {
    const socket = connect({ host: '127.0.0.1', port: listening.port, ca: certificates.caPem, ALPNProtocols: ['http/1.1'] });
    await new Promise<void>((resolve) => socket.once('secureConnect', () => resolve()));
    let received = '';
    socket.on('data', (chunk: Buffer) => (received += chunk.toString()));
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    socket.write(text);
    return {
      until: async (what) => {
        while (!what.test(received) && !socket.closed) await new Promise((resolve) => setImmediate(resolve));
        assert.match(received, what);
        return received;
      },
      send: (more) => void socket.write(more),
      [Symbol.asyncDispose]: async () => {
        socket.destroy();
        await closed;
      },
    };
  }

  test('a watch over HTTP/1.1 is a chunk for each event, and leaves its connection to the next request', async () => {
    const path = '/api/v1/namespaces/chunks/configmaps';
    await using one = await bare(`GET ${path}?watch=true&timeoutSeconds=1 HTTP/1.1\r\nhost: x\r\n\r\n`);
    await one.until(/\r\n\r\n/);
    await server.ask('POST', path, configMap('chunky', { k: 'ü' }));
    const text = await one.until(/\r\n0\r\n\r\n$/);
    const [, length = '', event = ''] = /\r\n\r\n([0-9a-f]+)\r\n([^\r]*)\r\n0\r\n/.exec(text) ?? [];
    assert.equal(Number.parseInt(length, 16), Buffer.byteLength(event));
    assert.match(event, /^\{"type":"ADDED",.*"k":"ü".*\}\n$/);
    one.send(`GET ${MAPS}/a HTTP/1.1\r\nhost: x\r\n\r\n`);
    await one.until(/"name":"a"/);
  });

  test('a watch over HTTP/1.0 is lines without chunks, and one that was sent ahead waits for its turn', async () => {
    const path = '/api/v1/namespaces/lines/configmaps';
    await using old = await bare(`GET ${path}?watch=true HTTP/1.0\r\nhost: x\r\n\r\n`);
    await old.until(/\r\n\r\n/);
    await using ahead = await bare(`GET ${MAPS}/a HTTP/1.1\r\nhost: x\r\n\r\nGET ${path}?watch=true HTTP/1.1\r\nhost: x\r\n\r\n`);
    await ahead.until(/"name":"a"[^]*\r\n\r\n$/);
    await server.ask('POST', path, configMap('liny', { k: 'v' }));
    assert.doesNotMatch(await old.until(/\r\n\r\n\{"type":"ADDED",[^]*\}\n$/), /chunked/);
    await ahead.until(/\r\n\r\n[0-9a-f]+\r\n\{"type":"ADDED",[^\r]*\}\n\r\n$/);
  });

  test('a watch over WebSocket: an event a message, text for JSON, binary for protobuf, columns once in a Table', async () => {
    const path = '/api/v1/namespaces/sockets/configmaps';
    await server.ask('POST', path, configMap('a', { k: '1' }));
    const type = (message: SocketMessage): unknown => (JSON.parse(message.data.toString()) as JsonObject).type;
    await using plain = await watchSocket(path);
    await using packed = await watchSocket(path, { accept: 'application/vnd.kubernetes.protobuf' });
    await using table = await watchSocket(path, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' }, ['base64url.bearer.authorization.k8s.io.YQ', 'v1']);
    assert.equal(type(await plain.next()), 'ADDED');
    await server.ask('DELETE', `${path}/a`);
    const deleted = await plain.next();
    assert.deepEqual([deleted.isBinary, type(deleted)], [false, 'DELETED']);
    const first = await packed.next();
    assert.deepEqual([first.isBinary, first.data[0], first.data.subarray(2, 7).toString()], [true, 0x0a, 'ADDED'], 'a WatchEvent that begins with its type');
    const columns = async (): Promise<number> =>
      ((JSON.parse((await table.next()).data.toString()) as { object: { columnDefinitions?: unknown[] } }).object.columnDefinitions ?? []).length;
    assert.deepEqual([table.protocol, (await columns()) > 0, await columns()], ['v1', true, 0]);
  });

  test('a watch over WebSocket is refused before it begins, ends in good order when its time is up, and is forgotten when its client goes', async () => {
    const path = '/api/v1/namespaces/ended/configmaps';
    await assert.rejects(watchSocket(`${path}?resourceVersion=999999999`), /Unexpected server response: 504/);
    await using short = await watchSocket(`${path}?timeoutSeconds=1`);
    assert.equal(await short.closed, 1000);
    const gone = await watchSocket(path);
    assert.ok(server.api.watchCount > 0);
    await gone[Symbol.asyncDispose]();
    while (server.api.watchCount > 0) await new Promise((resolve) => setImmediate(resolve));
  });

  interface SocketMessage {
    readonly data: Buffer;
    readonly isBinary: boolean;
  }

  const watchSocket = async (path: string, headers: Readonly<Record<string, string>> = {}, protocols: readonly string[] = []) => {
    const query = path.includes('?') ? '&' : '?';
    const socket = new WebSocket(`wss://127.0.0.1:${listening.port}${path}${query}watch=true`, [...protocols], { ca: certificates.caPem, headers });
    const messages: SocketMessage[] = [];
    const waiting: ((message: SocketMessage) => void)[] = [];
    socket.on('message', (data: Buffer, isBinary) => {
      const reader = waiting.shift();
      if (reader === undefined) messages.push({ data, isBinary });
      else reader({ data, isBinary });
    });
    const closed = new Promise<number>((resolve) => socket.on('close', resolve));
    await new Promise<void>((resolve, reject) => socket.on('open', resolve).on('error', reject));
    return {
      protocol: socket.protocol,
      closed,
      next: async () => messages.shift() ?? new Promise<SocketMessage>((resolve) => waiting.push(resolve)),
      [Symbol.asyncDispose]: async () => {
        socket.terminate();
        await closed;
      },
    };
  };

  test('an upgrade to a path that does not stream is refused in words', async () => {
    const answer = await ask('GET', `${MAPS}/a`, { connection: 'upgrade', upgrade: 'websocket' });
    assert.equal(answer.code, 400);
    assert.equal(json(answer).reason, 'BadRequest');
  });

  test('shutdown ends watches cleanly', async () => {
    const other = startTestServer({ clock: new SystemClock(), yieldToLoop: () => new Promise((resolve) => setImmediate(resolve)) });
    const there = await other.api.listen({ host: '127.0.0.1', port: 0, tls: { key: pair.keyPem, cert: pair.certPem, clientCa: certificates.caPem } });
    const { lines } = await watch(`${MAPS}?watch=true`, there.port);
    const ended = lines.next();
    await other[Symbol.asyncDispose]();
    assert.deepEqual(await ended, { value: undefined, done: true });
  });
});
