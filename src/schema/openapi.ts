import type { DraftJson, DraftObject } from '../machinery/object.ts';
import type { Facts } from './facts.ts';
import { definitions, type Describe } from './openapi-definitions.ts';
import { type OpenApiKind, paths, rootOf, typesOfKinds } from './openapi-paths.ts';

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
}

export type { OpenApiKind } from './openapi-paths.ts';
export type { Describe } from './openapi-definitions.ts';

const info = (version: string): DraftObject => ({ title: 'Kubernetes', version });

/** `GET /openapi/v2`. */
export const openApiV2 = (options: OpenApiOptions, kinds: readonly OpenApiKind[]): DraftObject => atOnce(openApiV2Steps(options, kinds));

/**
 * The same in short steps: all of the API takes some tens of milliseconds, and whoever holds the event loop may let others have
 * it in between.
 */
export function* openApiV2Steps({ facts, version, describe }: OpenApiOptions, kinds: readonly OpenApiKind[]): Generator<undefined, DraftObject> {
  const flavour = 2;
  return {
    swagger: '2.0',
    info: info(version),
    paths: yield* paths({ facts, flavour }, kinds),
    definitions: yield* definitions({ facts, flavour, describe }, typesOfKinds(facts, kinds)),
    securityDefinitions: { BearerToken: { description: 'Bearer Token authentication', in: 'header', name: 'authorization', type: 'apiKey' } },
    security: [{ BearerToken: [] }],
  };
}

/** `GET /openapi/v3/apis/apps/v1`: `kinds` are those of one group version. */
export const openApiV3 = (options: OpenApiOptions, kinds: readonly OpenApiKind[]): DraftObject => atOnce(openApiV3Steps(options, kinds));

export function* openApiV3Steps({ facts, version, describe }: OpenApiOptions, kinds: readonly OpenApiKind[]): Generator<undefined, DraftObject> {
  const flavour = 3;
  return {
    openapi: '3.0.0',
    info: info(version),
    paths: yield* paths({ facts, flavour }, kinds),
    components: {
      schemas: yield* definitions({ facts, flavour, describe }, typesOfKinds(facts, kinds)),
      securitySchemes: { BearerToken: { description: 'Bearer Token authentication', in: 'header', name: 'authorization', type: 'apiKey' } },
    },
  };
}

/** Takes all steps without a pause. */
export function atOnce<T>(steps: Generator<undefined, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** `GET /openapi/v3`. `hashOf` names the content of a document, so that clients may keep it. */
export function openApiIndex(groupVersions: readonly { readonly group: string; readonly version: string }[], hashOf: (root: string) => string): DraftObject {
  const out: DraftObject = {};
  for (const groupVersion of groupVersions) {
    const root = rootOf(groupVersion).slice(1);
    out[root] = { serverRelativeURL: `/openapi/v3/${root}?hash=${hashOf(root)}` } satisfies DraftJson;
  }
  return { paths: out };
}
