import type { DraftObject, JsonObject, KubeObject, ManagedFieldsEntry } from '../../machinery/object.ts';
import { type TrackedWrite, trackUpdate, trackUpdateSteps } from '../../schema/apply/track-update.ts';
import type { Steps } from '../../schema/steps.ts';
import type { VersionLookup } from '../../schema/apply/versions.ts';
import type { Core } from '../core.ts';
import type { Binding } from '../registry/registry.ts';
import type { ChangeRules } from './change.ts';
import { toStorageVersion } from './versions.ts';
import type { WriteOptions } from './write-options.ts';

/** A write by create, update or patch whose fields' owners are to be worked out. */
export interface ManagedWrite {
  readonly binding: Binding;
  readonly options: WriteOptions;
  readonly subresource: string;
  /** Which fields the path writes. */
  readonly rules?: Pick<ChangeRules, 'resetFields' | 'writtenFields'> | undefined;
  /** As stored, in the requested version, without managedFields; undefined: it is created. */
  readonly live: KubeObject | undefined;
  readonly liveManaged: readonly ManagedFieldsEntry[];
  /** What is to be stored, decoded and defaulted, before admission; managedFields as sent. */
  readonly next: DraftObject;
  readonly nowMs: number;
}

/** The managedFields of the object after the write. */
export const managersAfter = (core: Core, write: ManagedWrite): readonly ManagedFieldsEntry[] => trackUpdate(trackedWrite(core, write));

/** The same in steps. */
export const managersAfterSteps = (core: Core, write: ManagedWrite): Steps<readonly ManagedFieldsEntry[]> => trackUpdateSteps(trackedWrite(core, write));

function trackedWrite(core: Core, { binding, options, subresource, rules, live, liveManaged, next, nowMs }: ManagedWrite): TrackedWrite {
  return {
    facts: core.facts,
    typeName: binding.kind.typeName,
    apiVersion: binding.apiVersion,
    versions: versionsOf(core, binding),
    manager: options.fieldManager,
    subresource,
    resetFields: rules?.resetFields,
    writtenFields: rules?.writtenFields,
    nowMs,
    live: live as unknown as JsonObject | undefined,
    liveManaged,
    next: next as JsonObject,
  };
}

/** The versions, in any group, under which objects of the kind are served. */
export function versionsOf(core: Core, binding: Binding): VersionLookup {
  return (apiVersion) => {
    const other = core.registry.find(apiVersion, binding.kind.resource);
    if (other?.prefix !== binding.prefix) return undefined;
    if (binding.direct && other.direct) return 'same';
    return {
      typeName: other.kind.typeName,
      to: (object) => inVersion(other, toStorageVersion(binding, { ...object } as DraftObject)),
      back: (object) => inVersion(binding, toStorageVersion(other, { ...object } as DraftObject)),
    };
  };
}

function inVersion({ kind, stored, apiVersion }: Binding, object: DraftObject): JsonObject {
  if (kind === stored) return object as JsonObject;
  const converted = kind.convert === undefined ? (object as JsonObject) : kind.convert.fromStorage(object as JsonObject);
  return { ...converted, kind: kind.kind, apiVersion };
}
