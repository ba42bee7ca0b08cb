/** Bad input: each gives one clear error in Kubernetes' form, or one clear line in the terminal, and loses nothing. */
import assert from 'node:assert/strict';
import { mkdtempSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Berth, run, until } from './berth.ts';

interface Answer {
  readonly code: number;
  readonly body: { readonly kind?: string; readonly reason?: string; readonly message?: string; readonly [key: string]: unknown };
  readonly warnings: string;
}

describe('bad input to the API server', () => {
  let berth: Berth;
  let tls: { readonly ca: string; readonly cert: string; readonly key: string; readonly port: number };
  before(async () => {
    berth = await Berth.start(['--simulated', '--watch-window', '3s'], { image: false });
    const text = readFileSync(berth.kubeconfig, 'utf8');
    const value = (key: string): string => Buffer.from(new RegExp(`${key}: (\\S+)`).exec(text)?.[1] ?? '', 'base64').toString();
    tls = {
      ca: value('certificate-authority-data'),
      cert: value('client-certificate-data'),
      key: value('client-key-data'),
      port: Number(/:(\d+)\s*$/m.exec(/server: \S+/.exec(text)?.[0] ?? '')?.[1]),
    };
    // Some rows are about what a controller makes in every namespace.
    await until(
      () => send('GET', `${MAPS}/kube-root-ca.crt`),
      ({ code }) => code === 200,
      'there is an object to refuse changes of',
    );
  });
  after(() => berth[Symbol.asyncDispose]());

  const send = (method: string, path: string, body?: string | Buffer, contentType = 'application/json'): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const headers = body === undefined ? {} : { 'content-type': contentType, 'content-length': Buffer.byteLength(body) };
      const sent = request({ host: '127.0.0.1', ...tls, method, path, headers }, (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () =>
          resolve({ code: response.statusCode ?? 0, body: JSON.parse(text) as Answer['body'], warnings: String(response.headers.warning ?? '') }),
        );
      });
      sent.on('error', reject);
      sent.end(body);
    });
  const MAPS = '/api/v1/namespaces/default/configmaps';
  const map = (name: string, more = ''): string => `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"${name}"}${more}}`;

  const rows: readonly (readonly [sentence: string, ask: () => Promise<Answer>, code: number, reason: string, message: RegExp])[] = [
    ['malformed JSON', () => send('POST', MAPS, '{"a":'), 400, 'BadRequest', /./],
    ['malformed YAML', () => send('POST', MAPS, 'a: [', 'application/yaml'), 400, 'BadRequest', /./],
    ['a list where an object belongs', () => send('POST', MAPS, '[]'), 400, 'BadRequest', /./],
    ['another kind', () => send('POST', MAPS, '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"}}'), 400, 'BadRequest', /Secret/],
    [
      'a wrong type',
      () => send('POST', MAPS, map('a', ',"data":{"k":1}')),
      400,
      'BadRequest',
      /cannot unmarshal number into Go struct field ConfigMap\.data of type string/,
    ],
    [
      'an unknown field, strictly',
      () => send('POST', `${MAPS}?fieldValidation=Strict`, map('a', ',"dat":{}')),
      400,
      'BadRequest',
      /strict decoding error: unknown field "dat"/,
    ],
    [
      'a duplicate field, strictly',
      () => send('POST', `${MAPS}?fieldValidation=Strict`, map('a', ',"data":{"k":"1","k":"2"}')),
      400,
      'BadRequest',
      /strict decoding error: .*duplicate field "data\.k"|key "k" already set/,
    ],
    ['a bad name', () => send('POST', MAPS, map('A_b')), 422, 'Invalid', /metadata\.name: Invalid value: "A_b": a lowercase RFC 1123 subdomain/],
    ['an oversized body', () => send('POST', MAPS, map('a', `,"data":{"k":"${'x'.repeat(4 * 1024 * 1024)}"}`)), 413, 'RequestEntityTooLarge', /limit/],
    ['deep nesting', () => send('POST', MAPS, `{"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}`), 413, 'RequestEntityTooLarge', /nested too deeply/],
    ['a media type that nobody speaks', () => send('POST', MAPS, 'x', 'text/plain'), 415, 'UnsupportedMediaType', /./],
    [
      'a broken JSON patch',
      () => send('PATCH', `${MAPS}/kube-root-ca.crt`, '[{"op":"test","path":"/data/none","value":1}]', 'application/json-patch+json'),
      422,
      'Invalid',
      /./,
    ],
    ['a patch that is none', () => send('PATCH', `${MAPS}/kube-root-ca.crt`, '{"op":1}', 'application/json-patch+json'), 400, 'BadRequest', /./],
    [
      'a wrong resourceVersion',
      () => send('PUT', `${MAPS}/kube-root-ca.crt`, map('kube-root-ca.crt').replace('"name"', '"resourceVersion":"1","name"')),
      409,
      'Conflict',
      /the object has been modified/,
    ],
    [
      'a watch from a version that is no number',
      () => send('GET', `${MAPS}?watch=true&resourceVersion=abc`),
      422,
      'Invalid',
      /resourceVersion: Invalid value: "abc"/,
    ],
    ['a broken label selector', () => send('GET', `${MAPS}?labelSelector=a%3D%3D%3Db%2C%2C`), 400, 'BadRequest', /./],
    ['an unknown field selector', () => send('GET', `${MAPS}?fieldSelector=spec.nothing%3D1`), 400, 'BadRequest', /is not a known field selector/],
    ['a broken continue token', () => send('GET', `${MAPS}?limit=1&continue=%21%21`), 400, 'BadRequest', /continue/],
    ['a kind that is not there', () => send('GET', '/apis/apps/v1/things'), 404, 'NotFound', /could not find the requested resource/],
    ['a verb that the kind has not', () => send('PUT', MAPS, '{}'), 405, 'MethodNotAllowed', /./],
  ];
  for (const [sentence, ask, code, reason, message] of rows) {
    it(sentence, async () => {
      const { code: got, body } = await ask();
      assert.equal(body.kind, 'Status', JSON.stringify(body).slice(0, 300));
      assert.deepEqual([got, body.reason], [code, reason], body.message ?? '');
      assert.match(body.message ?? '', message);
    });
  }

  it('an expired watch version answers 410', async () => {
    const ask = async (): Promise<Answer['body']> => {
      const { body } = await send('GET', `${MAPS}?watch=true&resourceVersion=1&timeoutSeconds=1`);
      return (body.object ?? body) as Answer['body'];
    };
    const { reason } = await until(ask, ({ code }) => code === 410, 'the version is forgotten with the window');
    assert.equal(reason, 'Expired');
  });

  it('unknown and duplicate fields: a warning by default, silence when asked', async () => {
    const warned = await send('POST', MAPS, map('warned', ',"dat":{},"data":{"k":"1","k":"2"}'));
    assert.equal(warned.code, 201);
    assert.match(warned.warnings, /unknown field \\"dat\\"/);
    assert.match(warned.warnings, /duplicate field/);
    assert.equal((await send('POST', `${MAPS}?fieldValidation=Ignore`, map('ignored', ',"dat":{}'))).warnings, '');
  });

  it('keys such as __proto__ are legal, and kept', async () => {
    const { code, body } = await send('POST', MAPS, map('keys', ',"data":{"__proto__":"a","constructor":"b","toString":"c"}'));
    assert.equal(code, 201, JSON.stringify(body));
    const { stdout } = await berth.tryKubectl(['get', 'cm', 'keys', '-o', 'json']);
    for (const [key, value] of [
      ['__proto__', 'a'],
      ['constructor', 'b'],
      ['toString', 'c'],
    ])
      assert.match(stdout, new RegExp(`"${key}": "${value}"`));
  });

  it('nothing of what was refused is stored, and the server goes on', async () => {
    assert.equal((await send('GET', `${MAPS}/a`)).code, 404);
    assert.equal((await berth.kubectl('get', '--raw', '/readyz')).trim(), 'ok');
  });
});

