import type { ContainerStatus, PersistentVolumeClaim, Pod } from '../../api/gen/types/core.v1.ts';
import type { Stored } from '../../machinery/object.ts';
import { type Answer, type EventView, fine, lastWarning, trouble } from './answer.ts';

export interface PodView {
  readonly pod: Stored<Pod>;
  readonly events: readonly EventView[];
  /** Other pods of the cluster. */
  readonly others: readonly Stored<Pod>[];
  /** The claims that the pod names; undefined: there is none of that name. */
  readonly claims: ReadonlyMap<string, Stored<PersistentVolumeClaim> | undefined>;
}

export function explainPod(view: PodView): Answer {
  const { pod } = view;
  const name = `Pod ${pod.metadata.name}`;
  const phase = pod.status?.phase ?? 'Pending';
  if (phase === 'Succeeded') return fine(`${name} has finished.`);
  if ((pod.spec?.nodeName ?? '') === '') return explainUnscheduled(name, view);
  const waiting = statuses(pod).find(
    (status) => status.state?.waiting !== undefined && !['ContainerCreating', 'PodInitializing'].includes(status.state.waiting.reason ?? ''),
  );
  if (waiting !== undefined) return explainWaiting(name, pod, waiting);
  if (phase === 'Failed')
    return trouble(`${name} has failed.`, [pod.status?.message ?? pod.status?.reason ?? endOf(pod)], [`kubectl logs ${pod.metadata.name}`]);
  const warning = lastWarning(view.events);
  if (phase === 'Pending')
    return trouble(
      `${name} is on node ${pod.spec?.nodeName} and being set up.`,
      [warning ?? 'Its volumes, images and containers are being made.'],
      warning === undefined ? ['wait a moment'] : mountFix(warning),
    );
  const unready = statuses(pod).find((status) => status.ready !== true);
  if (unready === undefined) return fine(`${name} runs and is ready.`);
  return trouble(
    `${name} runs, but container ${unready.name} is not ready.`,
    [warning ?? 'Its readiness probe has not succeeded yet.'],
    [`kubectl logs ${pod.metadata.name} -c ${unready.name}`],
  );
}

function statuses(pod: Pod): readonly ContainerStatus[] {
  return [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
}

function endOf(pod: Pod): string {
  const ended = statuses(pod).find((status) => (status.state?.terminated?.exitCode ?? 0) !== 0);
  return ended === undefined ? 'It says no more.' : `Container ${ended.name} ended with exit code ${ended.state?.terminated?.exitCode}.`;
}

function explainUnscheduled(name: string, view: PodView): Answer {
  const { pod, others, claims } = view;
  const condition = pod.status?.conditions?.find((each) => each.type === 'PodScheduled');
  const because: string[] = [];
  const fix: string[] = [];
  for (const [claim, found] of claims) {
    if (found === undefined) {
      because.push(`It uses the claim ${claim}, which does not exist.`);
      fix.push(`create the claim ${claim}`);
    } else if (found.spec?.accessModes?.includes('ReadWriteOncePod') === true) {
      const holder = others.find(
        (other) => other.metadata.namespace === pod.metadata.namespace && (other.spec?.nodeName ?? '') !== '' && usesClaim(other, claim),
      );
      if (holder !== undefined) {
        because.push(`The claim ${claim} is ReadWriteOncePod, and pod ${holder.metadata.name} holds it.`);
        fix.push(`delete pod ${holder.metadata.name}, or ask for ReadWriteOnce, with which pods of one node share a volume`);
      }
    } else if (found.status?.phase === 'Lost') because.push(`The claim ${claim} has lost its volume.`);
  }
  const message = condition?.message ?? 'The scheduler has not looked at it yet.';
  for (const match of message.matchAll(/Insufficient ([\w./-]+)/g)) {
    const resource = match[1] ?? '';
    const holders = others
      .filter((other) => (other.spec?.nodeName ?? '') !== '' && !ended(other) && asksFor(other, resource))
      .map((other) => other.metadata.name);
    because.push(`No node has enough ${resource} left${holders.length === 0 ? '' : `: ${holders.slice(0, 5).join(', ')} hold it`}.`);
    fix.push(`free some ${resource}, or ask for less`);
  }
  if (/untolerated taint/.test(message)) fix.push('tolerate the taint, or remove it: kubectl taint nodes …');
  if (/affinity|selector/.test(message)) {
    const wanted = wantedLabels(pod);
    if (wanted.length > 0) because.push(`It asks for a node with ${wanted.join(', or with ')}.`);
    fix.push('label a node as the pod asks: kubectl label node …');
  }
  return trouble(`${name} is not on a node yet.`, [...because, message], fix.length === 0 ? ['see `kubectl describe pod`'] : fix);
}

/** What its selector and its required node affinity ask of a node's labels: one entry for each alternative. */
function wantedLabels({ spec }: Pod): readonly string[] {
  const selected = Object.entries(spec?.nodeSelector ?? {}).map(([key, value]) => `${key}=${value}`);
  const terms = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const alternatives = terms.map(({ matchExpressions = [], matchFields = [] }) =>
    [...matchExpressions, ...matchFields].map(({ key, operator, values = [] }) => `${key} ${operator}${values.length === 0 ? '' : ` ${values.join(' ')}`}`),
  );
  return (alternatives.length === 0 ? [[]] : alternatives).map((term) => [...selected, ...term].join(' and ')).filter((text) => text !== '');
}

const ended = (pod: Pod): boolean => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';

function usesClaim(pod: Pod, claim: string): boolean {
  return !ended(pod) && (pod.spec?.volumes?.some((volume) => volume.persistentVolumeClaim?.claimName === claim) ?? false);
}

function asksFor(pod: Pod, resource: string): boolean {
  return (
    pod.spec?.containers.some(
      (container) => Object.hasOwn(container.resources?.requests ?? {}, resource) || Object.hasOwn(container.resources?.limits ?? {}, resource),
    ) ?? false
  );
}

function explainWaiting(name: string, pod: Stored<Pod>, status: ContainerStatus): Answer {
  const { reason = '', message = '' } = status.state?.waiting ?? {};
  const state = `${name}: container ${status.name} does not run (${reason}).`;
  if (/Image/.test(reason)) return trouble(state, [message], [`check the image's name (${status.image}), or load it by hand: berth image load FILE.tar`]);
  if (reason === 'CrashLoopBackOff') {
    const last = status.lastState?.terminated;
    // It never ran: it has no log, and the runtime's words are all there is.
    if (last?.reason === 'StartError')
      return trouble(state, [last.message ?? 'It could not be started.'], ['correct its command, or the image that is to hold it']);
    return trouble(
      state,
      [
        `It ended with exit code ${last?.exitCode ?? '?'}${last?.reason === undefined ? '' : ` (${last.reason})`} and is started again after a pause; ${status.restartCount} restarts so far.`,
      ],
      [`kubectl logs ${pod.metadata.name} -c ${status.name} --previous`],
    );
  }
  return trouble(state, [message === '' ? reason : message], mountFix(message));
}

function mountFix(warning: string): readonly string[] {
  if (/no space left on device/i.test(warning)) return ['make room on the disk that the path is on; the pod goes on by itself'];
  if (/secret|configmap/i.test(warning) && /not found/.test(warning)) return ['create what it names, or mark it optional'];
  return ['see `kubectl describe pod`'];
}
