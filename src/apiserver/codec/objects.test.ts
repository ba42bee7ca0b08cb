import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { builtinKinds } from '../../api/registry.ts';
import type { KubeObject } from '../../machinery/object.ts';
import { createRegistry } from '../server.ts';
import { ObjectCache } from './objects.ts';
import { project, type StoredEntry } from './projection.ts';
import { encodeRecord } from './record.ts';

const registry = createRegistry(builtinKinds());
const PREFIX = '/registry/core/configmaps/';

function entryOf(name: string, modRevision: number, size = 100): StoredEntry {
  const body = { metadata: { name, namespace: 'default', uid: `uid-${name}` }, data: { text: 'x'.repeat(size) } } as KubeObject;
  const encoded = encodeRecord('v1', body, '');
  return { key: `${PREFIX}default/${name}`, value: encoded.value, projection: project(registry, PREFIX, body, encoded), createRevision: 1, modRevision };
}

describe('objects of a revision', () => {
  it('are one for all readers, also when others have pushed it out meanwhile, for as long as somebody keeps it', () => {
    const objects = new ObjectCache(registry, 10_000);
    const entry = entryOf('kept', 7);
    const first = objects.of(entry);
    for (let i = 0; i < 100; i++) objects.of(entryOf(`other-${i}`, 8 + i, 1000));
    assert.ok(entry.projection.object instanceof WeakRef, 'pushed out');
    assert.equal(objects.of(entry), first);
    assert.ok(Object.isFrozen(first));
  });

  it('are parsed again when nobody keeps them', () => {
    const objects = new ObjectCache(registry, 10_000);
    const entry = entryOf('gone', 7);
    const before = JSON.stringify(objects.of(entry));
    // What the collector does in its own time.
    entry.projection.object = Object.assign(new WeakRef<KubeObject>({}), { deref: () => undefined });
    const again = objects.of(entry);
    assert.equal(JSON.stringify(again), before);
    assert.equal(objects.of(entry), again);
  });

  it('show a deletion at its own version, and the state before it at that one', () => {
    const objects = new ObjectCache(registry, 10_000);
    const entry = entryOf('deleted', 7);
    const last = objects.of(entry);
    for (let i = 0; i < 100; i++) objects.of(entryOf(`other-${i}`, 8 + i, 1000));
    const { key, value, projection, createRevision } = entry;
    assert.equal(objects.of({ key, value, projection, createRevision, modRevision: 500 }).metadata?.resourceVersion, '500');
    assert.equal(objects.of(entry), last);
    assert.equal(last.metadata?.resourceVersion, '7');
  });
});
