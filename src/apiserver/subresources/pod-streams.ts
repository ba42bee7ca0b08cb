import { badRequest } from '../../machinery/status-error.ts';
import { type Authorizer, resourceAttributes } from '../authz/authorizer.ts';
import type { Dial } from '../dial.ts';
import { refused } from '../handlers/attributes.ts';
import type { StreamSubresource, SubresourceCall } from '../stages.ts';
import { containerOf, flag, nodeOfPod, parameter, podOf } from './pod-container.ts';
import { forwardUpgrade, upgradeRequired } from './upgrade.ts';

/** exec, attach and port-forward: the client's upgrade goes to the node, whose server speaks the protocols. */
export function podStreams(dial: Dial, authorize: Authorizer): readonly StreamSubresource[] {
  const stream = (subresource: string, pathOf: (call: SubresourceCall) => string): StreamSubresource => ({
    group: '',
    resource: 'pods',
    subresource,
    async handle(call, exchange) {
      const path = pathOf(call);
      const pod = podOf(call);
      const node = nodeOfPod(call.reader, pod);
      if (node === undefined) throw badRequest(`pod ${call.name} does not have a host assigned`);
      if (!exchange.upgrade) throw upgradeRequired();
      allowCreate(authorize, call);
      await forwardUpgrade(exchange, await dial({ to: 'node', node }), path);
    },
  });
  return [stream('exec', (call) => commandPath(call, 'exec')), stream('attach', (call) => commandPath(call, 'attach')), stream('portforward', forwardPath)];
}

/** Since 1.35 a WebSocket's GET needs the right to create as well: reading rights alone must not run commands. */
function allowCreate(authorize: Authorizer, call: SubresourceCall): void {
  if (call.method !== 'GET') return;
  const { user, namespace, name, subresource, kind } = call;
  const attributes = resourceAttributes({
    user,
    verb: 'create',
    group: kind.group,
    version: kind.version,
    resource: kind.resource,
    subresource,
    namespace,
    name,
  });
  const decision = authorize(attributes);
  if (!decision.allowed) throw refused(attributes, decision);
}

/** The node's server takes the same wishes under other names. */
function commandPath(call: SubresourceCall, verb: 'exec' | 'attach'): string {
  const container = containerOf(podOf(call), parameter(call, 'container'));
  const query = new URLSearchParams();
  const wishes = [
    ['stdin', 'input'],
    ['stdout', 'output'],
    ['stderr', 'error'],
    ['tty', 'tty'],
  ] as const;
  for (const [ours, theirs] of wishes) if (flag(call, ours)) query.set(theirs, '1');
  if (verb === 'exec') {
    const command = call.query.filter(([name]) => name === 'command').map(([, value]) => value);
    if (command.length === 0) throw badRequest('you must specify at least 1 command for the container');
    for (const word of command) query.append('command', word);
  }
  if (!query.has('input') && !query.has('output') && !query.has('error')) throw badRequest('you must specify at least 1 of stdin, stdout, stderr');
  return `/${verb}/${encodeURIComponent(call.namespace)}/${encodeURIComponent(call.name)}/${encodeURIComponent(container)}?${query}`;
}

function forwardPath(call: SubresourceCall): string {
  const query = new URLSearchParams();
  for (const [name, value] of call.query) if (name === 'ports') for (const port of value.split(',')) query.append('port', port);
  const text = query.toString();
  return `/portForward/${encodeURIComponent(call.namespace)}/${encodeURIComponent(call.name)}${text === '' ? '' : `?${text}`}`;
}
