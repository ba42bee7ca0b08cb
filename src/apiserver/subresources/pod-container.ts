import type { Node, Pod } from '../../api/gen/types/core.v1.ts';
import { nodes } from '../../api/gen/resources.ts';
import type { Stored } from '../../machinery/object.ts';
import { badRequest, objectNotFound } from '../../machinery/status-error.ts';
import type { StoredReader, SubresourceCall } from '../stages.ts';
import { storedGet } from '../stored.ts';

/** The container that a request is about: the one that it names, or the only one. Throws 400. */
export function containerOf({ metadata, spec }: Stored<Pod>, wanted: string): string {
  const containers = (spec?.containers ?? []).map(({ name }) => name);
  const init = (spec?.initContainers ?? []).map(({ name }) => name);
  const ephemeral = (spec?.ephemeralContainers ?? []).map(({ name }) => name);
  if (wanted !== '') {
    if (![...containers, ...init, ...ephemeral].includes(wanted)) throw badRequest(`container ${wanted} is not valid for pod ${metadata.name}`);
    return wanted;
  }
  if (containers.length === 1) return containers[0] ?? '';
  const named = `a container name must be specified for pod ${metadata.name}`;
  if (containers.length === 0) throw badRequest(named);
  const others = init.length === 0 ? '' : ` or one of the init containers: [${init.join(' ')}]`;
  throw badRequest(`${named}, choose one of: [${containers.join(' ')}]${others}`);
}

export function podOf(call: SubresourceCall): Stored<Pod> {
  if (call.parent === undefined) throw objectNotFound({ group: '', resource: 'pods' }, call.name);
  return call.parent as unknown as Stored<Pod>;
}

/** The node that a pod is on; undefined when it is on none yet. Throws 404. */
export function nodeOfPod(reader: StoredReader, { spec }: Stored<Pod>): Stored<Node> | undefined {
  const name = spec?.nodeName ?? '';
  return name === '' ? undefined : findNode(reader, name);
}

export function findNode(reader: StoredReader, name: string): Stored<Node> {
  const node = storedGet(reader, nodes, '', name);
  if (node === undefined) throw objectNotFound({ group: '', resource: 'nodes' }, name);
  return node;
}

/** First value of a parameter, as Go reads it. */
export function parameter({ query }: Pick<SubresourceCall, 'query'>, name: string): string {
  return query.find(([key]) => key === name)?.[1] ?? '';
}

/** Go's `strconv.ParseBool`, with "present but empty" as true. */
export function flag(call: Pick<SubresourceCall, 'query'>, name: string): boolean {
  const value = call.query.find(([key]) => key === name)?.[1];
  return value !== undefined && value.toLowerCase() !== 'false' && value !== '0';
}
