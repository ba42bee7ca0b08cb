import type { Keys } from '../../base/keys.ts';
import type { JsonObject } from '../../machinery/object.ts';
import type { Facts } from '../../schema/facts.ts';
import { servedGroups, type ServedVersion } from '../discovery/groups.ts';
import type { ServedKinds } from '../discovery/routes.ts';
import { pathNotFound } from '../handlers/target.ts';
import type { RawRequest, RawResponse, Route } from '../stages.ts';
import { type Descriptions, noDescriptions } from './definitions.ts';
import { documentName, documentV2, documentV3 } from './documents.ts';
import { encodeDocumentV2 } from './protobuf-v2.ts';

export interface OpenApiOptions {
  readonly served: ServedKinds;
  readonly facts: Facts;
  readonly keys: Pick<Keys, 'digest'>;
  /** The server's own version: part of every hash, since the documents follow from it and from what is served. */
  readonly version: string;
  readonly descriptions?: Descriptions | undefined;
}

/** What is answered: an `@` may not stand in a media type, and Go refuses it, though its clients ask with one. */
const V2_PROTOBUF = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';
const V2_TYPES: readonly string[] = [V2_PROTOBUF, 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf'];

/** `/openapi/v2` (JSON and protobuf) and `/openapi/v3` with a document for each group and version, found by hash. */
export function openApiRoutes(options: OpenApiOptions): readonly Route[] {
  const documents = new OpenApiDocuments(options);
  return [
    { match: 'exact', path: '/openapi/v2', handle: (request) => documents.v2(request) },
    { match: 'prefix', path: '/openapi/v3', handle: (request) => documents.v3(request) },
  ];
}

/** Documents are made when they are first asked for, and kept until what is served changes. */
class OpenApiDocuments {
  readonly #options: OpenApiOptions;
  #revision = -1;
  #versions = new Map<string, ServedVersion>();
  readonly #bodies = new Map<string, Uint8Array>();

  constructor(options: OpenApiOptions) {
    this.#options = options;
  }

  v2({ headers }: RawRequest): RawResponse {
    this.#refresh();
    const accept = String(headers['accept'] ?? '');
    const protobuf = V2_TYPES.some((type) => accept.includes(type));
    const etag = `"${this.#hash(`v2 ${protobuf}`)}"`;
    const common = { etag, vary: 'Accept', 'content-type': protobuf ? V2_PROTOBUF : 'application/json' };
    if (headers['if-none-match'] === etag) return { code: 304, headers: common, body: '' };
    const body = this.#body(protobuf ? 'v2 protobuf' : 'v2', () => {
      const document = documentV2({ kinds: this.#options.served.kinds(), ...this.#about() });
      return protobuf ? encodeDocumentV2(document) : encode(document);
    });
    return { code: 200, headers: common, body };
  }

  v3({ path, query, headers }: RawRequest): RawResponse {
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
    const body = this.#body(name, () => encode(documentV3({ kinds: version.kinds, ...this.#about() })));
    return { code: 200, headers: common, body };
  }

  #index(ifNoneMatch: unknown): RawResponse {
    const paths: Record<string, JsonObject> = {};
    for (const name of this.#versions.keys()) paths[name] = { serverRelativeURL: `/openapi/v3/${name}?hash=${this.#hash(name)}` };
    const etag = `"${this.#hash('index')}"`;
    if (ifNoneMatch === etag) return { code: 304, headers: { etag }, body: '' };
    return { code: 200, headers: { etag }, body: { paths } };
  }

  #about(): { readonly facts: Facts; readonly descriptions: Descriptions; readonly version: string } {
    const { facts, descriptions = noDescriptions, version } = this.#options;
    return { facts, descriptions, version };
  }

  #refresh(): void {
    const { served } = this.#options;
    if (served.revision === this.#revision) return;
    this.#revision = served.revision;
    this.#bodies.clear();
    this.#versions = new Map(servedGroups(served.kinds()).flatMap(({ name, versions }) => versions.map((each) => [documentName({ group: name, version: each.version }), each])));
  }

  #body(key: string, make: () => Uint8Array): Uint8Array {
    const known = this.#bodies.get(key) ?? make();
    this.#bodies.set(key, known);
    return known;
  }

  #hash(name: string): string {
    const kinds = (this.#versions.get(name)?.kinds ?? this.#options.served.kinds()).map(({ resource, kind }) => `${resource}/${kind}`);
    const text = `${this.#options.version} ${this.#revision} ${name} ${kinds.join(' ')}`;
    return Buffer.from(this.#options.keys.digest(new TextEncoder().encode(text))).toString('hex').toUpperCase();
  }
}

function encode(document: JsonObject): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(document));
}
