import type { ManagedFieldsEntry } from '../../machinery/object.ts';
import { difference, type FieldSet, has, isEmpty, setOf } from './field-set.ts';
import { decodeManagers, encodeManagers, type Manager, managerId, type Managers } from './managed-fields.ts';
import { fieldElement } from './path-element.ts';

/**
 * The managers of an object and those of its Scale: whoever owns the count of replicas in the one owns `spec.replicas` in the
 * other (KEP-555, "scale subresource").
 */
export interface ScalePaths {
  readonly scaleApiVersion: string;
  /** Where an apiVersion of the object has its replicas: `['spec', 'replicas']`. Undefined: it has none. */
  readonly replicas: (apiVersion: string) => readonly string[] | undefined;
}

const IN_SCALE = setOf([['f:spec', 'f:replicas']]);

const pathOf = ({ replicas }: ScalePaths, apiVersion: string): readonly string[] | undefined => replicas(apiVersion)?.map(fieldElement);

const owns = (fields: FieldSet, path: readonly string[] | undefined): path is readonly string[] => path !== undefined && has(fields, path);

/** Of the Scale, from those of the object. */
export function scaleManagers(entries: readonly ManagedFieldsEntry[], paths: ScalePaths): readonly ManagedFieldsEntry[] {
  const out = new Map<string, Manager>();
  for (const manager of managersOf(entries).values()) {
    if (!owns(manager.fields, pathOf(paths, manager.apiVersion))) continue;
    const inScale = { ...manager, apiVersion: paths.scaleApiVersion, fields: IN_SCALE };
    out.set(managerId(inScale), inScale);
  }
  return encodeManagers(out);
}

/** Of the object, after its Scale was written in one of its versions and has these managers. */
export function parentManagers(
  entries: readonly ManagedFieldsEntry[],
  scaleEntries: readonly ManagedFieldsEntry[],
  apiVersion: string,
  paths: ScalePaths,
): readonly ManagedFieldsEntry[] {
  const scale = new Map(managersOf(scaleEntries));
  const out = new Map<string, Manager>();
  for (const [id, manager] of managersOf(entries)) {
    const path = pathOf(paths, manager.apiVersion);
    const inScale = managerId({ ...manager, apiVersion: paths.scaleApiVersion });
    const lost = owns(manager.fields, path) && !scale.delete(inScale);
    const fields = lost ? difference(manager.fields, setOf([path])) : manager.fields;
    if (!isEmpty(fields)) out.set(id, lost ? { ...manager, fields } : manager);
  }
  const path = pathOf(paths, apiVersion);
  for (const manager of scale.values()) {
    if (path === undefined || !has(manager.fields, SCALE_PATH)) continue;
    // Upstream takes the times from the entries of the object, where there is none for it.
    const mine = { ...manager, apiVersion, time: undefined, fields: setOf([path]) };
    out.set(managerId(mine), mine);
  }
  return encodeManagers(out);
}

const SCALE_PATH = ['f:spec', 'f:replicas'] as const;

const managersOf = (entries: readonly ManagedFieldsEntry[]): Managers => decodeManagers(entries) ?? new Map<string, Manager>();
