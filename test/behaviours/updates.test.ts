/** What a PUT asks for beside its fields: an object that may not be there yet, and a version that may not be named (registry `Store.Update`). */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { builtinKinds } from '../../src/api/registry.ts';
import type { Kind } from '../../src/api/kind.ts';
import type { JsonObject } from '../../src/machinery/object.ts';
import { APPLY, type Front, MERGE, openFront } from './front.ts';
import { MINIMAL } from './minimal.ts';

/** Kinds that a PUT creates (`AllowCreateOnUpdate`). */
const CREATED = [
  ...['/endpoints', '/events', '/limitranges', '/services', 'coordination.k8s.io/leases', 'events.k8s.io/events', 'node.k8s.io/runtimeclasses'],
  ...['clusterrolebindings', 'clusterroles', 'rolebindings', 'roles'].map((resource) => `rbac.authorization.k8s.io/${resource}`),
];
/** Kinds whose updates name the version that they mean (`AllowUnconditionalUpdate`). */
const VERSIONED = [
  ...['mutatingadmissionpolicies', 'mutatingadmissionpolicybindings', 'mutatingwebhookconfigurations'].map(
    (resource) => `admissionregistration.k8s.io/${resource}`,
  ),
  ...['validatingadmissionpolicies', 'validatingadmissionpolicybindings', 'validatingwebhookconfigurations'].map(
    (resource) => `admissionregistration.k8s.io/${resource}`,
  ),
  ...['apiextensions.k8s.io/customresourcedefinitions', 'apiregistration.k8s.io/apiservices', 'coordination.k8s.io/leases', 'node.k8s.io/runtimeclasses'],
  ...[
    'policy/poddisruptionbudgets',
    ...['csidrivers', 'csinodes', 'csistoragecapacities', 'volumeattachments'].map((resource) => `storage.k8s.io/${resource}`),
  ],
];
const KINDS = builtinKinds().filter(({ servedByDefault, verbs }) => servedByDefault && verbs.includes('update') && verbs.includes('create'));
const nameOf = ({ group, resource }: Kind): string => `${group}/${resource}`;
const versionOf = ({ group, version }: Kind): string => (group === '' ? version : `${group}/${version}`);
const collection = (kind: Kind): string =>
  `${kind.group === '' ? '/api' : '/apis'}/${versionOf(kind)}/${kind.namespaced ? 'namespaces/default/' : ''}${kind.resource}`;

function minimal(kind: Kind, i: number): { readonly name: string; readonly object: JsonObject } {
  const { body = {}, name: named = (n: number) => `put-${n}` } = MINIMAL[nameOf(kind)] ?? {};
  const name = named(i);
  const text = JSON.stringify({ apiVersion: versionOf(kind), kind: kind.kind, metadata: { name }, ...body });
  return { name, object: JSON.parse(text.replaceAll('"namespace":"crud"', '"namespace":"default"')) as JsonObject };
}

