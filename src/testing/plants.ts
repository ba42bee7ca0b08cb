import { builtinKinds } from '../api/registry.ts';
import type { PersistentVolume, Pod } from '../api/gen/types/core.v1.ts';
import { createProjector, type Projection } from '../apiserver/codec/projection.ts';
import { encodeRecord, managedText, parseBody, recordApiVersion } from '../apiserver/codec/record.ts';
import { createRegistry } from '../apiserver/server.ts';
import { type Random, SystemRandom } from '../base/random.ts';
import type { Transport, TransportRequest } from '../client/transport.ts';
import type { Plugin } from '../scheduler/plugin.ts';
import { defaultPlugins } from '../scheduler/plugins/all.ts';
import type { ApiResponse, WatchEvent, WatchSink } from '../machinery/exchange.ts';
import type { KubeObject } from '../machinery/object.ts';
import type { Store } from '../store/store.ts';

/** A bug on purpose, put in from outside: it proves that the checkers would find one like it. Nothing of it is in what users run. */
export interface Plant {
  /** What the checker that must find it is called, and what is wrong. */
  readonly finds: string;
  readonly about: string;
  /** Stands between a component and the API server. */
  readonly transport?: (component: string, inner: Transport, store: Store<Projection>) => Transport;
  readonly schedulerPlugins?: readonly Plugin[];
  /** Replaces the API server's chance. */
  readonly random?: (given: Random) => Random;
}

type Instead = (request: TransportRequest, goOn: () => Promise<ApiResponse>) => Promise<ApiResponse>;

/** Lets one component's requests go another way. */
function instead(of: string, way: (store: Store<Projection>) => Instead): NonNullable<Plant['transport']> {
  return (component, inner, store) => {
    if (component !== of) return inner;
    const divert = way(store);
    return { watch: (request, sink) => inner.watch(request, sink), request: (request) => divert(request, () => inner.request(request)) };
  };
}

const DONE: ApiResponse = { code: 200, body: Object.freeze({ kind: 'Status', apiVersion: 'v1', status: 'Success' }), warnings: [] };

/** Every tenth binding is followed by a second one to another node, which a careless server takes. */
const boundTwice: Plant = {
  finds: 'no pod is bound twice',
  about: 'the server takes a binding of a pod that is bound already',
  transport: instead('default-scheduler', (store) => {
    let bindings = 0;
    return async (request, goOn) => {
      const answer = await goOn();
      const [, namespace, name] = /\/namespaces\/([^/]+)\/pods\/([^/]+)\/binding$/.exec(request.path) ?? [];
      if (namespace !== undefined && name !== undefined && bindings++ % 10 === 9)
        await rewrite<Pod>(store, `/registry/core/pods/${namespace}/${name}`, (pod) => ({
          ...pod,
          spec: { containers: [], ...pod.spec, nodeName: 'node-elsewhere' },
        }));
      return answer;
    };
  }),
};

/** Past every check of the server. */
async function rewrite<T extends KubeObject>(store: Store<Projection>, key: string, change: (object: T) => T): Promise<void> {
  const entry = store.get(key);
  if (entry === undefined) return;
  const { value } = encodeRecord(
    recordApiVersion(entry.value),
    change(parseBody(entry.value, entry.projection) as T),
    managedText(entry.value, entry.projection),
  );
  await store.commit([{ do: 'put', key, value, projection: createProjector(createRegistry(builtinKinds()))(key, value) }], []);
}

/** A volume is given away while somebody has it. */
const volumeGivenAway: Plant = {
  finds: 'no volume is bound to two claims',
  about: 'the binder gives a bound volume to another claim',
  transport: instead('berth-storage', (store) => {
    let writes = 0;
    return async (request, goOn) => {
      const answer = await goOn();
      const [, name] = /\/persistentvolumes\/([^/]+)\/status$/.exec(request.path) ?? [];
      const isBound = JSON.stringify(request.body ?? {}).includes('"phase":"Bound"');
      if (name !== undefined && isBound && writes++ % 3 === 2)
        await rewrite<PersistentVolume>(store, `/registry/core/persistentvolumes/${name}`, (volume) => ({
          ...volume,
          spec: { ...volume.spec, claimRef: { ...volume.spec?.claimRef, uid: 'another' } },
        }));
      return answer;
    };
  }),
};

