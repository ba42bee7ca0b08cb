import type { Json } from '../../machinery/object.ts';
import type { PodIdentity } from '../pods/pod.ts';

/** The text of a pod directory's mark: whose cluster's, and which pod's. */
export function formatMark(cluster: string, { uid, name, namespace }: PodIdentity): string {
  return `${JSON.stringify({ cluster, uid, name, namespace })}\n`;
}

/** Undefined when it is another cluster's, or no mark at all. */
export function parseMark(text: string, cluster: string): PodIdentity | undefined {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const { cluster: found, uid, name, namespace } = value as { readonly [key: string]: Json };
  if (found !== cluster || typeof uid !== 'string' || typeof name !== 'string' || typeof namespace !== 'string') return undefined;
  return { uid, name, namespace };
}
