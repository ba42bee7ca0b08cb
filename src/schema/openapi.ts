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
export function openApiV2({ facts, version, describe }: OpenApiOptions, kinds: readonly OpenApiKind[]): DraftObject {
  const flavour = 2;
  return {
    swagger: '2.0',
    info: info(version),
    paths: paths({ facts, flavour }, kinds),
    definitions: definitions({ facts, flavour, describe }, typesOfKinds(facts, kinds)),
    securityDefinitions: { BearerToken: { description: 'Bearer Token authentication', in: 'header', name: 'authorization', type: 'apiKey' } },
    security: [{ BearerToken: [] }],
  };
}

/** `GET /openapi/v3/apis/apps/v1`: `kinds` are those of one group version. */
export function openApiV3({ facts, version, describe }: OpenApiOptions, kinds: readonly OpenApiKind[]): DraftObject {
  const flavour = 3;
  return {
    openapi: '3.0.0',
    info: info(version),
    paths: paths({ facts, flavour }, kinds),
    components: {
      schemas: definitions({ facts, flavour, describe }, typesOfKinds(facts, kinds)),
      securitySchemes: { BearerToken: { description: 'Bearer Token authentication', in: 'header', name: 'authorization', type: 'apiKey' } },
    },
  };
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
