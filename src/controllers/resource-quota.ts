import type { ResourceQuota } from '../api/gen/types/core.v1.ts';
import { resourceQuotas } from '../api/gen/resources.ts';
import { isPodTerminal } from '../api/core/pod.rules.ts';
import { addUsage, podIsFreeFrom, quotaMatches, type Usage, usageOf } from '../api/core/resource-quota.rules.ts';
import type { Resource } from '../api/resource.ts';
import type { Component, ComponentOptions } from '../client/component.ts';
import type { Again } from '../client/work-queue.ts';
import type { Informer } from '../client/informer.ts';
import type { KubeObject, Stored } from '../machinery/object.ts';
import { formatQuantity, parseQuantity, type Quantity, ZERO_QUANTITY } from '../machinery/quantity.ts';
import { getOwn, setOwn } from '../machinery/record.ts';
import type { KindSource } from './kinds.ts';
import { type Source, source, startController } from '../client/controller.ts';

/** What one quota is worked out from. */
export interface QuotaSnapshot {
  readonly quota: ResourceQuota;
  /** The objects of its namespace, of every kind that it counts. */
  readonly objects: readonly (readonly [resource: Pick<Resource, 'group' | 'resource'>, objects: readonly KubeObject[]])[];
  readonly nowMs: number;
}

type Amounts = Readonly<Record<string, string>>;

/** The status that a quota ought to have; undefined: it has it. */
export function decideQuotaStatus({ quota, objects, nowMs }: QuotaSnapshot): { readonly hard: Amounts; readonly used: Amounts } | undefined {
  const hard = quota.spec?.hard ?? {};
  let sum: Usage = new Map();
  for (const [resource, all] of objects)
    for (const object of all) if (quotaMatches(quota, resource, object)) sum = addUsage(sum, usageOf(resource, object, nowMs));
  const used: Record<string, string> = {};
  for (const name of Object.keys(hard).sort()) setOwn(used, name, formatQuantity(sum.get(name) ?? ZERO_QUANTITY));
  return sameAmounts(quota.status?.hard, hard) && sameAmounts(quota.status?.used, used) ? undefined : { hard, used };
}

function sameAmounts(a: Amounts | undefined, b: Amounts): boolean {
  const names = Object.keys(b);
  return Object.keys(a ?? {}).length === names.length && names.every((name) => sameAmount(getOwn(a, name), getOwn(b, name)));
}

function sameAmount(a: string | undefined, b: string | undefined): boolean {
  const quantity = (text: string | undefined): Quantity | undefined => (text === undefined ? undefined : parseQuantity(text));
  return a === b || (quantity(a)?.nanos !== undefined && quantity(a)?.nanos === quantity(b)?.nanos);
}

/** When one of the pods will count no longer, though nothing happens to it. */
function nextChange(objects: QuotaSnapshot['objects'], nowMs: number): Again | undefined {
  const pods = objects.filter(([{ group, resource }]) => group === '' && resource === 'pods').flatMap(([, all]) => all);
  const times = pods.flatMap((pod) => podIsFreeFrom(pod) ?? []).filter((time) => time > nowMs);
  return times.length === 0 ? undefined : { afterMs: Math.min(...times) - nowMs };
}

const OF_PODS = /^(?:pods|cpu|memory|ephemeral-storage|hugepages-.*|requests\..*|limits\..*)$/;

/** `deployments.apps` of what a quota counts, by the names of its amounts. Names that nothing serves are left out. */
export function countedResources(hard: Amounts, served: readonly Resource[]): readonly Resource[] {
  const found = new Map<string, Resource>();
  const add = (name: string): void => {
    const resource = served.find((each) => (each.group === '' ? each.resource : `${each.resource}.${each.group}`) === name);
    if (resource !== undefined) found.set(name, resource);
  };
  for (const name of Object.keys(hard)) {
    if (name.startsWith('count/')) add(name.slice('count/'.length));
    else if (name === 'requests.storage' || name.includes('.storageclass.storage.k8s.io/')) add('persistentvolumeclaims');
    else if (name.startsWith('services')) add('services');
    else if (OF_PODS.test(name)) add('pods');
    else add(name);
  }
  return [...found.values()];
}

