import type * as core from '../../../api/gen/types/core.v1.ts';
import type * as policy from '../../../api/gen/types/policy.v1.ts';
import { matchesLabelSelector } from '../../../machinery/labels.ts';
import type { Draft, JsonObject } from '../../../machinery/object.ts';
import { deepFreeze } from '../../../machinery/record.ts';
import { conflict, objectNotFound, StatusError } from '../../../machinery/status-error.ts';
import { formatTime } from '../../../machinery/time.ts';
import type { Core } from '../../core.ts';
import { type Expected, readObject } from '../../codec/decode.ts';
import { objectKey } from '../../registry/registry.ts';
import { Admission } from '../admission.ts';
import type { Answer, Call } from '../call.ts';
import { changeObject } from '../change.ts';
import { deleteStored } from '../delete.ts';
import { checkDeleteOptions, checkDeletePreconditions, type DeleteOptions } from '../delete-options.ts';
import { mustFind } from '../get.ts';
import { metadataOf } from '../metadata.ts';
import type { Target } from '../target.ts';
import { settleNamed } from '../update.ts';
import { type WriteOptions, writeOptions } from '../write-options.ts';

/** Clients of 1.21 and before evict in v1beta1 (KEP-85). */
const EVICTION: Expected = { apiVersion: 'policy/v1', kind: 'Eviction', typeName: 'policy.v1.Eviction', olderVersions: ['policy/v1beta1'] };
const DONE: Answer = { as: 'object', code: 201, body: deepFreeze({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 }) };
const MANY_BUDGETS = 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.';
const VIOLATES = "Cannot evict pod as it would violate the pod's disruption budget.";

/** POST pods/NAME/eviction: a deletion that asks the pod's disruption budget first (KEP-85). 429 until the budget allows it. */
export async function evictPod(core: Core, call: Call, target: Target): Promise<Answer> {
  const options = writeOptions(call, 'CreateOptions');
  const draft = await readObject(core, call, EVICTION, options.fieldValidation);
  settleNamed(target, metadataOf(draft), 'Eviction');
  const admission = new Admission(core, call, target, {
    operation: 'CREATE',
    name: target.name,
    object: draft,
    old: undefined,
    options: options.json,
    dryRun: options.dryRun,
  });
  await admission.mutate();
  await admission.validate();
  const given = checkDeleteOptions((draft.deleteOptions ?? {}) as JsonObject);
  let deletion: DeleteOptions = { ...given, dryRun: given.dryRun || options.dryRun };
  const entry = mustFind(core, target);
  // Nothing of a budget is spent, and nothing marked, for a pod that was not meant.
  checkDeletePreconditions(target.binding, entry.projection, entry.modRevision, deletion);
  const pod = core.objects.of(entry) as core.Pod;
  if (needsBudget(pod)) await spendBudget(core, call, target, pod, deletion);
  if (!deletion.dryRun) {
    const marked = await markEvicted(core, call, target, options, deletion);
    // The version that the client named is now followed by our own.
    if (deletion.preconditions?.resourceVersion !== undefined && marked.as === 'entry') {
      deletion = { ...deletion, preconditions: { ...deletion.preconditions, resourceVersion: String(marked.entry.modRevision) } };
    }
  }
  await deleteStored(core, call, target, deletion, { admit: false });
  return DONE;
}

/** What runs no more, or is going anyway, disturbs nobody. */
function needsBudget({ metadata, status }: core.Pod): boolean {
  const { phase } = status ?? {};
  return metadata?.deletionTimestamp === undefined && phase !== 'Succeeded' && phase !== 'Failed' && phase !== 'Pending';
}

async function spendBudget(core: Core, call: Call, target: Target, pod: core.Pod, deletion: DeleteOptions): Promise<void> {
  const all = core.reader.list('policy', 'poddisruptionbudgets', target.namespace) as unknown as readonly policy.PodDisruptionBudget[];
  const budgets = all.filter(({ spec }) => matchesLabelSelector(spec?.selector, pod.metadata?.labels));
  if (budgets.length === 0) return;
  if (budgets.length > 1) throw new StatusError('InternalError', MANY_BUDGETS);
  const [budget] = budgets as [policy.PodDisruptionBudget];
  const name = budget.metadata?.name ?? '';
  if (!isReady(pod) && mayGoUnready(budget)) return;
  const binding = core.registry.find('policy/v1', 'poddisruptionbudgets');
  if (binding === undefined) return;
  const options: WriteOptions = { dryRun: deletion.dryRun, fieldValidation: 'Ignore', fieldManager: '', force: false, json: {} };
  const at: Target = { ...target, binding, name, subresource: 'status' };
  if (core.store.get(objectKey(binding, target.namespace, name)) === undefined) return;
  await changeObject(core, call, at, {
    options,
    rules: { prepare: binding.stored.strategy.status?.prepareForUpdate },
    admit: false,
    produce: (existing) => {
      if (existing === undefined) throw objectNotFound(binding.kind, name);
      const next = existing.draft();
      spend(next as unknown as Draft<policy.PodDisruptionBudget>, target.name, formatTime(core.clock.now()));
      return { draft: next, managed: existing.managed() };
    },
  });
}

