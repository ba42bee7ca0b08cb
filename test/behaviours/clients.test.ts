/** What clients of 1.36 send first, and in which form: protobuf bodies, watch-list, the calls that a suite begins with. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { builtinFacts } from '../../src/api/facts.ts';
import type { JsonObject } from '../../src/machinery/object.ts';
import { decodeProtobufObject } from '../../src/schema/protobuf-decode.ts';
import { encodeProtobufObject } from '../../src/schema/protobuf-encode.ts';
import { meta, namesOf } from './cluster.ts';
import { type Front, openFront } from './front.ts';

const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const BOTH = `${PROTOBUF},application/json`;
const MAPS = '/api/v1/namespaces/default/configmaps';
const map = (name: string): JsonObject => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { a: 'b' } });

describe('clients', () => {
  let front: Front;
  before(async () => {
    front = await openFront();
  });
  after(() => front[Symbol.asyncDispose]());

  const send = (method: string, path: string, type: string, object: JsonObject, accept = BOTH) =>
    front.say(method, path, { body: encodeProtobufObject(builtinFacts, type, object), type: PROTOBUF, headers: { accept } });
  const decoded = (bytes: Uint8Array, type: string): JsonObject => decodeProtobufObject(builtinFacts, bytes, () => type) as JsonObject;

  it('send and get protobuf: a configmap, a deployment, options of a deletion', async () => {
    const made = await send('POST', MAPS, 'core.v1.ConfigMap', map('binary'));
    assert.deepEqual([made.code, made.headers['content-type']], [201, PROTOBUF]);
    assert.equal(made.bytes.subarray(0, 4).toString('latin1'), 'k8s\0');
    assert.deepEqual(decoded(made.bytes, 'core.v1.ConfigMap')['data'], { a: 'b' });
    const deployment: JsonObject = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'd' },
      spec: {
        replicas: 0,
        selector: { matchLabels: { a: 'b' } },
        template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
      },
    };
    const deployed = await send('POST', '/apis/apps/v1/namespaces/default/deployments', 'apps.v1.Deployment', deployment);
    assert.equal(deployed.code, 201);
    assert.equal((decoded(deployed.bytes, 'apps.v1.Deployment')['spec'] as JsonObject)['replicas'], 0, 'a zero that was sent is kept');
    const options = { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy: 'Background' };
    assert.equal((await send('DELETE', `${MAPS}/binary`, 'machinery.meta.v1.DeleteOptions', options)).code, 200);
  });

  it('ask for tokens and for rights in protobuf', async () => {
    const review = await send('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', 'authorization.v1.SelfSubjectAccessReview', {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes: { verb: 'create', resource: 'pods', namespace: 'default' } },
    });
    assert.equal((decoded(review.bytes, 'authorization.v1.SelfSubjectAccessReview')['status'] as JsonObject)['allowed'], true);
    await front.say('POST', '/api/v1/namespaces/default/serviceaccounts', { body: { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'sa' } } });
    const token = await send('POST', '/api/v1/namespaces/default/serviceaccounts/sa/token', 'authentication.v1.TokenRequest', {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { audiences: [] },
    });
    assert.equal(token.code, 201, token.text);
    assert.match(String((decoded(token.bytes, 'authentication.v1.TokenRequest')['status'] as JsonObject)['token']), /^ey/);
  });

  it('list and watch in protobuf; each event has a length before it', async () => {
    await front.say('POST', MAPS, { body: map('seen') });
    const list = await front.say('GET', MAPS, { headers: { accept: BOTH } });
    assert.equal(list.headers['content-type'], PROTOBUF);
    const watch = await front.say('GET', `${MAPS}?watch=1&timeoutSeconds=1&fieldSelector=metadata.name%3Dseen`, {
      headers: { accept: `${PROTOBUF};stream=watch` },
    });
    assert.equal(watch.headers['content-type'], `${PROTOBUF};stream=watch`);
    assert.equal(watch.bytes.readUInt32BE(0), watch.bytes.length - 4);
  });

  it('begin with a list that is a watch: the state, then the mark, then what happens', async () => {
    const query = 'watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=1&resourceVersion=0';
    const { events } = await front.say('GET', `/api/v1/namespaces?${query}`);
    const mark = events.findIndex(({ type }) => type === 'BOOKMARK');
    assert.deepEqual(
      events.slice(0, mark).map(({ type }) => type),
      events.slice(0, mark).map(() => 'ADDED'),
    );
    assert.deepEqual(namesOf(events.slice(0, mark).map(({ object }) => object)), ['default', 'kube-node-lease', 'kube-public', 'kube-system']);
    assert.deepEqual(meta(events[mark]?.object)['annotations'], { 'k8s.io/initial-events-end': 'true' });
  });

  it('ask first for nodes, for what runs in kube-system, for the version and for the service of the API server', async () => {
    const lists = [
      '/api/v1/nodes',
      ...['replicationcontrollers', 'pods'].map((resource) => `/api/v1/namespaces/kube-system/${resource}`),
      ...['replicasets', 'daemonsets'].map((resource) => `/apis/apps/v1/namespaces/kube-system/${resource}`),
    ];
    for (const path of lists) {
      const { code, body } = await front.say('GET', path, { headers: { accept: 'application/json' } });
      assert.deepEqual([code, body['items']], [200, []], path);
    }
    const service = (await front.say('GET', '/api/v1/namespaces/default/services/kubernetes')).body;
    const { ports, clusterIP } = service['spec'] as { readonly ports: readonly { readonly port: number; readonly name: string }[]; readonly clusterIP: string };
    assert.deepEqual([ports[0]?.port, ports[0]?.name, clusterIP], [443, 'https', '10.96.0.1']);
    const slices = (await front.say('GET', '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices')).body['items'] as readonly JsonObject[];
    assert.ok(namesOf(slices).includes('kubernetes'));
  });

  it('say in their agent who they are: it owns the fields', async () => {
    const { body } = await front.say('POST', MAPS, { body: map('owned'), headers: { 'user-agent': 'kubectl/v1.36.0 (linux/amd64) kubernetes/abc' } });
    const [entry] = meta(body)['managedFields'] as readonly JsonObject[];
    assert.deepEqual([entry?.['manager'], entry?.['operation'], entry?.['fieldsType']], ['kubectl', 'Update', 'FieldsV1']);
  });
});
