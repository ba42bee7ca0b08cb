import type { VerifySignature } from '../base/keys.ts';
import type { FieldError } from '../machinery/field-error.ts';
import type { Draft, GroupVersionKind, JsonObject, KubeObject } from '../machinery/object.ts';

/**
 * A kind is a value handed to generic machinery. Built-in kinds are assembled in `api/registry.ts` from the
 * generated facts and their strategy file; custom resources will be the same value built at run time.
 */
export interface Kind<T extends KubeObject = KubeObject> extends GroupVersionKind {
  /** The plural, as in paths; unique within the group. */
  readonly resource: string;
  readonly singular: string;
  readonly listKind: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  /** The schema's name for it: `core.v1.Pod`. */
  readonly typeName: string;
  readonly verbs: readonly Verb[];
  readonly subresources: Readonly<Record<string, Subresource>>;
  readonly servedByDefault: boolean;
  /** Group and version under which it is stored; other versions are converted by `convert`. */
  readonly storage: { readonly group: string; readonly version: string };
  readonly strategy: Strategy<T>;
  readonly columns: readonly Column<T>[];
  /** What a table says of the row of an object, beside its cells. */
  readonly rowConditions?: (object: T) => readonly RowCondition[];
  /** Beyond metadata.name and metadata.namespace: the fields that field selectors may name, with their values. */
  readonly selectableFields?: (object: T) => Readonly<Record<string, string>>;
  /** Names of the fields above, so that an unknown one is refused. */
  readonly selectableFieldNames?: readonly string[];
  /** The text of the warning that every request for it gets: `v1 Endpoints is deprecated in v1.33+; use …`. */
  readonly deprecation?: string;
  /** Between this version and the storage version. Absent: the fields are the same and only apiVersion changes. */
  readonly convert?: { readonly toStorage: (object: JsonObject) => JsonObject; readonly fromStorage: (object: JsonObject) => JsonObject };
}

export type Verb = 'create' | 'delete' | 'deletecollection' | 'get' | 'list' | 'patch' | 'update' | 'watch';

export interface Subresource {
  /** The kind of its body: Scale for scale, Eviction for eviction, the parent's own for status. */
  readonly kind: GroupVersionKind;
  readonly verbs: readonly string[];
}

/** What validation and preparation may ask for. Pure given this. */
export interface StrategyContext {
  readonly nowMs: number;
}

/** What the preparation of a new object may ask for beside. */
export interface CreateContext extends StrategyContext {
  /** For one that came without a name, and is not refused for it. */
  readonly newName: () => string;
}

/** What validation of a new object may ask for. */
export interface ValidationContext {
  /** Absent: signatures are taken for good. */
  readonly verify?: VerifySignature | undefined;
}

/**
 * The rules of a kind that data can't express. Every function is pure: it looks at its arguments only. `prepare…` and `default`
 * change the draft that they are given (a private copy); validation returns errors, in the order of the fields.
 * Order on a write: decode → prune/structure (schema) → default → prepare → admission → validate → store.
 */
export interface Strategy<T extends KubeObject = KubeObject> {
  /** Defaults that depend on other fields or are not in the tables. Runs on every write (and on decoded storage when fields were added). */
  readonly default?: (draft: Draft<T>) => void;
  /** Clears what a creator may not set (status), sets generation 1 … */
  readonly prepareForCreate?: (draft: Draft<T>, context: CreateContext) => void;
  /** Copies what this path may not change (status) from `old`; raises generation when the spec changed. */
  readonly prepareForUpdate?: (draft: Draft<T>, old: T, context: StrategyContext) => void;
  /** `apiVersion`: of the request, which some rules depend on. The object is in the storage version. */
  readonly validateCreate?: (object: T, apiVersion: string, context?: ValidationContext) => readonly FieldError[];
  readonly validateUpdate?: (object: T, old: T, apiVersion: string) => readonly FieldError[];
  readonly warnings?: (object: T, old: T | undefined) => readonly string[];
  /** How `metadata.name` is checked. Default: a DNS subdomain. Returns the faults, in Kubernetes' words. */
  readonly validateName?: (name: string) => readonly string[];
  /** PUT on a name that is not there creates it (Lease, Endpoints, Service, Role …). */
  readonly allowCreateOnUpdate?: boolean;
  /** An update without resourceVersion is taken (most kinds: true; PUT of a Service, Node …: see the kind). */
  readonly allowUnconditionalUpdate?: boolean;
  /** The status subresource: copies everything but status from `old`, then validates. */
  readonly status?: {
    readonly prepareForUpdate?: (draft: Draft<T>, old: T, context: StrategyContext) => void;
    readonly validateUpdate?: (object: T, old: T, apiVersion: string, context: StrategyContext) => readonly FieldError[];
    readonly warnings?: (object: T, old: T) => readonly string[];
    /** Default: `spec`. */
    readonly resetFields?: readonly (readonly string[])[];
  };
  /** What a write to the object resets, whatever the body says, so that nobody comes to own it by it. Default: `status`, where there is one. */
  readonly resetFields?: readonly (readonly string[])[];
  /** Graceful deletion: seconds to wait, 0 for at once; undefined: the kind has none. Pod only. */
  readonly deletionGraceSeconds?: (object: T, requested: number | undefined) => number | undefined;
  /** Finalizers that stand in spec (Namespace). */
  readonly specFinalizers?: (object: T) => readonly string[];
  /** Seconds after which the store deletes it (Event: 3600). */
  readonly timeToLiveSeconds?: number;
}

/** meta/v1 TableRowCondition. */
export interface RowCondition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

/** A printer column, as kubectl shows it. Cells: strings, numbers, booleans, as they are sent, whatever the type says (an age is text). */
export interface Column<T extends KubeObject = KubeObject> {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  readonly format?: 'name' | undefined;
  readonly description: string;
  /** 0: always shown; 1: with `-o wide`. */
  readonly priority: 0 | 1;
  /** `nowMs` for ages and durations. */
  readonly cell: (object: T, nowMs: number) => string | number | boolean | null;
}
