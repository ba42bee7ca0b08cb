import type { Secret } from '../api/gen/types/core.v1.ts';
import { secrets } from '../api/gen/resources.ts';
import { builtinFacts } from '../api/facts.ts';
import type { Kind } from '../api/kind.ts';
import { builtinKinds } from '../api/registry.ts';
import type { PodSecurityOptions } from '../apiserver/admission/pod-security.ts';
import type { SignIn } from '../apiserver/authn/authenticate.ts';
import { bootstrap, Writer } from '../apiserver/bootstrap/bootstrap.ts';
import { followFlowControl } from '../apiserver/bootstrap/flow-control.ts';
import { API_SERVER, controllerIdentity } from '../apiserver/bootstrap/identities.ts';
import type { ClusterAddresses } from '../apiserver/bootstrap/objects.ts';
import { resourcePrefix } from '../apiserver/registry/keys.ts';
import { createProjector, type Projection } from '../apiserver/codec/projection.ts';
import { auditing, type AuditSink } from '../apiserver/audit/trail.ts';
import type { AuditPolicy } from '../apiserver/audit/policy.ts';
import type { Dial } from '../apiserver/dial.ts';
import type { Gauge } from '../apiserver/metrics/route.ts';
import type { Descriptions } from '../apiserver/openapi/descriptions.ts';
import type { HealthCheck } from '../apiserver/health/health.ts';
import { versionInfo } from '../apiserver/health/version.ts';
import { type ApiServer, createApiServer, createRegistry } from '../apiserver/server.ts';
import type { Route, StoredReader } from '../apiserver/stages.ts';
import { standardStages } from '../apiserver/standard-stages.ts';
import type { Clock } from '../base/clock.ts';
import { Disposals } from '../base/disposal.ts';
import type { Keys } from '../base/keys.ts';
import { failure, type Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { createClient } from '../client/api-client.ts';
import type { Client } from '../client/client.ts';
import type { ComponentOptions, ControllerSetOptions, Informers } from '../client/component.ts';
import { InformerSet } from '../client/informer-set.ts';
import { createRecorder } from '../client/recorder.ts';
import { inProcessTransport } from '../client/transport.ts';
import type { UserInfo } from '../machinery/exchange.ts';
import type { Stored } from '../machinery/object.ts';
import type { Projector, Store } from '../store/store.ts';
import { isServed, type RuntimeConfig } from './runtime-config.ts';
import { healthChecks } from './health-checks.ts';
import { QueueMetrics } from './queue-metrics.ts';
import { announceStore, storeGauge } from './store-notices.ts';
import { verifySignature } from './verify-signature.ts';

export const VERSION = '0.1.0';

export interface ControlPlaneOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly keys: Keys;
  readonly log: Log;
  /** Opens the store, given how to look into its values. */
  readonly openStore: (project: Projector<Projection>) => Promise<Store<Projection>>;
  readonly yieldToLoop: () => Promise<void>;
  /** Known once the server listens. */
  readonly addresses: () => ClusterAddresses;
  readonly caPem: string;
  /** `10.96.0.0/16` */
  readonly serviceCidr: string;
  readonly nodePorts: { readonly first: number; readonly last: number };
  /** The way to nodes and pods; absent: there is none (simulation). */
  readonly dial?: Dial | undefined;
  readonly runtimeConfig: RuntimeConfig;
  /** What `kubectl explain` says; absent: what follows from types. */
  readonly descriptions?: Descriptions | undefined;
  /** For priority and fairness; absent: none. */
  readonly seats?: number | undefined;
  /** Of the API server; a minute when absent. */
  readonly requestTimeoutMs?: number | undefined;
  readonly signIn?: (() => SignIn) | undefined;
  /** Admission plugins that are on by default and shall not run. */
  readonly disabledAdmission?: readonly string[] | undefined;
  /** Those that run only when they are named. */
  readonly enabledAdmission?: readonly string[] | undefined;
  readonly podSecurity?: PodSecurityOptions | undefined;
  /** Paths beside the standard ones. */
  readonly routes?: readonly Route[] | undefined;
  /** For `/readyz`, beside the server's own. */
  readonly checks?: readonly HealthCheck[] | undefined;
  /** Absent: no audit log. */
  readonly audit?: { readonly policy: AuditPolicy; readonly sink: AuditSink & { readonly written: number; readonly dropped: number } } | undefined;
}

