import type { Clock, Timer } from '../../base/clock.ts';
import type { Keys } from '../../base/keys.ts';
import type { Json, JsonObject } from '../../machinery/object.ts';
import type { Facts } from '../../schema/facts.ts';
import {
  type Describe,
  openApiIndex,
  type OpenApiKind,
  type OpenApiOptions,
  openApiV2Steps,
  openApiV3PageSteps,
  openApiV3Steps,
} from '../../schema/openapi.ts';
import { type Page, pageName, pagesOf } from '../../schema/openapi-discovery.ts';
import { rootOf } from '../../schema/openapi-paths.ts';
import { encodeOpenApiV2Steps, OPENAPI_V2_PROTOBUF, OPENAPI_V2_PROTOBUF_ASKED } from '../../schema/openapi-protobuf.ts';
import { servedGroups, type ServedVersion } from '../discovery/groups.ts';
import type { ServedKinds } from '../discovery/routes.ts';
import { negotiateType } from '../codec/accept.ts';
import { returnsObject } from '../handlers/deletion-rules.ts';
import type { RawRequest, RawResponse, RequestHeaders, Route } from '../stages.ts';
import { type Descriptions, NO_DESCRIPTIONS } from './descriptions.ts';

export interface OpenApiRouteOptions {
  readonly served: ServedKinds;
  readonly facts: Facts;
  readonly keys: Pick<Keys, 'digest'>;
  /** The server's own version: part of every hash, since the documents follow from it and from what is served. */
  readonly version: string;
  /** Absent: every field is explained by its type. */
  readonly descriptions?: Descriptions | undefined;
  readonly clock: Clock;
  /** Lets others have the event loop: a whole document takes a tenth of a second (law 10). */
  readonly yieldToLoop: () => Promise<void>;
}

/** Steps between two pauses: a path or a definition each, well under a tenth of a millisecond. */
const SLICE = 25;
/** After so long without a question documents and texts are let go of: 8 MB and 2 MB where all were asked for. */
const KEPT_MS = 60_000;

/** `/openapi/v2` (JSON and protobuf) and `/openapi/v3` with a document for each group and version, found by hash. */
export function openApiRoutes(options: OpenApiRouteOptions): readonly Route[] {
  const documents = new OpenApiDocuments(options);
  return [
    { match: 'exact', path: '/openapi/v2', handle: (request) => documents.v2(request) },
    { match: 'prefix', path: '/openapi/v3', handle: (request) => documents.v3(request) },
  ];
}

/** Documents are made when they are asked for, and kept for a while or until what is served changes. */
class OpenApiDocuments {
  readonly #options: OpenApiRouteOptions;
  readonly #descriptions: Descriptions;
  #described = '';
  #revision = -1;
  #versions = new Map<string, ServedVersion>();
  #pages = new Map<string, Page>();
  /** Whoever asks while a document is being made waits for that one. */
  readonly #bodies = new Map<string, Promise<Uint8Array>>();
  #describe: Promise<Describe> | undefined;
  #forgetting: Timer | undefined;

  constructor(options: OpenApiRouteOptions) {
    this.#options = options;
    this.#descriptions = options.descriptions ?? NO_DESCRIPTIONS;
  }

  async v2({ headers }: RawRequest): Promise<RawResponse> {
    await this.#refresh();
    const asked = negotiateType(String(headers['accept'] ?? ''), [JSON_TYPE, OPENAPI_V2_PROTOBUF_ASKED, OPENAPI_V2_PROTOBUF]);
    if (asked === undefined) return NOT_ACCEPTABLE;
    const protobuf = asked !== JSON_TYPE;
    const etag = `"${this.#hash(`v2 ${protobuf}`)}"`;
    const common = { etag, vary: 'Accept', 'content-type': protobuf ? OPENAPI_V2_PROTOBUF : JSON_TYPE };
    if (isKnown(headers['if-none-match'], etag)) return { code: 304, headers: common, body: '' };
    const { kinds } = this.#options.served;
    const body = await this.#body(protobuf ? 'v2 protobuf' : 'v2', (about) => v2Steps(about, kinds(), protobuf));
    return { code: 200, headers: common, body };
  }

