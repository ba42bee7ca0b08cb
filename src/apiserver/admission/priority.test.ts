import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { pods, priorityClasses } from '../../api/gen/resources.ts';
import { priority } from './priority.ts';
import { requestOf, run, stored } from './testing.ts';

const pod = (spec: object = {}, metadata: object = {}) => ({
  metadata: { name: 'web', ...metadata },
  spec: { containers: [{ name: 'a', image: 'x' }], ...spec },
});

describe('Priority', () => {
  const high = stored(priorityClasses, 'high', { value: 1000, preemptionPolicy: 'Never' });
  const usual = stored(priorityClasses, 'usual', { value: 5, globalDefault: true });
  const specOf = async (spec: object, objects = [high, usual]) => {
    const out = await run(priority, requestOf({ resource: pods, object: pod(spec), objects }));
    return typeof out === 'string' ? out : { ...(out['spec'] as object), containers: undefined };
  };

  test('a named class', async () => {
    assert.deepEqual(await specOf({ priorityClassName: 'high' }), {
      containers: undefined,
      priorityClassName: 'high',
      priority: 1000,
      preemptionPolicy: 'Never',
    });
  });
  test('the default class', async () => {
    assert.deepEqual(await specOf({}), { containers: undefined, priorityClassName: 'usual', priority: 5, preemptionPolicy: 'PreemptLowerPriority' });
  });
  test('none at all', async () => {
    assert.deepEqual(await specOf({}, []), { containers: undefined, priority: 0, preemptionPolicy: 'PreemptLowerPriority' });
  });
  test('an unknown class', async () => {
    assert.equal(await specOf({ priorityClassName: 'nope' }), 'pods "web" is forbidden: no PriorityClass with name nope was found');
  });
  test('a number of one’s own', async () => {
    assert.equal(
      await specOf({ priorityClassName: 'high', priority: 7 }),
      'pods "web" is forbidden: the integer value of priority (7) must not be provided in pod spec; priority admission controller computed 1000 from the given PriorityClass name',
    );
  });
  test('a second default class', async () => {
    const object = { metadata: { name: 'other' }, value: 1, globalDefault: true };
    assert.equal(
      await run(priority, requestOf({ resource: priorityClasses, object, objects: [usual] })),
      'priorityclasses.scheduling.k8s.io "other" is forbidden: PriorityClass usual is already marked as default. Only one default can exist',
    );
  });
});
