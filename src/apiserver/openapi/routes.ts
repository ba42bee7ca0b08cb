import type { Keys } from '../../base/keys.ts';
import type { JsonObject } from '../../machinery/object.ts';
import type { Facts } from '../../schema/facts.ts';
import { openApiIndex, type OpenApiKind, type OpenApiOptions, openApiV2Steps, openApiV3Steps } from '../../schema/openapi.ts';
import type { Describe } from '../../schema/openapi-definitions.ts';
import { rootOf } from '../../schema/openapi-paths.ts';
import { encodeOpenApiV2Steps, OPENAPI_V2_PROTOBUF, OPENAPI_V2_PROTOBUF_ASKED } from '../../schema/openapi-protobuf.ts';
import { servedGroups, type ServedVersion } from '../discovery/groups.ts';
import type { ServedKinds } from '../discovery/routes.ts';
import { pathNotFound } from '../handlers/target.ts';
import type { RawRequest, RawResponse, Route } from '../stages.ts';

export interface OpenApiRouteOptions {
  readonly served: ServedKinds;
  readonly facts: Facts;
  readonly keys: Pick<Keys, 'digest'>;
  /** The server's own version: part of every hash, since the documents follow from it and from what is served. */
  readonly version: string;
  readonly describe?: Describe | undefined;
  /** Lets others have the event loop: a whole document takes a tenth of a second (law 10). */
  readonly yieldToLoop: () => Promise<void>;
}

/** Steps between two pauses: a path or a definition each, well under a tenth of a millisecond. */
const SLICE = 25;

/** `/openapi/v2` (JSON and protobuf) and `/openapi/v3` with a document for each group and version, found by hash. */
export function openApiRoutes(options: OpenApiRouteOptions): readonly Route[] {
  const documents = new OpenApiDocuments(options);
  return [
    { match: 'exact', path: '/openapi/v2', handle: (request) => documents.v2(request) },
    { match: 'prefix', path: '/openapi/v3', handle: (request) => documents.v3(request) },
  ];
}

/** Documents are made when they are first asked for, and kept until what is served changes. */
class OpenApiDocuments {
  readonly #options: OpenApiRouteOptions;
  #revision = -1;
  #versions = new Map<string, ServedVersion>();
  /** Whoever asks while a document is being made waits for that one. */
  readonly #bodies = new Map<string, Promise<Uint8Array>>();

  constructor(options: OpenApiRouteOptions) {
    this.#options = options;
  }

  async v2({ headers }: RawRequest): Promise<RawResponse> {
    this.#refresh();
    const accept = String(headers['accept'] ?? '');
    const protobuf = accept.includes(OPENAPI_V2_PROTOBUF) || accept.includes(OPENAPI_V2_PROTOBUF_ASKED);
    const etag = `"${this.#hash(`v2 ${protobuf}`)}"`;
    const common = { etag, vary: 'Accept', 'content-type': protobuf ? OPENAPI_V2_PROTOBUF : 'application/json' };
    if (headers['if-none-match'] === etag) return { code: 304, headers: common, body: '' };
    const { kinds } = this.#options.served;
    const body = await this.#body(protobuf ? 'v2 protobuf' : 'v2', v2Steps(this.#about(), kinds(), protobuf));
    return { code: 200, headers: common, body };
  }

  async v3({ path, query, headers }: RawRequest): Promise<RawResponse> {
    this.#refresh();
    const name = path.slice('/openapi/v3'.length).replace(/^\/|\/$/g, '');
    if (name === '') return this.#index(headers['if-none-match']);
    const version = this.#versions.get(name);
    if (version === undefined) throw pathNotFound();
    const hash = this.#hash(name);
    const asked = query.find(([key]) => key === 'hash')?.[1];
    // A hash of another day leads to today's document.
    if (asked !== undefined && asked !== hash) return { code: 301, headers: { location: `/openapi/v3/${name}?hash=${hash}` }, body: '' };
    const forever = asked === undefined ? {} : { 'cache-control': 'public, immutable' };
    const common = { etag: `"${hash}"`, vary: 'Accept', 'content-type': 'application/json', ...forever };
    if (headers['if-none-match'] === common.etag) return { code: 304, headers: common, body: '' };
    const body = await this.#body(name, v3Steps(this.#about(), version.kinds));
    return { code: 200, headers: common, body };
  }

  #index(ifNoneMatch: unknown): RawResponse {
    const etag = `"${this.#hash('index')}"`;
    if (ifNoneMatch === etag) return { code: 304, headers: { etag }, body: '' };
    return { code: 200, headers: { etag }, body: openApiIndex([...this.#versions.values()].map(groupVersionOf), (root) => this.#hash(root)) };
  }

  #about(): OpenApiOptions {
    const { facts, describe, version } = this.#options;
    return { facts, version, ...(describe === undefined ? {} : { describe }) };
  }

  #refresh(): void {
    const { served } = this.#options;
    if (served.revision === this.#revision) return;
    this.#revision = served.revision;
    this.#bodies.clear();
    this.#versions = new Map(servedGroups(served.kinds()).flatMap(({ versions }) => versions.map((each) => [rootOf(groupVersionOf(each)).slice(1), each])));
  }

  #body(key: string, steps: Generator<undefined, Uint8Array>): Promise<Uint8Array> {
    const known = this.#bodies.get(key) ?? this.#inSlices(steps);
    this.#bodies.set(key, known);
    return known;
  }

  async #inSlices<T>(steps: Generator<undefined, T>): Promise<T> {
    for (let count = 1; ; count++) {
      const step = steps.next();
      if (step.done === true) return step.value;
      if (count % SLICE === 0) await this.#options.yieldToLoop();
    }
  }

  #hash(name: string): string {
    const kinds = (this.#versions.get(name)?.kinds ?? this.#options.served.kinds()).map(({ resource, kind }) => `${resource}/${kind}`);
    const text = `${this.#options.version} ${this.#revision} ${name} ${kinds.join(' ')}`;
    return Buffer.from(this.#options.keys.digest(new TextEncoder().encode(text)))
      .toString('hex')
      .toUpperCase();
  }
}

function groupVersionOf({ kinds, version }: ServedVersion): { readonly group: string; readonly version: string } {
  return { group: kinds[0]?.group ?? '', version };
}

function* v2Steps(options: OpenApiOptions, kinds: readonly OpenApiKind[], protobuf: boolean): Generator<undefined, Uint8Array> {
  const document = yield* openApiV2Steps(options, kinds);
  return yield* protobuf ? encodeOpenApiV2Steps(document) : encodeSteps(document);
}

function* v3Steps(options: OpenApiOptions, kinds: readonly OpenApiKind[]): Generator<undefined, Uint8Array> {
  return yield* encodeSteps(yield* openApiV3Steps(options, kinds));
}

/** JSON, a step for each entry of each member (paths and definitions have hundreds). */
function* encodeSteps(document: JsonObject): Generator<undefined, Uint8Array> {
  const members: string[] = [];
  for (const [name, value] of Object.entries(document)) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      members.push(`${JSON.stringify(name)}:${JSON.stringify(value)}`);
      continue;
    }
    const entries: string[] = [];
    for (const [key, entry] of Object.entries(value)) {
      entries.push(`${JSON.stringify(key)}:${JSON.stringify(entry)}`);
      yield undefined;
    }
    members.push(`${JSON.stringify(name)}:{${entries.join(',')}}`);
  }
  return new TextEncoder().encode(`{${members.join(',')}}`);
}
