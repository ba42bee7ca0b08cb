/** Objects of priority and fairness: test/e2e/apimachinery/flowcontrol.go. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { JsonObject } from '../../src/machinery/object.ts';
import { type Cluster, meta, namesOf, openCluster, specOf, statusOf } from './cluster.ts';

const GROUP = '/apis/flowcontrol.apiserver.k8s.io/v1';
const MERGE = { contentType: 'application/merge-patch+json' };
const LABELS = { 'example-e2e': 'fc' };
const object = (kind: string, name: string, spec: JsonObject): JsonObject => ({
  apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
  kind,
  metadata: { name, labels: LABELS },
  spec,
});
const schema = (name: string, more: object = {}): JsonObject =>
  object('FlowSchema', name, {
    matchingPrecedence: 10_000,
    priorityLevelConfiguration: { name: 'global-default' },
    distinguisherMethod: { type: 'ByUser' },
    rules: [
      {
        subjects: [{ kind: 'User', user: { name: 'example-e2e-non-existent-user' } }],
        nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
      },
    ],
    ...more,
  });
const level = (name: string, more: object = {}): JsonObject =>
  object('PriorityLevelConfiguration', name, {
    type: 'Limited',
    limited: { nominalConcurrencyShares: 2, limitResponse: { type: 'Reject' } },
    ...more,
  });

describe('priority and fairness', { timeout: 60_000 }, () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await openCluster({ seats: 600 });
  });
  after(() => cluster[Symbol.asyncDispose]());

  const rows: readonly (readonly [
    resource: string,
    make: (name: string) => JsonObject,
    change: JsonObject,
    shows: (spec: Record<string, unknown>) => unknown,
  ])[] = [
    ['flowschemas', schema, { spec: { matchingPrecedence: 9999 } }, (spec) => spec['matchingPrecedence']],
    [
      'prioritylevelconfigurations',
      level,
      { spec: { limited: { nominalConcurrencyShares: 4 } } },
      (spec) => (spec['limited'] as { readonly nominalConcurrencyShares: number }).nominalConcurrencyShares,
    ],
  ];
  for (const [resource, make, change, shows] of rows) {
    it(`${resource}: made, got, listed, watched, patched, updated, their status too, deleted`, async () => {
      const path = `${GROUP}/${resource}`;
      const rv = String(meta(await cluster.get(`${path}?limit=1`))['resourceVersion']);
      const watch = await cluster.watch(`${path}?labelSelector=example-e2e%3Dfc&resourceVersion=${rv}`);
      const { body: made } = await cluster.ask('POST', path, make('life'));
      assert.equal(meta(await cluster.get(`${path}/life`))['uid'], meta(made)['uid']);
      assert.deepEqual(namesOf(await cluster.items(`${path}?labelSelector=example-e2e%3Dfc`)), ['life']);
      const { body: patched } = await cluster.ask('PATCH', `${path}/life`, change, MERGE);
      assert.notEqual(shows(specOf(patched)), shows(specOf(made)));
      assert.equal(meta(patched)['generation'], 2);
      const condition = { type: 'E2E', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z', reason: 'Test', message: 'm' };
      const status = { status: { conditions: [condition] }, ...(change as object) };
      const { body: conditioned } = await cluster.ask('PATCH', `${path}/life/status`, status, { contentType: 'application/merge-patch+json' });
      assert.ok((statusOf(conditioned)['conditions'] as readonly JsonObject[]).some(({ type }) => type === 'E2E'));
      // Whether its priority level is there is said by the server itself.
      await cluster.settle(1);
      const { body: got } = await cluster.ask('GET', `${path}/life/status`);
      const { body: updated } = await cluster.ask('PUT', `${path}/life`, { ...got, metadata: { ...meta(got), annotations: { updated: 'yes' } } });
      assert.deepEqual(meta(updated)['annotations'], { updated: 'yes' });
      await cluster.ask('DELETE', `${path}/life`);
      await cluster.ask('POST', path, make('more'));
      await cluster.ask('DELETE', `${path}?labelSelector=example-e2e%3Dfc`);
      assert.deepEqual(await cluster.items(`${path}?labelSelector=example-e2e%3Dfc`), []);
      await cluster.settle(1);
      const types = watch.events.map(({ type }) => type);
      assert.deepEqual([types[0], types.filter((type) => type === 'DELETED').length], ['ADDED', 2]);
      watch.close();
    });
  }

  it('what every cluster has is there, and can not be taken away or turned round', async () => {
    const levels = namesOf(await cluster.items(`${GROUP}/prioritylevelconfigurations`));
    for (const name of ['catch-all', 'exempt', 'global-default', 'leader-election', 'node-high', 'system', 'workload-high', 'workload-low'])
      assert.ok(levels.includes(name), name);
    const schemas = namesOf(await cluster.items(`${GROUP}/flowschemas`));
    for (const name of ['catch-all', 'exempt', 'global-default', 'probes', 'service-accounts', 'system-leader-election', 'system-nodes'])
      assert.ok(schemas.includes(name), name);
    const refused = await cluster.refusal('PATCH', `${GROUP}/prioritylevelconfigurations/exempt`, { spec: { type: 'Limited' } }, MERGE);
    assert.equal(refused.code, 422);
  });

  it('what makes no sense is refused with its path', async () => {
    const { message } = await cluster.refusal('POST', `${GROUP}/flowschemas`, schema('bad', { matchingPrecedence: 20_000 }));
    assert.match(message, /^FlowSchema\.flowcontrol\.apiserver\.k8s\.io "bad" is invalid: spec\.matchingPrecedence: Invalid value: 20000: /);
  });
});
