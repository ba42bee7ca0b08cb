/** Service accounts and their tokens: test/e2e/auth/service_accounts.go. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Json, JsonObject } from '../../src/machinery/object.ts';
import { type Cluster, makeNamespace, meta, namesOf, openCluster, POD_SPEC, specOf, statusOf } from './cluster.ts';

const CORE = '/api/v1/namespaces/accounts';
const MERGE = { contentType: 'application/merge-patch+json' };
const claims = (token: string): Record<string, Json> => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, Json>;

describe('service accounts', { timeout: 60_000 }, () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await openCluster();
    await makeNamespace(cluster, 'accounts');
  });
  after(() => cluster[Symbol.asyncDispose]());

  const account = (name: string, more: object = {}): JsonObject => ({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name }, ...more });
  const pod = (name: string, spec: object = {}): JsonObject => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { ...POD_SPEC, ...spec } });
  const request = async (name: string, spec: Json = {}): Promise<JsonObject> =>
    (await cluster.ask('POST', `${CORE}/serviceaccounts/${name}/token`, { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec })).body;
  const tokenOf = async (name: string, spec: Json = {}): Promise<string> => String(statusOf(await request(name, spec))['token']);
  const reviewed = async (token: string, spec: object = {}): Promise<Record<string, Json>> => {
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token, ...spec } };
    return statusOf((await cluster.ask('POST', '/apis/authentication.k8s.io/v1/tokenreviews', body)).body);
  };

  const MATRIX: readonly (readonly [account: boolean | undefined, pod: boolean | undefined, mounted: boolean])[] = [
    [undefined, undefined, true],
    [undefined, true, true],
    [undefined, false, false],
    [true, undefined, true],
    [true, true, true],
    [true, false, false],
    [false, undefined, false],
    [false, true, true],
    [false, false, false],
  ];
  for (const [at, [ofAccount, ofPod, mounted]] of MATRIX.entries()) {
    it(`a pod ${mounted ? 'gets' : 'gets no'} token: account ${ofAccount ?? 'silent'}, pod ${ofPod ?? 'silent'}`, async () => {
      const name = `mount-${at}`;
      await cluster.ask('POST', `${CORE}/serviceaccounts`, account(name, ofAccount === undefined ? {} : { automountServiceAccountToken: ofAccount }));
      const wish = ofPod === undefined ? {} : { automountServiceAccountToken: ofPod };
      const { body } = await cluster.ask('POST', `${CORE}/pods`, pod(name, { serviceAccountName: name, ...wish }));
      const [container] = specOf(body)['containers'] as readonly JsonObject[];
      const mounts = (container?.['volumeMounts'] ?? []) as readonly JsonObject[];
      const found = mounts.some(({ mountPath, readOnly }) => mountPath === '/var/run/secrets/kubernetes.io/serviceaccount' && readOnly === true);
      assert.equal(found, mounted);
    });
  }

  it('the volume of a pod projects a token, the authority and the namespace', async () => {
    const { body } = await cluster.ask('POST', `${CORE}/pods`, pod('projected'));
    const [volume] = specOf(body)['volumes'] as readonly JsonObject[];
    assert.match(String(volume?.['name']), /^kube-api-access-[a-z0-9]{5}$/);
    const { sources, defaultMode } = volume?.['projected'] as { readonly sources: readonly JsonObject[]; readonly defaultMode: number };
    assert.equal(defaultMode, 0o644);
    assert.deepEqual(sources, [
      { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
      { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      { downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }] } },
    ]);
  });

  it('run through their life: made, watched, changed, listed, deleted', async () => {
    const watch = await cluster.watch(`${CORE}/serviceaccounts?labelSelector=life%3Dyes`);
    await cluster.ask('POST', `${CORE}/serviceaccounts`, { ...account('life'), metadata: { name: 'life', labels: { life: 'yes' } } });
    await cluster.ask(
      'PATCH',
      `${CORE}/serviceaccounts/life`,
      { automountServiceAccountToken: false },
      { contentType: 'application/strategic-merge-patch+json' },
    );
    await cluster.ask('PUT', `${CORE}/serviceaccounts/life`, { ...(await cluster.get(`${CORE}/serviceaccounts/life`)), automountServiceAccountToken: true });
    assert.deepEqual(namesOf(await cluster.items('/api/v1/serviceaccounts?labelSelector=life%3Dyes')), ['life']);
    await cluster.ask('DELETE', `${CORE}/serviceaccounts?labelSelector=life%3Dyes`);
    await cluster.settle(1);
    assert.deepEqual(
      watch.events.map(({ type }) => type),
      ['ADDED', 'MODIFIED', 'MODIFIED', 'DELETED'],
    );
    watch.close();
  });

  it('the certificate authority comes back when it is deleted, and is put right when it is changed', async () => {
    const path = `${CORE}/configmaps/kube-root-ca.crt`;
    const before = (await cluster.get(path))['data'];
    await cluster.ask('DELETE', path);
    await cluster.settle(2);
    assert.deepEqual((await cluster.get(path))['data'], before);
    await cluster.ask('PATCH', path, { data: { 'ca.crt': 'wrong' } }, MERGE);
    await cluster.settle(2);
    assert.deepEqual((await cluster.get(path))['data'], before);
  });

  it('the account `default` comes back when it is deleted', async () => {
    await cluster.ask('DELETE', `${CORE}/serviceaccounts/default`);
    await cluster.settle(2);
    assert.ok(namesOf(await cluster.items(`${CORE}/serviceaccounts`)).includes('default'));
  });

  it('a token that was asked for says whom it is for, and is good for its audience', async () => {
    await cluster.ask('POST', `${CORE}/serviceaccounts`, account('asker'));
    const answer = await request('asker', { audiences: ['vault'], expirationSeconds: 600 });
    assert.deepEqual([answer['kind'], answer['apiVersion'], meta(answer)['name']], ['TokenRequest', 'authentication.k8s.io/v1', 'asker']);
    const said = claims(String(statusOf(answer)['token']));
    assert.deepEqual([said['aud'], said['sub'], Number(said['exp']) - Number(said['iat'])], [['vault'], 'system:serviceaccount:accounts:asker', 600]);
    const token = String(statusOf(answer)['token']);
    const good = await reviewed(token, { audiences: ['vault', 'other'] });
    assert.deepEqual([good['authenticated'], good['audiences']], [true, ['vault']]);
    const user = good['user'] as Record<string, Json>;
    assert.deepEqual(
      [user['username'], user['groups']],
      ['system:serviceaccount:accounts:asker', ['system:serviceaccounts', 'system:serviceaccounts:accounts', 'system:authenticated']],
    );
    assert.notEqual((await reviewed(token))['authenticated'], true, 'not for the API server');
  });

  it('a token that is bound to a pod says which, and ends with it', async () => {
    const made = (await cluster.ask('POST', `${CORE}/pods`, pod('bound'))).body;
    const token = await tokenOf('default', { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'bound', uid: meta(made)['uid'] as string } });
    const user = (await reviewed(token))['user'] as { readonly extra: Record<string, readonly string[]> };
    assert.deepEqual(user.extra['authentication.kubernetes.io/pod-name'], ['bound']);
    assert.deepEqual(user.extra['authentication.kubernetes.io/pod-uid'], [meta(made)['uid']]);
    assert.match(String(user.extra['authentication.kubernetes.io/credential-id']), /^JTI=[0-9a-f-]{36}$/);
    await cluster.ask('DELETE', `${CORE}/pods/bound`, { kind: 'DeleteOptions', apiVersion: 'v1', gracePeriodSeconds: 0 });
    await cluster.settle(1);
    assert.notEqual((await reviewed(token))['authenticated'], true);
  });

  it('a token ends with its account, and when its time is over', async () => {
    await cluster.ask('POST', `${CORE}/serviceaccounts`, account('short'));
    const token = await tokenOf('short', { expirationSeconds: 600 });
    const other = await tokenOf('short', { expirationSeconds: 7200 });
    assert.equal((await reviewed(token))['authenticated'], true);
    await cluster.settle(700);
    assert.deepEqual([(await reviewed(token))['authenticated'] ?? false, (await reviewed(other))['authenticated']], [false, true]);
    await cluster.ask('DELETE', `${CORE}/serviceaccounts/short`);
    assert.notEqual((await reviewed(other))['authenticated'], true);
  });

  it('a token for too short a time, or for another pod, is refused', async () => {
    const refused = async (spec: Json): Promise<string> =>
      (await cluster.refusal('POST', `${CORE}/serviceaccounts/default/token`, { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec })).message;
    assert.match(await refused({ expirationSeconds: 60 }), /spec\.expirationSeconds: Invalid value: 60: may not specify a duration less than 10 minutes$/);
    assert.equal(await refused({ boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'nosuch' } }), 'pods "nosuch" not found');
  });

  it('whoever wants to trust tokens finds issuer and keys, and may read them as a service account', async () => {
    const user = { name: 'system:serviceaccount:accounts:default', groups: ['system:serviceaccounts', 'system:authenticated'] };
    const { body } = await cluster.ask('GET', '/.well-known/openid-configuration', undefined, { user });
    assert.deepEqual(
      [body['issuer'], body['response_types_supported'], body['subject_types_supported']],
      [claims(await tokenOf('default'))['iss'], ['id_token'], ['public']],
    );
    assert.match(String(body['jwks_uri']), /^https:\/\/.*\/openid\/v1\/jwks$/);
    assert.ok(Array.isArray((await cluster.ask('GET', '/openid/v1/jwks', undefined, { user })).body['keys']));
  });

  it('a Secret with a token goes with its account, and one for an account that is not there does not stay', async () => {
    const secret = (name: string, of: string): JsonObject => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name, annotations: { 'kubernetes.io/service-account.name': of } },
      type: 'kubernetes.io/service-account-token',
    });
    await cluster.ask('POST', `${CORE}/serviceaccounts`, account('robot'));
    await cluster.ask('POST', `${CORE}/secrets`, secret('robot-token', 'robot'));
    await cluster.ask('POST', `${CORE}/secrets`, secret('nobody-token', 'nobody'));
    await cluster.settle();
    const names = async () => namesOf(await cluster.items(`${CORE}/secrets`));
    assert.deepEqual(await names(), ['robot-token']);
    const robot = async () => (await cluster.ask('GET', `${CORE}/secrets/robot-token`)).body;
    const token = Buffer.from(String(((await robot())['data'] as JsonObject)['token']), 'base64').toString();
    assert.equal((await reviewed(token))['authenticated'], true);
    await cluster.settle();
    const day = new Date(cluster.clock.now()).toISOString().slice(0, 10);
    assert.deepEqual(meta(await robot())['labels'], { 'kubernetes.io/legacy-token-last-used': day }, 'the day of its last use stands on it');
    await cluster.ask('DELETE', `${CORE}/serviceaccounts/robot`);
    await cluster.settle();
    assert.deepEqual(await names(), []);
  });
});
