import type { KubeObject } from '../../machinery/object.ts';
import type { Entry, Projector } from '../../store/store.ts';
import type { Registry } from '../registry/registry.ts';
import { splitKey } from '../registry/keys.ts';
import { parseBody, readSegments, type Segments } from './record.ts';

/** What is known of a stored object without parsing it: enough for selectors, preconditions and writing it out. */
export interface Projection extends Segments {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly labels: Readonly<Record<string, string>> | undefined;
  /** The kind's selectable fields, metadata.name and metadata.namespace apart. */
  readonly fields: Readonly<Record<string, string>> | undefined;
  readonly deleting: boolean;
  /**
   * The parsed object, owned by `ObjectCache`: first the body as the writer froze it (no head), later the whole one.
   * When the cache needs room, only a whole one is still known, and only while others keep it.
   */
  object: KubeObject | WeakRef<KubeObject> | undefined;
  /** The version that the whole object carries; 0: it is only a body. A deletion has the projection of the last state and a version of its own. */
  version: number;
}

export type StoredEntry = Entry<Projection>;

/** The same state, told as of another revision. */
export function atRevision({ key, value, projection, createRevision }: StoredEntry, modRevision: number): StoredEntry {
  return { key, value, projection, createRevision, modRevision };
}

/** `body`: in the storage version, not changed any more. */
export function project(registry: Registry, prefix: string, body: KubeObject, segments: Segments): Projection {
  const { name = '', namespace = '', uid = '', labels, deletionTimestamp } = body.metadata ?? {};
  return {
    start: segments.start,
    managedStart: segments.managedStart,
    managedEnd: segments.managedEnd,
    name,
    namespace,
    uid,
    labels,
    fields: registry.selectableFields(prefix, body),
    deleting: deletionTimestamp !== undefined,
    object: undefined,
    version: 0,
  };
}

const NOTHING: Omit<Projection, keyof Segments> = {
  name: '',
  namespace: '',
  uid: '',
  labels: undefined,
  fields: undefined,
  deleting: false,
  object: undefined,
  version: 0,
};

/** Derives projections again from the bytes, when a store opens. Keys outside `/registry/` (allocations) get an empty one. */
export function createProjector(registry: Registry): Projector<Projection> {
  return (key, value) => {
    if (!key.startsWith('/registry/')) return { ...NOTHING, start: 0, managedStart: 0, managedEnd: 0 };
    const segments = readSegments(value);
    return project(registry, splitKey(key).prefix, parseBody(value, segments), segments);
  };
}

/** For entries that are not objects. */
export const emptyProjection = (): Projection => ({ ...NOTHING, start: 0, managedStart: 0, managedEnd: 0 });
