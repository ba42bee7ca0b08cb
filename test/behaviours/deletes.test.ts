/** What a deletion is answered with, what it may say, and what it refuses (apiserver `handlers/delete.go`, `registry.Store.Delete`). */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Json, JsonObject } from '../../src/machinery/object.ts';
import { type Front, openFront } from './front.ts';

const MAPS = '/api/v1/namespaces/default/configmaps';
const SERVICES = '/api/v1/namespaces/default/services';
const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments';
const JOBS = '/apis/batch/v1/namespaces/default/jobs';
const TEMPLATE: JsonObject = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
const map = (name: string, more: object = {}): JsonObject => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...more } });
const deployment = (name: string): JsonObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: { replicas: 0, selector: { matchLabels: { a: 'b' } }, template: TEMPLATE },
});
const meta = (object: Json): Record<string, Json> => (object as JsonObject)['metadata'] as Record<string, Json>;
const INVALID = 'DeleteOptions.meta.k8s.io "" is invalid: ';

describe('a deletion', () => {
  let front: Front;
  before(async () => {
    front = await openFront();
    for (const name of ['refused', 'q']) await front.say('POST', MAPS, { body: map(name) });
  });
  after(() => front[Symbol.asyncDispose]());

  const make = async (path: string, body: JsonObject): Promise<Record<string, Json>> => {
    const { code, body: made, text } = await front.say('POST', path, { body });
    assert.equal(code, 201, text);
    return meta(made);
  };

  const REFUSED: readonly (readonly [says: string, options: Json, code: number, message: string | RegExp])[] = [
    [
      'of a policy that does not exist',
      { propagationPolicy: 'Nope' },
      422,
      `${INVALID}propagationPolicy: Unsupported value: "Nope": supported values: "Foreground", "Background", "Orphan", "nil"`,
    ],
    [
      'in the old and in the new words',
      { propagationPolicy: 'Orphan', orphanDependents: true },
      422,
      `${INVALID}propagationPolicy: Invalid value: "Orphan": orphanDependents and deletionPropagation cannot be both set`,
    ],
    ['for trial, in another word', { dryRun: ['Nope'] }, 422, `${INVALID}dryRun: Unsupported value: ["Nope"]: supported values: "All"`],
    [
      'of another uid',
      { preconditions: { uid: 'x' } },
      409,
      /^Operation cannot be fulfilled on configmaps "refused": StorageError: invalid object, Code: 4, Key: \/registry\/configmaps\/default\/refused, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: x, UID in object meta: [0-9a-f-]{36}$/,
    ],
    [
      'of another version',
      { preconditions: { resourceVersion: '1' } },
      409,
      /AdditionalErrorMsg: Precondition failed: ResourceVersion in precondition: 1, ResourceVersion in object meta: \d+$/,
    ],
    [
      'with options of a version that nobody knows',
      { kind: 'DeleteOptions', apiVersion: 'v9' },
      400,
      'DeleteOptions in version "v9" cannot be handled as a DeleteOptions: no kind "DeleteOptions" is registered for version "v9" in scheme "pkg/api/legacyscheme/scheme.go:30"',
    ],
    [
      'of something else than options',
      { kind: 'pod', apiVersion: 'v1' },
      400,
      'pod in version "v1" cannot be handled as a DeleteOptions: no kind "pod" is registered for version "v1" in scheme "pkg/api/legacyscheme/scheme.go:30"',
    ],
  ];
  for (const [says, options, code, message] of REFUSED) {
    it(`${says} is refused`, async () => {
      const answer = await front.say('DELETE', `${MAPS}/refused`, { body: options });
      assert.equal(answer.code, code, answer.text);
      const told = String(answer.body['message']);
      if (typeof message === 'string') assert.equal(told, message);
      else assert.match(told, message);
      assert.equal((await front.say('GET', `${MAPS}/refused`)).code, 200);
    });
  }

  it('names the key as Kubernetes has it: nodes, services, ingresses', async () => {
    await make('/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' } });
    await make(SERVICES, { apiVersion: 'v1', kind: 'Service', metadata: { name: 's' }, spec: { ports: [{ port: 1 }] } });
    for (const [path, key] of [
      ['/api/v1/nodes/n', '/registry/minions/n'],
      ['/api/v1/namespaces/default/services/s', '/registry/services/specs/default/s'],
    ] as const) {
      const { body } = await front.say('DELETE', path, { body: { preconditions: { uid: 'x' } } });
      assert.match(String(body['message']), new RegExp(`, Key: ${key}, `));
    }
  });

  it('is answered with a Status that names what is gone, its plural and its uid', async () => {
    const { uid = '' } = await make(MAPS, map('plain'));
    const { code, body } = await front.say('DELETE', `${MAPS}/plain`);
    assert.equal(code, 200);
    assert.deepEqual(body, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details: { name: 'plain', kind: 'configmaps', uid } });
    const gone = await front.say('DELETE', `${MAPS}/plain`);
    assert.deepEqual([gone.code, gone.body['message']], [404, 'configmaps "plain" not found']);
    const { uid: other = '' } = await make(DEPLOYMENTS, deployment('grouped'));
    const grouped = await front.say('DELETE', `${DEPLOYMENTS}/grouped`);
    assert.deepEqual(grouped.body['details'], { name: 'grouped', group: 'apps', kind: 'deployments', uid: other });
  });

  it('of some kinds is answered with the object', async () => {
    await make(SERVICES, { apiVersion: 'v1', kind: 'Service', metadata: { name: 'shown' }, spec: { ports: [{ port: 1 }] } });
    const { body } = await front.say('DELETE', `${SERVICES}/shown`);
    assert.deepEqual([body['kind'], meta(body)['name']], ['Service', 'shown']);
  });

  it('that waits is answered with the object as it is now: 200, or 202 to who asks in the old words', async () => {
    await make(DEPLOYMENTS, deployment('waits'));
    const { code, body } = await front.say('DELETE', `${DEPLOYMENTS}/waits`, { body: { propagationPolicy: 'Foreground' } });
    assert.equal(code, 200);
    const { deletionTimestamp, deletionGracePeriodSeconds, finalizers, generation } = meta(body);
    assert.equal(typeof deletionTimestamp, 'string');
    assert.deepEqual([deletionGracePeriodSeconds, finalizers, generation], [0, ['foregroundDeletion'], 2]);
    await make(MAPS, map('held', { finalizers: ['example.com/held'] }));
    assert.equal((await front.say('DELETE', `${MAPS}/held`, { body: { orphanDependents: false } })).code, 202);
  });

  it('that is asked for again changes nothing', async () => {
    await make(MAPS, map('twice', { finalizers: ['example.com/held'] }));
    const first = await front.say('DELETE', `${MAPS}/twice?propagationPolicy=Foreground`);
    const second = await front.say('DELETE', `${MAPS}/twice?propagationPolicy=Foreground`);
    assert.deepEqual(second.body, first.body);
  });

  it('may be told in the query, where there is no body', async () => {
    await make(MAPS, map('asked'));
    const wrong = await front.say('DELETE', `${MAPS}/asked?gracePeriodSeconds=abc`);
    assert.deepEqual([wrong.code, wrong.body['message']], [400, 'strconv.ParseInt: parsing "abc": invalid syntax']);
    const dry = await front.say('DELETE', `${MAPS}/asked?dryRun=All`);
    assert.deepEqual([dry.code, dry.body['status']], [200, 'Success']);
    assert.equal((await front.say('GET', `${MAPS}/asked`)).code, 200);
    const orphan = await front.say('DELETE', `${MAPS}/asked?propagationPolicy=Orphan`);
    assert.deepEqual(meta(orphan.body)['finalizers'], ['orphan']);
  });

  it('of a job without a word about its pods leaves them, and says so', async () => {
    const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } };
    await make(JOBS, { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'j' }, spec: { template } });
    const { warnings, body } = await front.say('DELETE', `${JOBS}/j`);
    assert.deepEqual(warnings, [
      '299 - "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning"',
    ]);
    assert.ok((meta(body)['finalizers'] as readonly string[]).includes('orphan'));
  });

  it('of many is answered with the list of them as they were', async () => {
    await make(MAPS, map('many-1', { labels: { many: 'yes' } }));
    const held = await make(MAPS, map('many-2', { labels: { many: 'yes' }, finalizers: ['example.com/held'] }));
    const before = (await front.say('GET', `${MAPS}?labelSelector=many%3Dyes`)).body;
    const { code, body } = await front.say('DELETE', `${MAPS}?labelSelector=many%3Dyes`);
    assert.equal(code, 200);
    assert.deepEqual([body['kind'], body['items']], ['ConfigMapList', before['items']]);
    const left = (await front.say('GET', `${MAPS}?labelSelector=many%3Dyes`)).body['items'] as readonly JsonObject[];
    assert.deepEqual(
      left.map((item) => [meta(item)['name'], typeof meta(item)['deletionTimestamp']]),
      [[held['name'], 'string']],
    );
  });

  it('of many is for one namespace', async () => {
    const { code, body } = await front.say('DELETE', '/api/v1/configmaps');
    assert.deepEqual([code, body['reason'], body['message']], [405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource']);
  });

  it('that has begun keeps the name: who creates again is told', async () => {
    await make(MAPS, map('ending', { finalizers: ['example.com/held'] }));
    await front.say('DELETE', `${MAPS}/ending`);
    const { code, body } = await front.say('POST', MAPS, { body: map('ending') });
    assert.deepEqual([code, body['reason'], body['message']], [409, 'AlreadyExists', 'object is being deleted: configmaps "ending" already exists']);
  });
});
