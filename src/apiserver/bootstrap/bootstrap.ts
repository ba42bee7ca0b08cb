import { isDeepStrictEqual } from 'node:util';
import type { Kind } from '../../api/kind.ts';
import type { ApiHandler, ApiRequest } from '../../machinery/exchange.ts';
import type { JsonObject, KubeObject } from '../../machinery/object.ts';
import { StatusError } from '../../machinery/status-error.ts';
import type { StoredReader } from '../stages.ts';
import { reconcileFlowControl } from './flow-control.ts';
import { API_SERVER } from './identities.ts';
import {
  authenticationConfig,
  type BootstrapObject,
  type ClusterAddresses,
  kubernetesEndpoints,
  kubernetesService,
  namespaceObjects,
  priorityClassObjects,
  serviceCidrObject,
} from './objects.ts';
import { localApiServices } from './api-services.ts';
import { reconcilePolicy } from './reconcile-policy.ts';

export interface BootstrapOptions {
  /** The server itself: every object goes through admission and validation like anybody's. */
  readonly handler: ApiHandler;
  readonly reader: StoredReader;
  readonly addresses: ClusterAddresses;
  /** Of the client CA. */
  readonly caPem: string;
  /** What this server serves. */
  readonly kinds: readonly Kind[];
}

/**
 * Makes sure that what every cluster has is there. Safe to repeat; on a second start it only looks. Throws the first failure.
 * `/readyz` says ok after it has resolved.
 */
export async function bootstrap({ handler, reader, addresses, caPem, kinds }: BootstrapOptions): Promise<void> {
  const writer = new Writer(handler, reader);
  await writer.ensureAll(namespaceObjects());
  await Promise.all([
    writer.ensureAll([...priorityClassObjects(), serviceCidrObject(addresses), kubernetesService(addresses)]),
    ...kubernetesEndpoints(addresses).map((object) => writer.keep(object, ['subsets', 'endpoints', 'ports'])),
    writer.keep(authenticationConfig(caPem), ['data']),
    writer.ensureAll(localApiServices(kinds)),
    reconcilePolicy(writer),
    reconcileFlowControl(writer),
  ]);
  await writer.keepStatus(serviceCidrObject(addresses), SERVICE_CIDR_READY);
}

const SERVICE_CIDR_READY: JsonObject = { type: 'Ready', status: 'True', message: 'Kubernetes Service CIDR is ready' };

interface WithConditions extends KubeObject {
  readonly status?: { readonly conditions?: readonly JsonObject[] };
}

/** Requests of the API server to itself. */
export class Writer {
  readonly #handler: ApiHandler;
  readonly #reader: StoredReader;

  constructor(handler: ApiHandler, reader: StoredReader) {
    this.#handler = handler;
    this.#reader = reader;
  }

  find({ group, resource, object }: BootstrapObject): KubeObject | undefined {
    return this.#reader.get(group, resource, object.metadata.namespace ?? '', object.metadata.name);
  }

  async ensureAll(objects: readonly BootstrapObject[]): Promise<void> {
    await Promise.all(objects.map((object) => this.ensure(object)));
  }

  /** Creates it when it is not there. Another server may do the same at this moment. */
  async ensure(wanted: BootstrapObject): Promise<void> {
    if (this.find(wanted) !== undefined) return;
    try {
      await this.#send('POST', wanted.path, wanted.object);
    } catch (thrown) {
      if (!(thrown instanceof StatusError && thrown.reason === 'AlreadyExists')) throw thrown;
    }
  }

  /** Creates it, or sets the named fields to what is wanted where they differ. */
  async keep(wanted: BootstrapObject, fields: readonly string[]): Promise<void> {
    const found = this.find(wanted) as JsonObject | undefined;
    if (found === undefined) return this.ensure(wanted);
    const changes = fields.filter((field) => !includes(found[field], wanted.object[field]));
    if (changes.length > 0) await this.replace(wanted, { ...found, ...Object.fromEntries(changes.map((field) => [field, wanted.object[field]])) });
  }

  /** Makes sure of one condition in the status; it counts from the object's creation. */
  async keepStatus(wanted: BootstrapObject, condition: JsonObject): Promise<void> {
    const found = this.find(wanted) as WithConditions | undefined;
    if (found === undefined || found.status?.conditions?.some((each) => includes(each, condition)) === true) return;
    const others = (found.status?.conditions ?? []).filter(({ type }) => type !== condition['type']);
    const status = { ...found.status, conditions: [...others, { reason: '', ...condition, lastTransitionTime: found.metadata?.creationTimestamp ?? null }] };
    await this.#send('PUT', `${wanted.path}/${encodeURIComponent(wanted.object.metadata.name)}/status`, { ...found, status } as unknown as JsonObject);
  }

  /** An update guarded by the version that `object` carries. */
  async replace({ path, object: { metadata } }: BootstrapObject, object: JsonObject): Promise<void> {
    await this.#send('PUT', `${path}/${encodeURIComponent(metadata.name)}`, object);
  }

  async delete({ path, object: { metadata } }: BootstrapObject): Promise<void> {
    await this.#send('DELETE', `${path}/${encodeURIComponent(metadata.name)}`);
  }

  async #send(method: ApiRequest['method'], path: string, body?: JsonObject): Promise<void> {
    await this.#handler.request({ method, path, query: [], contentType: 'application/json', body, user: API_SERVER, userAgent: 'kube-apiserver/v1.36' });
  }
}

/** Whether `found` says all that is wanted; defaults may stand beside it. */
function includes(found: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) return Array.isArray(found) && found.length === wanted.length && wanted.every((item, at) => includes(found[at], item));
  if (typeof wanted !== 'object' || wanted === null) return isDeepStrictEqual(found, wanted);
  return (
    typeof found === 'object' && found !== null && Object.entries(wanted).every(([key, value]) => includes((found as Record<string, unknown>)[key], value))
  );
}
