import { cronJobs, daemonSets, horizontalPodAutoscalers, jobs, podDisruptionBudgets } from '../api/gen/resources.ts';
import type { Component, ComponentOptions } from '../client/component.ts';
import { type Notice, notice, startNotices } from '../client/notices.ts';

const REASON = 'NotActedOn';

/** Kinds that are kept, and that no controller of this version acts on. */
export function startControllerNotices(options: ComponentOptions): Component {
  const { informers } = options;
  const pods = (kind: string) => (): string => `This version of Berth keeps a ${kind}, and makes no pods for it yet.`;
  const notices: readonly Notice[] = [
    notice(informers.of(daemonSets), pods('DaemonSet')),
    notice(informers.of(jobs), pods('Job')),
    notice(informers.of(cronJobs), pods('CronJob')),
    notice(informers.of(horizontalPodAutoscalers), () => 'This version of Berth keeps a HorizontalPodAutoscaler, and scales nothing by it yet.'),
    notice(informers.of(podDisruptionBudgets), () => 'This version of Berth keeps a PodDisruptionBudget, and does not count what it allows yet.'),
  ];
  return startNotices({ ...options, recorder: options.recorder.as('berth-controllers') }, { name: 'controller-notices', reason: REASON, notices });
}
