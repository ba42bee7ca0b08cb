import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container as ContainerSpec, Pod, PodSpec } from '../../api/gen/types/core.v1.ts';
import { podOf } from '../pods/testdata/views.ts';
import { dnsOf } from './dns.ts';
import { hostnameOf, hostsFile } from './hosts-file.ts';
import { linuxResources } from './resources.ts';
import { securityOf } from './security.ts';

const DNS = { servers: ['10.96.0.10'], domain: 'cluster.local', host: { servers: ['192.0.2.53'], searches: ['example.com'], options: ['rotate'] } };

for (const { says, spec, is } of [
  { says: 'a pod asks the cluster first', spec: {}, is: '10.96.0.10 | ns.svc.cluster.local svc.cluster.local cluster.local example.com | ndots:5' },
  { says: 'on the node’s network it asks as the node does', spec: { hostNetwork: true }, is: '192.0.2.53 | example.com | rotate' },
  {
    says: 'unless told otherwise',
    spec: { hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' },
    is: '10.96.0.10 | ns.svc.cluster.local svc.cluster.local cluster.local example.com | ndots:5',
  },
  { says: 'Default is the node’s own', spec: { dnsPolicy: 'Default' }, is: '192.0.2.53 | example.com | rotate' },
  {
    says: 'None is what the pod says',
    spec: { dnsPolicy: 'None', dnsConfig: { nameservers: ['1.1.1.1'], searches: ['a.b'], options: [{ name: 'ndots', value: '2' }] } },
    is: '1.1.1.1 | a.b | ndots:2',
  },
  {
    says: 'an option of the pod replaces the same one',
    spec: { dnsConfig: { options: [{ name: 'ndots', value: '1' }, { name: 'edns0' }] } },
    is: '10.96.0.10 | ns.svc.cluster.local svc.cluster.local cluster.local example.com | ndots:1 edns0',
  },
] satisfies readonly { readonly says: string; readonly spec: Partial<PodSpec>; readonly is: string }[]) {
  test(`dns: ${says}`, () => {
    const { servers, searches, options } = dnsOf(podOf(spec), DNS);
    assert.equal([servers, searches, options].map((part) => part.join(' ')).join(' | '), is);
  });
}

test('hosts: the pod’s own addresses and its aliases', () => {
  const pod = podOf({ subdomain: 's', hostAliases: [{ ip: '1.2.3.4', hostnames: ['a', 'b'] }] });
  const text = hostsFile(pod, ['10.0.0.2'], hostnameOf(pod, 'cluster.local', 'node'), '');
  assert.match(text, /^# Kubernetes-managed hosts file\.\n127\.0\.0\.1\tlocalhost\n/);
  assert.match(text, /\n10\.0\.0\.2\tp\.s\.ns\.svc\.cluster\.local\tp\n\n# Entries added by HostAliases\.\n1\.2\.3\.4\ta\tb\n$/);
});

test('hosts: on the node’s network, the node’s file', () => {
  const pod = podOf({ hostNetwork: true });
  assert.equal(
    hostsFile(pod, ['192.0.2.1'], hostnameOf(pod, 'cluster.local', 'node'), '127.0.0.1 x\n'),
    '# Kubernetes-managed hosts file (host network).\n127.0.0.1 x\n',
  );
  assert.equal(hostnameOf(pod, 'cluster.local', 'node').hostname, 'node');
});

test('hosts: a name is cut at 63 characters, and ends well', () => {
  const pod = podOf({}, { metadata: { name: `${'a'.repeat(62)}-${'b'.repeat(20)}` } });
  assert.equal(hostnameOf(pod, 'cluster.local', 'node').hostname, 'a'.repeat(62));
});

const GIB = 2 ** 30;
for (const { says, resources, is } of [
  { says: 'none', resources: {}, is: { cpuShares: 2, oomScoreAdj: 1_000 } },
  { says: 'a request', resources: { requests: { cpu: '250m', memory: '1Gi' } }, is: { cpuShares: 256, oomScoreAdj: 875 } },
  {
    says: 'limits alone are requests too',
    resources: { requests: { cpu: '2', memory: '64Mi' }, limits: { cpu: '2', memory: '64Mi' } },
    is: { cpuShares: 2_048, cpuPeriodUs: 100_000, cpuQuotaUs: 200_000, memoryLimitBytes: 64 * 2 ** 20, oomScoreAdj: -997 },
  },
  {
    says: 'next to nothing',
    resources: { requests: { cpu: '1m' }, limits: { cpu: '1m' } },
    is: { cpuShares: 2, cpuPeriodUs: 100_000, cpuQuotaUs: 1_000, oomScoreAdj: 999 },
  },
] satisfies readonly { readonly says: string; readonly resources: ContainerSpec['resources']; readonly is: object }[]) {
  test(`resources: ${says}`, () => {
    const container = { name: 'c', image: 'i', resources };
    assert.deepEqual(linuxResources(podOf({ containers: [container] }), container, 8 * GIB), is);
  });
}

test('security: the container’s own words over the pod’s; fsGroup is one of the groups', () => {
  const pod = podOf({ securityContext: { runAsUser: 1, runAsGroup: 2, fsGroup: 3, supplementalGroups: [4] } });
  const found = securityOf(pod, { name: 'c', securityContext: { runAsUser: 9, capabilities: { add: ['NET_ADMIN'], drop: ['ALL'] } } }, undefined, '/s');
  assert.deepEqual(
    [found.runAsUser, found.runAsGroup, found.supplementalGroups, found.addCapabilities, found.dropCapabilities],
    [9, 2, [4, 3], ['NET_ADMIN'], ['ALL']],
  );
  assert.ok(found.maskedPaths.includes('/proc/kcore'));
});

test('security: privileged sees everything', () => {
  const found = securityOf(podOf(), { name: 'c', securityContext: { privileged: true, seccompProfile: { type: 'RuntimeDefault' } } }, undefined, '/s');
  assert.deepEqual([found.maskedPaths, found.readonlyPaths, found.seccomp], [[], [], { type: 'Unconfined' }]);
});

const ROOTLESS: Pod = podOf({ securityContext: { runAsNonRoot: true } });
for (const { says, user, own, refused } of [
  { says: 'an image that runs as root', user: { uid: 0 }, own: {}, refused: /image will run as root/ },
  { says: 'an image whose user is a name', user: { name: 'nobody' }, own: {}, refused: /non-numeric user \(nobody\)/ },
  { says: 'a user of its own that is root', user: { uid: 5 }, own: { runAsUser: 0 }, refused: /breaks non-root policy/ },
  { says: 'an image with a user', user: { uid: 5 }, own: {}, refused: undefined },
] as const) {
  test(`security: runAsNonRoot and ${says}`, () => {
    const look = (): unknown => securityOf(ROOTLESS, { name: 'c', securityContext: own }, { id: '', names: [], digests: [], sizeBytes: 0, user }, '/s');
    if (refused === undefined) assert.doesNotThrow(look);
    else assert.throws(look, refused);
  });
}
