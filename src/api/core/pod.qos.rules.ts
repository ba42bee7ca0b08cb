import { parseQuantity } from '../../machinery/quantity.ts';
import { getOwn } from '../../machinery/record.ts';
import type * as core from '../gen/types/core.v1.ts';

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

const COUNTED = ['cpu', 'memory'];

/** The class that a pod's requests and limits of cpu and memory put it in (API reference, PodStatus.qosClass). */
export function qosClassOf(spec: Pick<core.PodSpec, 'containers' | 'initContainers' | 'resources'>): QosClass {
  const resources =
    spec.resources === undefined ? [...(spec.initContainers ?? []), ...(spec.containers ?? [])].map((c) => c.resources ?? {}) : [spec.resources];
  const positive = (list: Readonly<Record<string, string>> | undefined, name: string): bigint => {
    const quantity = parseQuantity(String(getOwn(list, name) ?? '0'));
    return quantity !== undefined && quantity.nanos > 0n ? quantity.nanos : 0n;
  };
  const any = resources.some((r) => COUNTED.some((name) => positive(r.requests, name) > 0n || positive(r.limits, name) > 0n));
  if (!any) return 'BestEffort';
  const full = resources.every((r) =>
    COUNTED.every(
      (name) => positive(r.limits, name) > 0n && (getOwn(r.requests, name) === undefined || positive(r.requests, name) === positive(r.limits, name)),
    ),
  );
  return full ? 'Guaranteed' : 'Burstable';
}
