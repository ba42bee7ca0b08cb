import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ClusterRole, ClusterRoleBinding } from '../../api/gen/types/rbac.v1.ts';
import type { UserInfo } from '../../machinery/exchange.ts';
import type { JsonObject, Stored } from '../../machinery/object.ts';
import { StatusError } from '../../machinery/status-error.ts';
import type { VirtualCall } from '../stages.ts';
import { accessReviews } from './access-reviews.ts';
import { privilegedGroups, unionOf } from './authorizer.ts';
import { RbacIndex, rbacAuthorizer } from './rbac.ts';

const ann: UserInfo = { name: 'ann', groups: ['devs'] };
const node: UserInfo = { name: 'system:node:n1', groups: ['system:nodes'] };

function policy(): RbacIndex {
  const index = new RbacIndex();
  index.setRole({
    metadata: { name: 'reader', uid: '1', resourceVersion: '1' },
    rules: [
      { verbs: ['get'], apiGroups: [''], resources: ['pods'], resourceNames: ['web'] },
      { verbs: ['get'], nonResourceURLs: ['/healthz'] },
    ],
  } as Stored<ClusterRole>);
  const bind = (role: string, group: string): void =>
    index.setBinding({
      metadata: { name: `${group}-${role}`, uid: role, resourceVersion: '1' },
      roleRef: { kind: 'ClusterRole', name: role },
      subjects: [{ kind: 'Group', name: group }],
    } as Stored<ClusterRoleBinding>);
  bind('reader', 'devs');
  bind('lost', 'system:nodes');
  return index;
}

const index = policy();
const reviews = accessReviews(unionOf([privilegedGroups('system:masters'), rbacAuthorizer(index)]), index);

async function ask(kind: string, body: JsonObject, user = ann): Promise<JsonObject> {
  const review = reviews.find(({ resource }) => resource === `${kind.toLowerCase()}s`);
  const call = { user, namespace: kind.startsWith('Local') ? 'shop' : '', nowMs: 0 } as VirtualCall;
  return (await review?.create?.(call, body)) ?? assert.fail(`nobody answers ${kind}`);
}

async function causesOf(kind: string, body: JsonObject): Promise<readonly string[]> {
  const failure = await ask(kind, body).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (failure === undefined) return [];
  if (!(failure instanceof StatusError)) throw failure;
  assert.equal(failure.code, 422, failure.message);
  return (failure.details?.causes ?? []).map(({ field, message }) => `${field ?? ''}: ${message ?? ''}`);
}

describe('refused', () => {
  const IN = "must be specified when `operator` is 'In' or 'NotIn'";
  const EXISTS = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
  const FIELDS = 'spec.resourceAttributes.fieldSelector';
  const LABELS = 'spec.resourceAttributes.labelSelector';
  const rows: readonly (readonly [string, string, JsonObject, readonly string[]])[] = [
    [
      'nobody about nothing',
      'SubjectAccessReview',
      { spec: {} },
      [
        'spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified',
        'spec.user: Invalid value: "": at least one of user or group must be specified',
      ],
    ],
    [
      'both',
      'SelfSubjectAccessReview',
      { spec: { resourceAttributes: {}, nonResourceAttributes: { path: '/' } } },
      ['spec.nonResourceAttributes: Invalid value: {"path":"/"}: cannot be specified in combination with resourceAttributes'],
    ],
    [
      'a review with a name',
      'SelfSubjectAccessReview',
      { metadata: { name: 'a' }, spec: { resourceAttributes: {} } },
      ['metadata: Invalid value: {"name":"a"}: must be empty'],
    ],
    [
      'a review in a namespace',
      'SubjectAccessReview',
      { metadata: { namespace: 'a' }, spec: { user: 'u', resourceAttributes: {} } },
      ['metadata: Invalid value: {"namespace":"a"}: must be empty'],
    ],
    [
      'what older clients write of metadata',
      'SubjectAccessReview',
      { metadata: { creationTimestamp: null, labels: {}, managedFields: [{ manager: 'm' }] }, spec: { user: 'u', resourceAttributes: {} } },
      [],
    ],
    [
      'a local review of elsewhere',
      'LocalSubjectAccessReview',
      { metadata: { namespace: 'shop', labels: { a: 'b' } }, spec: { groups: ['g'], resourceAttributes: { namespace: 'other' } } },
      [
        'metadata: Invalid value: {"namespace":"shop","labels":{"a":"b"}}: must be empty except for namespace',
        'spec.resourceAttributes.namespace: Invalid value: "other": must match metadata.namespace',
      ],
    ],
    [
      'a local review of a path',
      'LocalSubjectAccessReview',
      { metadata: { namespace: 'shop' }, spec: { groups: ['g'], nonResourceAttributes: { path: '/' } } },
      ['spec.nonResourceAttributes: Invalid value: {"path":"/"}: disallowed on this kind of request'],
    ],
    [
      'selectors in two forms',
      'SelfSubjectAccessReview',
      {
        spec: {
          resourceAttributes: {
            fieldSelector: { rawSelector: 'a=b', requirements: [{ key: '', operator: 'In' }] },
            labelSelector: { rawSelector: 'a=b', requirements: [{ key: '', operator: 'NotIn', values: [] }] },
          },
        },
      },
      [
        `${FIELDS}.rawSelector: Invalid value: "a=b": may not specified at the same time as requirements`,
        `${FIELDS}.requirements[0].key: Required value: must be specified`,
        `${FIELDS}.requirements[0].values: Required value: ${IN}`,
        `${LABELS}.rawSelector: Invalid value: "a=b": may not specified at the same time as requirements`,
        `${LABELS}.requirements[0].values: Required value: ${IN}`,
        `${LABELS}.requirements[0].key: Invalid value: "": name part must be non-empty`,
        `${LABELS}.requirements[0].key: Invalid value: "": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')`,
      ],
    ],
    [
      'selectors of nothing',
      'SelfSubjectAccessReview',
      { spec: { resourceAttributes: { fieldSelector: {}, labelSelector: {} } } },
      [
        `${FIELDS}.requirements: Required value: when ${FIELDS} is specified, requirements or rawSelector is required`,
        `${LABELS}.requirements: Required value: when ${LABELS} is specified, requirements or rawSelector is required`,
      ],
    ],
    [
      'values where none are compared',
      'SelfSubjectAccessReview',
      {
        spec: {
          resourceAttributes: {
            fieldSelector: { requirements: [{ key: 'k', operator: 'Exists', values: ['v'] }] },
            labelSelector: { requirements: [{ key: 'k', operator: 'DoesNotExist', values: ['v'] }] },
          },
        },
      },
      [`${FIELDS}.requirements[0].values: Forbidden: ${EXISTS}`, `${LABELS}.requirements[0].values: Forbidden: ${EXISTS}`],
    ],
    [
      'operators of newer clients, and what no parser reads',
      'SelfSubjectAccessReview',
      {
        spec: {
          resourceAttributes: { fieldSelector: { requirements: [{ key: 'k', operator: 'New' }] }, labelSelector: { rawSelector: '***' } },
        },
      },
      [],
    ],
    [
      'an operator of a newer client over labels',
      'SelfSubjectAccessReview',
      { spec: { resourceAttributes: { labelSelector: { requirements: [{ key: 'k', operator: 'New', values: ['v'] }] } } } },
      [],
    ],
  ];
  for (const [what, kind, body, causes] of rows) test(what, async () => assert.deepEqual(await causesOf(kind, body), causes));
});

