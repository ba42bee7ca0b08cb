import assert from 'node:assert/strict';
import { test } from 'node:test';
import { podIsFreeFrom } from '../api/core/resource-quota.rules.ts';
import type { ClusterRole, PolicyRule } from '../api/gen/types/rbac.v1.ts';
import type { KubeObject, Stored } from '../machinery/object.ts';
import { decideAggregation } from './cluster-role-aggregation.ts';
import { builtinResources } from './kinds.ts';
import { countedResources, decideQuotaStatus } from './resource-quota.ts';

const pods = { group: '', resource: 'pods' };
const pod = (cpu: string, phase = 'Running'): KubeObject =>
  ({ metadata: { name: 'p' }, spec: { containers: [{ name: 'a', image: 'x', resources: { requests: { cpu } } }] }, status: { phase } }) as KubeObject;

test('a new quota is counted, a counted one is left alone', () => {
  const spec = { hard: { pods: '4', 'requests.cpu': '2', 'count/pods': '9' } };
  const objects = [[pods, [pod('500m'), pod('1'), pod('3', 'Succeeded')]]] as const;
  const status = decideQuotaStatus({ quota: { spec }, objects, nowMs: 0 });
  assert.deepEqual(status, { hard: spec.hard, used: { 'count/pods': '3', pods: '2', 'requests.cpu': '1500m' } });
  assert.equal(
    decideQuotaStatus({ quota: { spec, status: { hard: spec.hard, used: { 'count/pods': '3', pods: '2', 'requests.cpu': '1.5' } } }, objects, nowMs: 0 }),
    undefined,
  );
});

test('a pod that is stuck counts as an object only, once its grace is over twice', () => {
  const stuck = { ...pod('1'), metadata: { name: 'p', deletionTimestamp: '2026-01-01T00:00:30Z', deletionGracePeriodSeconds: 30 } } as KubeObject;
  const spec = { hard: { pods: '4', 'requests.cpu': '2', 'count/pods': '9' } };
  const usedAt = (time: string): unknown => decideQuotaStatus({ quota: { spec }, objects: [[pods, [stuck]]], nowMs: Date.parse(time) })?.used;
  assert.deepEqual(usedAt('2026-01-01T00:01:00Z'), { 'count/pods': '1', pods: '1', 'requests.cpu': '1' });
  assert.deepEqual(usedAt('2026-01-01T00:01:00.001Z'), { 'count/pods': '1', pods: '0', 'requests.cpu': '0' });
  assert.equal(podIsFreeFrom(stuck), Date.parse('2026-01-01T00:01:00.001Z'));
  assert.equal(podIsFreeFrom(pod('1')), undefined);
});

test('which kinds a quota counts', () => {
  const named = (hard: Record<string, string>): readonly string[] =>
    countedResources(hard, builtinResources()).map(({ group, resource }) => `${group}/${resource}`);
  assert.deepEqual(named({ 'requests.cpu': '1', pods: '1', 'requests.nvidia.com/gpu': '1' }), ['/pods']);
  assert.deepEqual(named({ 'requests.storage': '1', 'gold.storageclass.storage.k8s.io/persistentvolumeclaims': '1' }), ['/persistentvolumeclaims']);
  assert.deepEqual(named({ 'services.nodeports': '1', configmaps: '1', 'count/deployments.apps': '1', 'count/nothing.example.com': '1' }), [
    '/services',
    '/configmaps',
    'apps/deployments',
  ]);
});

test('an aggregated role is the sum of what is labelled for it', () => {
  const role = (name: string, rest: Partial<ClusterRole>, labels: Record<string, string> = {}): Stored<ClusterRole> => ({
    ...rest,
    metadata: { name, uid: name, resourceVersion: '1', labels },
  });
  const rule = (resource: string): PolicyRule => ({ verbs: ['get'], apiGroups: ['x'], resources: [resource] });
  const sum = role('view', { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { view: 'true' } }] }, rules: [] });
  const all = [
    sum,
    role('b', { rules: [rule('b'), rule('a')] }, { view: 'true' }),
    role('a', { rules: [rule('a')] }, { view: 'true' }),
    role('c', { rules: [rule('c')] }),
  ];
  assert.deepEqual(decideAggregation(sum, all), [rule('a'), rule('b')]);
  assert.equal(decideAggregation({ ...sum, rules: [rule('a'), rule('b')] }, all), undefined);
  assert.equal(decideAggregation(role('plain', { rules: [] }), all), undefined);
});