/** A scheduler that does not know the rule. */
const sharedByPods: Plant = {
  finds: 'a ReadWriteOncePod claim is held by one running pod at most',
  about: 'the scheduler forgets about ReadWriteOncePod',
  schedulerPlugins: defaultPlugins.filter(({ name }) => name !== 'VolumeRestrictions'),
};

/** A garbage collector that believes to have deleted. */
const orphans: Plant = {
  finds: 'nothing belongs to what is gone',
  about: 'replica sets and revisions are not collected',
  transport: instead(
    'kube-controller-manager',
    () => async (request, goOn) => (request.method === 'DELETE' && /\/(?:replicasets|controllerrevisions)\/[^/]+$/.test(request.path) ? DONE : goOn()),
  ),
};

/** A protection that never lets go. */
const stuckClaims: Plant = {
  finds: 'what is deleted goes away',
  about: 'the finalizer of deleted claims is never taken away',
  transport: instead(
    'kube-controller-manager',
    () => async (request, goOn) =>
      request.method === 'PUT' && request.path.includes('/persistentvolumeclaims/') && JSON.stringify(request.body).includes('deletionTimestamp')
        ? DONE
        : goOn(),
  ),
};

/** A controller that counts wrongly. */
const tooFew: Plant = {
  finds: 'there are as many pods as were asked for',
  about: 'the third pod of each set is never made',
  transport: instead('kube-controller-manager', () => async (request, goOn) => {
    const { name, generateName } =
      (request.body as { readonly metadata?: { readonly name?: string; readonly generateName?: string } } | undefined)?.metadata ?? {};
    return request.method === 'POST' && request.path.endsWith('/pods') && generateName === undefined && name?.endsWith('-2') === true
      ? { ...DONE, body: { ...request.body } as ApiResponse['body'] }
      : goOn();
  }),
};

/** A component that writes for ever. */
const restless: Plant = {
  finds: 'a quiet cluster comes to rest',
  about: 'a lease renewal is an annotation on the node too',
  transport: (component, inner) => {
    if (component !== 'kubelet') return inner;
    let renewals = 0;
    return {
      watch: (request, sink) => inner.watch(request, sink),
      request: async (request) => {
        const answer = await inner.request(request);
        const [, node] = /\/leases\/([^/]+)$/.exec(request.path) ?? [];
        if (node !== undefined && request.method !== 'GET')
          await inner.request({
            method: 'PATCH',
            path: `/api/v1/nodes/${node}`,
            query: [],
            contentType: 'application/merge-patch+json',
            body: { metadata: { annotations: { renewals: String(renewals++) } } },
          });
        return answer;
      },
    };
  },
};

/** What a careless server does to some events of every watch: each is found by those who follow. */
function careless(about: string, change: (batch: readonly WatchEvent[]) => readonly WatchEvent[]): Plant {
  let batches = 0;
  return {
    finds: 'what a watch is told is the difference of two lists',
    about,
    transport: (component, inner) => {
      if (!component.startsWith('follower')) return inner;
      const events = (sink: WatchSink) => (batch: readonly WatchEvent[]) => {
        const told = ++batches % 50 === 0 ? change(batch) : batch;
        if (told.length > 0) sink.events(told);
      };
      return {
        request: (request) => inner.request(request),
        watch: (request, sink) => inner.watch(request, { events: events(sink), closed: (error) => sink.closed(error) }),
      };
    },
  };
}

const lostEvents = careless('an event is lost, now and then', (batch) => batch.slice(1));
const doubledEvents = careless('an event is told twice, now and then', (batch) => [...batch, ...batch.slice(-1)]);

/** One draw in a hundred comes from the machine. */
export const realChance: Plant = {
  finds: 'the same seed gives the same digest',
  about: 'the server draws UIDs from the machine, now and then',
  random: (given) => {
    const machine = new SystemRandom();
    let draws = 0;
    return { float: () => given.float(), bytes: (length) => (draws++ % 100 === 99 ? machine : given).bytes(length) };
  },
};

/** Each found by one checker. */
export const plants: readonly Plant[] = [boundTwice, volumeGivenAway, sharedByPods, orphans, stuckClaims, tooFew, restless, lostEvents, doubledEvents];
