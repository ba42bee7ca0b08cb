import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../machinery/object.ts';
import { autoscalerFromStorage, autoscalerToStorage } from './autoscaling/horizontal-pod-autoscaler.convert.ts';
import { parseSchedule, type Schedule } from './batch/schedule.rules.ts';
import { eventFromStorage, eventToStorage } from './core/event.convert.ts';
import { fromV1, toV1 } from './resource/convert.ts';
import { cidrContains, isIPv4, isIPv6 } from './ip.ts';

test('an autoscaler of v1 is one metric of v2', () => {
  const v1 = {
    apiVersion: 'autoscaling/v1',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'x' },
    spec: { maxReplicas: 3, targetCPUUtilizationPercentage: 70 },
  };
  const v2 = autoscalerToStorage(v1);
  assert.deepEqual(v2.spec, {
    maxReplicas: 3,
    metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 70 } } }],
  });
  assert.equal(v2.apiVersion, 'autoscaling/v2');
  assert.deepEqual(autoscalerFromStorage(v2), v1);
});

test('an autoscaler of v1 that says nothing of its target aims at 80 % of the CPU', () => {
  const v2 = autoscalerToStorage({ metadata: {}, spec: { maxReplicas: 3 } });
  assert.deepEqual(autoscalerFromStorage(v2), { metadata: {}, spec: { maxReplicas: 3, targetCPUUtilizationPercentage: 80 } });
});

const CPU = { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 70 } } };
const selector = { matchLabels: { a: 'b' } };
const describedObject = { kind: 'Ingress', name: 'i', apiVersion: 'networking.k8s.io/v1' };
/** Each metric, and how it stands in the annotation of v1. */
const SPECS: readonly (readonly [v2: JsonObject, v1: JsonObject])[] = [
  [
    { type: 'Pods', pods: { metric: { name: 'm', selector }, target: { type: 'AverageValue', averageValue: '5' } } },
    { type: 'Pods', pods: { metricName: 'm', targetAverageValue: '5', selector } },
  ],
  [
    { type: 'Resource', resource: { name: 'memory', target: { type: 'AverageValue', averageValue: '1Gi' } } },
    { type: 'Resource', resource: { name: 'memory', targetAverageValue: '1Gi' } },
  ],
  [
    { type: 'ContainerResource', containerResource: { name: 'cpu', container: 'c', target: { type: 'Utilization', averageUtilization: 9 } } },
    { type: 'ContainerResource', containerResource: { name: 'cpu', targetAverageUtilization: 9, container: 'c' } },
  ],
  [
    { type: 'Object', object: { describedObject, metric: { name: 'm' }, target: { type: 'Value', value: '2k' } } },
    { type: 'Object', object: { target: describedObject, metricName: 'm', targetValue: '2k' } },
  ],
  [
    { type: 'Object', object: { describedObject, metric: { name: 'm' }, target: { type: 'AverageValue', averageValue: '2' } } },
    { type: 'Object', object: { target: describedObject, metricName: 'm', targetValue: '0', averageValue: '2' } },
  ],
  [
    { type: 'External', external: { metric: { name: 'q', selector }, target: { type: 'Value', value: '3' } } },
    { type: 'External', external: { metricName: 'q', metricSelector: selector, targetValue: '3' } },
  ],
];
const MEASURED: readonly (readonly [v2: JsonObject, v1: JsonObject])[] = [
  [
    { type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: 3, averageValue: '10m' } } },
    { type: 'Resource', resource: { name: 'cpu', currentAverageUtilization: 3, currentAverageValue: '10m' } },
  ],
  [
    { type: 'External', external: { metric: { name: 'q' }, current: { value: '0', averageValue: '2' } } },
    { type: 'External', external: { metricName: 'q', currentValue: '0', currentAverageValue: '2' } },
  ],
];

test('what v1 cannot say travels in annotations, in the words that Kubernetes has there, and comes back', () => {
  const conditions = [{ type: 'AbleToScale', status: 'True' }];
  const policies = [{ type: 'Pods', value: 4, periodSeconds: 15 }];
  const v2: JsonObject = {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'x', annotations: { mine: 'kept' } },
    spec: {
      maxReplicas: 3,
      metrics: [...SPECS.map(([metric]) => metric), CPU],
      behavior: { scaleUp: { stabilizationWindowSeconds: 0, selectPolicy: 'Max', policies }, scaleDown: { selectPolicy: 'Min' } },
    },
    status: { desiredReplicas: 1, currentMetrics: MEASURED.map(([metric]) => metric), conditions },
  };
  const v1 = autoscalerFromStorage(v2);
  assert.deepEqual(v1.spec, { maxReplicas: 3, targetCPUUtilizationPercentage: 70 });
  assert.deepEqual(v1.status, { currentReplicas: 0, desiredReplicas: 1, currentCPUUtilizationPercentage: 3 });
  const { annotations } = v1.metadata as { readonly annotations: Readonly<Record<string, string>> };
  const carried = Object.fromEntries(
    Object.entries(annotations).map(([key, value]) => [key.split('/')[1] ?? key, key === 'mine' ? value : (JSON.parse(value) as unknown)]),
  );
  assert.deepEqual(carried, {
    mine: 'kept',
    metrics: SPECS.map(([, flat]) => flat),
    behavior: {
      ScaleUp: { StabilizationWindowSeconds: 0, SelectPolicy: 'Max', Policies: [{ Type: 'Pods', Value: 4, PeriodSeconds: 15 }], Tolerance: null },
      ScaleDown: { StabilizationWindowSeconds: null, SelectPolicy: 'Min', Policies: null, Tolerance: null },
    },
    'current-metrics': MEASURED.map(([, flat]) => flat),
    conditions,
  });
  assert.deepEqual(autoscalerToStorage(v1), v2);
});

