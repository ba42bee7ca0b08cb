import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Json, JsonObject } from '../../machinery/object.ts';
import { openStages } from '../stages.ts';
import { configMap, startTestServer } from '../testing.ts';
import type { AuthorizeAttributes } from '../stages.ts';
import { auditScope, readAuditPolicy } from './policy.ts';
import { sourceIps } from './source-ips.ts';
import { auditing } from './trail.ts';

const wrong = (field: string, what: string): Error => new Error(`${field}: ${what}`);
const policy = (...rules: Json[]) => readAuditPolicy({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules }, wrong);

const attributes = (verb: string, path: string, about: Partial<AuthorizeAttributes> = {}): AuthorizeAttributes => ({
  user: { name: 'jane', groups: ['dev'] },
  verb,
  resourceRequest: !path.startsWith('/'),
  group: '',
  version: 'v1',
  resource: path.startsWith('/') ? '' : path,
  subresource: '',
  namespace: '',
  name: '',
  path,
  ...about,
});

describe('audit policy: the first rule that matches counts', () => {
  const scopeOf = auditScope(
    policy(
      { level: 'None', users: ['quiet'] },
      { level: 'None', nonResourceURLs: ['/healthz*', '/version'] },
      { level: 'Metadata', resources: [{ group: '', resources: ['secrets', 'configmaps', 'serviceaccounts/token'] }] },
      { level: 'None', userGroups: ['system:nodes'], verbs: ['get'] },
      { level: 'RequestResponse', resources: [{ group: '', resources: ['pods'], resourceNames: ['watched'] }, { group: 'apps' }] },
      { level: 'Request', namespaces: ['prod', ''], resources: [{ group: '', resources: ['*'] }] },
      { level: 'Metadata', resources: [{ group: '', resources: ['*/log', 'nodes/*'] }], omitStages: ['RequestReceived'] },
    ),
  );
  const rows: readonly (readonly [what: string, attributes: AuthorizeAttributes, level: string])[] = [
    ['a user who is left out', attributes('create', 'pods', { user: { name: 'quiet', groups: [] } }), 'None'],
    ['a path below a pattern', attributes('get', '/healthz/ping'), 'None'],
    ['another path', attributes('get', '/metrics'), 'None'],
    ['a secret', attributes('get', 'secrets', { namespace: 'prod', name: 'db' }), 'Metadata'],
    ['a subresource that is named', attributes('create', 'serviceaccounts', { subresource: 'token', namespace: 'x' }), 'Metadata'],
    ['a node that looks', attributes('get', 'pods', { user: { name: 'n', groups: ['system:nodes'] }, namespace: 'prod' }), 'None'],
    ['a named pod', attributes('get', 'pods', { namespace: 'x', name: 'watched' }), 'RequestResponse'],
    ['a whole group', attributes('get', 'deployments', { group: 'apps', namespace: 'x' }), 'RequestResponse'],
    ['everything of a namespace', attributes('get', 'pods', { namespace: 'prod', subresource: 'status' }), 'Request'],
    ['what belongs to no namespace', attributes('get', 'nodes'), 'Request'],
    ['a subresource of anything', attributes('get', 'pods', { namespace: 'x', subresource: 'log' }), 'Metadata'],
    ['nothing that is named', attributes('get', 'pods', { namespace: 'x' }), 'None'],
  ];
  for (const [what, asked, level] of rows) it(`${what}: ${level}`, () => assert.equal(scopeOf(asked.user, asked).level, level));

  const faults: readonly (readonly [rule: Json, message: string])[] = [
    [{ level: 'All' }, 'rules[0].level: one of None, Metadata, Request, RequestResponse is expected'],
    [
      { level: 'None', nonResourceURLs: ['/a'], namespaces: ['b'] },
      'rules[0].nonResourceURLs: rules cannot apply to both regular resources and non-resource URLs',
    ],
    [{ level: 'None', nonResourceURLs: ['/a*b'] }, "rules[0].nonResourceURLs[0]: must begin with '/'; '*' may only be its last character"],
    [{ level: 'None', resources: [{ group: 'apps/v1' }] }, 'rules[0].resources[0].group: the name of a group, without version, is expected'],
    [{ level: 'None', omitStages: ['Later'] }, 'rules[0].omitStages[0]: one of RequestReceived, ResponseStarted, ResponseComplete, Panic is expected'],
  ];
  for (const [rule, message] of faults) it(`refuses: ${message}`, () => assert.throws(() => policy(rule), { message }));
});

/** A server that records, and what it has recorded. */
function recording(...rules: Json[]) {
  const events: JsonObject[] = [];
  const audit = auditing(policy(...rules), { write: (event) => void events.push(JSON.parse(JSON.stringify(event)) as JsonObject) });
  const stages = {
    ...openStages,
    audit,
    authorize: ({ resource, name }: AuthorizeAttributes) => ({ allowed: name !== 'forbidden', reason: `rule for ${resource}` }),
    admission: [{ name: 'Note', admit: (request: { annotate(key: string, value: string): void }) => request.annotate('note.example.com/seen', 'yes') }],
  };
  const server = startTestServer({ stages: () => stages });
  /** Bodies are read after the answer. */
  const settled = async (): Promise<readonly JsonObject[]> => {
    await new Promise((resolve) => setImmediate(resolve));
    return events;
  };
  return { server, settled };
}

const MAPS = '/api/v1/namespaces/default/configmaps';
const SECRETS = '/api/v1/namespaces/default/secrets';
const secret: Json = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'db' }, stringData: { password: 'hunter2-hunter2' } };

