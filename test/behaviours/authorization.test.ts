/** Who is who, and who may do what, as clients ask it: test/e2e/auth/subjectreviews.go, selfsubjectreviews.go, and impersonation. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Json, JsonObject } from '../../src/machinery/object.ts';
import { type Front, openFront } from './front.ts';
import { statusOf } from './cluster.ts';

const REVIEWS = '/apis/authorization.k8s.io/v1';
const review = (kind: string, spec: Json, metadata: Json = {}): JsonObject => ({ apiVersion: 'authorization.k8s.io/v1', kind, metadata, spec });
const READ = { verb: 'get', resource: 'configmaps', version: 'v1', namespace: 'default' };

describe('reviews', () => {
  let front: Front;
  before(async () => {
    front = await openFront();
    const role = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: 'reader' },
      rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get'] }],
    };
    const binding = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'reader' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' },
      subjects: [
        { kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'ann' },
        { kind: 'ServiceAccount', name: 'e2e', namespace: 'default' },
      ],
    };
    const at = '/apis/rbac.authorization.k8s.io/v1/namespaces/default';
    await front.say('POST', `${at}/roles`, { body: role });
    await front.say('POST', `${at}/rolebindings`, { body: binding });
  });
  after(() => front[Symbol.asyncDispose]());

  const ask = async (path: string, body: JsonObject, as?: string): Promise<Record<string, Json>> => {
    const { code, body: answer, text } = await front.say('POST', path, { body, ...(as === undefined ? {} : { as }) });
    assert.equal(code, 201, text);
    return statusOf(answer);
  };

  it('SubjectAccessReview and LocalSubjectAccessReview agree with what the user may do', async () => {
    const user = 'system:serviceaccount:default:e2e';
    for (const [verb, allowed] of [
      ['get', true],
      ['delete', false],
    ] as const) {
      const spec = { user, resourceAttributes: { ...READ, verb } };
      const whole = await ask(`${REVIEWS}/subjectaccessreviews`, review('SubjectAccessReview', spec));
      const local = await ask(`${REVIEWS}/namespaces/default/localsubjectaccessreviews`, review('LocalSubjectAccessReview', spec, { namespace: 'default' }));
      assert.deepEqual([whole['allowed'], local['allowed']], [allowed, allowed]);
      const method = verb === 'get' ? 'GET' : 'DELETE';
      const { code } = await front.say(method, '/api/v1/namespaces/default/configmaps/nosuch', { as: user });
      assert.equal(code, allowed ? 404 : 403);
    }
  });

  it('SelfSubjectAccessReview is about who asks, also when they act as somebody else', async () => {
    const spec = { resourceAttributes: READ };
    const of = (as?: string) => ask(`${REVIEWS}/selfsubjectaccessreviews`, review('SelfSubjectAccessReview', spec), as);
    assert.deepEqual([(await of())['allowed'], (await of('ann'))['allowed'], (await of('bob'))['allowed']], [true, true, false]);
    assert.match(String((await of('ann'))['reason']), /^RBAC: allowed by RoleBinding "reader\/default" of Role "reader" to User "ann"$/);
  });

  it('a review of nothing, of two things, or of another namespace than its own is refused', async () => {
    const refused = async (path: string, body: JsonObject): Promise<readonly Json[]> => {
      const { code, body: status } = await front.say('POST', path, { body });
      return [code, status['message'] as string];
    };
    assert.deepEqual(await refused(`${REVIEWS}/selfsubjectaccessreviews`, review('SelfSubjectAccessReview', {})), [
      422,
      'SelfSubjectAccessReview.authorization.k8s.io "" is invalid: spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified',
    ]);
    const [code] = await refused(
      `${REVIEWS}/namespaces/default/localsubjectaccessreviews`,
      review('LocalSubjectAccessReview', { user: 'ann', resourceAttributes: { ...READ, namespace: 'other' } }),
    );
    assert.ok(code === 400 || code === 422, String(code));
  });

  it('SelfSubjectRulesReview lists what one may do', async () => {
    const status = await ask(`${REVIEWS}/selfsubjectrulesreviews`, review('SelfSubjectRulesReview', { namespace: 'default' }), 'ann');
    const rules = status['resourceRules'] as readonly JsonObject[];
    assert.ok(rules.some(({ resources, verbs }) => String(resources) === 'configmaps' && String(verbs) === 'get'));
    assert.equal(status['incomplete'], false);
  });

  it('SelfSubjectReview says who one is, with groups and extra', async () => {
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
    const headers = { 'impersonate-user': 'jane-doe', 'impersonate-uid': 'uniq-id', 'impersonate-group': 'developers', 'impersonate-extra-team': 'red' };
    const { body: answer, code } = await front.say('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', { body, headers });
    assert.deepEqual(
      [code, statusOf(answer)['userInfo']],
      [201, { username: 'jane-doe', uid: 'uniq-id', groups: ['developers', 'system:authenticated'], extra: { team: ['red'] } }],
    );
  });

  it('who may not act as somebody else is told whom they may not be', async () => {
    const { code, body } = await front.say('GET', '/version', { anonymous: true, headers: { 'impersonate-user': 'ann' } });
    assert.deepEqual(
      [code, body['message']],
      [403, 'users "ann" is forbidden: User "system:anonymous" cannot impersonate resource "users" in API group "" at the cluster scope'],
    );
  });
});
