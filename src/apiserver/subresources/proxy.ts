import type { Readable } from 'node:stream';
import type { Random } from '../../base/random.ts';
import { StatusError } from '../../machinery/status-error.ts';
import type { Dial, Endpoint } from '../dial.ts';
import { writeHead } from '../http/respond.ts';
import type { RawExchange, StreamSubresource, SubresourceCall } from '../stages.ts';
import { dialFailure, send } from './backend.ts';
import { forwardedHeaders, type Headers, hasBody, rawQuery, relay, untilGone } from './forward.ts';
import { nodeTarget, podTarget, serviceTarget } from './proxy-target.ts';
import { forwardUpgrade } from './upgrade.ts';

/** pods/proxy, services/proxy and nodes/proxy: any method, any path below, upgrades included. */
export function proxies(dial: Dial, random: Random): readonly StreamSubresource[] {
  const proxy = (resource: string, target: (call: SubresourceCall) => Promise<Endpoint> | Endpoint): StreamSubresource => ({
    group: '',
    resource,
    subresource: 'proxy',
    handle: async (call, exchange) => serve(call, exchange, await target(call)),
  });
  return [
    proxy('pods', (call) => podTarget(call, dial)),
    proxy('services', (call) => serviceTarget(call, dial, random)),
    proxy('nodes', (call) => nodeTarget(call, dial)),
  ];
}

async function serve(call: SubresourceCall, exchange: RawExchange, endpoint: Endpoint): Promise<void> {
  const query = rawQuery(exchange);
  const path = `${call.rest === '' ? '/' : call.rest}${query}`;
  if (exchange.upgrade) return forwardUpgrade(exchange, endpoint, path);
  // Without a slash at the end the backend's relative links would lead out of the proxy.
  if (call.rest === '') return redirect(exchange, `${pathOf(exchange)}/${query}`);
  const headers: Headers = { ...forwardedHeaders(exchange), host: `${endpoint.host}:${endpoint.port}` };
  const body = hasBody(exchange) ? (exchange.request as Readable) : undefined;
  using client = untilGone(exchange);
  let answer;
  try {
    answer = await send(endpoint, { method: call.method, path, headers, body, signal: client.gone });
  } catch (thrown) {
    if (client.gone.aborted) return;
    throw new StatusError('ServiceUnavailable', `error trying to reach service: ${dialFailure(thrown, endpoint)}`, { details: {}, cause: thrown });
  }
  await relay(answer, exchange.response, moved(answer.headers.location, call, exchange, endpoint));
}

function pathOf({ request }: RawExchange): string {
  return (request.url ?? '').split('?')[0] ?? '';
}

function redirect(exchange: Extract<RawExchange, { readonly upgrade: false }>, location: string): void {
  writeHead(exchange.response, 301, ['Location', location, 'Content-Length', '0']);
  exchange.response.end();
}

/** A redirect to the backend itself stays below the proxy's path. */
function moved(location: string | undefined, { rest }: SubresourceCall, exchange: RawExchange, { scheme, host, port }: Endpoint): Headers {
  if (location === undefined) return {};
  const base = `${scheme}://${host}:${port}`;
  if (!URL.canParse(location, `${base}${rest}`)) return {};
  const url = new URL(location, `${base}${rest}`);
  const own = new URL(base);
  if (url.host !== own.host) return {};
  const whole = pathOf(exchange);
  const prefix = whole.slice(0, whole.length - rest.length);
  return { location: `${prefix}${url.pathname}${url.search}${url.hash}` };
}
