import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '../../api/gen/types/core.v1.ts';
import { admit } from './admission.ts';
import { fieldsWithoutEffect } from './no-effect.ts';
import { podOf } from './testdata/views.ts';

const wants = (requests: Readonly<Record<string, string>>): Pod => podOf({ containers: [{ name: 'c', image: 'i', resources: { requests } }] });
const NODE = { allocatable: { cpu: '2', memory: '1Gi', pods: '3', 'nvidia.com/gpu': '1' }, labels: { disk: 'ssd' } };

for (const { says, pod, others = [], refused } of [
  { says: 'what fits', pod: wants({ cpu: '2', memory: '1Gi' }), refused: undefined },
  { says: 'too much', pod: wants({ cpu: '2100m' }), refused: "OutOfcpu: Node didn't have enough resource: cpu, requested: 2100, used: 0, capacity: 2000" },
  {
    says: 'too much beside others',
    pod: wants({ memory: '512Mi' }),
    others: [wants({ memory: '768Mi' })],
    refused: "OutOfmemory: Node didn't have enough resource: memory, requested: 536870912, used: 805306368, capacity: 1073741824",
  },
  {
    says: 'others that are over do not count',
    pod: wants({ memory: '1Gi' }),
    others: [{ ...wants({ memory: '1Gi' }), status: { phase: 'Succeeded' } }],
    refused: undefined,
  },
  {
    says: 'devices',
    pod: wants({ 'nvidia.com/gpu': '2' }),
    refused: "OutOfnvidia.com/gpu: Node didn't have enough resource: nvidia.com/gpu, requested: 2, used: 0, capacity: 1",
  },
  {
    says: 'too many pods',
    pod: wants({}),
    others: [wants({}), wants({}), wants({})],
    refused: "OutOfpods: Node didn't have enough resource: pods, requested: 1, used: 3, capacity: 3",
  },
  {
    says: 'an init container counts where it is larger',
    pod: podOf({ initContainers: [{ name: 'i', resources: { requests: { cpu: '3' } } }], containers: [{ name: 'c' }] }),
    refused: "OutOfcpu: Node didn't have enough resource: cpu, requested: 3000, used: 0, capacity: 2000",
  },
  { says: 'a label that the node has', pod: podOf({ nodeSelector: { disk: 'ssd' } }), refused: undefined },
  {
    says: 'a label that it has not',
    pod: podOf({ nodeSelector: { disk: 'hdd' } }),
    refused: "NodeAffinity: Pod was rejected: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
  },
  { says: 'a safe sysctl', pod: podOf({ securityContext: { sysctls: [{ name: 'kernel.shm_rmid_forced', value: '1' }] } }), refused: undefined },
  {
    says: 'an unsafe one',
    pod: podOf({ securityContext: { sysctls: [{ name: 'kernel/msgmax', value: '1' }] } }),
    refused: 'SysctlForbidden: forbidden sysctl: "kernel.msgmax" not allowlisted',
  },
  {
    says: 'one of the node’s own network',
    pod: podOf({ hostNetwork: true, securityContext: { sysctls: [{ name: 'net.ipv4.tcp_syncookies', value: '1' }] } }),
    refused: 'SysctlForbidden: forbidden sysctl: "net.ipv4.tcp_syncookies" not allowed with host net enabled',
  },
] satisfies readonly { readonly says: string; readonly pod: Pod; readonly others?: readonly Pod[]; readonly refused: string | undefined }[]) {
  test(`admission: ${says}`, () => {
    const refusal = admit({ ...NODE, pod, others });
    assert.equal(refusal === undefined ? undefined : `${refusal.reason}: ${refusal.message}`, refused);
  });
}

test('fields without effect are named', () => {
  const pod = podOf({
    hostUsers: false,
    ephemeralContainers: [{ name: 'd', targetContainerName: 'c' }],
    containers: [{ name: 'c', resources: { limits: { 'ephemeral-storage': '1Gi' } } }],
  });
  assert.deepEqual(fieldsWithoutEffect(pod), [
    'spec.hostUsers',
    'spec.ephemeralContainers{d}.targetContainerName',
    'spec.containers{c}.resources.limits.ephemeral-storage',
  ]);
  assert.deepEqual(fieldsWithoutEffect(podOf()), []);
});
