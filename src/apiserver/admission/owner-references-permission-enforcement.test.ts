import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pods, replicaSets } from '../../api/gen/resources.ts';
import { builtinKinds } from '../../api/registry.ts';
import type { Authorizer } from '../authz/authorizer.ts';
import { ownerReferencesPermissionEnforcement } from './owner-references-permission-enforcement.ts';
import { requestOf, type RequestParts, run } from './testing.ts';

const owner = (uid: string, more: object = {}): object => ({ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid, ...more });
const pod = (...ownerReferences: readonly object[]): object => ({ metadata: { name: 'web-1', namespace: 'shop', ownerReferences } });

/** Who may do just this; the answer is what was asked, or the refusal. */
async function ask(may: readonly string[], parts: Omit<RequestParts, 'resource'>): Promise<string | readonly string[]> {
  const asked: string[] = [];
  const authorize: Authorizer = ({ verb, group, resource, subresource, namespace, name }) => {
    const line = `${verb} ${group}/${resource}${subresource === '' ? '' : `/${subresource}`} ${namespace}/${name}`;
    asked.push(line);
    return { allowed: may.includes(line), reason: '' };
  };
  const answer = await run(ownerReferencesPermissionEnforcement(authorize, builtinKinds), requestOf({ resource: pods, name: 'web-1', ...parts }));
  return typeof answer === 'string' ? answer : asked;
}

const DELETE = 'delete /pods shop/web-1';
const FINALIZE = 'update apps/replicasets/finalizers shop/web';

test('who sets owners may delete the object', async () => {
  assert.deepEqual(await ask([DELETE], { object: pod(owner('1')) }), [DELETE]);
  assert.equal(await ask([], { object: pod(owner('1')) }), `pods "web-1" is forbidden: cannot set an ownerRef on a resource you can't delete: , <nil>`);
});

test('an object without owners, or whose owners stay, is nobody’s question', async () => {
  assert.deepEqual(await ask([], { object: pod() }), []);
  assert.deepEqual(
    await ask([], { operation: 'UPDATE', object: pod(owner('2'), owner('1', { controller: true })), old: pod(owner('1', { controller: true }), owner('2')) }),
    [],
  );
  assert.deepEqual(await ask([], { operation: 'UPDATE', subresource: 'status', object: pod(owner('1')), old: pod() }), [], 'the status of a pod');
});

test('who lets an object block its owner’s deletion may set that owner’s finalizers', async () => {
  const blocks = owner('1', { blockOwnerDeletion: true });
  assert.deepEqual(await ask([DELETE, FINALIZE], { object: pod(blocks) }), [DELETE, FINALIZE]);
  assert.equal(
    await ask([DELETE], { operation: 'UPDATE', object: pod(blocks), old: pod(owner('1')) }),
    `pods "web-1" is forbidden: cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on: , <nil>`,
  );
  assert.deepEqual(await ask([DELETE], { operation: 'UPDATE', object: pod(blocks, owner('2')), old: pod(blocks) }), [DELETE], 'it blocked before');
});

test('an owner of a kind that is not served blocks nothing', async () => {
  assert.equal(
    await ask([DELETE], { object: pod({ apiVersion: 'shop.example/v1', kind: 'Cart', name: 'c', uid: '1', blockOwnerDeletion: true }) }),
    `pods "web-1" is forbidden: cannot set blockOwnerDeletion in this case because cannot find RESTMapping for APIVersion shop.example/v1 Kind Cart: no matches for kind "Cart" in version "shop.example/v1"`,
  );
});

test('it looks at every kind', async () => {
  const refused = await run(
    ownerReferencesPermissionEnforcement(() => ({ allowed: false, reason: 'no' }), builtinKinds),
    requestOf({ resource: replicaSets, name: 'web', object: { metadata: { name: 'web', namespace: 'shop', ownerReferences: [owner('1')] } } }),
  );
  assert.equal(refused, `replicasets.apps "web" is forbidden: cannot set an ownerRef on a resource you can't delete: no, <nil>`);
});
