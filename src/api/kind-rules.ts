import type { JsonObject, KubeObject } from '../machinery/object.ts';
import type { Column, RowCondition, Strategy } from './kind.ts';

/**
 * What a kind's own file says about it; the rest of a `Kind` comes from the tables. One value serves every version of the kind
 * that has the same fields.
 */
export interface KindRules<T extends KubeObject = KubeObject> {
  readonly strategy: Strategy<T>;
  /** Absent: Name and Created At, as Kubernetes prints kinds without columns of their own. */
  readonly columns?: readonly Column<T>[];
  readonly rowConditions?: (object: T) => readonly RowCondition[];
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  /** Fields for selectors beyond metadata.name and metadata.namespace. Every object gives a value for every name. */
  readonly selectable?: { readonly names: readonly string[]; readonly values: (object: T) => Readonly<Record<string, string>> };
  /** Where it is stored, when that is not the best version of its own group. */
  readonly storage?: { readonly group: string; readonly version: string };
  readonly deprecation?: string;
  readonly convert?: { readonly toStorage: (object: JsonObject) => JsonObject; readonly fromStorage: (object: JsonObject) => JsonObject };
}

/** The rules of one kind among those of all: the registry hands them objects of their own kind only. */
export function erased<T extends KubeObject>(rules: KindRules<T>): KindRules {
  return rules as unknown as KindRules;
}
