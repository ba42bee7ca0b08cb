import { expired, type StatusError } from '../../machinery/status-error.ts';
import type { Core } from '../core.ts';
import type { StoredEntry } from '../codec/projection.ts';
import { keyTail } from '../registry/keys.ts';
import type { Binding } from '../registry/registry.ts';
import { requireVersion, tooLargeVersion } from '../handlers/freshness.ts';
import { collectionPrefix } from '../handlers/list.ts';
import type { ListOptions } from '../handlers/list-options.ts';
import type { Selection } from '../handlers/selection.ts';
import type { Target } from '../handlers/target.ts';

/** A watch that may start: where, what it selects, and what it is told first. */
export interface WatchPlan {
  readonly binding: Binding;
  readonly prefix: string;
  readonly selection: Selection;
  /** What is there: told first, as ADDED, what of it is selected. */
  readonly initial: readonly StoredEntry[];
  /** The version after which changes are told. */
  readonly after: number;
  /** The initial events are followed by the annotated bookmark. */
  readonly markInitialEnd: boolean;
  readonly bookmarks: boolean;
  readonly timeoutMs: number;
  /** 410: the version is too old. Over HTTP it is told in the stream, as Kubernetes does. */
  readonly refusal?: StatusError | undefined;
}

const LEAST_TIMEOUT_MS = 1_800_000;

/**
 * Versions (API reference, "Resource versions"): absent or "0" starts with the present state; any other starts right after it,
 * without the state; `sendInitialEvents` says it explicitly. Throws 504 for a version that is not known yet.
 */
export function planWatch(core: Core, target: Target, options: ListOptions, selection: Selection): WatchPlan {
  const { binding } = target;
  const version = options.resourceVersion ?? 0;
  const withState = options.sendInitialEvents ?? version === 0;
  const prefix = watchPrefix(binding, target.namespace, selection);
  const common = {
    binding,
    prefix,
    selection,
    bookmarks: options.allowWatchBookmarks,
    timeoutMs: timeoutOf(core, options.timeoutSeconds ?? 0),
  };
  requireVersion(core, version);
  if (withState) {
    const page = core.store.list(prefix);
    return { ...common, initial: page.entries, after: page.revision, markInitialEnd: options.sendInitialEvents === true && options.allowWatchBookmarks };
  }
  const after = version === 0 ? core.store.revision : version;
  const oldest = core.store.wholeFrom(after);
  return { ...common, initial: [], after, markInitialEnd: false, refusal: after < oldest ? tooOld(after, oldest) : undefined };
}

export const tooOld = (version: number, oldest: number): StatusError => expired(`too old resource version: ${version} (${oldest})`);
export { tooLargeVersion };

/** Nothing is half an hour and more; less than nothing is over at once, and so is what Go's nanoseconds make negative. */
function timeoutOf({ random }: Core, seconds: number): number {
  const ms = Math.abs(seconds) < 9.2e9 ? seconds * 1000 : Number(BigInt.asIntN(64, BigInt(seconds) * 1_000_000_000n)) / 1e6;
  return ms === 0 ? LEAST_TIMEOUT_MS * (1 + random.float()) : Math.max(0, ms);
}

/** The narrowest prefix that holds everything selected. */
function watchPrefix(binding: Binding, namespace: string, selection: Selection): string {
  const within = binding.kind.namespaced && namespace === '' ? (selection.namespace ?? '') : namespace;
  if (selection.name !== undefined && (!binding.kind.namespaced || within !== ''))
    return binding.prefix + keyTail(binding.kind.namespaced ? within : '', selection.name);
  return collectionPrefix(binding, within);
}
