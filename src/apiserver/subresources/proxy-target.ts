import { BlockList, isIP } from 'node:net';
import { endpoints, pods, services } from '../../api/gen/resources.ts';
import type { Random } from '../../base/random.ts';
import { badRequest, objectNotFound, StatusError } from '../../machinery/status-error.ts';
import type { Dial, Endpoint } from '../dial.ts';
import type { StoredReader, SubresourceCall } from '../stages.ts';
import { storedGet } from '../stored.ts';
import { findNode } from './pod-container.ts';

/** This machine itself, and what only its own network knows (a cloud's metadata server): nobody is led there, whatever a status says. */
const FORBIDDEN = new BlockList();
FORBIDDEN.addSubnet('0.0.0.0', 8);
FORBIDDEN.addSubnet('127.0.0.0', 8);
FORBIDDEN.addSubnet('169.254.0.0', 16);
FORBIDDEN.addSubnet('224.0.0.0', 4);
FORBIDDEN.addSubnet('::', 127, 'ipv6');
FORBIDDEN.addSubnet('fe80::', 10, 'ipv6');
FORBIDDEN.addSubnet('ff00::', 8, 'ipv6');

/** As apimachinery's `IsProxyableIP`: a global unicast address. */
export function mayBeReached(ip: string): boolean {
  const version = isIP(ip);
  return version !== 0 && !FORBIDDEN.check(ip, version === 4 ? 'ipv4' : 'ipv6');
}

/** `NAME`, `NAME:PORT`, `SCHEME:NAME:PORT`: the name segment of a proxy path. */
export interface ProxyName {
  readonly scheme: 'http' | 'https';
  readonly name: string;
  /** A number or a port's name; empty: the default one. */
  readonly port: string;
}

export function parseProxyName(text: string): ProxyName | undefined {
  const parts = text.split(':');
  if (parts.length > 3) return undefined;
  const [scheme = '', name = '', port = ''] = parts.length === 3 ? parts : parts.length === 2 ? ['', ...parts] : ['', text, ''];
  if (name === '' || (scheme !== '' && scheme !== 'http' && scheme !== 'https')) return undefined;
  return { scheme: scheme === 'https' ? 'https' : 'http', name, port };
}

function named(call: SubresourceCall): ProxyName {
  const parsed = parseProxyName(call.name);
  if (parsed === undefined) throw badRequest(`invalid ${call.kind.singular} request ${JSON.stringify(call.name)}`);
  return parsed;
}

/** The pod's address, at the port that was named or its first one. */
export function podTarget(call: SubresourceCall, dial: Dial): ReturnType<Dial> {
  const { scheme, name, port } = named(call);
  const pod = storedGet(call.reader, pods, call.namespace, name);
  if (pod === undefined) throw objectNotFound({ group: '', resource: 'pods' }, name);
  const ip = pod.status?.podIPs?.[0]?.ip ?? pod.status?.podIP ?? '';
  if (!mayBeReached(ip)) throw badRequest('address not allowed');
  const all = (pod.spec?.containers ?? []).flatMap(({ ports }) => ports ?? []);
  const found = port === '' ? all[0]?.containerPort : (all.find((each) => each.name === port)?.containerPort ?? portNumber(port));
  return dial({ to: 'address', ip, port: found ?? (scheme === 'https' ? 443 : 80), scheme });
}

/** One of the service's ready endpoints, by chance. */
export function serviceTarget(call: SubresourceCall, dial: Dial, random: Random): ReturnType<Dial> {
  const { scheme, name, port } = named(call);
  const service = storedGet(call.reader, services, call.namespace, name);
  if (service === undefined) throw objectNotFound({ group: '', resource: 'services' }, name);
  const ports = service.spec?.ports ?? [];
  const wanted = port === '' ? (ports.length === 1 ? ports[0] : undefined) : ports.find((each) => each.name === port || String(each.port) === port);
  if (wanted === undefined && (port === '' || portNumber(port) === undefined))
    throw unavailable(`no service port ${JSON.stringify(port)} found for service ${JSON.stringify(name)}`);
  const choices = addressesOf(call.reader, call.namespace, name, wanted === undefined ? undefined : (wanted.name ?? ''), wanted === undefined ? port : '');
  const choice = choices[Math.floor(random.float() * choices.length)];
  if (choice === undefined) throw unavailable(`no endpoints available for service ${JSON.stringify(name)}`);
  if (!mayBeReached(choice.ip)) throw badRequest('address not allowed');
  return dial({ to: 'address', ...choice, scheme });
}

/** By the port's name; or by its number, for endpoints that no port of the service tells of. */
function addressesOf(
  reader: StoredReader,
  namespace: string,
  name: string,
  portName: string | undefined,
  number: string,
): readonly { readonly ip: string; readonly port: number }[] {
  const found = storedGet(reader, endpoints, namespace, name);
  return (found?.subsets ?? []).flatMap(({ addresses = [], ports = [] }) => {
    const port = ports.find((each) => (portName === undefined ? String(each.port) === number : (each.name ?? '') === portName));
    return port === undefined ? [] : addresses.map(({ ip }) => ({ ip, port: port.port }));
  });
}

/** The node's own server, or another port of the node's first address. */
export async function nodeTarget(call: SubresourceCall, dial: Dial): Promise<Endpoint> {
  const { scheme, name, port } = named(call);
  const endpoint = await dial({ to: 'node', node: findNode(call.reader, name) });
  const other = portNumber(port);
  if (other === undefined || other === endpoint.port) return endpoint;
  return dial({ to: 'address', ip: endpoint.host, port: other, scheme });
}

function portNumber(port: string): number | undefined {
  return /^[0-9]{1,5}$/.test(port) && Number(port) > 0 && Number(port) < 65536 ? Number(port) : undefined;
}

function unavailable(message: string): StatusError {
  return new StatusError('ServiceUnavailable', message, { details: {} });
}