describe('answered', () => {
  const status = async (resourceAttributes: JsonObject, user = ann): Promise<unknown> =>
    (await ask('SelfSubjectAccessReview', { spec: { resourceAttributes } }, user))['status'];
  const rows: readonly (readonly [string, JsonObject, string | undefined])[] = [
    ['what no parser reads', { fieldSelector: { rawSelector: '***' }, labelSelector: { rawSelector: 'a b' } }, 'F ignored; L ignored'],
    ['what every parser reads', { fieldSelector: { rawSelector: 'a!=b' }, labelSelector: { rawSelector: 'a in (b)' } }, undefined],
    [
      'part of it',
      {
        fieldSelector: {
          requirements: [
            { key: 'a', operator: 'NotIn', values: ['b'] },
            { key: 'a', operator: 'In', values: ['b', 'c'] },
          ],
        },
        labelSelector: {
          requirements: [
            { key: 'a', operator: 'New' },
            { key: 'a', operator: 'Exists' },
          ],
        },
      },
      'F partially ignored; L partially ignored',
    ],
    [
      'nothing of it',
      {
        fieldSelector: { requirements: [{ key: 'a', operator: 'Exists' }] },
        labelSelector: { requirements: [{ key: 'a', operator: 'New' }] },
      },
      'F ignored; L ignored',
    ],
  ];
  for (const [what, narrowing, error] of rows) {
    test(`narrowed by ${what}`, async () => {
      const text = error?.replaceAll('ignored', 'ignored due to parse error').replace('F', 'spec.resourceAttributes.fieldSelector');
      const evaluationError = text?.replace('L', 'spec.resourceAttributes.labelSelector');
      assert.deepEqual(await status({ verb: 'get', resource: 'secrets', ...narrowing }), {
        allowed: false,
        ...(evaluationError === undefined ? {} : { evaluationError }),
      });
    });
  }

  test('what the authorizer did not find comes first', async () => {
    const lost = 'clusterrole.rbac.authorization.k8s.io "lost" not found';
    assert.deepEqual(await status({ verb: 'get', resource: 'secrets', fieldSelector: { rawSelector: '*' } }, node), {
      allowed: false,
      reason: `RBAC: ${lost}`,
      evaluationError: `${lost}; spec.resourceAttributes.fieldSelector ignored due to parse error`,
    });
  });
});

describe('the rules that one has', () => {
  const rules = { spec: { namespace: 'default' } };

  test('are listed, and nothing is said of the question', async () => {
    assert.deepEqual(await ask('SelfSubjectRulesReview', { ...rules, metadata: { name: 'x' } }), {
      kind: 'SelfSubjectRulesReview',
      apiVersion: 'authorization.k8s.io/v1',
      metadata: {},
      spec: {},
      status: {
        resourceRules: [{ verbs: ['get'], apiGroups: [''], resources: ['pods'], resourceNames: ['web'] }],
        nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/healthz'] }],
        incomplete: false,
      },
    });
  });

  test('a node has more than rules; a lost role is told', async () => {
    const { status } = await ask('SelfSubjectRulesReview', rules, node);
    const lost = 'clusterrole.rbac.authorization.k8s.io "lost" not found';
    assert.deepEqual(status, {
      resourceRules: [],
      nonResourceRules: [],
      incomplete: true,
      evaluationError: `[node authorizer does not support user rule resolution, ${lost}]`,
    });
    const other = (await ask('SelfSubjectRulesReview', rules, { name: 'x', groups: ['system:nodes'] }))['status'];
    assert.deepEqual(other, { resourceRules: [], nonResourceRules: [], incomplete: false, evaluationError: lost });
  });
});
