import type { Kind } from '../../api/kind.ts';
import { badRequest, objectNotFound } from '../../machinery/status-error.ts';
import type { Core } from '../core.ts';
import { objectKey } from '../registry/registry.ts';
import type {
  AuthorizeAttributes,
  ObjectSubresource,
  RawExchange,
  RawResponse,
  Route,
  StreamSubresource,
  SubresourceCall,
  VirtualResource,
} from '../stages.ts';
import { admitConnect } from './admission.ts';
import { pathAttributes, refused, resourceAttributes } from './attributes.ts';
import type { Answer, Call } from './call.ts';
import { createObject } from './create.ts';
import { deleteObject } from './delete.ts';
import { deleteCollection } from './delete-collection.ts';
import { getObject } from './get.ts';
import { listObjects } from './list.ts';
import { parseListOptions } from './list-options.ts';
import { patchObject } from './patch.ts';
import { parseSelection } from './selection.ts';
import { callObjectSubresource, callVirtual } from './special.ts';
import { bindByCollection } from './subresource/binding.ts';
import { subresourceHandler } from './subresource/table.ts';
import { methodNotServed, pageNotFound, pathNotFound, resolve, splitPath, type Target } from './target.ts';
import { updateObject } from './update.ts';
import { planWatch, type WatchPlan } from '../watch/plan.ts';

/** What a request comes to, after authorization. The transport carries it out. */
export type Outcome =
  | { readonly do: 'answer'; readonly answer: Answer }
  | { readonly do: 'watch'; readonly plan: WatchPlan }
  | { readonly do: 'raw'; readonly response: RawResponse }
  | { readonly do: 'stream'; readonly run: (exchange: RawExchange) => Promise<void> };

export interface Routed {
  readonly attributes: AuthorizeAttributes;
  /** It gets the raw request: its body belongs to whoever is behind it. */
  readonly streams: boolean;
  /** Throws StatusError (403). Before a body is read: nobody sends megabytes to where they may not write. */
  readonly authorize: () => Promise<void>;
  /** Authorizes and carries out. Throws StatusError. */
  readonly run: () => Promise<Outcome>;
}

/** Finds out what a request is about. Throws 404 and 405. */
export class Router {
  readonly #core: Core;
  readonly #exact = new Map<string, Route>();
  readonly #restful: readonly string[];
  readonly #prefixes: readonly Prefix[];
  readonly #streams: ReadonlyMap<string, StreamSubresource>;
  readonly #objects: ReadonlyMap<string, ObjectSubresource>;
  readonly #virtual: ReadonlyMap<string, VirtualResource>;

  constructor(core: Core) {
    this.#core = core;
    const { routes, streamSubresources, objectSubresources, virtualResources } = core.stages;
    for (const route of routes) {
      if (route.match !== 'prefix') this.#exact.set(route.path, route);
      if (route.match === 'restful') this.#exact.set(`${route.path}/`, route);
    }
    this.#restful = routes.filter(({ match }) => match === 'restful').map(({ path }) => `${path}/`);
    this.#prefixes = routes
      .filter(({ match }) => match === 'prefix')
      .sort((a, b) => b.path.length - a.path.length)
      .map((route) => ({
        route,
        below: route.path.endsWith('/') ? route.path : `${route.path}/`,
        ofResources: route.path === '/api' || route.path === '/apis',
      }));
    this.#streams = new Map(streamSubresources.map((s) => [`${s.group}/${s.resource}/${s.subresource}`, s]));
    this.#objects = new Map(objectSubresources.map((s) => [`${s.group}/${s.resource}/${s.subresource}`, s]));
    this.#virtual = new Map(virtualResources.map((v) => [`${v.group}/${v.resource}`, v]));
  }

