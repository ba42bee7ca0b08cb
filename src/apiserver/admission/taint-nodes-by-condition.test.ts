import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodes } from '../../api/gen/resources.ts';
import { taintNodesByCondition } from './taint-nodes-by-condition.ts';
import { requestOf, run } from './testing.ts';

test('TaintNodesByCondition taints a new node once', async () => {
  const taint = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' };
  for (const spec of [undefined, {}, { taints: [taint] }]) {
    const out = await run(taintNodesByCondition, requestOf({ resource: nodes, object: { metadata: { name: 'n' }, ...(spec === undefined ? {} : { spec }) } }));
    assert.deepEqual((out as { spec: unknown }).spec, { taints: [taint] });
  }
});
