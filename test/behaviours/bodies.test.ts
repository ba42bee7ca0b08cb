/** What a client is told of a body that can't be taken: in the words of Kubernetes' decoders, which people look up. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Json } from '../../src/machinery/object.ts';
import { type Front, openFront, type Say } from './front.ts';

const MAPS = '/api/v1/namespaces/default/configmaps';
const PODS = '/api/v1/namespaces/default/pods';
const map = (name: string, more: Json = {}): Json => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...(more as object) }, data: { a: 'b' } });
const SCHEME = 'in scheme "pkg/api/legacyscheme/scheme.go:30"';

interface Row {
  readonly says: string;
  readonly method?: string;
  readonly path?: string;
  readonly what: Say;
  readonly code: number;
  readonly reason?: string;
  readonly message: string | RegExp;
}

const ROWS: readonly Row[] = [
  {
    says: 'nothing',
    what: { body: '' },
    code: 400,
    message:
      "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: unexpected end of JSON input (<empty>)",
  },
  {
    says: 'no JSON: its beginning in hexadecimal',
    what: { body: 'hello' },
    code: 400,
    message:
      "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: invalid character 'h' looking for beginning of value (68656c6c6f)",
  },
  {
    says: 'JSON that is cut off: its beginning as it is',
    what: { body: '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"' },
    code: 400,
    message: /json parse error: unexpected end of JSON input \(\{"apiVersion":"v1","kind":"Con \.\.\.\)$/,
  },
  {
    says: 'a list',
    what: { body: '[]' },
    code: 400,
    message:
      'the object provided is unrecognized (must be of type ConfigMap): couldn\'t get version/kind; json parse error: json: cannot unmarshal array into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" } (5b5d)',
  },
  {
    says: 'null: to Go an object without fields',
    what: { body: 'null' },
    code: 422,
    reason: 'Invalid',
    message: 'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
  },
  {
    says: 'a kind that is no text',
    what: { body: { kind: 5 } },
    code: 400,
    message: /json parse error: json: cannot unmarshal number into Go struct field \.kind of type string \(\{"kind":5\}\)$/,
  },
  {
    says: 'YAML with a fault',
    what: { body: 'a: b: c', type: 'application/yaml' },
    code: 400,
    message: /^the object provided is unrecognized \(must be of type ConfigMap\): yaml: line 1: .* \(613a20623a2063\)$/,
  },
  {
    says: 'a kind in lower case, as many people write it',
    path: PODS,
    what: { body: { apiVersion: 'v1', kind: 'pod', metadata: { name: 'p' } } },
    code: 400,
    message: `pod in version "v1" cannot be handled as a Pod: no kind "pod" is registered for version "v1" ${SCHEME}`,
  },
  {
    says: 'a version that does not exist',
    what: { body: { apiVersion: 'v2', kind: 'ConfigMap', metadata: { name: 'x' } } },
    code: 400,
    message: `ConfigMap in version "v2" cannot be handled as a ConfigMap: no kind "ConfigMap" is registered for version "v2" ${SCHEME}`,
  },
  {
    says: 'another kind',
    what: { body: { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x' } } },
    code: 400,
    message: 'Secret in version "v1" cannot be handled as a ConfigMap: converting (v1.Secret) to (core.ConfigMap): unknown conversion',
  },
  {
    says: 'another kind of another group',
    path: '/apis/apps/v1/namespaces/default/deployments',
    what: { body: { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'x' } } },
    code: 400,
    message: 'Job in version "v1" cannot be handled as a Deployment: converting (v1.Job) to (apps.Deployment): unknown conversion',
  },
  {
    says: 'the same kind in another version',
    path: '/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers',
    what: { body: { apiVersion: 'autoscaling/v1', kind: 'HorizontalPodAutoscaler', metadata: { name: 'x' } } },
    code: 400,
    message: 'the API version in the data (autoscaling/v1) does not match the expected API version (autoscaling/v2)',
  },
  {
    says: 'a field of another type',
    what: { body: { ...(map('x') as object), data: 5 } as Json },
    code: 400,
    message:
      'ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ConfigMap.data of type map[string]string',
  },
  {
    says: 'a content type that nobody reads',
    what: { body: map('x'), type: 'text/plain' },
    code: 415,
    reason: 'UnsupportedMediaType',
    message:
      'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf',
  },
  {
    says: 'more than three megabytes',
    what: { body: JSON.stringify({ ...(map('x') as object), data: { a: 'x'.repeat(3 * 1024 * 1024) } }) },
    code: 413,
    reason: 'RequestEntityTooLarge',
    message: 'Request entity too large: limit is 3145728',
  },
  {
    says: 'a version on what is to be created: no reason, since it is the store that refuses',
    what: { body: map('x', { resourceVersion: '5' }) },
    code: 500,
    reason: '',
    message: 'resourceVersion should not be set on objects to be created',
  },
  {
    says: 'a namespace that is not that of the path',
    what: { body: map('x', { namespace: 'other' }) },
    code: 400,
    message: 'the namespace of the provided object does not match the namespace sent on the request',
  },
  {
    says: 'no name on an update',
    method: 'PUT',
    path: `${MAPS}/a`,
    what: { body: map('') },
    code: 400,
    message: 'the name of the object (a based on URL) was undeterminable: name must be provided',
  },
  {
    says: 'another name on an update',
    method: 'PUT',
    path: `${MAPS}/a`,
    what: { body: map('b') },
    code: 400,
    message: 'the name of the object (b) does not match the name on the URL (a)',
  },
  {
    says: 'another uid on an update',
    method: 'PUT',
    path: `${MAPS}/a`,
    what: { body: map('a', { uid: 'x' }) },
    code: 409,
    reason: 'Conflict',
    message:
      /^Operation cannot be fulfilled on configmaps "a": StorageError: invalid object, Code: 4, Key: \/registry\/configmaps\/default\/a, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: x, UID in object meta: [0-9a-f-]{36}$/,
  },
  {
    says: 'an update of what is not there',
    method: 'PUT',
    path: `${MAPS}/nosuch`,
    what: { body: map('nosuch') },
    code: 404,
    reason: 'NotFound',
    message: 'configmaps "nosuch" not found',
  },
  {
    says: 'an update of what changed meanwhile',
    method: 'PUT',
    path: `${MAPS}/a`,
    what: { body: map('a', { resourceVersion: '1' }) },
    code: 409,
    reason: 'Conflict',
    message: 'Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to the latest version and try again',
  },
  {
    says: 'a node without a version on an update',
    method: 'PUT',
    path: '/api/v1/nodes/n',
    what: { body: { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' }, spec: { unschedulable: true } } },
    code: 200,
    message: /^$/,
  },
  {
    says: 'a lease without a version on an update',
    method: 'PUT',
    path: '/apis/coordination.k8s.io/v1/namespaces/default/leases/l',
    what: { body: { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'l' } } },
    code: 422,
    reason: 'Invalid',
    message: /^leases\.coordination\.k8s\.io "l" is invalid: metadata\.resourceVersion: Invalid value: (0|0x0): must be specified for an update$/,
  },
  {
    says: 'a name that is taken',
    what: { body: map('a') },
    code: 409,
    reason: 'AlreadyExists',
    message: 'configmaps "a" already exists',
  },
  {
    says: 'an eviction of another pod',
    path: `${PODS}/p/eviction`,
    what: { body: { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'q' } } },
    code: 400,
    message: 'name in URL does not match name in Eviction object',
  },
  {
    says: 'a binding of another pod',
    path: `${PODS}/p/binding`,
    what: { body: { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'q' }, target: { name: 'n' } } },
    code: 400,
    message: 'name in URL does not match name in Binding object',
  },
];

describe('a body that is', () => {
  let front: Front;
  before(async () => {
    front = await openFront();
    await front.say('POST', MAPS, { body: map('a') });
    await front.say('POST', '/api/v1/nodes', { body: { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' } } });
    await front.say('POST', '/apis/coordination.k8s.io/v1/namespaces/default/leases', {
      body: { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'l' } },
    });
  });
  after(() => front[Symbol.asyncDispose]());

  for (const { says, method = 'POST', path = MAPS, what, code, reason = 'BadRequest', message } of ROWS) {
    it(says, async () => {
      const answer = await front.say(method, path, what);
      assert.equal(answer.code, code, answer.text);
      if (code < 400) return;
      const status = answer.body as { readonly message: string; readonly reason?: string };
      assert.equal(status.reason ?? '', reason);
      if (typeof message === 'string') assert.equal(status.message, message);
      else assert.match(status.message, message);
    });
  }

  it('not what Kubernetes keeps: version 0, uid and selfLink of a new object are left out', async () => {
    const { code, body } = await front.say('POST', MAPS, { body: map('fresh', { resourceVersion: '0', uid: 'mine', selfLink: '/x', generation: 7 }) });
    assert.equal(code, 201);
    const { uid, selfLink, generation, resourceVersion } = body['metadata'] as Record<string, Json>;
    assert.notEqual(uid, 'mine');
    assert.deepEqual([selfLink, generation, Number(resourceVersion) > 0], [undefined, undefined, true]);
  });

  it('one owner twice: it is kept once, and the warning names it', async () => {
    const owner = { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'u-1' };
    const made = await front.say('POST', MAPS, { body: map('owned', { ownerReferences: [owner, owner] }) });
    const tail =
      'API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: u-1"';
    assert.deepEqual(made.warnings, [`299 - ".metadata.ownerReferences contains duplicate entries; ${tail}`]);
    const patch = { metadata: { ownerReferences: [owner, { ...owner, uid: 'u-2' }, owner] } };
    const patched = await front.say('PATCH', `${MAPS}/owned`, { body: patch, type: 'application/merge-patch+json' });
    assert.deepEqual(patched.warnings, [`299 - ".metadata.ownerReferences contains duplicate entries after mutating admission happens; ${tail}`]);
  });
});
