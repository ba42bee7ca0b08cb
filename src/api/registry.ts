import { defaultColumns } from './columns.ts';
import { RESOURCES } from './gen/kinds.ts';
import type { Kind, Strategy, Subresource, Verb } from './kind.ts';
import type { FieldError } from '../machinery/field-error.ts';
import type { KubeObject } from '../machinery/object.ts';
import { finalizerErrors } from './checks.ts';
import type { KindRules } from './kind-rules.ts';
import type { ResourceFacts } from './resource-facts.ts';
import { rulesOf } from './rules.ts';
import { specAndStatus } from './strategy.ts';

let kinds: readonly Kind[] | undefined;

/** Every kind and version that Kubernetes 1.36 can serve, those behind `--runtime-config` included (`servedByDefault`). */
export function builtinKinds(): readonly Kind[] {
  kinds ??= RESOURCES.map(kindOf);
  return kinds;
}

/** Kinds without a file of their own are handled by structure alone. */
const NO_RULES: KindRules = { strategy: {} };
const SPEC_AND_STATUS: KindRules = { strategy: specAndStatus() };

function kindOf(row: ResourceFacts): Kind {
  const rules = rulesOf(row) ?? (row.subresources.status === undefined ? NO_RULES : SPEC_AND_STATUS);
  return {
    group: row.group,
    version: row.version,
    kind: row.kind,
    resource: row.resource,
    singular: row.kind.toLowerCase(),
    listKind: `${row.kind}List`,
    shortNames: rules.shortNames ?? [],
    categories: rules.categories ?? [],
    namespaced: row.namespaced,
    typeName: row.typeName,
    // OpenAPI, which the table is made from, has one operation for listing and watching.
    verbs: (row.resource === 'componentstatuses' ? row.verbs.filter((verb) => verb !== 'watch') : row.verbs) as readonly Verb[],
    subresources: subresourcesOf(row),
    servedByDefault: row.servedByDefault,
    storage: rules.storage ?? { group: row.group, version: bestVersion(row) },
    strategy: ANY_FINALIZER.has(row.group) ? rules.strategy : holdToFinalizers(rules.strategy),
    columns: rules.columns ?? defaultColumns,
    ...(rules.rowConditions === undefined ? {} : { rowConditions: rules.rowConditions }),
    ...(rules.selectable === undefined ? {} : { selectableFields: rules.selectable.values, selectableFieldNames: rules.selectable.names }),
    ...(rules.deprecation === undefined ? {} : { deprecation: rules.deprecation }),
    ...(rules.convert === undefined ? {} : { convert: rules.convert }),
  };
}

/** Groups that grew up outside the core hold finalizers to be names, no more. */
const ANY_FINALIZER: ReadonlySet<string> = new Set(['admissionregistration.k8s.io', 'apiextensions.k8s.io', 'apiregistration.k8s.io']);

/** Whoever holds up a deletion says in a domain of its own who it is, whichever path it comes by. */
function holdToFinalizers(strategy: Strategy): Strategy {
  const { validateCreate, validateUpdate, status } = strategy;
  const of = ({ metadata }: KubeObject): readonly FieldError[] => finalizerErrors(metadata?.finalizers);
  return {
    ...strategy,
    validateCreate: (object, apiVersion, context) => [...of(object), ...(validateCreate?.(object, apiVersion, context) ?? [])],
    validateUpdate: (object, old, apiVersion) => [...of(object), ...(validateUpdate?.(object, old, apiVersion) ?? [])],
    ...(status === undefined
      ? {}
      : {
          status: {
            ...status,
            validateUpdate: (object, old, apiVersion, context) => [...of(object), ...(status.validateUpdate?.(object, old, apiVersion, context) ?? [])],
          },
        }),
  };
}

function subresourcesOf(row: ResourceFacts): Readonly<Record<string, Subresource>> {
  return Object.fromEntries(
    Object.entries(row.subresources).map(([name, { group, version, kind, verbs }]) => [name, { kind: { group, version, kind }, verbs }]),
  );
}

/** The version of a resource that outlives the others: GA before beta before alpha, then the higher number. */
function bestVersion({ group, resource }: ResourceFacts): string {
  const versions = RESOURCES.filter((r) => r.group === group && r.resource === resource).map((r) => r.version);
  return versions.sort((a, b) => maturity(b) - maturity(a))[0] ?? 'v1';
}

function maturity(version: string): number {
  const m = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
  const stage = m?.[2] === undefined ? 2 : m[2] === 'beta' ? 1 : 0;
  return stage * 10_000 + Number(m?.[1] ?? 0) * 100 + Number(m?.[3] ?? 0);
}
