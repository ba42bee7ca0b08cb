import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtinKinds } from './registry.ts';

const ROWS: readonly (readonly [what: string, kind: string, object: object, warnings: readonly string[]])[] = [
  ['a plain pod', 'Pod', { metadata: { name: 'x' }, spec: { containers: [{ name: 'c' }] } }, []],
  [
    'a name with a dot',
    'Pod',
    { metadata: { name: 'a.b' }, spec: { containers: [{ name: 'c' }] } },
    ["metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [must not contain dots]"],
  ],
  [
    'a variable twice',
    'Pod',
    { spec: { containers: [{ name: 'c', env: [{ name: 'A' }, { name: 'A' }] }] } },
    ['spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply'],
  ],
  [
    'a thousandth of a byte',
    'Pod',
    { spec: { containers: [{ name: 'c', resources: { requests: { memory: '128m' } } }] } },
    ['spec.containers[0].resources.requests[memory]: fractional byte value "128m" is invalid, must be an integer'],
  ],
  [
    'an old label in a template',
    'Deployment',
    { spec: { template: { spec: { nodeSelector: { 'beta.kubernetes.io/os': 'linux' }, containers: [] } } } },
    ['spec.template.spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead'],
  ],
  [
    'a volume to be recycled',
    'PersistentVolume',
    { spec: { persistentVolumeReclaimPolicy: 'Recycle' } },
    ['spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.'],
  ],
  [
    'an ingress by annotation',
    'Ingress',
    { metadata: { annotations: { 'kubernetes.io/ingress.class': 'x' } }, spec: {} },
    ['annotation "kubernetes.io/ingress.class" is deprecated, please use \'spec.ingressClassName\' instead'],
  ],
];

for (const [what, name, object, warnings] of ROWS) {
  test(`warnings: ${what}`, () => {
    const kind = builtinKinds().find((k) => k.kind === name && k.servedByDefault);
    assert.deepEqual(kind?.strategy.warnings?.(object, undefined), warnings);
  });
}

test('what is deprecated says so', () => {
  const of = (name: string): string | undefined => builtinKinds().find((k) => k.kind === name)?.deprecation;
  assert.equal(of('Endpoints'), 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice');
  assert.equal(of('ComponentStatus'), 'v1 ComponentStatus is deprecated in v1.19+');
  assert.equal(of('Pod'), undefined);
});
