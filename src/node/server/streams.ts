import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { type CommandWish, serveCommand } from '../streams/command-client.ts';
import { type DialPort, FORWARD_PROTOCOL, serveForward } from '../streams/port-forward.ts';
import { acceptSpdyCommand, SPDY_COMMAND_PROTOCOLS } from '../streams/spdy-command.ts';
import { WEBSOCKET_COMMAND_PROTOCOLS, WebSocketCommand } from '../streams/websocket-command.ts';
import { serveChannelForward, TUNNEL_PROTOCOL, WEBSOCKET_FORWARD_PROTOCOLS } from '../streams/websocket-forward.ts';
import { isTrue } from './log-options.ts';
import type { PodLookup, PodOnNode } from './pod-lookup.ts';
import { Refusal } from './refusal.ts';

export interface StreamRequest {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  readonly url: URL;
}

interface StreamOptions {
  readonly pods: PodLookup;
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly log: Log;
}

/** As much as Go's servers take; kubectl sends 32 KiB at a time, others a whole file. */
const LARGEST_MESSAGE_BYTES = 32 * 1024 * 1024;

/** Answers an upgrade to SPDY/3.1 or WebSocket and carries the stream to its end. Throws Refusal before the upgrade. */
export async function upgradeStream(stream: StreamRequest, options: StreamOptions): Promise<void> {
  const [, verb, ...names] = stream.url.pathname.split('/').map(decodeURIComponent);
  const speaks = stream.request.headers.upgrade?.toLowerCase();
  if (speaks !== 'spdy/3.1' && speaks !== 'websocket')
    throw new Refusal(400, `unable to upgrade: unknown protocol ${JSON.stringify(stream.request.headers.upgrade)}`);
  switch (verb) {
    case 'exec':
    case 'attach':
      return command(stream, verb, names, speaks === 'websocket', options);
    case 'portForward':
      return forward(stream, names, speaks === 'websocket', options);
    default:
      throw new Refusal(404, '404 page not found');
  }
}

/** `/exec/namespace/pod/container` or `/exec/namespace/pod/uid/container`. */
async function command(stream: StreamRequest, verb: 'exec' | 'attach', names: readonly string[], websocket: boolean, options: StreamOptions): Promise<void> {
  const { runtime, clock, log } = options;
  const { searchParams: query } = stream.url;
  const [namespace = '', podName = ''] = names;
  if (names.length !== 3 && names.length !== 4) throw new Refusal(404, '404 page not found');
  const pod = findPod(options.pods, namespace, podName, names.length === 4 ? names[2] : undefined);
  const name = names.at(-1) ?? '';
  const container = pod.containers.find((each) => each.name === name)?.current;
  if (container === undefined || !container.running) throw new Refusal(404, `container not found (${JSON.stringify(name)})`);
  // The API server's names, then the kubelet's.
  const flag = (api: string, kubelet: string): boolean => isTrue(query.get(api)) || isTrue(query.get(kubelet));
  const wish: CommandWish = { stdin: flag('stdin', 'input'), stdout: flag('stdout', 'output'), stderr: flag('stderr', 'error'), tty: flag('tty', 'tty') };
  if (!wish.stdin && !wish.stdout && !wish.stderr) throw new Refusal(400, 'you must specify at least 1 of stdin, stdout, stderr');
  const wanted = { containerId: container.id, ...wish, stderr: wish.stderr && !wish.tty };
  const words = query.getAll('command');
  if (verb === 'exec' && words.length === 0) throw new Refusal(400, 'you must specify a command');
  const start = () => (verb === 'exec' ? runtime.streams.exec({ ...wanted, command: words }) : runtime.streams.attach(wanted));
  if (websocket) {
    const { websocket: socket } = await acceptWebSocket(stream, WEBSOCKET_COMMAND_PROTOCOLS);
    return serveCommand(new WebSocketCommand(socket, wish, clock), start, log);
  }
  const protocol = acceptSpdy(stream, SPDY_COMMAND_PROTOCOLS);
  try {
    return await serveCommand(await acceptSpdyCommand(stream, wish, protocol, clock), start, log);
  } catch (thrown) {
    stream.socket.destroy();
    log.debug('a client did not open its streams', { cause: String(thrown) });
  }
}