  async v3({ path, query, headers }: RawRequest): Promise<RawResponse> {
    await this.#refresh();
    const name = path.slice('/openapi/v3/'.length);
    if (path === '/openapi/v3') return this.#index(headers['if-none-match']);
    const version = this.#versions.get(name);
    const page = this.#pages.get(name);
    // kube-aggregator's own word, not Go's (`openapiv3/aggregator`).
    if (version === undefined && page === undefined) return { code: 404, body: '' };
    if (negotiateType(String(headers['accept'] ?? ''), [JSON_TYPE]) === undefined) return NOT_ACCEPTABLE;
    const hash = this.#hash(name);
    const asked = query.find(([key]) => key === 'hash')?.[1] ?? '';
    const about = { etag: `"${hash}"`, vary: 'Accept', 'content-type': JSON_TYPE };
    // A hash of another day leads to today's document.
    if (asked !== '' && asked !== hash) return { code: 301, headers: { ...about, location: `/openapi/v3/${name}?hash=${hash}` }, body: '' };
    const common = { ...about, ...(asked === '' ? {} : this.#forever()) };
    if (isKnown(headers['if-none-match'], common.etag)) return { code: 304, headers: common, body: '' };
    const body = await this.#body(name, (options) => (page === undefined ? v3Steps(options, version?.kinds ?? []) : pageSteps(options, page)));
    return { code: 200, headers: common, body };
  }

  #forever(): Readonly<Record<string, string>> {
    return { 'cache-control': 'public, immutable', expires: new Date(this.#options.clock.now() + YEAR_MS).toUTCString() };
  }

  #index(ifNoneMatch: RequestHeaders[string]): RawResponse {
    const etag = `"${this.#hash('index')}"`;
    if (isKnown(ifNoneMatch, etag)) return { code: 304, headers: { etag }, body: '' };
    return { code: 200, headers: { etag }, body: openApiIndex([...this.#versions.keys(), ...this.#pages.keys()], (name) => this.#hash(name)) };
  }

  async #refresh(): Promise<void> {
    this.#described = await this.#descriptions.version();
    const { served } = this.#options;
    if (served.revision === this.#revision) return;
    this.#revision = served.revision;
    this.#bodies.clear();
    this.#pages = new Map(pagesOf(served.kinds()).map((page) => [pageName(page), page]));
    this.#versions = new Map(servedGroups(served.kinds()).flatMap(({ versions }) => versions.map((each) => [rootOf(groupVersionOf(each)).slice(1), each])));
  }

  #body(key: string, steps: (about: OpenApiOptions) => Generator<undefined, Uint8Array>): Promise<Uint8Array> {
    const known = this.#bodies.get(key) ?? this.#make(steps);
    this.#bodies.set(key, known);
    this.#forgetting?.[Symbol.dispose]();
    this.#forgetting = this.#options.clock.setTimer(KEPT_MS, () => this.#forget());
    return known;
  }

  #forget(): void {
    this.#bodies.clear();
    this.#describe = undefined;
  }

  async #make(steps: (about: OpenApiOptions) => Generator<undefined, Uint8Array>): Promise<Uint8Array> {
    const { facts, version } = this.#options;
    this.#describe ??= this.#descriptions.open();
    return this.#inSlices(steps({ facts, version, describe: await this.#describe, returnsObject }));
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
    const text = `${this.#options.version} ${this.#described} ${this.#revision} ${name} ${kinds.join(' ')}`;
    return Buffer.from(this.#options.keys.digest(new TextEncoder().encode(text)))
      .toString('hex')
      .toUpperCase();
  }
}

const JSON_TYPE = 'application/json';
const YEAR_MS = 365 * 24 * 3600 * 1000;
/** Without a word, as kube-openapi. */
const NOT_ACCEPTABLE: RawResponse = { code: 406, headers: { vary: 'Accept' }, body: '' };

/** RFC 9110 section 13.1.2, by weak comparison. */
function isKnown(ifNoneMatch: RequestHeaders[string], etag: string): boolean {
  const known = String(ifNoneMatch ?? '').split(',');
  return known.some((each) => each.trim() === '*' || each.trim().replace(/^W\//, '') === etag);
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

function* pageSteps(options: OpenApiOptions, page: Page): Generator<undefined, Uint8Array> {
  return yield* encodeSteps(yield* openApiV3PageSteps(options, page));
}

function* encodeSteps(document: JsonObject): Generator<undefined, Uint8Array> {
  const parts: Uint8Array[] = [];
  yield* encodeEntries(document, 3, (text) => parts.push(encoder.encode(text)));
  return Buffer.concat(parts);
}

/** JSON, a step for each entry down to a path or a definition (`components.schemas.NAME`), of which there are hundreds. */
function* encodeEntries(value: JsonObject, depth: number, add: (text: string) => void): Generator<undefined, void> {
  let before = '{';
  for (const [key, entry] of Object.entries(value)) {
    const name = `${before}${JSON.stringify(key)}:`;
    before = ',';
    if (depth > 1 && isObject(entry) && Object.keys(entry).length > 0) {
      add(name);
      yield* encodeEntries(entry, depth - 1, add);
    } else add(name + JSON.stringify(entry));
    yield undefined;
  }
  add('}');
}

const encoder = new TextEncoder();

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
