import type { Container as ContainerSpec, EphemeralContainer, Pod } from '../../api/gen/types/core.v1.ts';
import { parseQuantity, quantityMilliNumber, quantityNumber } from '../../machinery/quantity.ts';
import { getOwn } from '../../machinery/record.ts';
import { spec } from '../pods/pod.ts';
import { qosClassOf } from '../pods/qos.ts';
import type { LinuxResources } from '../runtime/runtime.ts';

const PERIOD_US = 100_000;
const LEAST_SHARES = 2;
const LEAST_QUOTA_US = 1_000;

/** What the kernel is told: shares from the request, quota and memory bound from the limit, and who dies first by quality of service. */
export function linuxResources(pod: Pod, container: ContainerSpec | EphemeralContainer, nodeMemoryBytes: number): LinuxResources {
  const requestMillis = millis(getOwn(container.resources?.requests, 'cpu') ?? getOwn(container.resources?.limits, 'cpu'));
  const limitMillis = millis(getOwn(container.resources?.limits, 'cpu'));
  const memoryLimit = bytes(getOwn(container.resources?.limits, 'memory'));
  return {
    cpuShares: Math.max(LEAST_SHARES, Math.floor((requestMillis * 1_024) / 1_000)),
    ...(limitMillis === 0 ? {} : { cpuPeriodUs: PERIOD_US, cpuQuotaUs: Math.max(LEAST_QUOTA_US, Math.floor((limitMillis * PERIOD_US) / 1_000)) }),
    ...(memoryLimit === 0 ? {} : { memoryLimitBytes: memoryLimit }),
    oomScoreAdj: oomScore(pod, container, nodeMemoryBytes),
  };
}

/** Kubernetes documentation, "node out of memory behavior". */
function oomScore(pod: Pod, container: ContainerSpec | EphemeralContainer, nodeMemoryBytes: number): number {
  if ((spec(pod).priority ?? 0) >= 2_000_000_000) return -997;
  const qos = qosClassOf(spec(pod));
  if (qos === 'Guaranteed') return -997;
  if (qos === 'BestEffort') return 1_000;
  const request = bytes(getOwn(container.resources?.requests, 'memory'));
  return Math.min(999, Math.max(3, 1_000 - Math.floor((1_000 * request) / nodeMemoryBytes)));
}

function millis(quantity: string | undefined): number {
  const parsed = parseQuantity(quantity ?? '0');
  return parsed === undefined ? 0 : quantityMilliNumber(parsed);
}

function bytes(quantity: string | undefined): number {
  const parsed = parseQuantity(quantity ?? '0');
  return parsed === undefined ? 0 : quantityNumber(parsed);
}
