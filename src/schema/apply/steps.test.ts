import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtinFacts } from '../../api/facts.ts';
import type { JsonObject, ManagedFieldsEntry } from '../../machinery/object.ts';
import { decode } from '../decode.ts';
import type { Steps } from '../steps.ts';
import { applyPatch, applyPatchSteps } from './apply-patch.ts';
import { formatManagedFields, parseManagedFields } from './managed-fields.ts';
import { trackUpdate, trackUpdateSteps } from './track-update.ts';

const FEW = 3;
const MANY = 3000;

function map(count: number, value: string): JsonObject {
  const data = Object.fromEntries(Array.from({ length: count }, (_, at) => [`key-${at}`, value]));
  const decoded = decode(builtinFacts, 'core.v1.ConfigMap', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'm' }, data });
  assert.ok(decoded.fault === undefined);
  return decoded.object as JsonObject;
}

/** What the steps come to, and how many pauses there were. */
function run<T>(steps: Steps<T>): { readonly result: T; readonly pauses: number } {
  for (let pauses = 0; ; pauses++) {
    const { done, value } = steps.next();
    if (done === true) return { result: value, pauses };
  }
}

const context = (manager: string) => ({ facts: builtinFacts, typeName: 'core.v1.ConfigMap', apiVersion: 'v1', manager, subresource: '', nowMs: 0 });
const stored = (entries: readonly ManagedFieldsEntry[]): readonly ManagedFieldsEntry[] => parseManagedFields(formatManagedFields(entries));

for (const [name, count] of [
  ['few', FEW],
  ['many', MANY],
] as const)
  test(`fields of ${name}: a write in steps comes to the same as at once, and as for the others`, () => {
    const create = { ...context('a'), live: undefined, liveManaged: [], next: map(count, 'v') };
    const made = run(trackUpdateSteps(create));
    assert.deepEqual(made.result, trackUpdate(create));
    const liveManaged = stored(made.result);
    assert.deepEqual(liveManaged, made.result);
    const update = { ...context('b'), live: map(count, 'v'), liveManaged, next: map(count, 'w') };
    const updated = run(trackUpdateSteps(update));
    assert.deepEqual(updated.result, trackUpdate(update));
    // All keys are the other's now; the map itself stays the first one's.
    assert.deepEqual(
      updated.result.map(({ manager, fieldsV1 }) => [manager, Object.keys((fieldsV1?.['f:data'] ?? {}) as object).length]),
      [
        ['a', 0],
        ['b', count],
      ],
    );
    const patch = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'm' }, data: map(count, 'x')['data'] as JsonObject };
    const apply = { ...context('c'), live: map(count, 'w'), liveManaged: stored(updated.result), patch, force: true };
    const applied = run(applyPatchSteps(apply));
    assert.deepEqual(applied.result, applyPatch(apply));
    assert.deepEqual(
      applied.result.managedFields.map(({ manager, operation }) => [manager, operation]),
      [
        ['c', 'Apply'],
        ['a', 'Update'],
      ],
    );
    // A pause after each part of the work that grows with the fields.
    if (count === MANY) assert.ok(made.pauses >= 3 && updated.pauses >= 5 && applied.pauses >= 8, `${made.pauses}, ${updated.pauses}, ${applied.pauses}`);
  });
