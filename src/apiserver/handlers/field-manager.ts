import type { DraftObject, JsonObject, KubeObject, ManagedFieldsEntry } from '../../machinery/object.ts';
import { trackUpdate } from '../../schema/apply/track-update.ts';
import type { Core } from '../core.ts';
import type { Binding } from '../registry/registry.ts';
import type { WriteOptions } from './write-options.ts';

/** A write by create, update or patch whose fields' owners are to be worked out. */
export interface ManagedWrite {
  readonly binding: Binding;
  readonly options: WriteOptions;
  readonly subresource: string;
  /** As stored, in the requested version, without managedFields; undefined: it is created. */
  readonly live: KubeObject | undefined;
  readonly liveManaged: readonly ManagedFieldsEntry[];
  /** What is to be stored, decoded and defaulted, before admission; managedFields as sent. */
  readonly next: DraftObject;
  readonly nowMs: number;
}

/** The managedFields of the object after the write. */
export function managersAfter(core: Core, { binding, options, subresource, live, liveManaged, next, nowMs }: ManagedWrite): readonly ManagedFieldsEntry[] {
  return trackUpdate({
    facts: core.facts,
    typeName: binding.kind.typeName,
    apiVersion: binding.apiVersion,
    manager: options.fieldManager,
    subresource,
    nowMs,
    live: live as unknown as JsonObject | undefined,
    liveManaged,
    next: next as JsonObject,
  });
}
