import { formatTime, parseTime } from '../../machinery/time.ts';
import type { Draft, KubeObject, ObjectMeta } from '../../machinery/object.ts';
import type { Binding } from '../registry/registry.ts';
import { type DeleteOptions } from './delete-options.ts';
import { finalizersAfter } from './deletion-rules.ts';

/** What a request to delete comes to. Decided from the object and the options alone. */
export type Deletion =
  /** `metadata`: it is marked so first, for watchers to see. */
  | { readonly do: 'delete'; readonly metadata?: MetadataChange | undefined }
  /** It stays until somebody else has finished: marked, with these changes. */
  | { readonly do: 'mark'; readonly metadata: MetadataChange; readonly terminating: boolean }
  /** It is being deleted already, and nothing of that changes. */
  | { readonly do: 'nothing' };

export type MetadataChange = Partial<Draft<Pick<ObjectMeta, 'deletionTimestamp' | 'deletionGracePeriodSeconds' | 'generation' | 'finalizers'>>>;

/** Rules of apiserver `rest.BeforeDelete` and `registry.Store.Delete`: grace first, then finalizers. */
export function decideDeletion(binding: Binding, object: KubeObject, options: DeleteOptions, nowMs: number): Deletion {
  const meta = object.metadata ?? {};
  const { strategy } = binding.stored;
  const requested = options.gracePeriodSeconds !== undefined && options.gracePeriodSeconds < 0 ? 1 : options.gracePeriodSeconds;
  const graceful = strategy.deletionGraceSeconds === undefined ? undefined : graceOf(meta, strategy.deletionGraceSeconds(object, requested), requested, nowMs);
  if (graceful === 'pending') return { do: 'nothing' };
  const before = meta.finalizers ?? [];
  const finalizers = finalizersAfter(binding, before, options);
  const changed = finalizers.length !== before.length || finalizers.some((f, at) => f !== before[at]);
  const settled: MetadataChange = changed ? { finalizers: [...finalizers] } : {};
  const held = finalizers.length > 0 || (strategy.specFinalizers?.(object) ?? []).length > 0;
  const terminating = strategy.specFinalizers !== undefined;
  if (graceful !== undefined) {
    const stays = held || (graceful.deletionGracePeriodSeconds ?? 0) > 0;
    const metadata = { ...settled, ...graceful };
    return stays ? { do: 'mark', metadata, terminating } : { do: 'delete', metadata };
  }
  if (!held) return { do: 'delete' };
  const marked = meta.deletionTimestamp !== undefined && (terminating || meta.deletionGracePeriodSeconds === 0);
  if (marked && !changed) return { do: 'nothing' };
  const plain = markNow(meta, nowMs);
  // A namespace that ends has no grace period at all, not one of zero.
  const mark = terminating ? plain : { ...plain, deletionGracePeriodSeconds: 0 };
  return { do: 'mark', metadata: { ...settled, ...mark }, terminating };
}

/** Undefined: there is no grace, or it has run out. */
function graceOf(meta: ObjectMeta, seconds: number | undefined, requested: number | undefined, nowMs: number): MetadataChange | 'pending' | undefined {
  if (meta.deletionTimestamp !== undefined) {
    const left = meta.deletionGracePeriodSeconds ?? 0;
    if (left === 0) return undefined;
    // Only ever shorter.
    if (requested === undefined || requested >= left) return 'pending';
    const askedAt = (parseTime(meta.deletionTimestamp) ?? nowMs) - left * 1000;
    return { deletionTimestamp: formatTime(askedAt + requested * 1000), deletionGracePeriodSeconds: requested };
  }
  if (seconds === undefined) return undefined;
  return {
    deletionTimestamp: formatTime(nowMs + seconds * 1000),
    deletionGracePeriodSeconds: seconds,
    ...raised(meta),
  };
}

/** For kinds without grace that something still holds. */
function markNow(meta: ObjectMeta, nowMs: number): MetadataChange {
  if (meta.deletionTimestamp !== undefined) return {};
  return { deletionTimestamp: formatTime(nowMs), ...raised(meta) };
}

const raised = ({ generation = 0 }: ObjectMeta): MetadataChange => (generation > 0 ? { generation: generation + 1 } : {});
