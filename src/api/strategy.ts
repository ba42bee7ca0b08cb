import type { Draft, DraftObject, Json, KubeObject, ObjectMeta } from '../machinery/object.ts';
import { copyJson } from '../schema/copy.ts';
import { semanticEqual } from './equal.ts';
import type { Strategy } from './kind.ts';

/** An object with the usual two halves. */
interface WithSpec extends KubeObject {
  readonly spec?: unknown;
  readonly status?: unknown;
}

interface SpecAndStatusOptions<T extends KubeObject> {
  /** Takes away what no gate lets through; first of all, so that it raises no generation. */
  readonly drop?: (draft: Draft<T>, old: T | undefined) => void;
  /** `metadata.generation` counts changes of the spec. Default true. */
  readonly generation?: boolean;
  /** Also counts changes of annotations (Deployment). */
  readonly generationOfAnnotations?: boolean;
  /** The status subresource keeps labels as they were (Deployment …). */
  readonly statusKeepsLabels?: boolean;
  /** The status subresource keeps all metadata but its bookkeeping as it was. */
  readonly statusKeepsMetadata?: boolean;
}

/**
 * Who may change what, for kinds whose status is a subresource: writes to the object keep the status, writes to the status keep
 * the spec, and the generation counts changes of the spec.
 */
export function specAndStatus<T extends WithSpec>(
  options: SpecAndStatusOptions<T> = {},
): Pick<Strategy<T>, 'prepareForCreate' | 'prepareForUpdate'> & { status: NonNullable<Strategy<T>['status']> } {
  const counts = options.generation !== false;
  return {
    prepareForCreate: (draft) => {
      options.drop?.(draft, undefined);
      delete asObject(draft).status;
      if (counts) metadataOf(draft).generation = 1;
    },
    prepareForUpdate: (draft, old) => {
      options.drop?.(draft, old);
      keep(draft, old, 'status');
      const same =
        semanticEqual(draft.spec, old.spec) &&
        (options.generationOfAnnotations !== true || semanticEqual(draft.metadata?.annotations, old.metadata?.annotations));
      if (counts) setGeneration(draft, old, !same);
    },
    status: {
      prepareForUpdate: (draft, old) => {
        keep(draft, old, 'spec');
        setGeneration(draft, old, false);
        if (options.statusKeepsLabels === true) keep(metadataOf(draft) as DraftObject, old.metadata ?? {}, 'labels');
        if (options.statusKeepsMetadata === true) keepMetadata(draft, old);
      },
    },
  };
}

/** For kinds without status whose generation counts changes of the named fields. */
export function generationOf<T extends KubeObject>(...fields: readonly string[]): Pick<Strategy<T>, 'prepareForCreate' | 'prepareForUpdate'> {
  return {
    prepareForCreate: (draft) => {
      metadataOf(draft).generation = 1;
    },
    prepareForUpdate: (draft, old) => {
      const now = asObject(draft);
      const before = old as unknown as Readonly<Record<string, unknown>>;
      setGeneration(
        draft,
        old,
        fields.some((field) => !semanticEqual(now[field], before[field])),
      );
    },
  };
}

/** Raises the generation by one, or keeps it: a client can't set it. */
export function setGeneration<T extends KubeObject>(draft: Draft<T>, old: T, changed: boolean): void {
  const before = old.metadata?.generation;
  const metadata = metadataOf(draft);
  if (changed) metadata.generation = (before ?? 0) + 1;
  else if (before === undefined) delete metadata.generation;
  else metadata.generation = before;
}

/** What clients write in metadata, from the stored object. */
export function keepMetadata<T extends KubeObject>(draft: Draft<T>, old: T): void {
  for (const field of ['labels', 'annotations', 'finalizers', 'ownerReferences']) keep(metadataOf(draft) as DraftObject, old.metadata ?? {}, field);
}

/** Copies one field from `old`, absence included. The copy is deep: drafts are changed, stored objects never. */
export function keep(draft: object, old: object, field: string): void {
  const target = draft as Record<string, unknown>;
  const value = (old as Readonly<Record<string, unknown>>)[field];
  if (value === undefined) delete target[field];
  else target[field] = copyJson(value as Json);
}

export function metadataOf<T extends KubeObject>(draft: Draft<T>): Draft<ObjectMeta> {
  const object = draft as { metadata?: Draft<ObjectMeta> };
  object.metadata ??= {};
  return object.metadata;
}

export const asObject = (draft: object): DraftObject => draft as DraftObject;
