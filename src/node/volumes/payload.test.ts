import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configMapPayload, downwardPayload, type Payload, secretPayload, type Selection } from './payload.ts';
import { VolumeError } from './volume.ts';

const ALL: Selection = { defaultMode: 0o644, optional: false };
const words = (payload: Payload): readonly string[] =>
  [...payload].map(([path, { bytes, mode }]) => `${path}=${new TextDecoder().decode(bytes)} ${mode.toString(8)}`);

test('a ConfigMap shows text and bytes, also under names that are traps', () => {
  const data = JSON.parse('{"a":"1","__proto__":"2"}') as Record<string, string>;
  assert.deepEqual(words(configMapPayload({ data, binaryData: { b: Buffer.from('3').toString('base64') } }, ALL)), ['a=1 644', '__proto__=2 644', 'b=3 644']);
});

test('items choose, rename and set modes', () => {
  const items = [
    { key: 'a', path: 'x/y', mode: 0o400 },
    { key: 'b', path: 'b' },
  ];
  assert.deepEqual(words(configMapPayload({ data: { a: '1', b: '2', c: '3' } }, { ...ALL, items })), ['x/y=1 400', 'b=2 644']);
});

test('an item that is not there is an error, unless it is optional', () => {
  const items = [{ key: 'none', path: 'p' }];
  assert.throws(
    () => configMapPayload({ data: {} }, { ...ALL, items }),
    (thrown) => thrown instanceof VolumeError && thrown.message === 'configmap references non-existent config key: none',
  );
  assert.throws(
    () => secretPayload({ data: {} }, { ...ALL, items }),
    (thrown) => thrown instanceof VolumeError && thrown.message === 'references non-existent secret key: none',
  );
  assert.deepEqual(words(configMapPayload({ data: {} }, { ...ALL, items, optional: true })), []);
});

test('the downward API shows the pod and its resources', () => {
  const machine = {
    cpus: 4,
    memoryBytes: 1,
    ephemeralStorageBytes: 1,
    operatingSystem: '',
    architecture: '',
    kernelVersion: '',
    osImage: '',
    machineId: '',
    systemUuid: '',
    bootId: '',
    hostname: '',
  };
  const pod = { metadata: { name: 'p', annotations: { k: 'v' } }, spec: { containers: [{ name: 'c' }] } };
  const facts = { pod, hostIps: [], podIps: [], nodeName: 'n', machine };
  const files = [
    { path: 'a', fieldRef: { fieldPath: "metadata.annotations['k']" } },
    { path: 'cpu', mode: 0o400, resourceFieldRef: { containerName: 'c', resource: 'limits.cpu' } },
  ];
  assert.deepEqual(words(downwardPayload(files, 0o644, facts)), ['a=v 644', 'cpu=4 400']);
  assert.throws(() => downwardPayload([{ path: 'x', fieldRef: { fieldPath: 'spec.nope' } }], 0o644, facts), VolumeError);
});
