import type { Draft, DraftObject, ObjectMeta } from '../../machinery/object.ts';

/** The metadata of a draft; made when it is not there. */
export function metadataOf(draft: DraftObject): Draft<ObjectMeta> {
  draft.metadata ??= {};
  return draft.metadata as Draft<ObjectMeta>;
}