/**
 * Keeps every quota's status: what is allowed, and what is used. Admission adds what is created in the commit that creates it; here it is
 * given back when objects go, and counted when a quota is new. Caches say whether there is anything to do; what is written is counted
 * anew from the server, after the quota's own version, so that a create at the same moment makes the write fail and not the count.
 */
export function startResourceQuotaController(options: ComponentOptions, kinds: KindSource): Component {
  const { client, clock, informers } = options;
  const quotas = informers.of(resourceQuotas, { indexes: { namespace: ({ metadata }) => [metadata?.namespace ?? ''] } });
  const followed = new Followed(options, (namespace) => quotas.byIndex('namespace', namespace).map(({ metadata }) => metadata.name));
  return startController(options, {
    name: 'resourcequota-controller',
    sources: [source(quotas, ({ metadata }) => [`${metadata.namespace ?? ''}/${metadata.name}`]), followed],
    reconcile: async (key) => {
      const [namespace = '', name = ''] = key.split('/');
      const cached = quotas.get(name, namespace);
      if (cached === undefined || cached.metadata.deletionTimestamp !== undefined) return undefined;
      const counted = countedResources(cached.spec?.hard ?? {}, kinds.namespaced());
      const caches = await Promise.all(counted.map(async (resource) => [resource, (await followed.follow(resource)).list(namespace)] as const));
      const again = nextChange(caches, clock.now());
      if (decideQuotaStatus({ quota: cached, objects: caches, nowMs: clock.now() }) === undefined) return again;
      const quota = await client.get(resourceQuotas, name, namespace);
      const lists = await Promise.all(counted.map(async (resource) => [resource, (await client.list(resource, { namespace })).items] as const));
      const status = decideQuotaStatus({ quota, objects: lists, nowMs: clock.now() });
      if (status !== undefined) await client.updateStatus(resourceQuotas, { ...quota, status });
      return again;
    },
  });
}

/** Kinds that some quota counts; each is followed from the first quota on that does. */
class Followed implements Source {
  readonly #options: ComponentOptions;
  readonly #quotasIn: (namespace: string) => readonly string[];
  readonly #informers = new Map<string, Informer<KubeObject>>();
  readonly #watches: Disposable[] = [];
  #enqueue: (key: string) => void = () => {};

  constructor(options: ComponentOptions, quotasIn: (namespace: string) => readonly string[]) {
    this.#options = options;
    this.#quotasIn = quotasIn;
  }

  whenSynced(): Promise<void> {
    return Promise.resolve();
  }

  subscribe(enqueue: (key: string) => void): Disposable {
    this.#enqueue = enqueue;
    return {
      [Symbol.dispose]: () => {
        for (const watch of this.#watches) watch[Symbol.dispose]();
      },
    };
  }

  async follow(resource: Resource): Promise<Informer<KubeObject>> {
    const key = `${resource.group}/${resource.resource}`;
    const informer = this.#options.informers.of(resource);
    // Another one than before: the kind went, and came back.
    if (this.#informers.get(key) !== informer) {
      this.#informers.set(key, informer);
      const tell = ({ metadata: { namespace = '' } }: Stored<KubeObject>): void => {
        for (const name of this.#quotasIn(namespace)) this.#enqueue(`${namespace}/${name}`);
      };
      const updated = (object: Stored<KubeObject>, previous: Stored<KubeObject>): void => {
        if (mayCountOtherwise(resource, object, previous)) tell(object);
      };
      this.#watches.push(informer.onChange({ added: tell, updated, deleted: tell }));
    }
    await informer.whenSynced();
    return informer;
  }
}

/** Most updates of a pod are of its status, which counts only by whether the pod has ended. One that is being deleted may yet get stuck. */
function mayCountOtherwise({ group, resource }: Resource, object: KubeObject, previous: KubeObject): boolean {
  if (group === '' && resource === 'pods')
    return (
      isPodTerminal(object) !== isPodTerminal(previous) ||
      object.metadata?.generation !== previous.metadata?.generation ||
      object.metadata?.deletionTimestamp !== previous.metadata?.deletionTimestamp
    );
  return group === '' && (resource === 'services' || resource === 'persistentvolumeclaims');
}
