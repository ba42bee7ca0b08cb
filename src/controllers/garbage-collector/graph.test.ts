import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decide, FOREGROUND, Graph, type Item, ORPHAN, type OwnerState } from './graph.ts';

const resource = { group: 'apps', version: 'v1', resource: 'replicasets', kind: 'ReplicaSet', namespaced: true };
const item = (uid: string, owners: readonly string[], more: Partial<Item> = {}): Item => ({
  resource,
  uid,
  name: uid,
  namespace: 'default',
  resourceVersion: '1',
  owners: owners.map((owner) => ({ apiVersion: 'apps/v1', kind: 'Deployment', name: owner, uid: owner, blockOwnerDeletion: true })),
  finalizers: [],
  deleting: false,
  ...more,
});

describe('what becomes of an object', () => {
  const rows: readonly (readonly [
    sentence: string,
    item: Item,
    states: Readonly<Record<string, OwnerState>>,
    dependents: readonly Item[],
    decision: string,
  ])[] = [
    ['without owners it stays', item('a', []), {}, [], 'nothing'],
    ['its owner lives: it stays', item('a', ['o']), { o: 'solid' }, [], 'nothing'],
    ['its owner has gone: it goes', item('a', ['o']), { o: 'absent' }, [], 'delete Background'],
    ['one of two owners has gone: it forgets that one', item('a', ['o', 'p']), { o: 'absent', p: 'solid' }, [], 'forget o'],
    ['one of two is waiting for it: it forgets that one and lets it go', item('a', ['o', 'p']), { o: 'waiting', p: 'solid' }, [], 'forget o'],
    ['its owner waits, and it owns others: they go first', item('a', ['o']), { o: 'waiting' }, [item('d', ['a'])], 'delete Foreground'],
    ['its owner waits, and it owns nothing', item('a', ['o']), { o: 'waiting' }, [], 'delete Background'],
    [
      'its owner waits, and so does something that it owns: a circle, which it opens',
      item('a', ['o']),
      { o: 'waiting' },
      [item('d', ['a'], { deleting: true, finalizers: [FOREGROUND] })],
      'unblock, delete Foreground',
    ],
    ['it is going already', item('a', ['o'], { deleting: true }), { o: 'absent' }, [], 'nothing'],
    ['it was to set its own dependents free', item('a', ['o'], { finalizers: [ORPHAN] }), { o: 'absent' }, [], 'delete Orphan'],
    ['it was to wait for its own dependents', item('a', ['o'], { finalizers: [FOREGROUND] }), { o: 'absent' }, [], 'delete Foreground'],
  ];
  for (const [sentence, of, states, dependents, wanted] of rows) {
    it(sentence, () => {
      const decision = decide(of, new Map(Object.entries(states)), dependents);
      assert.equal(
        decision.do === 'delete'
          ? `${decision.unblock === true ? 'unblock, ' : ''}delete ${decision.propagation}`
          : decision.do === 'forget-owners'
            ? `forget ${decision.uids.join()}`
            : decision.do,
        wanted,
      );
    });
  }
});

describe('who owns whom', () => {
  it('follows changed references, and forgets what has gone', () => {
    const graph = new Graph();
    graph.set(item('a', ['o']));
    graph.set(item('b', ['o', 'p']));
    const names = (owner: string): readonly string[] => graph.dependents(owner).map(({ uid }) => uid);
    assert.deepEqual([names('o'), names('p')], [['a', 'b'], ['b']]);
    graph.set(item('a', ['p']));
    assert.deepEqual([names('o'), names('p')], [['b'], ['b', 'a']]);
    graph.delete('b');
    assert.deepEqual([names('o'), names('p')], [[], ['a']]);
  });
});
