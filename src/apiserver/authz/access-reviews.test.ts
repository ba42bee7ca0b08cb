import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../../machinery/object.ts';
import { StatusError } from '../../machinery/status-error.ts';
import type { VirtualCall } from '../stages.ts';
import { accessReviews } from './access-reviews.ts';
import { RbacIndex } from './rbac.ts';

const reviews = accessReviews(() => ({ allowed: true, reason: '' }), new RbacIndex());

/** The refusal of a review; undefined: it was answered. */
async function refusal(resource: string, body: JsonObject, namespace = ''): Promise<string | undefined> {
  const call = { user: { name: 'ann', groups: [] }, namespace, nowMs: 0 } as unknown as VirtualCall;
  try {
    await reviews.find((each) => each.resource === resource)?.create?.(call, body);
    return undefined;
  } catch (thrown) {
    assert.ok(thrown instanceof StatusError);
    assert.equal(thrown.code, 422);
    return thrown.message.replace(/^[A-Za-z]+\.authorization\.k8s\.io "" is invalid: /, '');
  }
}

const pods = { resource: 'pods', verb: 'list' };

test('a review has no metadata, a local one its namespace', async () => {
  const spec = { user: 'bob', resourceAttributes: { ...pods, namespace: 'shop' } };
  assert.equal(await refusal('subjectaccessreviews', { metadata: { managedFields: [] }, spec }), undefined);
  for (const resource of ['subjectaccessreviews', 'selfsubjectaccessreviews'])
    assert.equal(await refusal(resource, { metadata: { name: 'x' }, spec }), 'metadata: Invalid value: {"name":"x"}: must be empty');
  const local = (metadata: JsonObject, more: JsonObject = spec) => refusal('localsubjectaccessreviews', { metadata, spec: more }, 'shop');
  assert.equal(await local({ namespace: 'shop' }), undefined);
  assert.equal(await local({ namespace: 'shop', name: 'x' }), 'metadata: Invalid value: {"namespace":"shop","name":"x"}: must be empty except for namespace');
  assert.equal(
    await local({}, { user: 'bob', resourceAttributes: { ...pods, namespace: 'bank' } }),
    'spec.resourceAttributes.namespace: Invalid value: "bank": must match metadata.namespace',
  );
  assert.equal(
    await local({}, { user: 'bob', nonResourceAttributes: { path: '/x', verb: 'get' } }),
    'spec.nonResourceAttributes: Invalid value: {"path":"/x","verb":"get"}: disallowed on this kind of request',
  );
});

test('selectors say one thing in one form', async () => {
  const rows: readonly (readonly [string, JsonObject, string | undefined])[] = [
    ['fieldSelector', { rawSelector: 'a=b' }, undefined],
    ['labelSelector', { requirements: [{ key: 'a', operator: 'FromTheFuture' }] }, undefined],
    ['fieldSelector', {}, 'requirements: Required value: when spec.resourceAttributes.fieldSelector is specified, requirements or rawSelector is required'],
    [
      'fieldSelector',
      { rawSelector: 'a=b', requirements: [{ key: 'a', operator: 'Exists' }] },
      'rawSelector: Invalid value: "a=b": may not specified at the same time as requirements',
    ],
    [
      'labelSelector',
      { requirements: [{ key: 'a', operator: 'In' }] },
      "requirements[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
    ],
    [
      'labelSelector',
      { requirements: [{ key: 'a', operator: 'Exists', values: ['b'] }] },
      "requirements[0].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
    ],
    ['fieldSelector', { requirements: [{ key: '', operator: 'Exists' }] }, 'requirements[0].key: Required value: must be specified'],
  ];
  for (const [selector, value, why] of rows)
    assert.equal(
      await refusal('selfsubjectaccessreviews', { spec: { resourceAttributes: { ...pods, [selector]: value } } }),
      why === undefined ? undefined : `spec.resourceAttributes.${selector}.${why}`,
    );
});