describe('an update', { timeout: 60_000 }, () => {
  let front: Front;
  before(async () => {
    front = await openFront();
    // Pods are not made without it.
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } };
    await front.say('POST', '/api/v1/namespaces/default/serviceaccounts', { body: account });
  });
  after(() => front[Symbol.asyncDispose]());

  it('of an object that is not there creates it, if it is of one of a few kinds', async () => {
    const created: string[] = [];
    for (const [i, kind] of KINDS.entries()) {
      const { name, object } = minimal(kind, i);
      const { code, body } = await front.say('PUT', `${collection(kind)}/${name}`, { body: object });
      if (code === 201) created.push(nameOf(kind));
      else assert.deepEqual([code, body['message']], [404, `${kind.resource}${kind.group === '' ? '' : `.${kind.group}`} "${name}" not found`]);
    }
    assert.deepEqual(created.toSorted(), CREATED.toSorted());
  });

  it('that creates a service gives it an address', async () => {
    const path = '/api/v1/namespaces/default/services/by-put';
    const { body } = await front.say('PUT', path, {
      body: { apiVersion: 'v1', kind: 'Service', metadata: { name: 'by-put' }, spec: { ports: [{ port: 80 }] } },
    });
    assert.match(String((body['spec'] as JsonObject)['clusterIP']), /^10\./);
  });

  it('of an object that is there may leave out the version, but not of every kind', async () => {
    const versioned: string[] = [];
    for (const [i, kind] of KINDS.entries()) {
      const { name, object } = minimal(kind, 100 + i);
      const made = await front.say('POST', collection(kind), { body: object });
      assert.equal(made.code, 201, `${nameOf(kind)}: ${made.text}`);
      const { resourceVersion, ...metadata } = made.body['metadata'] as JsonObject;
      assert.equal(typeof resourceVersion, 'string');
      const { code, body } = await front.say('PUT', `${collection(kind)}/${name}`, { body: { ...made.body, metadata } });
      if (code === 422) {
        assert.match(String(body['message']), /metadata\.resourceVersion: Invalid value: 0: must be specified for an update$/);
        versioned.push(nameOf(kind));
      } else assert.equal(code, 200, `${nameOf(kind)}: ${String(body['message'])}`);
    }
    assert.deepEqual([...new Set(versioned)].toSorted(), VERSIONED.toSorted());
  });

  it('is read before it is looked for what it means', async () => {
    const path = '/api/v1/namespaces/default/configmaps/none';
    const other = await front.say('PUT', path, { body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'other' } } });
    assert.deepEqual([other.code, other.body['message']], [400, 'the name of the object (other) does not match the name on the URL (none)']);
    const wrong = await front.say('PUT', path, { body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'none' }, data: { k: 1 } } });
    assert.equal(wrong.code, 400);
  });

  it('says nothing about what only the server says, or the same', async () => {
    const path = '/api/v1/namespaces/default/configmaps/own';
    const map = (metadata: JsonObject): JsonObject => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'own', ...metadata } });
    await front.say('POST', '/api/v1/namespaces/default/configmaps', { body: map({}) });
    const INVALID = 'ConfigMap "own" is invalid: metadata.';
    const rows: readonly (readonly [method: string, metadata: JsonObject, code: number, message: RegExp | string])[] = [
      ['PUT', { deletionTimestamp: '2020-01-01T00:00:00Z' }, 422, `${INVALID}deletionTimestamp: Invalid value: "2020-01-01T00:00:00Z": field is immutable`],
      ['PATCH', { deletionTimestamp: '2020-01-01T00:00:00Z' }, 422, `${INVALID}deletionTimestamp: Invalid value: "2020-01-01T00:00:00Z": field is immutable`],
      ['PUT', { deletionGracePeriodSeconds: 3 }, 422, `${INVALID}deletionGracePeriodSeconds: Invalid value: 3: field is immutable`],
      ['PUT', { uid: 'other' }, 409, /Precondition failed: UID in precondition: other, UID in object meta: /],
      ['PATCH', { uid: 'other' }, 422, `${INVALID}uid: Invalid value: "other": field is immutable`],
    ];
    for (const [method, metadata, code, message] of rows) {
      const { code: got, body } = await front.say(method, path, { body: map(metadata), ...(method === 'PATCH' ? { type: MERGE } : {}) });
      const matches = typeof message === 'string' ? body['message'] === message : message.test(String(body['message']));
      assert.ok(got === code && matches, `${method} ${JSON.stringify(metadata)}: ${got} ${String(body['message'])}`);
    }
    const { body } = await front.say('PUT', path, { body: map({ creationTimestamp: '2001-01-01T00:00:00Z', generation: 7, selfLink: '/x' }) });
    const { creationTimestamp, generation, selfLink } = body['metadata'] as JsonObject;
    assert.deepEqual([String(creationTimestamp).startsWith('2001'), generation, selfLink], [false, undefined, undefined]);
  });

  it('that applies what is not there names no uid', async () => {
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'gone', uid: 'u' } };
    const answer = await front.say('PATCH', '/api/v1/namespaces/default/configmaps/gone?fieldManager=m', { body, type: APPLY });
    assert.deepEqual(
      [answer.code, answer.body['message']],
      [409, 'Operation cannot be fulfilled on configmaps "gone": uid mismatch: the provided object specified uid u, and no existing object was found'],
    );
  });
});
