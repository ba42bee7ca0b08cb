import type { ContainerStatus, PodStatus } from '../../api/gen/types/core.v1.ts';
import { formatTime } from '../../machinery/time.ts';
import { conditionsOf } from './conditions.ts';
import { containerStatus } from './container-status.ts';
import { currentSandbox } from './decide.ts';
import { phaseOf } from './phase.ts';
import { appContainers, ephemeralContainers, initContainers, isTerminalPhase, spec } from './pod.ts';
import { qosClassOf } from './qos.ts';
import type { PodView } from './view.ts';

/**
 * What the kubelet reports of a pod. Pure. Fields that others own (foreign conditions, resource claims, nominated node, resize) are
 * those of `view.pod`. A pod that has Succeeded or Failed stays what it is; only its containers' states may still be completed.
 */
export function podStatus(view: PodView, hostIps: readonly string[]): PodStatus {
  const { pod, memory, nowMs } = view;
  const before = pod.status ?? {};
  const init = initContainers(pod).map((c) => settled(containerStatus(view, c), before.initContainerStatuses, before.phase));
  const app = appContainers(pod).map((c) => settled(containerStatus(view, c), before.containerStatuses, before.phase));
  const ephemeral = ephemeralContainers(pod).map((c) => containerStatus(view, c));
  const phase = isTerminalPhase(before.phase) ? before.phase : phaseOf(pod, init, app, memory.ending);
  const failed = memory.ending?.cause === 'failed' && phase === 'Failed' && !isTerminalPhase(before.phase) ? memory.ending : undefined;
  const { reason, message, podIP, podIPs, ...kept } = before;
  return {
    ...kept,
    ...(pod.metadata?.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
    phase,
    conditions: conditionsOf({
      pod,
      phase,
      init,
      app,
      sandboxReady: isNetworkReady(view),
      evicted: memory.ending?.reason === 'Evicted' ? memory.ending.message : undefined,
      nowMs,
    }),
    ...(hostIps[0] === undefined ? {} : { hostIP: hostIps[0], hostIPs: hostIps.map((ip) => ({ ip })) }),
    ...addressesOf(view, hostIps, isTerminalPhase(phase) || memory.ending !== undefined ? { podIP, podIPs } : {}),
    startTime: before.startTime ?? formatTime(nowMs),
    qosClass: before.qosClass ?? qosClassOf(spec(pod)),
    ...wording(failed ?? (isTerminalPhase(before.phase) ? { reason, message } : {})),
    ...(init.length === 0 ? {} : { initContainerStatuses: init }),
    containerStatuses: app,
    ...(ephemeral.length === 0 ? {} : { ephemeralContainerStatuses: ephemeral }),
  };
}

function wording({ reason, message }: { readonly reason?: string | undefined; readonly message?: string | undefined }): Pick<PodStatus, 'reason' | 'message'> {
  return { ...(reason === undefined ? {} : { reason }), ...(message === undefined ? {} : { message }) };
}

/** Once the pod is over, a container that the runtime no longer has keeps the state that was reported. */
function settled(status: ContainerStatus, before: readonly ContainerStatus[] | undefined, phase: string | undefined): ContainerStatus {
  if (!isTerminalPhase(phase) || status.state?.terminated !== undefined) return status;
  return before?.find((s) => s.name === status.name) ?? status;
}

function isNetworkReady(view: PodView): boolean {
  const sandbox = currentSandbox(view);
  return sandbox !== undefined && (spec(view.pod).hostNetwork === true || sandbox.ips.length > 0);
}

function addressesOf(view: PodView, hostIps: readonly string[], otherwise: Pick<PodStatus, 'podIP' | 'podIPs'>): Pick<PodStatus, 'podIP' | 'podIPs'> {
  const sandbox = currentSandbox(view);
  const ips = sandbox === undefined ? [] : spec(view.pod).hostNetwork === true ? hostIps : sandbox.ips;
  if (ips[0] !== undefined) return { podIP: ips[0], podIPs: ips.map((ip) => ({ ip })) };
  const { podIP, podIPs } = otherwise;
  return { ...(podIP === undefined ? {} : { podIP }), ...(podIPs === undefined ? {} : { podIPs }) };
}
