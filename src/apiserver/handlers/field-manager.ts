import type { DraftObject, ManagedFieldsEntry } from '../../machinery/object.ts';
import type { Core } from '../core.ts';
import type { Binding } from '../registry/registry.ts';
import type { WriteOptions } from './write-options.ts';

/** A write by create, update or patch whose fields' owners are to be worked out. */
export interface ManagedWrite {
  readonly binding: Binding;
  readonly options: WriteOptions;
  readonly subresource: string;
  /** As stored, in the requested version, without managedFields; undefined: it is created. */
  readonly live: (() => DraftObject) | undefined;
  readonly liveManaged: readonly ManagedFieldsEntry[];
  /** What is to be stored, decoded and defaulted; managedFields as sent. */
  readonly next: DraftObject;
  readonly nowMs: number;
}

/** The managedFields of the object after the write. */
export function trackUpdate(_core: Core, { liveManaged }: ManagedWrite): readonly ManagedFieldsEntry[] {
  return liveManaged;
}
