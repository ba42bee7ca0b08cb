import { badRequest, StatusError } from '../../machinery/status-error.ts';
import type { Binding, Registry } from '../registry/registry.ts';
import type { RawResponse, Route } from '../stages.ts';

/** What a path under /api or /apis points at. */
export interface Target {
  readonly binding: Binding;
  /** Empty: cluster-scoped, or all namespaces. */
  readonly namespace: string;
  /** Empty: the collection. */
  readonly name: string;
  readonly subresource: string;
  /** What follows the subresource, `/` included. */
  readonly rest: string;
  /** The path had the old `/watch/` segment. */
  readonly watch: boolean;
}

/** A path below a version, even where nothing is served; the roots of groups and versions are discovery's. */
export interface ResourcePath {
  readonly group: string;
  readonly version: string;
  readonly segments: readonly string[];
}

/** go-restful's answers, as clients know them. */
export const pathNotFound = (): StatusError => new StatusError('NotFound', 'the server could not find the requested resource', { details: {} });
export const methodNotServed = (): StatusError =>
  new StatusError('MethodNotAllowed', 'the server does not allow this method on the requested resource', { details: {} });

/** Of a route that go-restful would serve, which knows what is got and no HEAD of it: 405 for every other method. */
export const readOnly =
  (show: Route['handle']): Route['handle'] =>
  (request) => {
    if (request.method !== 'GET') throw methodNotServed();
    return show(request);
  };

/** Where not even a group is served, the answer is Go's own (`http.NotFound`). */
export const pageNotFound = (): RawResponse => ({
  code: 404,
  headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' },
  body: '404 page not found\n',
});

export function splitPath(path: string): ResourcePath | undefined {
  const parts = path.split('/');
  if (parts[1] === 'api' && (parts[3] ?? '') !== '') return { group: '', version: parts[2] as string, segments: decode(parts, 3) };
  if (parts[1] === 'apis' && (parts[4] ?? '') !== '') return { group: parts[2] as string, version: parts[3] as string, segments: decode(parts, 4) };
  return undefined;
}

function decode(parts: readonly string[], from: number): readonly string[] {
  const end = parts.at(-1) === '' ? parts.length - 1 : parts.length;
  const segments: string[] = [];
  for (let at = from; at < end; at++) {
    const part = parts[at] as string;
    if (!part.includes('%')) {
      segments.push(part);
      continue;
    }
    let text: string;
    try {
      text = decodeURIComponent(part);
    } catch {
      throw badRequest(`invalid URL escape in ${JSON.stringify(part)}`);
    }
    // An escaped slash parts names as any other; what is behind a proxy sees to it itself.
    if (segments.includes('proxy')) segments.push(text);
    else segments.push(...text.split('/'));
  }
  return segments;
}

const NAMESPACE_SUBRESOURCES = new Set(['status', 'finalize']);

/** Undefined: nothing is served there. `rest` keeps a trailing slash of the path (proxies pass it on). */
export function resolve(registry: Registry, path: ResourcePath, wholePath: string): Target | undefined {
  const apiVersion = path.group === '' ? path.version : `${path.group}/${path.version}`;
  let { segments } = path;
  const watch = segments[0] === 'watch';
  if (watch) segments = segments.slice(1);
  let namespace = '';
  if (segments[0] === 'namespaces' && segments.length > 2 && !NAMESPACE_SUBRESOURCES.has(segments[2] as string)) {
    namespace = segments[1] as string;
    if (namespace === '') return undefined;
    segments = segments.slice(2);
  }
  const [resource = '', name = '', subresource = '', ...more] = segments;
  const binding = registry.find(apiVersion, resource);
  if (binding === undefined) return undefined;
  if (namespace !== '' && !binding.kind.namespaced) return undefined;
  if (namespace === '' && binding.kind.namespaced && name !== '') return undefined;
  const rest = subresource === '' ? '' : restOf(wholePath, subresource, more);
  if (rest !== '' && rest !== '/' && subresource !== 'proxy') return undefined;
  return { binding, namespace, name, subresource, rest, watch };
}

function restOf(path: string, subresource: string, more: readonly string[]): string {
  const slash = path.endsWith('/') ? '/' : '';
  if (more.length === 0) return subresource === 'proxy' ? slash : '';
  // As it was sent: escapes in it belong to whoever is behind the proxy.
  const parts = path.split('/');
  return `/${parts.slice(parts.length - more.length - (slash === '' ? 0 : 1)).join('/')}`;
}
