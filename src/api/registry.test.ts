import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatApiVersion } from '../machinery/object.ts';
import { decode } from '../schema/decode.ts';
import { builtinFacts, typeNames } from './facts.ts';
import * as resources from './gen/resources.ts';
import { builtinKinds } from './registry.ts';

const find = (apiVersion: string, kind: string) => builtinKinds().find((k) => formatApiVersion(k) === apiVersion && k.kind === kind);

test('every kind has a type whose group, version and kind are its own', () => {
  for (const kind of builtinKinds()) {
    const { group, version, kind: name } = kind;
    assert.deepEqual(builtinFacts.type(kind.typeName)?.gvk, { group, version, kind: name });
  }
});

test('names, short names and plurals are unique within what is served by default', () => {
  const taken = new Map<string, string>();
  for (const kind of builtinKinds().filter((k) => k.servedByDefault)) {
    const versionless = `${kind.kind}.${kind.group}`;
    for (const name of [kind.resource, kind.singular, ...kind.shortNames]) {
      const other = taken.get(`${name}.${kind.group}`);
      assert.ok(other === undefined || other === versionless, `${name} is ${other} and ${versionless}`);
      taken.set(`${name}.${kind.group}`, versionless);
    }
  }
});

test('every storage version is a kind of the registry', () => {
  for (const kind of builtinKinds())
    assert.ok(find(formatApiVersion(kind.storage), kind.kind) !== undefined, `${kind.kind}: ${formatApiVersion(kind.storage)}`);
});

test('a resource constant names a kind of the registry', () => {
  for (const resource of Object.values(resources)) {
    const kind = find(formatApiVersion(resource), resource.kind);
    assert.equal(kind?.resource, resource.resource);
    assert.equal(kind?.namespaced, resource.namespaced);
  }
});

test('kubectl get all finds what it should', () => {
  const all = builtinKinds().filter((k) => k.servedByDefault && k.categories.includes('all'));
  assert.deepEqual([...new Set(all.map((k) => k.resource))].sort(), [
    'cronjobs',
    'daemonsets',
    'deployments',
    'horizontalpodautoscalers',
    'jobs',
    'pods',
    'replicasets',
    'replicationcontrollers',
    'services',
    'statefulsets',
  ]);
});

test('defaults, preparation, columns and selectable fields take an object of which nothing is set', () => {
  for (const kind of builtinKinds()) {
    const decoded = decode(builtinFacts, kind.typeName, { metadata: { name: 'x' } });
    assert.ok('object' in decoded);
    const object = decoded.object as never;
    kind.strategy.default?.(object);
    kind.strategy.prepareForCreate?.(object, { nowMs: 0, newName: () => 'new' });
    kind.strategy.validateCreate?.(object, formatApiVersion(kind));
    for (const column of kind.columns) column.cell(object, 0);
    const fields = kind.selectableFields?.(object) ?? {};
    assert.deepEqual(Object.keys(fields).sort(), [...(kind.selectableFieldNames ?? [])].sort(), kind.kind);
  }
});

test('a pod can be selected by its node under the old name, and by its addresses never', () => {
  const pod = builtinKinds().find((kind) => kind.kind === 'Pod');
  const fields = pod?.selectableFields?.({ spec: { nodeName: 'n' }, status: { podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }] } } as never);
  assert.deepEqual([fields?.['spec.host'], fields?.['spec.nodeName'], fields?.['status.podIP'], fields?.['status.podIPs']], ['n', 'n', '10.0.0.1', '']);
});

test('defaulting twice is defaulting once', () => {
  for (const kind of builtinKinds()) {
    const decoded = decode(builtinFacts, kind.typeName, { metadata: { name: 'x' }, spec: {} });
    if (!('object' in decoded)) continue;
    kind.strategy.default?.(decoded.object as never);
    const once = JSON.stringify(decoded.object);
    kind.strategy.default?.(decoded.object as never);
    assert.equal(JSON.stringify(decoded.object), once, kind.kind);
  }
});

test('every type of the table can be asked for', () => {
  const names = typeNames();
  assert.ok(names.length > 800);
  for (const name of names) assert.equal(builtinFacts.type(name)?.name, name);
  assert.equal(builtinFacts.type('core.v1.Nothing'), undefined);
  assert.equal(builtinFacts.type('__proto__'), undefined);
});

test('facts say how a field stands on the wire and in JSON', () => {
  const replicas = builtinFacts.type('apps.v1.DeploymentSpec')?.fields.replicas;
  assert.deepEqual([replicas?.pointer, replicas?.omitEmpty, replicas?.protobuf], [true, true, { number: 1, type: 'int32' }]);
  const hostPath = builtinFacts.type('core.v1.Volume')?.fields.hostPath;
  assert.deepEqual(hostPath?.embedded, [{ number: 2, type: 'core.v1.VolumeSource', pointer: false }]);
  const policy = builtinFacts.type('core.v1.Container')?.fields.imagePullPolicy;
  assert.deepEqual(
    [policy?.values, policy?.closed],
    [['Always', 'Never', 'IfNotPresent'], builtinFacts.type('core.v1.Container')?.fields.imagePullPolicy?.closed],
  );
});
