/** A row of the table of served resources (`gen/kinds.ts`). */
export interface ResourceFacts {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly kind: string;
  /** The schema's name: `core.v1.Pod`. */
  readonly typeName: string;
  readonly namespaced: boolean;
  /** False for alpha and beta versions, which `--runtime-config` turns on. */
  readonly servedByDefault: boolean;
  readonly verbs: readonly string[];
  readonly subresources: Readonly<
    Record<string, { readonly kind: string; readonly group: string; readonly version: string; readonly verbs: readonly string[] }>
  >;
}