describe('audit events', () => {
  it('each stage is one event; Metadata says who, what and what became of it, and no body', async () => {
    const { server, settled } = recording({ level: 'Metadata' });
    await using _ = server;
    await server.ask('POST', SECRETS, secret);
    const events = await settled();
    assert.deepEqual(
      events.map(({ stage }) => stage),
      ['RequestReceived', 'ResponseComplete'],
    );
    assert.ok(!JSON.stringify(events).includes('hunter2'));
    const last = events[1] as JsonObject;
    assert.deepEqual(
      [last['verb'], last['requestURI'], last['user'], last['userAgent'], last['responseStatus']],
      ['create', SECRETS, { username: 'admin', groups: ['system:masters'] }, 'test/1', { metadata: {}, code: 201 }],
    );
    const { uid, ...about } = last['objectRef'] as JsonObject;
    assert.deepEqual(about, { resource: 'secrets', namespace: 'default', name: 'db', apiVersion: 'v1', resourceVersion: '1' });
    assert.match(String(uid), /^[0-9a-f-]{36}$/);
    assert.deepEqual(last['annotations'], {
      'authorization.k8s.io/decision': 'allow',
      'authorization.k8s.io/reason': 'rule for secrets',
      'note.example.com/seen': 'yes',
    });
    assert.equal(events[0]?.['auditID'], last['auditID']);
    assert.match(String(last['stageTimestamp']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  });

  it('Request adds what was sent, RequestResponse what was answered', async () => {
    const { server, settled } = recording(
      { level: 'Request', verbs: ['create'] },
      { level: 'RequestResponse', verbs: ['get', 'list'], omitManagedFields: true },
    );
    await using _ = server;
    await server.ask('POST', MAPS, configMap('a', { k: 'v' }));
    await server.ask('GET', `${MAPS}/a`);
    await server.ask('GET', MAPS);
    const [created, got, listed] = (await settled()).filter(({ stage }) => stage === 'ResponseComplete') as [JsonObject, JsonObject, JsonObject];
    assert.deepEqual((created['requestObject'] as JsonObject)['data'], { k: 'v' });
    assert.equal(created['responseObject'], undefined);
    const body = got['responseObject'] as JsonObject;
    assert.deepEqual([body['kind'], body['data'], (body['metadata'] as JsonObject)['managedFields']], ['ConfigMap', { k: 'v' }, undefined]);
    assert.equal(got['requestObject'], undefined);
    assert.equal((listed['responseObject'] as JsonObject)['kind'], 'ConfigMapList');
  });

  it('what was sent is shown as it was understood: typed, with its defaults; a patch as it came', async () => {
    const { server, settled } = recording({ level: 'Request', omitStages: ['RequestReceived'] });
    await using _ = server;
    const sent: Json = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'db', labels: null, generateName: '', odd: 1 }, immutable: null };
    await server.ask('POST', SECRETS, sent);
    await server.ask('PATCH', `${SECRETS}/db`, { metadata: { labels: { a: 'b', c: null } } }, { contentType: 'application/merge-patch+json' });
    await server.refusal('POST', SECRETS, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 7 } });
    const bodies = (await settled()).map(({ requestObject }) => requestObject);
    assert.deepEqual(bodies, [
      { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'db' }, type: 'Opaque' },
      { metadata: { labels: { a: 'b', c: null } } },
      undefined,
    ]);
  });

  it('a refusal is recorded with its reason, by whoever refused', async () => {
    const { server, settled } = recording({ level: 'Metadata', omitStages: ['RequestReceived'] });
    await using _ = server;
    await server.refusal('GET', `${MAPS}/absent`);
    await server.refusal('GET', `${MAPS}/forbidden`);
    const [absent, refused] = (await settled()) as [JsonObject, JsonObject];
    const status = absent['responseStatus'] as JsonObject;
    assert.deepEqual(
      [absent['stage'], status['code'], status['reason'], status['message']],
      ['ResponseComplete', 404, 'NotFound', 'configmaps "absent" not found'],
    );
    assert.equal((refused['responseStatus'] as JsonObject)['code'], 403);
    assert.equal((refused['annotations'] as JsonObject)['authorization.k8s.io/decision'], 'forbid');
  });

  it('a watch begins, and ends later', async () => {
    const { server, settled } = recording({ level: 'RequestResponse' });
    await using _ = server;
    const watch = await server.watch(`${MAPS}?watch=true`);
    assert.deepEqual(
      (await settled()).map(({ stage, verb }) => `${String(verb)} ${String(stage)}`),
      ['watch RequestReceived', 'watch ResponseStarted'],
    );
    watch.close();
    assert.equal((await settled()).at(-1)?.['stage'], 'ResponseComplete');
  });

  it('level None records nothing', async () => {
    const { server, settled } = recording({ level: 'None' });
    await using _ = server;
    await server.ask('POST', MAPS, configMap('a', {}));
    assert.deepEqual(await settled(), []);
  });
});

describe('audit: source addresses', () => {
  for (const [headers, peer, expected] of [
    [{}, '10.0.0.9', ['10.0.0.9']],
    [{}, '::ffff:10.0.0.9', ['10.0.0.9']],
    [{ 'x-forwarded-for': '1.2.3.4, 5.6.7.8' }, '10.0.0.9', ['1.2.3.4', '5.6.7.8', '10.0.0.9']],
    [{ 'x-real-ip': '1.2.3.4' }, '1.2.3.4', ['1.2.3.4']],
    [{ 'x-forwarded-for': '<script>' }, '10.0.0.9', ['10.0.0.9']],
  ] as const)
    it(`${JSON.stringify(headers)} from ${peer}`, () => assert.deepEqual(sourceIps(headers, peer), expected));
});
