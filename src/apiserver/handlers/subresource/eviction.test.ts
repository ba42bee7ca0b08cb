import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json, JsonObject } from '../../../machinery/object.ts';
import { startTestServer, type TestServer } from '../../testing.ts';

const PODS = '/api/v1/namespaces/default/pods';
const BUDGETS = '/apis/policy/v1/namespaces/default/poddisruptionbudgets';
const EVICTION = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'web' } };
const MERGE = { contentType: 'application/merge-patch+json' };

interface Situation {
  readonly pod?: JsonObject;
  /** Undefined: no budget. */
  readonly budget?: JsonObject;
  readonly policy?: string;
}

const ready = (is: string): JsonObject => ({ phase: 'Running', conditions: [{ type: 'Ready', status: is }] });

/** A pod on a node, and what its budget's controller wrote, if there is one. */
async function given({ pod = ready('True'), budget, policy }: Situation): Promise<TestServer> {
  const server = startTestServer();
  const spec = { nodeName: 'n', terminationGracePeriodSeconds: 30, containers: [{ name: 'c', image: 'i' }] };
  await server.ask('POST', PODS, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web', labels: { app: 'web' } }, spec });
  await server.ask('PATCH', `${PODS}/web/status`, { status: pod }, MERGE);
  if (budget === undefined) return server;
  const about = { minAvailable: 1, selector: { matchLabels: { app: 'web' } }, ...(policy === undefined ? {} : { unhealthyPodEvictionPolicy: policy }) };
  await server.ask('POST', BUDGETS, { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name: 'b' }, spec: about });
  await server.ask('PATCH', `${BUDGETS}/b/status`, { status: budget }, MERGE);
  return server;
}

const counted = { observedGeneration: 1, expectedPods: 1 };
const failed = (reason: string): JsonObject => ({
  conditions: [{ type: 'DisruptionAllowed', status: 'False', reason, message: 'why', lastTransitionTime: '2026-01-01T00:00:00Z' }],
});
const refusals: readonly (readonly [what: string, situation: Situation, cause: string, retryAfterSeconds?: number])[] = [
  [
    'a budget that nobody has worked out yet',
    { budget: { disruptionsAllowed: 1, currentHealthy: 1, desiredHealthy: 0, expectedPods: 1 } },
    'The disruption budget b is still being processed by the server.',
    10,
  ],
  [
    'a budget that is used up',
    { budget: { ...counted, disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 1 } },
    'The disruption budget b needs 1 healthy pods and has 1 currently',
  ],
  [
    'a budget that could not be worked out',
    { budget: { ...counted, disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, ...failed('SyncFailed') } },
    'The disruption budget b does not allow evicting pods currently because it failed sync: why',
  ],
  [
    'a budget that allows none for another reason',
    { budget: { ...counted, disruptionsAllowed: 0, currentHealthy: 3, desiredHealthy: 1, ...failed('Other') } },
    'The disruption budget b does not allow evicting pods currently (Other): why',
  ],
  [
    'more are healthy than need be, and still none may go',
    { budget: { ...counted, disruptionsAllowed: 0, currentHealthy: 3, desiredHealthy: 1 } },
    'The disruption budget b does not allow evicting pods currently',
  ],
  [
    'a pod that is not ready while too few are',
    { pod: ready('False'), budget: { ...counted, disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 1 } },
    'The disruption budget b needs 1 healthy pods and has 0 currently',
  ],
];
for (const [what, situation, cause, retryAfterSeconds] of refusals) {
  test(`429: ${what}`, async () => {
    await using server = await given(situation);
    const { code, reason, message, details } = await server.refusal('POST', `${PODS}/web/eviction`, EVICTION);
    assert.deepEqual([code, reason, message], [429, 'TooManyRequests', "Cannot evict pod as it would violate the pod's disruption budget."]);
    assert.deepEqual(details?.causes, [{ reason: 'DisruptionBudget', message: cause }]);
    assert.equal(details?.retryAfterSeconds, retryAfterSeconds);
    const { body } = await server.ask('GET', `${PODS}/web`);
    assert.equal((body.metadata as JsonObject).deletionTimestamp, undefined);
  });
}

const evictions: readonly (readonly [what: string, situation: Situation, allowedAfter?: number])[] = [
  ['a pod without a budget', {}],
  ['a pod that waits for its node', { pod: { phase: 'Pending' }, budget: { ...counted, disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 1 } }, 0],
  ['a pod that its budget spares', { budget: { ...counted, disruptionsAllowed: 2, currentHealthy: 3, desiredHealthy: 1 } }, 1],
  ['a pod that is not ready where enough are', { pod: ready('False'), budget: { ...counted, disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 1 } }, 0],
  [
    'a pod that is not ready and may always go',
    { pod: ready('False'), policy: 'AlwaysAllow', budget: { ...counted, disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 1 } },
    0,
  ],
];
for (const [what, situation, allowedAfter] of evictions) {
  test(`201: ${what}`, async () => {
    await using server = await given(situation);
    const { code } = await server.ask('POST', `${PODS}/web/eviction`, EVICTION);
    assert.equal(code, 201);
    const { metadata, status } = (await server.ask('GET', `${PODS}/web`)).body as { metadata: JsonObject; status: { conditions: readonly JsonObject[] } };
    assert.equal(metadata.deletionGracePeriodSeconds, 30);
    const mark = status.conditions.find(({ type }) => type === 'DisruptionTarget');
    assert.deepEqual([mark?.status, mark?.reason, mark?.message], ['True', 'EvictionByEvictionAPI', 'Eviction API: evicting']);
    if (allowedAfter === undefined) return;
    const budget = (await server.ask('GET', `${BUDGETS}/b`)).body.status as { readonly disruptionsAllowed: number; readonly disruptedPods?: Json };
    assert.equal(budget.disruptionsAllowed, allowedAfter);
  });
}

test('a pod under two budgets', async () => {
  await using server = await given({ budget: { ...counted, disruptionsAllowed: 1, currentHealthy: 1, desiredHealthy: 0 } });
  await server.ask('POST', BUDGETS, { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name: 'c' }, spec: { selector: {} } });
  const { code, message } = await server.refusal('POST', `${PODS}/web/eviction`, EVICTION);
  assert.deepEqual([code, message], [500, 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.']);
});

test('clients of before 1.22 evict in the older version', async () => {
  await using server = await given({});
  const { code } = await server.ask('POST', `${PODS}/web/eviction`, { ...EVICTION, apiVersion: 'policy/v1beta1' });
  assert.equal(code, 201);
  const { message } = await server.refusal('POST', `${PODS}/web/eviction`, { ...EVICTION, apiVersion: 'policy/v1alpha1' });
  assert.match(message, /no kind "Eviction" is registered for version "policy\/v1alpha1"/);
});

test('a dry run spends nothing and marks nothing', async () => {
  await using server = await given({ budget: { ...counted, disruptionsAllowed: 1, currentHealthy: 2, desiredHealthy: 1 } });
  await server.ask('POST', `${PODS}/web/eviction?dryRun=All`, EVICTION);
  const { body } = await server.ask('GET', `${PODS}/web`);
  assert.deepEqual(
    (body.status as { conditions: readonly JsonObject[] }).conditions.map(({ type }) => type),
    ['Ready'],
  );
  assert.equal(((await server.ask('GET', `${BUDGETS}/b`)).body.status as JsonObject).disruptionsAllowed, 1);
});
