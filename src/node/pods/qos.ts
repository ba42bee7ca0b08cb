import type { PodSpec } from '../../api/gen/types/core.v1.ts';
import { getOwn } from '../../machinery/record.ts';

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

/** By cpu and memory of all containers but ephemeral ones, as the API reference defines it. Requests have been defaulted from limits. */
export function qosClassOf(spec: PodSpec): QosClass {
  const all = [...(spec.initContainers ?? []), ...spec.containers].map((c) => c.resources ?? {});
  if (spec.resources !== undefined) all.unshift(spec.resources);
  const considered = spec.resources === undefined ? all : all.slice(0, 1);
  const values = considered.flatMap((r) => [r.requests, r.limits].flatMap((m) => ['cpu', 'memory'].map((k) => getOwn(m, k))));
  if (values.every((v) => v === undefined || isZero(v))) return 'BestEffort';
  const guaranteed = considered.every((r) =>
    ['cpu', 'memory'].every((k) => {
      const limit = getOwn(r.limits, k);
      return limit !== undefined && !isZero(limit) && (getOwn(r.requests, k) ?? limit) === limit;
    }),
  );
  return guaranteed ? 'Guaranteed' : 'Burstable';
}

/** Stored quantities are canonical: zero is `0`. */
function isZero(quantity: string): boolean {
  return quantity === '0';
}
