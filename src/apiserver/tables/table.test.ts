import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtinKinds } from '../../api/registry.ts';
import { defined } from '../../base/assert.ts';
import type { KubeObject } from '../../machinery/object.ts';
import { plainRow } from './table.ts';

test('what is not stored has rows too: kubectl get componentstatuses', () => {
  const kind = defined(
    builtinKinds().find((each) => each.kind === 'ComponentStatus'),
    'ComponentStatus',
  );
  const object = {
    kind: 'ComponentStatus',
    apiVersion: 'v1',
    metadata: { name: 'etcd-0' },
    conditions: [{ type: 'Healthy', status: 'True', message: 'ok' }],
  } as unknown as KubeObject;
  const row = (include: 'None' | 'Metadata' | 'Object') => plainRow(kind, object, { metaVersion: 'v1', include }, 0);
  assert.deepEqual(row('Metadata'), {
    cells: ['etcd-0', 'Healthy', 'ok', ''],
    object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: { name: 'etcd-0' } },
  });
  assert.deepEqual([row('None')['object'], row('Object')['object']], [null, object]);
});

test('the row of a pod that has ended says so', () => {
  const kind = defined(
    builtinKinds().find((each) => each.kind === 'Pod'),
    'Pod',
  );
  const of = (phase: string): unknown =>
    plainRow(kind, { metadata: { name: 'p' }, status: { phase } } as unknown as KubeObject, { metaVersion: 'v1', include: 'None' }, 0)['conditions'];
  assert.deepEqual(of('Succeeded'), [{ type: 'Completed', status: 'True', reason: 'Succeeded', message: 'The pod has completed successfully.' }]);
  assert.deepEqual(of('Failed'), [{ type: 'Completed', status: 'True', reason: 'Failed', message: 'The pod failed.' }]);
  assert.equal(of('Running'), undefined);
});
