import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtinKinds } from '../../api/registry.ts';
import { defined } from '../../base/assert.ts';
import type { KubeObject } from '../../machinery/object.ts';
import { formatTime } from '../../machinery/time.ts';
import { Registry } from '../registry/registry.ts';
import { checkDeleteOptions } from './delete-options.ts';
import { decideDeletion } from './deletion.ts';

const NOW = Date.UTC(2030, 0, 1);
const registry = new Registry(builtinKinds().filter(({ servedByDefault }) => servedByDefault));
const at = (seconds: number): string => formatTime(NOW + seconds * 1000);

interface Row {
  readonly says: string;
  readonly of: readonly [apiVersion: string, resource: string];
  readonly object: object;
  readonly options?: Parameters<typeof checkDeleteOptions>[0];
  readonly decision: object;
}

const running = { spec: { nodeName: 'n', terminationGracePeriodSeconds: 30 }, status: { phase: 'Running' } };
const terminating = { ...running, metadata: { deletionTimestamp: at(20), deletionGracePeriodSeconds: 30, generation: 2 } };

const rows: readonly Row[] = [
  { says: 'nothing holds it', of: ['v1', 'configmaps'], object: {}, decision: { do: 'delete' } },
  {
    says: 'a finalizer holds it',
    of: ['v1', 'configmaps'],
    object: { metadata: { finalizers: ['x/y'], generation: 3 } },
    decision: { do: 'mark', metadata: { deletionTimestamp: at(0), deletionGracePeriodSeconds: 0, generation: 4 }, terminating: false },
  },
  {
    says: 'marked before, still held',
    of: ['v1', 'configmaps'],
    object: { metadata: { finalizers: ['x/y'], deletionTimestamp: at(-9) } },
    decision: { do: 'mark', metadata: { deletionGracePeriodSeconds: 0 }, terminating: false },
  },
  {
    says: 'dependents are waited for',
    of: ['apps/v1', 'deployments'],
    object: { metadata: { generation: 1 } },
    options: { propagationPolicy: 'Foreground' },
    decision: {
      do: 'mark',
      metadata: { finalizers: ['foregroundDeletion'], deletionTimestamp: at(0), deletionGracePeriodSeconds: 0, generation: 2 },
      terminating: false,
    },
  },
  {
    says: 'a second request changes its mind about dependents',
    of: ['apps/v1', 'deployments'],
    object: { metadata: { finalizers: ['foregroundDeletion'], deletionTimestamp: at(-1) } },
    options: { propagationPolicy: 'Background' },
    decision: { do: 'delete' },
  },
  {
    says: 'jobs orphan their pods unless told otherwise',
    of: ['batch/v1', 'jobs'],
    object: {},
    decision: { do: 'mark', metadata: { finalizers: ['orphan'], deletionTimestamp: at(0), deletionGracePeriodSeconds: 0 }, terminating: false },
  },
  { says: 'jobs with the old option', of: ['batch/v1', 'jobs'], object: {}, options: { orphanDependents: false }, decision: { do: 'delete' } },
  {
    says: 'a running pod has its own period',
    of: ['v1', 'pods'],
    object: { ...running, metadata: { generation: 1 } },
    decision: { do: 'mark', metadata: { deletionTimestamp: at(30), deletionGracePeriodSeconds: 30, generation: 2 }, terminating: false },
  },
  {
    says: 'or the one asked for',
    of: ['v1', 'pods'],
    object: running,
    options: { gracePeriodSeconds: 5 },
    decision: { do: 'mark', metadata: { deletionTimestamp: at(5), deletionGracePeriodSeconds: 5 }, terminating: false },
  },
  {
    says: 'none at all goes at once',
    of: ['v1', 'pods'],
    object: running,
    options: { gracePeriodSeconds: 0 },
    decision: { do: 'delete', metadata: { deletionTimestamp: at(0), deletionGracePeriodSeconds: 0 } },
  },
  { says: 'it is going already', of: ['v1', 'pods'], object: terminating, decision: { do: 'nothing' } },
  { says: 'a longer period is not given', of: ['v1', 'pods'], object: terminating, options: { gracePeriodSeconds: 60 }, decision: { do: 'nothing' } },
  {
    says: 'a shorter one is, from when it was first asked',
    of: ['v1', 'pods'],
    object: terminating,
    options: { gracePeriodSeconds: 15 },
    decision: { do: 'mark', metadata: { deletionTimestamp: at(5), deletionGracePeriodSeconds: 15 }, terminating: false },
  },
  {
    says: 'the period has run out',
    of: ['v1', 'pods'],
    object: { ...running, metadata: { deletionTimestamp: at(-5), deletionGracePeriodSeconds: 0 } },
    decision: { do: 'delete' },
  },
  {
    says: 'a namespace ends when it is empty',
    of: ['v1', 'namespaces'],
    object: { spec: { finalizers: ['kubernetes'] } },
    decision: { do: 'mark', metadata: { deletionTimestamp: at(0) }, terminating: true },
  },
  { says: 'an empty one goes', of: ['v1', 'namespaces'], object: { spec: {}, metadata: { deletionTimestamp: at(-1) } }, decision: { do: 'delete' } },
];

for (const { says, of, object, options = {}, decision } of rows) {
  test(`deletion of ${of[1]}: ${says}`, () => {
    const binding = defined(registry.find(...of), of.join(' '));
    assert.deepEqual(decideDeletion(binding, object as KubeObject, checkDeleteOptions(options), NOW), decision);
  });
}
