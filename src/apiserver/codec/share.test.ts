import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Json } from '../../machinery/object.ts';
import { deepFreeze } from '../../machinery/record.ts';
import { sharing } from './share.ts';

const parse = (text: string): Json => JSON.parse(text) as Json;
const keys = fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor', 'toString');
const texts = fc.constantFrom('x', 'a text that is as long as they are', 'another one of some length');
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    texts,
    fc.nat(2),
    fc.constant(null),
    fc.array(tie('tree'), { maxLength: 3 }),
    fc.dictionary(keys, tie('tree'), { maxKeys: 4 }),
  ),
}));

/** How many objects and lists there are, each counted once. */
function parts(value: unknown, seen = new Set<unknown>()): number {
  if (typeof value === 'object' && value !== null && !seen.has(value)) {
    seen.add(value);
    for (const part of Object.values(value)) parts(part, seen);
  }
  return seen.size;
}

describe('sharing', () => {
  it('changes no text, of neither of the two, whatever is the same in them and whatever is frozen', () => {
    fc.assert(
      fc.property(tree, tree, fc.boolean(), (value, model, frozen) => {
        const [mine, other] = [JSON.stringify(value), JSON.stringify(model)];
        const theirs = deepFreeze(parse(other));
        const result = sharing(frozen ? deepFreeze(parse(mine)) : parse(mine), theirs);
        assert.equal(JSON.stringify(result), mine);
        assert.equal(JSON.stringify(theirs), other);
      }),
      { numRuns: 2000 },
    );
  });

  it('of equal ones all is shared', () => {
    fc.assert(
      fc.property(tree, (value) => {
        fc.pre(!JSON.stringify(value).includes('__proto__'));
        const model = parse(JSON.stringify(value));
        assert.equal(sharing(parse(JSON.stringify(value)), model), model);
      }),
    );
  });

  it('of a pod and its sibling all is shared but what names them', () => {
    const pod = (name: string): Json => ({
      metadata: { name, labels: { app: 'a', tier: 'b' }, ownerReferences: [{ kind: 'ReplicaSet', uid: 'u' }] },
      spec: { containers: [{ name: 'main', command: ['sleep', '1'], mounts: [{ name: `access-${name}` }] }], tolerations: [{ key: 'k' }, { key: 'l' }] },
    });
    const [one, other] = [parse(JSON.stringify(pod('one'))), parse(JSON.stringify(pod('other')))];
    const before = parts([one, other]);
    const shared = sharing(other, one);
    assert.deepEqual(shared, pod('other'));
    // Both trees have 15 objects and lists; the labels, owners, command and tolerations of the second are those of the first.
    assert.equal(before - parts([one, shared]), 8 - 1);
  });

  it('an inherited name is no field, and __proto__ no prototype', () => {
    const result = sharing(parse('{"__proto__":{},"constructor":{"a":1}}'), parse('{}'));
    assert.equal(JSON.stringify(result), '{"__proto__":{},"constructor":{"a":1}}');
    assert.equal(Object.getPrototypeOf(result), Object.prototype);
  });
});