/** API server and store, without sockets: what `berth up` and a cluster in a test process have in common. */
export class ControlPlane implements AsyncDisposable {
  readonly api: ApiServer;
  readonly store: Store<Projection>;
  readonly #options: ControlPlaneOptions;
  readonly #queues: QueueMetrics;
  readonly #ends: Disposals;
  /** By UID of the Secret. */
  readonly #noting = new Set<string>();
  #ready = false;

  private constructor(options: ControlPlaneOptions, api: ApiServer, store: Store<Projection>, queues: QueueMetrics, ends: Disposals) {
    this.#options = options;
    this.#queues = queues;
    this.api = api;
    this.store = store;
    this.#ends = ends;
  }

  static async open(options: ControlPlaneOptions): Promise<ControlPlane> {
    const ends = new Disposals();
    try {
      return await ControlPlane.#open(options, ends);
    } catch (thrown) {
      // A store that is left open keeps its thread, and the process, alive.
      await ends[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  static async #open(options: ControlPlaneOptions, ends: Disposals): Promise<ControlPlane> {
    const { clock, random, keys, log, yieldToLoop, addresses } = options;
    const kinds = servedKinds(options.runtimeConfig);
    const registry = createRegistry(kinds);
    const store = await options.openStore(createProjector(registry));
    ends.add(() => store[Symbol.asyncDispose]());
    const queues = new QueueMetrics();
    let plane: ControlPlane | undefined;
    const stages = (reader: StoredReader): ReturnType<typeof standardStages> => {
      const made = standardStages({
        reader,
        served: { revision: 1, kinds: () => kinds },
        clock,
        random,
        keys,
        dial: options.dial,
        seats: options.seats,
        signIn: options.signIn,
        noteSecretToken: (secret, labels) => plane?.noteSecretToken(secret, labels),
        routes: options.routes,
        disabledAdmission: options.disabledAdmission,
        enabledAdmission: options.enabledAdmission,
        podSecurity: options.podSecurity,
        audit: options.audit === undefined ? undefined : auditing(options.audit.policy, options.audit.sink),
        gauges: [storeGauge(store), ...auditGauges(options.audit?.sink), ...objectGauges(store, registry), ...queues.gauges],
        yieldToLoop,
        descriptions: options.descriptions,
        serverAddress: () => `${addresses().advertiseIp}:${addresses().port}`,
        version: versionInfo(VERSION, { version: process.version, os: process.platform, arch: process.arch }),
        checks: healthChecks({ store, isReady: () => plane?.ready === true, more: options.checks }),
      });
      ends.add(() => made[Symbol.dispose]());
      return made;
    };
    const api = createApiServer({
      store,
      registry,
      facts: builtinFacts,
      clock,
      random,
      log: log.child('apiserver'),
      verify: verifySignature,
      services: { cidr: options.serviceCidr, nodePorts: options.nodePorts },
      stages,
      requestTimeoutMs: options.requestTimeoutMs,
      yieldToLoop,
    });
    ends.add(() => api[Symbol.asyncDispose]());
    plane = new ControlPlane(options, api, store, queues, ends);
    return plane;
  }

  /** Behind the request that it came with; a failure is seen again at the next use. */
  noteSecretToken({ metadata: { name, namespace, uid } }: Stored<Secret>, labels: Readonly<Record<string, string>>): void {
    if (this.#noting.has(uid)) return;
    this.#noting.add(uid);
    this.#client(API_SERVER, 'kube-apiserver')
      .patch(secrets, name, { type: 'merge', body: { metadata: { uid, labels } } }, { namespace })
      .catch((thrown: unknown) => this.#options.log.debug('the use of a token was not noted', { secret: `${namespace}/${name}`, ...failure(thrown) }))
      .finally(() => this.#noting.delete(uid));
  }

  get ready(): boolean {
    return this.#ready;
  }

  /** Makes what every cluster has; afterwards `/readyz` is ok. */
  async bootstrap(): Promise<void> {
    const { addresses, caPem, clock, log } = this.#options;
    await bootstrap({ handler: this.api.handler, reader: this.api.reader, addresses: addresses(), caPem, kinds: this.api.registry.kinds() });
    const { handler, reader } = this.api;
    this.#ends.use(followFlowControl(new Writer(handler, reader), reader, this.#options.log.child('apiserver')));
    const recorder = createRecorder({ client: this.#client(API_SERVER, 'kube-apiserver'), clock, log, component: 'kube-apiserver' });
    this.#ends.use(announceStore(this.store, recorder, clock));
    this.#ready = true;
  }

  /** What a component of this process is started with: its own identity, its own informers. They end with the plane. */
  componentOptions(user: UserInfo, name: string): ComponentOptions {
    const { clock, random, log } = this.#options;
    const own = log.child(name);
    const informers = new InformerSet({ client: this.#client(user, name), clock, random, log: own });
    this.#ends.add(() => informers[Symbol.asyncDispose]());
    return this.#acting(user, name, informers, own);
  }

  /** `user` reads for all of them. */
  controllerOptions(user: UserInfo, name: string): ControllerSetOptions {
    const { informers, log } = this.componentOptions(user, name);
    return { as: (controller) => this.#acting(controllerIdentity(controller), name, informers, log) };
  }

  #acting(user: UserInfo, name: string, informers: Informers, log: Log): ComponentOptions {
    const { clock, random } = this.#options;
    const client = this.#client(user, name);
    return { client, informers, recorder: createRecorder({ client, clock, log, component: name }), clock, random, log, queues: this.#queues };
  }

  #client(user: UserInfo, name: string): Client {
    return createClient(inProcessTransport(this.api.handler, user, name), name);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#ends[Symbol.asyncDispose]();
  }
}

function auditGauges(sink: { readonly written: number; readonly dropped: number } | undefined): readonly Gauge[] {
  if (sink === undefined) return [];
  const plugin = { plugin: 'log' };
  return [
    {
      name: 'apiserver_audit_event_total',
      type: 'counter',
      help: 'Counter of audit events generated and sent to the audit backend.',
      values: () => [{ value: sink.written, labels: plugin }],
    },
    {
      name: 'apiserver_audit_error_total',
      type: 'counter',
      help: 'Counter of audit events that failed to be audited properly.',
      values: () => [{ value: sink.dropped, labels: plugin }],
    },
  ];
}

/** How many there are of each kind; objects that two groups show (Events) count once. */
function objectGauges(store: Store<Projection>, registry: { kinds(): readonly Kind[] }): readonly Gauge[] {
  const counts = (): readonly { readonly group: string; readonly resource: string; readonly value: number }[] => {
    const stored = new Map(registry.kinds().map(({ storage, resource }) => [resourcePrefix(storage.group, resource), { group: storage.group, resource }]));
    return [...stored].map(([prefix, about]) => ({ ...about, value: store.count(prefix) }));
  };
  return [
    {
      name: 'apiserver_resource_objects',
      help: 'Number of stored objects at the time of last check split by kind.',
      values: () => counts().map(({ group, resource, value }) => ({ value, labels: { group, resource } })),
    },
    {
      name: 'apiserver_storage_objects',
      help: 'Number of stored objects at the time of last check split by kind.',
      values: () => counts().map(({ group, resource, value }) => ({ value, labels: { resource: group === '' ? resource : `${resource}.${group}` } })),
    },
  ];
}

/** What 1.36 serves by default, with what `--runtime-config` adds or takes away. */
const servedKinds = (config: RuntimeConfig): readonly Kind[] => builtinKinds().filter((kind) => isServed(config, kind));
