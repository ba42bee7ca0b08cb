import type { Clock } from '../base/clock.ts';
import { Disposals } from '../base/disposal.ts';
import type { VerifySignature } from '../base/keys.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Kind } from '../api/kind.ts';
import type { ApiHandler } from '../machinery/exchange.ts';
import type { Facts } from '../schema/facts.ts';
import type { Store } from '../store/store.ts';
import { defaultNodePorts, type PortRange } from './allocators/node-ports.ts';
import { ServiceAllocator } from './allocators/services.ts';
import { ObjectCache } from './codec/objects.ts';
import type { Projection } from './codec/projection.ts';
import { protobufReader } from './codec/protobuf.ts';
import { YamlThread } from './codec/yaml-thread.ts';
import type { Core } from './core.ts';
import { Router } from './handlers/router.ts';
import { Turns } from './handlers/turns.ts';
import { BodyBudget, type BodyBudgetSettings } from './http/body-budget.ts';
import { REQUEST_TIMEOUT_MS } from './http/deadline.ts';
import { HttpFront, type Listening, type ListenOptions } from './http/front.ts';
import { InProcessApi } from './in-process.ts';
import { Registry } from './registry/registry.ts';
import { StoreReader } from './registry/reader.ts';
import { SelectionIndexes } from './registry/selection-index.ts';
import type { Stages, StoredReader } from './stages.ts';
import { Watchers } from './watch/watchers.ts';

export interface ApiServerOptions {
  /** Opened with `createProjector(registry)`. Not closed by the server. */
  readonly store: Store<Projection>;
  /** Of the kinds that are served. */
  readonly registry: Registry;
  readonly facts: Facts;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Of signatures in objects (certificate requests); absent: they are taken for good. */
  readonly verify?: VerifySignature | undefined;
  /** Given the reader, since most stages look at what is stored. */
  readonly stages: (reader: StoredReader) => Stages;
  /** The range of cluster IPs (`10.96.0.0/16`) and of node ports (30000-32767 when absent). Without it Services get neither. */
  readonly services?: { readonly cidr: string; readonly nodePorts?: PortRange | undefined } | undefined;
  /** Lets the event loop turn between slices of long answers; in a simulation it may resolve at once. */
  readonly yieldToLoop: () => Promise<void>;
  /** `--request-timeout`: longer requests are answered with 504, watches and streams apart. A minute when absent. */
  readonly requestTimeoutMs?: number | undefined;
  /** Of all bodies that are worked on, over every connection. */
  readonly bodyBudget?: BodyBudgetSettings | undefined;
}

export interface ApiServer extends AsyncDisposable {
  /** The server as a function: the in-process transport. */
  readonly handler: ApiHandler;
  readonly reader: StoredReader;
  readonly registry: Registry;
  /** Open watches, over every transport. */
  readonly watchCount: number;
  /** Bytes of bodies that are worked on now, over HTTPS. */
  readonly bodyBytes: number;
  listen(options: ListenOptions): Promise<Listening>;
}

export const createRegistry = (kinds: readonly Kind[]): Registry => new Registry(kinds);

/** Disposing it ends all watches, then closes what listens. Requests that are under way are answered. */
export function createApiServer(options: ApiServerOptions): ApiServer {
  const { store, registry, facts, clock, random, log, yieldToLoop } = options;
  const services =
    options.services === undefined
      ? undefined
      : new ServiceAllocator({ store, registry, clock, random, cidr: options.services.cidr, nodePorts: options.services.nodePorts ?? defaultNodePorts });
  const indexes = new SelectionIndexes({ store, yieldToLoop });
  const objects = new ObjectCache(registry);
  const reader = new StoreReader(store, objects, log);
  const core: Core = {
    store,
    registry,
    facts,
    objects,
    reader,
    stages: options.stages(reader),
    services,
    turns: new Turns(),
    indexes,
    clock,
    random,
    log,
    verify: options.verify,
    yieldToLoop,
  };
  const router = new Router(core);
  const watchers = new Watchers(core);
  const ends = new Disposals();
  ends.use(indexes);
  const yaml = ends.use(new YamlThread(clock));
  const bodyBudget = new BodyBudget(options.bodyBudget);
  const front = new HttpFront({
    core,
    router,
    watchers,
    bodies: { protobuf: protobufReader(facts, registry), yaml: yaml.read, scan: yaml.scan, yieldToLoop },
    writeYaml: yaml.write,
    requestTimeoutMs: options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS,
    bodyBudget,
  });
  ends.add(() => watchers.end());
  return {
    handler: new InProcessApi(core, router, watchers),
    reader,
    registry,
    get bodyBytes() {
      return bodyBudget.bytes;
    },
    get watchCount() {
      return watchers.size;
    },
    listen: async (listenOptions) => {
      const listening = await front.listen(listenOptions);
      ends.add(() => listening[Symbol.asyncDispose]());
      return listening;
    },
    [Symbol.asyncDispose]: async () => {
      // The ends run in reverse order: watches are told before their connections close.
      watchers.end();
      await yieldToLoop();
      await ends[Symbol.asyncDispose]();
    },
  };
}