test('an annotation for what v2 has fields for, which nobody can read, is dropped', () => {
  const v1 = {
    metadata: { annotations: { 'autoscaling.alpha.kubernetes.io/metrics': '{', mine: 'kept' } },
    spec: { maxReplicas: 1, targetCPUUtilizationPercentage: 70 },
  };
  assert.deepEqual(autoscalerToStorage(v1), { metadata: { annotations: { mine: 'kept' } }, spec: { maxReplicas: 1, metrics: [CPU] } });
});

test('an event reads the same in both groups', () => {
  const event = {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name: 'e' },
    eventTime: '2026-01-01T00:00:00.000000Z',
    regarding: { kind: 'Pod', name: 'p' },
    reason: 'R',
    note: 'text',
    reportingController: 'c',
    deprecatedCount: 2,
  };
  const stored = eventToStorage(event);
  assert.equal(stored.apiVersion, 'v1');
  assert.deepEqual(stored.involvedObject, { kind: 'Pod', name: 'p' });
  assert.equal(stored.message, 'text');
  assert.equal(stored.reportingComponent, 'c');
  assert.equal(stored.count, 2);
  assert.deepEqual(
    { ...eventFromStorage(stored), deprecatedSource: undefined, deprecatedFirstTimestamp: undefined, deprecatedLastTimestamp: undefined },
    {
      ...event,
      deprecatedSource: undefined,
      deprecatedFirstTimestamp: undefined,
      deprecatedLastTimestamp: undefined,
    },
  );
});

test('a claim for devices in the shape of v1beta1', () => {
  const old = {
    apiVersion: 'resource.k8s.io/v1beta1',
    kind: 'ResourceClaim',
    spec: {
      devices: {
        requests: [
          { name: 'gpu', deviceClassName: 'c', count: 2 },
          { name: 'any', firstAvailable: [{ name: 'a' }] },
        ],
      },
    },
  };
  const now = toV1(old);
  assert.deepEqual(now.spec, {
    devices: {
      requests: [
        { name: 'gpu', exactly: { deviceClassName: 'c', count: 2 } },
        { name: 'any', firstAvailable: [{ name: 'a' }] },
      ],
    },
  });
  assert.deepEqual(fromV1(now), old);
});

test('schedules', () => {
  const of = (text: string): Schedule => {
    const parsed = parseSchedule(text);
    assert.ok(typeof parsed !== 'string', String(parsed));
    return parsed;
  };
  assert.deepEqual([...of('*/15 0-6/2 1,15 jan-mar mon').minutes], [0, 15, 30, 45]);
  assert.deepEqual([...of('*/15 0-6/2 1,15 jan-mar mon').hours], [0, 2, 4, 6]);
  assert.deepEqual([...of('*/15 0-6/2 1,15 jan-mar mon').months], [1, 2, 3]);
  assert.deepEqual([...of('*/15 0-6/2 1,15 jan-mar mon').daysOfWeek], [1]);
  assert.deepEqual([of('@hourly').minutes.size, of('@hourly').hours.size], [1, 24]);
  assert.equal(of('@every 1h30m').everyMs, 5_400_000);
  for (const bad of ['', '@never', '* * * *', '60 * * * *', '5-1 * * * *', '*/0 * * * *', 'a * * * *', '1/2/3 * * * *', '@every soon'])
    assert.equal(typeof parseSchedule(bad), 'string', bad);
});

test('addresses and ranges', () => {
  for (const good of ['0.0.0.0', '255.255.255.255', '10.9.8.7']) assert.ok(isIPv4(good), good);
  for (const bad of ['256.0.0.1', '1.2.3', '01.2.3.4', '1.2.3.4.5', '']) assert.ok(!isIPv4(bad), bad);
  for (const good of ['::', '::1', 'fd00::1', '1:2:3:4:5:6:7:8', '::ffff:10.0.0.1']) assert.ok(isIPv6(good), good);
  for (const bad of [':::', '1::2::3', '1:2:3:4:5:6:7', 'g::1', '10.0.0.1']) assert.ok(!isIPv6(bad), bad);
  assert.ok(cidrContains('10.0.0.0/8', '10.1.0.0/16'));
  assert.ok(!cidrContains('10.0.0.0/16', '10.0.0.0/8'));
  assert.ok(cidrContains('fd00::/8', 'fd12:3456::/32'));
});