/** `/portForward/namespace/pod` or `/portForward/namespace/pod/uid`. */
async function forward(stream: StreamRequest, names: readonly string[], websocket: boolean, { pods, runtime, clock, log }: StreamOptions): Promise<void> {
  const [namespace = '', podName = '', uid] = names;
  if (names.length !== 2 && names.length !== 3) throw new Refusal(404, '404 page not found');
  const { sandboxId } = findPod(pods, namespace, podName, uid);
  if (sandboxId === undefined) throw new Refusal(404, `pod ${podName} is not running`);
  const dial: DialPort = (port) => runtime.streams.portForward(sandboxId, port);
  if (!websocket) {
    acceptSpdy(stream, [FORWARD_PROTOCOL]);
    return serveForward(stream, dial, { clock, log });
  }
  const { websocket: socket, protocol } = await acceptWebSocket(stream, [TUNNEL_PROTOCOL, ...WEBSOCKET_FORWARD_PROTOCOLS]);
  if (protocol !== TUNNEL_PROTOCOL) return serveChannelForward(socket, portsOf(stream.url), dial, log);
  const { createWebSocketStream } = await import('ws');
  return serveForward({ socket: createWebSocketStream(socket), head: Buffer.alloc(0) }, dial, { clock, log });
}

function findPod(pods: PodLookup, namespace: string, name: string, uid: string | undefined): PodOnNode {
  const pod = pods.pod(namespace, name, uid);
  if (pod === undefined) throw new Refusal(404, 'pod does not exist');
  return pod;
}

function portsOf(url: URL): readonly number[] {
  const ports = url.searchParams
    .getAll('ports')
    .flatMap((text) => text.split(','))
    .concat(url.searchParams.getAll('port'))
    .map(Number);
  if (ports.length === 0 || ports.length > 64 || !ports.every((port) => Number.isInteger(port) && port > 0 && port <= 65535)) {
    throw new Refusal(400, 'query parameter "port" is required, with ports from 1 to 65535');
  }
  return ports;
}

/** Answers 101 with the first of ours that the client offers. A client that offers none speaks the last, oldest one. */
function acceptSpdy({ request, socket }: StreamRequest, ours: readonly string[]): string {
  const header = request.headers['x-stream-protocol-version'];
  const offered = (Array.isArray(header) ? header : (header ?? '').split(','))
    .flatMap((text) => text.split(','))
    .map((text) => text.trim())
    .filter((text) => text !== '');
  const chosen = offered.length === 0 ? ours.at(-1) : ours.find((protocol) => offered.includes(protocol));
  if (chosen === undefined)
    throw new Refusal(403, `unable to upgrade: unable to negotiate protocol: client supports [${offered.join(' ')}], server supports [${ours.join(' ')}]`);
  if ('setNoDelay' in socket && typeof socket.setNoDelay === 'function') socket.setNoDelay(true);
  socket.write(['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: SPDY/3.1', `X-Stream-Protocol-Version: ${chosen}`, '', ''].join('\r\n'));
  return chosen;
}

async function acceptWebSocket(
  { request, socket, head, url }: StreamRequest,
  ours: readonly string[],
): Promise<{ readonly websocket: WebSocket; readonly protocol: string }> {
  const offered = (request.headers['sec-websocket-protocol'] ?? '')
    .split(',')
    .map((text) => text.trim())
    .filter((text) => text !== '');
  if (offered.length > 0 && !offered.some((protocol) => ours.includes(protocol))) {
    throw new Refusal(400, `unable to negotiate protocol: client supports [${offered.join(' ')}], server supports [${ours.join(' ')}]`);
  }
  // Checked before the upgrade, so that the refusal has an HTTP code.
  if (ours.includes(TUNNEL_PROTOCOL) && !offered.includes(TUNNEL_PROTOCOL)) portsOf(url);
  const chosen = ours.find((protocol) => offered.includes(protocol));
  const { WebSocketServer } = await import('ws');
  const server = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: LARGEST_MESSAGE_BYTES, handleProtocols: () => chosen ?? false });
  if (chosen === TUNNEL_PROTOCOL) {
    // Its name has a slash, which RFC 6455 forbids and the library refuses: the protocol is agreed upon around it.
    delete request.headers['sec-websocket-protocol'];
    server.on('headers', (headers) => headers.push(`Sec-WebSocket-Protocol: ${TUNNEL_PROTOCOL}`));
  }
  const websocket = await new Promise<WebSocket>((resolve) => server.handleUpgrade(request, socket, head, resolve));
  return { websocket, protocol: chosen ?? '' };
}
