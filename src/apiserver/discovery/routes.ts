import type { Kind } from '../../api/kind.ts';
import type { Keys } from '../../base/keys.ts';
import type { JsonObject } from '../../machinery/object.ts';
import type { Facts } from '../../schema/facts.ts';
import { encodeProtobufObject } from '../../schema/protobuf-encode.ts';
import { methodNotServed, pageNotFound, pathNotFound } from '../handlers/target.ts';
import type { RawRequest, RawResponse, RequestHeaders, Route } from '../stages.ts';
import { aggregated, apiGroup, apiGroupList, apiResourceList, apiVersions } from './documents.ts';
import { type ServedGroup, servedGroups } from './groups.ts';
import { type DiscoveryForm, discoveryContentType, discoveryForm, legacyForm } from './negotiate.ts';

/** What is served now. `revision` is raised whenever a kind comes or goes. */
export interface ServedKinds {
  readonly revision: number;
  kinds(): readonly Kind[];
}

export interface DiscoveryOptions {
  readonly served: ServedKinds;
  readonly keys: Pick<Keys, 'digest'>;
  readonly facts: Facts;
  /** `host:port` that `/api` names. */
  readonly serverAddress: () => string;
}

interface Page {
  readonly body: Uint8Array;
  readonly etag: string;
}

/** `/api`, `/apis` and what is below them down to a version. Every document is made once per revision of what is served. */
export function discoveryRoutes(options: DiscoveryOptions): readonly Route[] {
  const documents = new Documents(options);
  const handle = (request: RawRequest): RawResponse => documents.answer(request);
  return [
    { match: 'prefix', path: '/api', handle },
    { match: 'prefix', path: '/apis', handle },
  ];
}

class Documents {
  readonly #options: DiscoveryOptions;
  readonly #pages = new Map<string, Page>();
  #revision = -1;
  #groups: readonly ServedGroup[] = [];

  constructor(options: DiscoveryOptions) {
    this.#options = options;
  }

  answer({ method, path, headers }: RawRequest): RawResponse {
    if (method !== 'GET' && method !== 'HEAD') throw methodNotServed();
    this.#refresh();
    const parts = path.split('/').filter((part) => part !== '');
    const accept = first(headers, 'accept');
    if (!this.#isServed(parts)) return pageNotFound();
    const form = parts.length === 1 ? discoveryForm(accept) : legacyForm(accept);
    const page = this.#page(parts, form);
    // go-restful, which serves all but the groups, knows no HEAD.
    if (method === 'HEAD' && (parts[0] === 'api' || parts.length > 2)) throw methodNotServed();
    const type = { 'content-type': discoveryContentType(form) };
    const shown = form.format === 'protobuf' ? {} : { shownAs: form.format };
    // Only the aggregated form can be kept (apiserver `aggregated.ServeHTTPWithETag`).
    if (form.shape === 'legacy') return { code: 200, headers: type, body: page.body, ...shown };
    // A 304 carries them too: Go's cache takes the headers of the newer answer.
    const kept = { etag: page.etag, vary: 'Accept', 'cache-control': 'public', ...type };
    if (first(headers, 'if-none-match') === page.etag) return { code: 304, headers: kept, body: '' };
    return { code: 200, headers: kept, body: page.body, ...shown };
  }

  /** A group that nobody serves has no page, not even one that says so. */
  #isServed([root, group]: readonly string[]): boolean {
    return root === 'api' || group === undefined || this.#groups.some(({ name }) => name === group);
  }

  #refresh(): void {
    const { served } = this.#options;
    if (served.revision === this.#revision) return;
    this.#revision = served.revision;
    this.#groups = servedGroups(served.kinds());
    this.#pages.clear();
  }

  #page(parts: readonly string[], form: DiscoveryForm): Page {
    const key = `${form.shape} ${form.format === 'protobuf'} ${parts.join('/')}`;
    let page = this.#pages.get(key);
    if (page === undefined) {
      const document = this.#document(parts, form);
      const json = new TextEncoder().encode(`${JSON.stringify(document)}\n`);
      const body = form.format === 'protobuf' ? encodeProtobufObject(this.#options.facts, messageOf(document), document) : json;
      page = { body, etag: `"${Buffer.from(this.#options.keys.digest(json)).toString('hex').toUpperCase()}"` };
      this.#pages.set(key, page);
    }
    return page;
  }

  /** Throws 404. */
  #document(parts: readonly string[], { shape }: DiscoveryForm): JsonObject {
    const [root, ...rest] = parts;
    const core = root === 'api';
    const groups = this.#groups.filter(({ name }) => (name === '') === core);
    if (rest.length === 0) {
      if (shape !== 'legacy') return aggregated(groups, shape);
      return core ? apiVersions(this.#options.serverAddress()) : apiGroupList(groups);
    }
    const [group, version] = core ? ['', rest[0]] : rest;
    const found = groups.find(({ name }) => name === group);
    if (found === undefined || rest.length > (core ? 1 : 2)) throw pathNotFound();
    if (version === undefined) return apiGroup(found);
    const served = found.versions.find((each) => each.version === version);
    if (served === undefined) throw pathNotFound();
    return apiResourceList(served, (text) => this.#hash(text));
  }

  #hash(text: string): string {
    return Buffer.from(this.#options.keys.digest(new TextEncoder().encode(text)).subarray(0, 8)).toString('base64');
  }
}

function first(headers: RequestHeaders, name: string): string {
  const value = headers[name];
  return typeof value === 'string' ? value : (value?.join(',') ?? '');
}

/** The old documents are of meta/v1, whatever they say of themselves. */
function messageOf({ kind, apiVersion }: JsonObject): string {
  const [group, version = ''] = String(apiVersion).split('/');
  return group === 'apidiscovery.k8s.io' ? `apidiscovery.${version}.${String(kind)}` : `machinery.meta.v1.${String(kind)}`;
}
