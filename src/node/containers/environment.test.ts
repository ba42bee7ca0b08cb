import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container as ContainerSpec } from '../../api/gen/types/core.v1.ts';
import { StartFailure } from '../pods/start-failure.ts';
import { type DownwardFacts, fieldValue, resourceValue } from './downward.ts';
import { environmentOf } from './environment.ts';
import { expand } from './expansion.ts';
import { serviceEnvironment } from './service-env.ts';

const MACHINE: DownwardFacts['machine'] = {
  cpus: 4,
  memoryBytes: 1_024,
  ephemeralStorageBytes: 2_048,
  operatingSystem: 'linux',
  architecture: 'amd64',
  kernelVersion: '',
  osImage: '',
  machineId: '',
  systemUuid: '',
  bootId: '',
  hostname: 'h',
};
const FACTS: DownwardFacts = {
  pod: {
    metadata: { name: 'p', namespace: 'ns', uid: 'u', labels: { b: '2', a: 'x"y' }, annotations: { ['__proto__']: 'kept' } },
    spec: { serviceAccountName: 'sa', containers: [{ name: 'c', resources: { limits: { cpu: '1500m' }, requests: { memory: '1Mi' } } }] },
  },
  hostIps: ['192.0.2.1', '2001:db8::1'],
  podIps: ['10.0.0.1'],
  nodeName: 'n1',
  machine: MACHINE,
};

for (const [text, expanded] of [
  ['$(A)', 'a'],
  ['x$(A)y$(B)', 'xay'],
  ['$$(A)', '$(A)'],
  ['$$$(A)', '$a'],
  ['$(NOPE)', '$(NOPE)'],
  ['$(A', '$(A'],
  ['$A $', '$A $'],
  ['$(A)$(A)', 'aa'],
] as const) {
  test(`expansion: ${text} → ${expanded}`, () =>
    assert.equal(
      expand(text, (name) => ({ A: 'a', B: '' })[name]),
      expanded,
    ));
}

for (const [path, value] of [
  ['metadata.name', 'p'],
  ['metadata.labels', 'a="x\\"y"\nb="2"'],
  ["metadata.labels['b']", '2'],
  ["metadata.labels['none']", ''],
  ['spec.serviceAccountName', 'sa'],
  ['spec.nodeName', 'n1'],
  ['status.hostIPs', '192.0.2.1,2001:db8::1'],
  ['status.podIP', '10.0.0.1'],
  ['status.phase', undefined],
] as const) {
  test(`field: ${path}`, () => assert.equal(fieldValue(FACTS, { fieldPath: path }), value));
}

for (const [resource, divisor, value] of [
  ['limits.cpu', undefined, '2'],
  ['limits.cpu', '1m', '1500'],
  ['limits.memory', undefined, '1024'],
  ['requests.memory', '1Ki', '1024'],
  ['requests.cpu', undefined, '0'],
  ['limits.ephemeral-storage', '1Ki', '2'],
  ['memory', undefined, undefined],
] as const) {
  test(`resource: ${resource} by ${divisor ?? '1'}`, () =>
    assert.equal(resourceValue(FACTS, { containerName: 'c', resource, ...(divisor === undefined ? {} : { divisor }) }, undefined), value));
}

const sources = {
  configMap: async (name: string) => (name === 'cm' ? { data: { k: 'v', FROM: 'cm' } } : undefined),
  secret: async (name: string) => (name === 's' ? { data: { k: Buffer.from('secret').toString('base64') } } : undefined),
};

async function env(container: Partial<ContainerSpec>, services: readonly (readonly [string, string])[] = []): Promise<Readonly<Record<string, string>>> {
  return Object.fromEntries(await environmentOf({ name: 'c', ...container }, FACTS, services, sources));
}

test('variables: services, then envFrom, then env; later ones win; references look back', async () => {
  const all = await env(
    {
      envFrom: [{ prefix: 'P_', configMapRef: { name: 'cm' } }, { secretRef: { name: 's' } }, { configMapRef: { name: 'none', optional: true } }],
      env: [
        { name: 'A', value: '1' },
        { name: 'B', value: '$(A)-$(P_k)-$(HOST)-$(LATER)' },
        { name: 'LATER', value: 'x' },
        { name: 'K', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } },
        { name: 'NONE', valueFrom: { configMapKeyRef: { name: 'cm', key: 'none', optional: true } } },
        { name: 'A', value: '2' },
      ],
    },
    [['HOST', 'h']],
  );
  assert.deepEqual(all, { HOST: 'h', P_k: 'v', P_FROM: 'cm', k: 'secret', A: '2', B: '1-v-h-$(LATER)', LATER: 'x', K: 'secret' });
});

for (const [says, container, message] of [
  ['a ConfigMap that is not there', { envFrom: [{ configMapRef: { name: 'none' } }] }, 'configmap "none" not found'],
  ['a secret that is not there', { env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'none', key: 'k' } } }] }, 'secret "none" not found'],
  [
    'a key that is not there',
    { env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'cm', key: 'none' } } }] },
    "couldn't find key none in ConfigMap ns/cm",
  ],
] as const) {
  test(`variables: ${says}`, () =>
    assert.rejects(env(container), (thrown) => thrown instanceof StartFailure && thrown.reason === 'CreateContainerConfigError' && thrown.message === message));
}

test('variables of Services: names, ports, links; headless ones have none', () => {
  const services = [
    {
      metadata: { name: 'web-app' },
      spec: {
        clusterIP: '10.0.0.7',
        ports: [
          { name: 'http', port: 80 },
          { name: 'dns', port: 53, protocol: 'UDP' },
        ],
      },
    },
    { metadata: { name: 'headless' }, spec: { clusterIP: 'None', ports: [{ port: 1 }] } },
  ];
  assert.deepEqual(Object.fromEntries(serviceEnvironment(services)), {
    WEB_APP_SERVICE_HOST: '10.0.0.7',
    WEB_APP_SERVICE_PORT: '80',
    WEB_APP_SERVICE_PORT_HTTP: '80',
    WEB_APP_SERVICE_PORT_DNS: '53',
    WEB_APP_PORT: 'tcp://10.0.0.7:80',
    WEB_APP_PORT_80_TCP: 'tcp://10.0.0.7:80',
    WEB_APP_PORT_80_TCP_PROTO: 'tcp',
    WEB_APP_PORT_80_TCP_PORT: '80',
    WEB_APP_PORT_80_TCP_ADDR: '10.0.0.7',
    WEB_APP_PORT_53_UDP: 'udp://10.0.0.7:53',
    WEB_APP_PORT_53_UDP_PROTO: 'udp',
    WEB_APP_PORT_53_UDP_PORT: '53',
    WEB_APP_PORT_53_UDP_ADDR: '10.0.0.7',
  });
});