  route(call: Call): Routed {
    const path = splitPath(call.path);
    const special = this.#route(call.path, path !== undefined);
    if (special !== undefined) return this.#raw(call, special);
    if (path === undefined) return this.#missing(call);
    const target = resolve(this.#core.registry, path, call.path);
    if (target === undefined || !servesSubresource(target)) return this.#missing(call);
    const attributes = resourceAttributes(call, target);
    const { group, resource } = target.binding.kind;
    const streams = target.subresource !== '' && this.#streams.has(`${group}/${resource}/${target.subresource}`);
    return { attributes, streams, authorize: () => this.#authorize(call, attributes), run: () => this.#run(call, target, attributes) };
  }

  /** Routes for all of /api and /apis are for what is no resource there; a longer one (an aggregated group) comes first. */
  #route(path: string, isResource: boolean): Route | undefined {
    const exact = this.#exact.get(path);
    if (exact !== undefined) return exact;
    for (const { route, below, ofResources } of this.#prefixes) {
      if ((!isResource || !ofResources) && (path === route.path || path.startsWith(below))) return route;
    }
    return undefined;
  }

  #raw(call: Call, route: Route): Routed {
    const attributes = pathAttributes(call.user, call.method, call.path);
    const run = async (): Promise<Outcome> => {
      await this.#authorize(call, attributes);
      const { method, path, headers, user, signal } = call;
      const response = await route.handle({ method, path, query: call.query.pairs, headers, user, signal, body: () => call.body.bytes() });
      return { do: 'raw', response };
    };
    return { attributes, streams: false, authorize: () => this.#authorize(call, attributes), run };
  }

  /** Whoever may not ask is told 403, as everywhere else. */
  #missing(call: Call): Routed {
    const attributes = pathAttributes(call.user, call.method, call.path);
    const run = async (): Promise<Outcome> => {
      await this.#authorize(call, attributes);
      if (this.#isServed(call.path)) throw pathNotFound();
      return { do: 'raw', response: pageNotFound() };
    };
    return { attributes, streams: false, authorize: () => this.#authorize(call, attributes), run };
  }

  /** Below the core group or one that is served, or what go-restful would serve. */
  #isServed(path: string): boolean {
    const [, root, group = ''] = path.split('/');
    if (this.#restful.some((below) => path.startsWith(below))) return true;
    return root === 'api' || (root === 'apis' && this.#core.registry.servesGroup(group));
  }

  async #authorize({ audit }: Call, attributes: AuthorizeAttributes): Promise<void> {
    const said = this.#core.stages.authorize(attributes);
    const decision = said instanceof Promise ? await said : said;
    if (audit !== undefined) {
      audit.annotate('authorization.k8s.io/decision', decision.allowed ? 'allow' : 'forbid');
      audit.annotate('authorization.k8s.io/reason', decision.reason);
    }
    if (!decision.allowed) throw refused(attributes, decision);
  }

  async #run(call: Call, target: Target, attributes: AuthorizeAttributes): Promise<Outcome> {
    await this.#authorize(call, attributes);
    // Proxies pass on what they do not know. HEAD is a read to authorization, and nothing that go-restful serves.
    if ((attributes.verb === '' || call.method === 'HEAD') && target.subresource !== 'proxy') throw methodNotServed();
    checkName(target.name);
    const { group, resource, deprecation } = target.binding.kind;
    if (deprecation !== undefined) call.warnings.add(deprecation);
    const at = `${group}/${resource}`;
    if (target.subresource !== '') {
      if (!servesMethod(target, call.method)) throw methodNotServed();
      return this.#subresource(call, target, `${at}/${target.subresource}`);
    }
    const virtual = this.#virtual.get(at);
    if (virtual !== undefined) return { do: 'answer', answer: await callVirtual(this.#core, call, target, virtual, attributes.verb) };
    if (!serves(target.binding.kind, attributes.verb)) throw methodNotServed();
    if (at === '/bindings') return { do: 'answer', answer: await bindByCollection(this.#core, call, target) };
    if (attributes.verb === 'watch') return { do: 'watch', plan: this.#planWatch(call, target) };
    return { do: 'answer', answer: await this.#verb(call, target, attributes.verb) };
  }

  #planWatch(call: Call, target: Target): WatchPlan {
    const options = parseListOptions(call.query, true);
    const selection = parseSelection(target.binding, options.labelSelector, options.fieldSelector);
    return planWatch(this.#core, target, options, target.name === '' ? selection : selection.named(target.name));
  }

  #verb(call: Call, target: Target, verb: string): Answer | Promise<Answer> {
    const core = this.#core;
    switch (verb) {
      case 'get':
        return getObject(core, call, target);
      case 'list':
        return listObjects(core, call, target);
      case 'create':
        if (target.name !== '' || (target.binding.kind.namespaced && target.namespace === '')) throw methodNotServed();
        return createObject(core, call, target);
      case 'update':
        return updateObject(core, call, named(target));
      case 'patch':
        return patchObject(core, call, named(target));
      case 'delete':
        return deleteObject(core, call, target);
      default:
        if (target.binding.kind.namespaced && target.namespace === '') throw methodNotServed();
        return deleteCollection(core, call, target);
    }
  }

  async #subresource(call: Call, target: Target, at: string): Promise<Outcome> {
    if (target.name === '') throw pathNotFound();
    const stream = this.#streams.get(at);
    if (stream !== undefined) return { do: 'stream', run: await this.#connect(call, target, stream) };
    const object = this.#objects.get(at);
    if (object !== undefined) return { do: 'answer', answer: await callObjectSubresource(this.#core, call, target, object) };
    const own = subresourceHandler(target);
    if (own === undefined) throw pathNotFound();
    return { do: 'answer', answer: await own(this.#core, call, target) };
  }

  async #connect(call: Call, target: Target, stream: StreamSubresource): Promise<(exchange: RawExchange) => Promise<void>> {
    const parent = parentOf(this.#core, target);
    if (parent === undefined && target.subresource !== 'proxy') throw objectNotFound(target.binding.kind, target.name);
    if (target.subresource !== 'log') await admitConnect(this.#core, call, target, parent);
    const about = subresourceCall(this.#core, call, target, parent);
    return (exchange) => stream.handle(about, exchange);
  }
}

/** A route with everything below it. */
interface Prefix {
  readonly route: Route;
  /** The path with a slash at its end. */
  readonly below: string;
  /** It is for what is no resource there. */
  readonly ofResources: boolean;
}

/** Throws 400 for what can't be a name in a path (apimachinery `IsValidPathSegmentName`). */
function checkName(name: string): void {
  const faults =
    name === '.' || name === '..' ? [`may not be '${name}'`] : ['/', '%'].filter((each) => name.includes(each)).map((each) => `may not contain '${each}'`);
  if (faults.length > 0) throw badRequest(`Name parameter invalid: ${JSON.stringify(name)}: ${faults.join(';')}`);
}

function named(target: Target): Target {
  if (target.name === '') throw methodNotServed();
  return target;
}

function serves(kind: Kind, verb: string): boolean {
  return (kind.verbs as readonly string[]).includes(verb);
}

function servesSubresource({ binding, subresource }: Target): boolean {
  return subresource === '' || Object.hasOwn(binding.kind.subresources, subresource);
}

/** What discovery says of it. */
function servesMethod({ binding, subresource }: Target, method: string): boolean {
  return binding.kind.subresources[subresource]?.verbs.includes(VERBS[method] ?? '') === true;
}

const VERBS: Readonly<Record<string, string>> = { GET: 'get', HEAD: 'get', OPTIONS: 'get', POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' };

export function parentOf(core: Core, { binding, namespace, name }: Target) {
  const entry = core.store.get(objectKey(binding, namespace, name));
  return entry === undefined ? undefined : core.objects.as(entry, binding);
}

export function subresourceCall(core: Core, call: Call, target: Target, parent: SubresourceCall['parent']): SubresourceCall {
  return {
    user: call.user,
    kind: target.binding.kind,
    namespace: target.namespace,
    name: target.name,
    subresource: target.subresource,
    method: call.method,
    rest: target.rest,
    query: call.query.pairs,
    parent,
    reader: core.reader,
    nowMs: core.clock.now(),
    dryRun: call.query.get('dryRun') === 'All',
    signal: call.signal,
    warn: (text) => call.warnings.add(text),
  };
}
