import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pods } from '../../api/gen/resources.ts';
import { defaultTolerationSeconds } from './default-toleration-seconds.ts';
import { requestOf, run } from './testing.ts';

const pod = (spec: object = {}, metadata: object = {}) => ({
  metadata: { name: 'web', ...metadata },
  spec: { containers: [{ name: 'a', image: 'x' }], ...spec },
});

test('DefaultTolerationSeconds adds what is not said', async () => {
  const added = (key: string) => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 });
  const [notReady, unreachable] = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'] as const;
  const rows: readonly (readonly [unknown[] | undefined, unknown[]])[] = [
    [undefined, [added(notReady), added(unreachable)]],
    [[{ key: notReady, operator: 'Exists' }], [{ key: notReady, operator: 'Exists' }, added(unreachable)]],
    [[{ operator: 'Exists' }], [{ operator: 'Exists' }]],
    [[{ operator: 'Exists', effect: 'NoSchedule' }], [{ operator: 'Exists', effect: 'NoSchedule' }, added(notReady), added(unreachable)]],
  ];
  for (const [given, expected] of rows) {
    const out = await run(defaultTolerationSeconds(), requestOf({ resource: pods, object: pod(given === undefined ? {} : { tolerations: given }) }));
    assert.deepEqual((out as { spec: { tolerations: unknown } }).spec.tolerations, expected);
  }
});
