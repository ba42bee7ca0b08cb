import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pods, runtimeClasses } from '../../api/gen/resources.ts';
import { runtimeClass } from './runtime-class.ts';
import { type RequestParts, requestOf, run, stored } from './testing.ts';

const pod = (spec: object = {}, metadata: object = {}) => ({
  metadata: { name: 'web', ...metadata },
  spec: { containers: [{ name: 'a', image: 'x' }], ...spec },
});
const refusal = async (plugin: Parameters<typeof run>[0], parts: RequestParts): Promise<string | undefined> => {
  const result = await run(plugin, requestOf(parts));
  return typeof result === 'string' ? result : undefined;
};

test('RuntimeClass', async () => {
  const objects = [
    stored(runtimeClasses, 'kata', {
      handler: 'kata',
      overhead: { podFixed: { cpu: '250m' } },
      scheduling: { nodeSelector: { kata: 'yes' }, tolerations: [{ key: 'kata' }] },
    }),
  ];
  const out = (await run(
    runtimeClass,
    requestOf({ resource: pods, object: pod({ runtimeClassName: 'kata', nodeSelector: { disk: 'ssd' } }), objects }),
  )) as unknown as { spec: Record<string, unknown> };
  assert.deepEqual(
    [out.spec['overhead'], out.spec['nodeSelector'], out.spec['tolerations']],
    [{ cpu: '250m' }, { disk: 'ssd', kata: 'yes' }, [{ key: 'kata' }]],
  );
  assert.equal(
    await refusal(runtimeClass, { resource: pods, object: pod({ runtimeClassName: 'nope' }), objects }),
    'pods "web" is forbidden: pod rejected: RuntimeClass "nope" not found',
  );
  assert.equal(
    await refusal(runtimeClass, { resource: pods, object: pod({ overhead: { cpu: '1' } }), objects }),
    'pods "web" is forbidden: pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead',
  );
});

test('of tolerations only those count that no other one covers', async () => {
  const kata = { key: 'kata', operator: 'Equal', value: 'yes', effect: 'NoSchedule' };
  const everything = { operator: 'Exists' };
  const short = { key: 'node', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 5 };
  const rows: readonly (readonly [object[], object[], object[]])[] = [
    [[everything], [kata], [everything]],
    [[kata], [everything], [everything]],
    [[kata], [kata], [kata]],
    [[{ ...kata, effect: '' }], [kata], [{ ...kata, effect: '' }]],
    [[{ ...kata, value: 'no' }], [kata], [{ ...kata, value: 'no' }, kata]],
    [[{ ...short, tolerationSeconds: 300 }], [short], [{ ...short, tolerationSeconds: 300 }]],
    [[short], [{ ...short, tolerationSeconds: 300 }], [{ ...short, tolerationSeconds: 300 }]],
  ];
  for (const [own, tolerations, expected] of rows) {
    const objects = [stored(runtimeClasses, 'kata', { handler: 'kata', scheduling: { tolerations } })];
    const out = await run(runtimeClass, requestOf({ resource: pods, object: pod({ runtimeClassName: 'kata', tolerations: own }), objects }));
    assert.deepEqual((out as unknown as { spec: { tolerations: unknown } }).spec.tolerations, expected);
  }
});
