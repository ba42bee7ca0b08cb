/**
 * The form of the tables of facts that every algorithm of this folder takes by argument (law 7). `api/gen` has the tables of
 * Kubernetes 1.36; a CRD's schema is turned into the same form.
 */
export interface Facts {
  /** Undefined for a name that no table has. Names as in the tables: `core.v1.Pod`, `machinery.meta.v1.ObjectMeta`. */
  type(name: string): TypeFacts | undefined;
}

/** `string`, `integer:int32`, a type name, a list or a map (keys are strings). */
export type TypeRef = string | { readonly list: TypeRef } | { readonly map: TypeRef };

export interface TypeFacts {
  readonly name: string;
  readonly fields: Readonly<Record<string, FieldFacts>>;
  /** The whole object is one value for apply and merge. */
  readonly mapType?: 'atomic' | 'granular' | undefined;
  readonly gvk?: { readonly group: string; readonly version: string; readonly kind: string } | undefined;
  /** A type with an encoding of its own instead of fields: Quantity, Time, MicroTime, IntOrString, Duration, RawExtension, FieldsV1, JSON … */
  readonly scalar?: string | undefined;
  readonly unions?: readonly unknown[] | undefined;
}

export interface FieldFacts {
  readonly type: TypeRef;
  readonly required?: boolean | undefined;
  readonly listType?: 'atomic' | 'set' | 'map' | undefined;
  readonly listMapKeys?: readonly string[] | undefined;
  readonly mapType?: 'atomic' | 'granular' | undefined;
  readonly patchMergeKey?: string | undefined;
  /** `merge`, `replace`, `merge,retainKeys`, `retainKeys`. */
  readonly patchStrategy?: string | undefined;
  /** A declared default, as a JSON value. */
  readonly default?: string | number | boolean | undefined;
  /** Named values. */
  readonly values?: readonly string[] | undefined;
  /** No other values than those named are valid. */
  readonly closed?: boolean | undefined;
  /**
   * How Go prints it: `p` pointer, `o` omitempty, `z` omitzero (see the tables' README). A pointer's value is kept as given, zero
   * and empty included: so are all fields of a custom resource.
   */
  readonly pointer?: boolean | undefined;
  readonly omitEmpty?: boolean | undefined;
  readonly omitZero?: boolean | undefined;
  /** Number and wire type in Kubernetes' protobuf; absent where the message has no such field. */
  readonly protobuf?: { readonly number: number; readonly type: string } | undefined;
  /**
   * The names of embedded messages around the field on the wire, from the outside in (`volumeSource`): in JSON the field stands
   * flattened in its parent. Absent or empty: none.
   */
  readonly embedded?: readonly { readonly number: number; readonly type: string; readonly pointer?: boolean }[] | undefined;
}
