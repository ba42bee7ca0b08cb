import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defined } from '../base/assert.ts';
import { formatApiVersion, type Json, type KubeObject } from '../machinery/object.ts';
import { autoscalerFromStorage } from './autoscaling/horizontal-pod-autoscaler.convert.ts';
import { builtinKinds } from './registry.ts';

/** Columns with their types, and what they show of an object: as Kubernetes' printers have them. */
interface Row {
  readonly says: string;
  readonly object: unknown;
  readonly shown: Readonly<Record<string, readonly [type: string, cell: Json]>>;
}

const metric = { type: 'Pods', pods: { metric: { name: 'rate' }, target: { type: 'AverageValue', averageValue: '5' } } };

const ROWS: readonly Row[] = [
  {
    says: 'counts of keys are numbers in a column of text',
    object: { apiVersion: 'v1', kind: 'ConfigMap', data: { a: 'b' }, binaryData: { c: '' } },
    shown: { Data: ['string', 2] },
  },
  { says: 'so are those of a secret', object: { apiVersion: 'v1', kind: 'Secret', type: 'Opaque', data: { a: '' } }, shown: { Data: ['string', 1] } },
  {
    says: 'and those of a deployment',
    object: {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      spec: { replicas: 2, template: {} },
      status: { updatedReplicas: 1, availableReplicas: 2, readyReplicas: 2 },
    },
    shown: { Ready: ['string', '2/2'], 'Up-to-date': ['string', 1], Available: ['string', 2] },
  },
  {
    says: 'endpoints of nothing',
    object: { apiVersion: 'v1', kind: 'Endpoints' },
    shown: { Endpoints: ['string', '<none>'] },
  },
  {
    says: 'endpoints of which none is ready',
    object: { apiVersion: 'v1', kind: 'Endpoints', subsets: [{ notReadyAddresses: [{ ip: '10.0.0.1' }], ports: [{ port: 80 }] }] },
    shown: { Endpoints: ['string', ''] },
  },
  {
    says: 'a component of which nothing is known is not healthy',
    object: { apiVersion: 'v1', kind: 'ComponentStatus', conditions: [{ type: 'Healthy', status: 'Unknown', message: 'm' }] },
    shown: { Status: ['string', 'Unhealthy'], Message: ['string', 'm'] },
  },
  {
    says: 'an event about something without a name',
    object: { apiVersion: 'v1', kind: 'Event', involvedObject: { kind: 'Node' }, count: 3 },
    shown: { Object: ['string', 'node'], Count: ['string', 3] },
  },
  {
    says: 'a kind without columns of its own shows when it was created',
    object: { apiVersion: 'v1', kind: 'LimitRange', metadata: { creationTimestamp: '2026-01-01T00:00:00Z' } },
    shown: { 'Created At': ['date', '2026-01-01T00:00:00Z'] },
  },
  { says: 'the number of a revision is text', object: { apiVersion: 'apps/v1', kind: 'ControllerRevision', revision: 3 }, shown: { Revision: ['string', 3] } },
  {
    says: 'whether a cron job is paused',
    object: { apiVersion: 'batch/v1', kind: 'CronJob', spec: { suspend: true } },
    shown: { Suspend: ['boolean', 'True'] },
  },
  {
    says: 'whether volumes of a class may grow',
    object: { apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', allowVolumeExpansion: true },
    shown: { AllowVolumeExpansion: ['string', true] },
  },
  {
    says: 'an event of the new group that happened once was seen last when it was seen first',
    object: {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      regarding: { kind: 'Pod', name: 'p' },
      eventTime: '1970-01-01T00:00:00.000000Z',
      deprecatedFirstTimestamp: null,
      deprecatedLastTimestamp: null,
    },
    shown: { 'Last Seen': ['string', '0s'], 'First Seen': ['string', '0s'], Count: ['string', 1] },
  },
  {
    says: 'an autoscaler in its older version shows all metrics',
    object: {
      ...autoscalerFromStorage({
        apiVersion: 'autoscaling/v2',
        spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' }, minReplicas: 1, maxReplicas: 3, metrics: [metric] },
      }),
      apiVersion: 'autoscaling/v1',
      kind: 'HorizontalPodAutoscaler',
    },
    shown: { Reference: ['string', 'Deployment/d'], Targets: ['string', '<unknown>/5'], MaxPods: ['string', 3], Replicas: ['string', 0] },
  },
];

for (const { says, object, shown } of ROWS) {
  test(says, () => {
    const { apiVersion, kind: name } = object as KubeObject;
    const { columns } = defined(
      builtinKinds().find((kind) => kind.kind === name && formatApiVersion(kind) === apiVersion),
      says,
    );
    const cells = columns.filter((column) => Object.hasOwn(shown, column.name));
    assert.deepEqual(Object.fromEntries(cells.map((column) => [column.name, [column.type, column.cell(object as KubeObject, 0)]])), shown);
  });
}

test('nobody counts the secrets of an account any more (1.35)', () => {
  const { columns } = defined(
    builtinKinds().find(({ kind }) => kind === 'ServiceAccount'),
    'ServiceAccount',
  );
  assert.deepEqual(
    columns.map(({ name }) => name),
    ['Name', 'Age'],
  );
});
