import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { configMaps, namespaces, pods } from '../../api/gen/resources.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import { type RequestParts, requestOf, run, stored } from './testing.ts';

describe('NamespaceLifecycle', () => {
  const active = stored(namespaces, 'default', { status: { phase: 'Active' } });
  const ending = stored(namespaces, 'going', { status: { phase: 'Terminating' } });
  const rows: readonly (readonly [string, RequestParts, string | undefined])[] = [
    ['a create in a namespace that is there', { resource: configMaps, object: { metadata: { name: 'x' } }, objects: [active] }, undefined],
    ['a create in one that is not', { resource: configMaps, object: {}, namespace: 'gone', objects: [active] }, 'namespaces "gone" not found'],
    [
      'a create in one that is being deleted',
      { resource: pods, object: { metadata: { name: 'x' } }, namespace: 'going', objects: [ending] },
      'pods "x" is forbidden: unable to create new content in namespace going because it is being terminated',
    ],
    ['an update there', { operation: 'UPDATE', resource: pods, object: {}, old: {}, namespace: 'going', objects: [ending] }, undefined],
    ['a delete there', { operation: 'DELETE', resource: pods, old: {}, namespace: 'nowhere' }, undefined],
    [
      'deleting default',
      { operation: 'DELETE', resource: namespaces, name: 'default', namespace: 'default', old: {} },
      'namespaces "default" is forbidden: this namespace may not be deleted',
    ],
    ['deleting another', { operation: 'DELETE', resource: namespaces, name: 'mine', namespace: 'mine', old: {} }, undefined],
    ['creating a namespace', { resource: namespaces, name: 'mine', namespace: 'mine', object: {} }, undefined],
  ];
  for (const [what, parts, expected] of rows) {
    test(what, async () => {
      const result = await run(namespaceLifecycle, requestOf(parts));
      assert.equal(typeof result === 'string' ? result : undefined, expected);
    });
  }
});