describe('bad input to the command line', () => {
  const place = mkdtempSync(join(tmpdir(), 'berth-refusals-'));
  after(() => rmSync(place, { recursive: true, force: true }));
  const berth = (...args: string[]): ReturnType<typeof run> => run(process.execPath, ['bin/berth.cjs', ...args]);

  const rows: readonly (readonly [sentence: string, args: readonly string[], stderr: RegExp])[] = [
    ['an unknown option', ['up', '--nonsense'], /unknown option '--nonsense'/],
    ['a port that is none', ['up', '--port', 'x'], /a whole number is expected/],
    [
      'a resource without a domain',
      ['up', '--simulated', '--extended-resource', 'gpu=1', '--data-dir', join(place, 'a')],
      /--extended-resource gpu: the name needs a domain/,
    ],
    [
      'a range of addresses that is none',
      ['up', '--simulated', '--service-cidr', '10.0.0.0/40'],
      /^berth: --service-cidr 10\.0\.0\.0\/40: a range of IPv4 addresses is expected/,
    ],
    ['a network without room for pods', ['up', '--simulated', '--pod-cidr', '10.0.0.0/31'], /^berth: --pod-cidr 10\.0\.0\.0\/31: too few addresses/],
    ['a label that is none', ['up', '--simulated', '--node-label', 'a/b/c=1'], /^berth: --node-label a\/b\/c=1: /],
    ['a directory that can hold nothing', ['up', '--simulated', '--data-dir', '/proc/no/place'], /^berth: \/proc\/no\/place can't be used as data directory/],
    ['an output that is not there', ['status', '-o', 'yaml'], /Allowed choices are text, json/],
    ['status where no cluster is', ['status', '--data-dir', join(place, 'none')], /no cluster has been started in .*; start one with `berth up`/],
    ['why of no kind', ['why', 'thing/x', '--data-dir', join(place, 'none')], /no cluster has been started/],
    ['an image file that is not there', ['image', 'load', join(place, 'none.tar'), '--data-dir', join(place, 'none')], /no cluster has been started/],
  ];
  for (const [sentence, args, stderr] of rows) {
    it(sentence, async () => {
      const result = await berth(...args);
      assert.equal(result.code, 1);
      assert.match(result.stderr, stderr);
      assert.doesNotMatch(result.stderr, /\n\s+at /);
    });
  }

  it('a data directory of a newer version is refused, and not changed', async () => {
    const directory = join(place, 'newer');
    mkdirSync(directory);
    const text = JSON.stringify({ format: 99, id: 'abcdef12' });
    writeFileSync(join(directory, 'cluster.json'), text);
    const { code, stderr } = await berth('up', '--simulated', '--data-dir', directory);
    assert.equal(code, 1);
    assert.match(stderr, /was written by a newer Berth \(format 99, this one knows 1\)/);
    assert.equal(readFileSync(join(directory, 'cluster.json'), 'utf8'), text);
  });

  it('a truncated image archive is refused, and leaves nothing', async () => {
    await using cluster = await Berth.start();
    const archive = join(cluster.directory, 'busybox.tar');
    truncateSync(archive, 700_000);
    const { code, stderr } = await cluster.cli(['image', 'load', archive, '--data-dir', cluster.directory]);
    assert.equal(code, 1);
    assert.match(stderr, /^berth: .*(truncated|ends|cut)/);
    writeFileSync(archive, 'not a tar');
    const foreign = await cluster.cli(['image', 'load', archive, '--data-dir', cluster.directory]);
    assert.equal(foreign.code, 1);
    assert.equal(foreign.stderr.split('\n').length, 2, foreign.stderr);
  });
});