const isReady = ({ status }: core.Pod): boolean => (status?.conditions ?? []).some(({ type, status: is }) => type === 'Ready' && is === 'True');

function mayGoUnready({ spec, status }: policy.PodDisruptionBudget): boolean {
  if (spec?.unhealthyPodEvictionPolicy === 'AlwaysAllow') return true;
  const { currentHealthy = 0, desiredHealthy = 0 } = status ?? {};
  return desiredHealthy > 0 && currentHealthy >= desiredHealthy;
}

function spend(budget: Draft<policy.PodDisruptionBudget>, pod: string, now: string): void {
  const { status, metadata } = budget;
  const name = metadata?.name ?? '';
  if (status === undefined || (status.observedGeneration ?? 0) < (metadata?.generation ?? 0)) {
    throw refused(`The disruption budget ${name} is still being processed by the server.`, 10);
  }
  const { disruptionsAllowed = 0 } = status;
  if (disruptionsAllowed < 0) throw conflict({ group: 'policy', resource: 'poddisruptionbudgets' }, name, 'pdb disruptions allowed is negative');
  if (Object.keys(status.disruptedPods ?? {}).length > 2000)
    throw conflict(
      { group: 'policy', resource: 'poddisruptionbudgets' },
      name,
      'DisruptedPods map too big - too many evictions not confirmed by PDB controller',
    );
  if (disruptionsAllowed === 0) throw refused(`The disruption budget ${name} ${whyNone(status)}`);
  status.disruptionsAllowed = disruptionsAllowed - 1;
  status.disruptedPods = { ...status.disruptedPods, [pod]: now };
}

function whyNone({ conditions, currentHealthy = 0, desiredHealthy = 0 }: Draft<policy.PodDisruptionBudgetStatus>): string {
  const denied = conditions?.find(({ type, status, message }) => type === 'DisruptionAllowed' && status === 'False' && message !== '');
  // The counts of a budget that could not be worked out mean nothing.
  if (denied?.reason === 'SyncFailed') return `does not allow evicting pods currently because it failed sync: ${denied.message}`;
  if (currentHealthy <= desiredHealthy) return `needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`;
  if (denied !== undefined) return `does not allow evicting pods currently (${denied.reason}): ${denied.message}`;
  return 'does not allow evicting pods currently';
}

function refused(why: string, retryAfterSeconds?: number): StatusError {
  const causes = [{ reason: 'DisruptionBudget', message: why }];
  return new StatusError('TooManyRequests', VIOLATES, { details: { causes, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) } });
}

/** The reason stays visible while the pod terminates (KEP-3329). */
function markEvicted(core: Core, call: Call, target: Target, options: WriteOptions, deletion: DeleteOptions): Promise<Answer> {
  return changeObject(
    core,
    call,
    { ...target, subresource: 'status' },
    {
      options,
      rules: {},
      admit: false,
      produce: (existing) => {
        if (existing === undefined) throw objectNotFound(target.binding.kind, target.name);
        checkDeletePreconditions(target.binding, existing.entry.projection, existing.entry.modRevision, deletion);
        const next = existing.draft();
        const pod = next as unknown as Draft<core.Pod>;
        pod.status ??= {};
        const conditions = (pod.status.conditions ?? []).filter(({ type }) => type !== 'DisruptionTarget');
        const mark = {
          type: 'DisruptionTarget',
          status: 'True',
          reason: 'EvictionByEvictionAPI',
          message: 'Eviction API: evicting',
          lastTransitionTime: formatTime(core.clock.now()),
        };
        pod.status.conditions = [...conditions, mark];
        return { draft: next, managed: existing.managed() };
      },
    },
  );
}
