import type { DraftJson, DraftObject } from '../machinery/object.ts';
import type { Facts } from './facts.ts';
import { definitions, type Describe } from './openapi-definitions.ts';
import { type Page, pagesOf, resourcesPage } from './openapi-discovery.ts';
import { type PathContext, pathItem } from './openapi-operations.ts';
import { kindPaths, type OpenApiKind, type ReturnsObject, rootOf, typesOfKinds } from './openapi-paths.ts';

/**
 * The documents that clients read the API from: Swagger 2.0 for all of it (kubectl before 1.27 reads only that), OpenAPI 3 for one
 * group version each. Plain values, made from the same facts as everything else (law 7).
 */
export interface OpenApiOptions {
  readonly facts: Facts;
  /** `v1.36.0`. */
  readonly version: string;
  /** Prose for fields, where there is any. */
  readonly describe?: Describe | undefined;
  /** Absent: all deletions answer with a Status. */
  readonly returnsObject?: ReturnsObject | undefined;
}

export type { OpenApiKind } from './openapi-paths.ts';
export type { Describe } from './openapi-definitions.ts';

const info = (version: string): DraftObject => ({ title: 'Kubernetes', version });

const security = (): DraftObject => ({
  BearerToken: { description: 'Bearer Token authentication', in: 'header', name: 'authorization', type: 'apiKey' },
});

/** `GET /openapi/v2`. */
export const openApiV2 = (options: OpenApiOptions, kinds: readonly OpenApiKind[]): DraftObject => atOnce(openApiV2Steps(options, kinds));

/**
 * The same in short steps: all of the API takes some tens of milliseconds, and whoever holds the event loop may let others have
 * it in between.
 */
export function* openApiV2Steps({ facts, version, describe, returnsObject }: OpenApiOptions, kinds: readonly OpenApiKind[]): Generator<undefined, DraftObject> {
  const flavour = 2;
  const context = { facts, flavour } as const;
  const versions = new Map(kinds.map((kind) => [rootOf(kind), kind]));
  const pages = [...pagesOf(kinds), ...[...versions.values()].map(resourcesPage)];
  return {
    swagger: '2.0',
    info: info(version),
    paths: sorted([...pages.map((page) => pageItem(context, page)), ...(yield* kindPaths(context, kinds, returnsObject ?? never))]),
    definitions: yield* definitions({ facts, flavour, describe }, new Set([...typesOfKinds(facts, kinds), ...pages.flatMap(typesOfPage)])),
    securityDefinitions: security(),
    security: [{ BearerToken: [] }],
  };
}

/** `GET /openapi/v3/apis/apps/v1`: `kinds` are those of one group version. */
export const openApiV3 = (options: OpenApiOptions, kinds: readonly OpenApiKind[]): DraftObject => atOnce(openApiV3Steps(options, kinds));

export function* openApiV3Steps(options: OpenApiOptions, kinds: readonly OpenApiKind[]): Generator<undefined, DraftObject> {
  const context = { facts: options.facts, flavour: 3 } as const;
  const pages = kinds.slice(0, 1).map((kind) => pageItem(context, resourcesPage(kind)));
  const paths = [...pages, ...(yield* kindPaths(context, kinds, options.returnsObject ?? never))];
  return yield* documentV3(options, paths, typesOfKinds(options.facts, kinds));
}

/** `GET /openapi/v3/apis/apps`. */
export function* openApiV3PageSteps(options: OpenApiOptions, page: Page): Generator<undefined, DraftObject> {
  return yield* documentV3(options, [pageItem({ facts: options.facts, flavour: 3 }, page)], typesOfPage(page));
}

function* documentV3(
  { facts, version, describe }: OpenApiOptions,
  paths: readonly (readonly [string, DraftObject])[],
  typeNames: Iterable<string>,
): Generator<undefined, DraftObject> {
  return {
    openapi: '3.0.0',
    info: info(version),
    paths: sorted(paths),
    components: { schemas: yield* definitions({ facts, flavour: 3, describe }, typeNames), securitySchemes: security() },
  };
}

const never = (): boolean => false;
const pageItem = (context: PathContext, { path, operation }: Page): readonly [string, DraftObject] => [path, pathItem(context, { get: operation })];
const typesOfPage = ({ operation: { answer } }: Page): readonly string[] => (answer === undefined || answer === 'text' ? [] : [answer]);
const sorted = (paths: readonly (readonly [string, DraftObject])[]): DraftObject =>
  Object.fromEntries(paths.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));

/** Takes all steps without a pause. */
export function atOnce<T>(steps: Generator<undefined, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** `GET /openapi/v3`: documents by name (`apis/apps/v1`). `hashOf` names the content of a document, so that clients may keep it. */
export function openApiIndex(names: readonly string[], hashOf: (name: string) => string): DraftObject {
  const out: DraftObject = {};
  for (const name of names.toSorted()) out[name] = { serverRelativeURL: `/openapi/v3/${name}?hash=${hashOf(name)}` } satisfies DraftJson;
  return { paths: out };
}
