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
