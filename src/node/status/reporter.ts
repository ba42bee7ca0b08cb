import { csiNodes, leases, nodes } from '../../api/gen/resources.ts';
import type { Lease } from '../../api/gen/types/coordination.v1.ts';
import type { Node } from '../../api/gen/types/core.v1.ts';
import type { CSINode } from '../../api/gen/types/storage.v1.ts';
import type { Timer } from '../../base/clock.ts';
import { failure, type Log } from '../../base/log.ts';
import type { CsiDriver } from '../../csi/driver.ts';
import type { Informer } from '../../client/informer.ts';
import { HostError } from '../../host/host.ts';
import type { Stored } from '../../machinery/object.ts';
import { getOwn } from '../../machinery/record.ts';
import { StatusError } from '../../machinery/status-error.ts';
import { formatMicroTime } from '../../machinery/time.ts';
import type { NodeComponentOptions } from '../options.ts';
import { CriError, type Image } from '../runtime/runtime.ts';
import { differs, nodeLabels, nodeObject, nodeStatus, type NodeFacts } from './node-object.ts';

const LEASE_NAMESPACE = 'kube-node-lease';
const LEASE_SECONDS = 40;
const RENEW_MS = 10_000;
/** How often the machine is looked at; the status is written when something has changed, and else this often. */
const LOOK_MS = 30_000;
const REPORT_MS = 300_000;
const RETRY_MS = 500;

export interface ReporterOptions {
  readonly options: NodeComponentOptions;
  readonly devices: () => ReadonlyMap<string, number>;
  readonly volumesInUse: () => readonly string[];
}

/** The node's own objects: Node with its status, Lease, CSINode. */
export class NodeReporter implements Disposable {
  readonly #options: ReporterOptions;
  readonly #log: Log;
  #node: Stored<Node> | undefined;
  #lease: Stored<Lease> | undefined;
  #reportedMs = 0;
  #images: readonly Image[] = [];
  readonly #timers = new Set<Timer>();
  #lookTimer: Timer | undefined;
  #watching: Disposable | undefined;
  #shown: Informer<Node> | undefined;
  #busy = false;
  #again = false;
  #ended = false;

  constructor(options: ReporterOptions) {
    this.#options = options;
    this.#log = options.options.log.child('status');
  }

  get labels(): Readonly<Record<string, string>> {
    return this.#node?.metadata.labels ?? nodeLabels(this.#options.options, this.#options.devices());
  }

  get allocatable(): Readonly<Record<string, string>> {
    return this.#node?.status?.allocatable ?? {};
  }

  /** Registers the node; resolves when it is there and its first status is written. Retried until then. */
  async start(): Promise<void> {
    const { clock, recorder } = this.#options.options;
    for (;;) {
      try {
        await this.#register();
        break;
      } catch (thrown) {
        if (this.#ended) throw thrown;
        this.#log.warn('registering the node failed, trying again', failure(thrown));
        await new Promise<void>((resolve) => this.#after(RETRY_MS, resolve));
      }
    }
    this.#reportedMs = clock.monotonic();
    if (this.#node !== undefined) recorder.event(this.#node, 'Normal', 'Starting', 'Starting kubelet.');
    await this.#renew();
    await this.#look();
    this.#watchNode();
    this.#after(0, () => void this.#registerDrivers());
  }

  /** Something about the node has changed: looked at, and written, soon. */
  changed(): void {
    if (this.#busy) this.#again = true;
    else if (!this.#ended) void this.#look();
  }

  driversChanged(): void {
    void this.#registerDrivers();
  }

  [Symbol.dispose](): void {
    this.#ended = true;
    this.#watching?.[Symbol.dispose]();
    this.#lookTimer?.[Symbol.dispose]();
    for (const timer of this.#timers) timer[Symbol.dispose]();
  }

  #after(delayMs: number, fn: () => void): void {
    if (this.#ended) return;
    const timer = this.#options.options.clock.setTimer(delayMs, () => {
      this.#timers.delete(timer);
      fn();
    });
    this.#timers.add(timer);
  }

  async #register(): Promise<void> {
    const { client, nodeName, machine, recorder } = this.#options.options;
    const facts = await this.#facts();
    let node: Stored<Node>;
    try {
      node = await client.create(nodes, nodeObject(facts));
    } catch (thrown) {
      if (!(thrown instanceof StatusError) || thrown.reason !== 'AlreadyExists') throw thrown;
      const found = await client.get(nodes, nodeName);
      const bootId = found.status?.nodeInfo?.bootID ?? '';
      if (bootId !== '' && bootId !== machine.bootId)
        recorder.event(found, 'Warning', 'Rebooted', `Node ${nodeName} has been rebooted, boot id: ${machine.bootId}`);
      node = await this.#relabel(found, facts);
    }
    this.#node = node;
    await this.#write(facts);
  }

  /** Others write to the node too: above all that it is unreachable, which nobody but the node takes back. */
  #watchNode(): void {
    const { informers, nodeName } = this.#options.options;
    const seen = (node: Stored<Node>): void => {
      if (node.metadata.resourceVersion === this.#node?.metadata.resourceVersion) return;
      this.#node = node;
      this.changed();
    };
    const deleted = (): void => {
      this.#node = undefined;
      this.#registerAgain();
    };
    this.#shown = informers.of(nodes, { fieldSelector: `metadata.name=${nodeName}` });
    this.#watching = this.#shown.onChange({ added: seen, updated: seen, deleted });
  }

  /** What the watch shows goes before what a write has answered: the answer may have come late. */
  #current(): Stored<Node> | undefined {
    return this.#node === undefined ? undefined : (this.#shown?.get(this.#options.options.nodeName) ?? this.#node);
  }

  #registerAgain(): void {
    this.#after(
      0,
      () =>
        void this.#register().catch((thrown: unknown) => {
          this.#log.warn('registering the node again failed, trying again', failure(thrown));
          if (this.#node === undefined) this.#after(RETRY_MS, () => this.#registerAgain());
        }),
    );
  }

  /** The labels that are the node's own are set right; those of others are left. */
  async #relabel(node: Stored<Node>, facts: NodeFacts): Promise<Stored<Node>> {
    const wanted = nodeLabels(this.#options.options, facts.devices);
    const missing = Object.keys(wanted).filter((key) => getOwn(node.metadata.labels, key) !== getOwn(wanted, key));
    const left = getOwn(wanted, 'nvidia.com/gpu.present') === undefined && getOwn(node.metadata.labels, 'nvidia.com/gpu.present') !== undefined;
    if (missing.length === 0 && !left) return node;
    const labels = { ...Object.fromEntries(missing.map((key) => [key, getOwn(wanted, key) ?? ''])), ...(left ? { 'nvidia.com/gpu.present': null } : {}) };
    return this.#options.options.client.patch(nodes, node.metadata.name, { type: 'merge', body: { metadata: { labels } } });
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    this.#busy = true;
    try {
      const facts = await this.#facts();
      const { clock } = this.#options.options;
      const node = this.#current();
      if (node === undefined) return;
      const next = nodeStatus(facts, node.status);
      const due = clock.monotonic() - this.#reportedMs >= REPORT_MS;
      if (due || differs(next, node.status ?? {})) await this.#write(facts);
    } catch (thrown) {
      this.#log.warn('reporting the node failed, trying again', failure(thrown));
    } finally {
      this.#busy = false;
      const again = this.#again;
      this.#again = false;
      this.#lookTimer?.[Symbol.dispose]();
      if (!this.#ended) this.#lookTimer = this.#options.options.clock.setTimer(again ? 0 : LOOK_MS, () => this.changed());
    }
  }

  /** The newest status that is there is what ours is laid over: others write theirs (attached volumes, resources). */
  async #write(facts: NodeFacts): Promise<void> {
    const { client, nodeName, clock } = this.#options.options;
    for (let attempt = 0; ; attempt++) {
      const node = (attempt === 0 ? this.#current() : undefined) ?? (await client.get(nodes, nodeName));
      try {
        const relabelled = await this.#relabel(node, facts);
        this.#node = await client.updateStatus(nodes, { ...relabelled, status: nodeStatus(facts, relabelled.status) });
        this.#reportedMs = clock.monotonic();
        return;
      } catch (thrown) {
        if (attempt < 5 && thrown instanceof StatusError && thrown.reason === 'Conflict') continue;
        if (thrown instanceof StatusError && thrown.reason === 'NotFound') {
          this.#node = undefined;
          this.#registerAgain();
          return;
        }
        throw thrown;
      }
    }
  }

  async #facts(): Promise<NodeFacts> {
    const { options, devices, volumesInUse } = this.#options;
    const { runtime, host, clock } = options;
    let runtimeVersion = `${runtime.name}://unknown`;
    let runtimeFault: string | undefined;
    try {
      runtimeVersion = `${runtime.name}://${await runtime.version()}`;
      this.#images = await runtime.images.list();
    } catch (thrown) {
      if (!(thrown instanceof CriError)) throw thrown;
      runtimeFault = thrown.message;
    }
    return {
      options,
      runtimeVersion,
      runtimeFault,
      images: this.#images,
      volumesInUse: volumesInUse(),
      disk: await diskOf(host, options.rootDirectory),
      memoryAvailableBytes: await memoryOf(host),
      devices: devices(),
      nowMs: clock.now(),
    };
  }

  /** Never rejects; repeats itself. */
  async #renew(): Promise<void> {
    const { client, clock, nodeName } = this.#options.options;
    const renewTime = formatMicroTime(clock.now());
    try {
      const lease = this.#lease;
      if (lease === undefined) this.#lease = await this.#takeLease(renewTime);
      else
        this.#lease = await client.update(leases, {
          ...lease,
          spec: { ...lease.spec, holderIdentity: nodeName, leaseDurationSeconds: LEASE_SECONDS, renewTime },
        });
    } catch (thrown) {
      // The next try starts from what is there.
      this.#lease = undefined;
      this.#log.warn('renewing the lease failed, trying again', failure(thrown));
      return this.#after(RETRY_MS, () => void this.#renew());
    }
    this.#after(RENEW_MS, () => void this.#renew());
  }

  async #takeLease(renewTime: string): Promise<Stored<Lease>> {
    const { client, nodeName } = this.#options.options;
    const spec = { holderIdentity: nodeName, leaseDurationSeconds: LEASE_SECONDS, renewTime };
    const uid = this.#node?.metadata.uid;
    try {
      const found = await client.get(leases, nodeName, LEASE_NAMESPACE);
      return await client.update(leases, { ...found, spec: { ...found.spec, ...spec } });
    } catch (thrown) {
      if (!(thrown instanceof StatusError) || thrown.reason !== 'NotFound') throw thrown;
    }
    return client.create(leases, {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: {
        name: nodeName,
        namespace: LEASE_NAMESPACE,
        ...(uid === undefined ? {} : { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: nodeName, uid }] }),
      },
      spec,
    });
  }

  /** Never rejects. */
  async #registerDrivers(): Promise<void> {
    if (this.#ended) return;
    try {
      await this.#writeCsiNode();
    } catch (thrown) {
      this.#log.warn('registering CSI drivers failed, trying again', failure(thrown));
      this.#after(2 * RETRY_MS, () => void this.#registerDrivers());
    }
  }

  async #writeCsiNode(): Promise<void> {
    const { client, nodeName, drivers } = this.#options.options;
    const uid = this.#node?.metadata.uid;
    const infos = await Promise.all(drivers.list().map(async (driver) => ({ driver, info: await driver.nodeInfo() })));
    const wanted = infos.map(({ driver, info }) => ({
      name: driver.name,
      nodeID: info.nodeId,
      topologyKeys: Object.keys(info.topology).sort(),
      ...(info.maxVolumes > 0 ? { allocatable: { count: info.maxVolumes } } : {}),
    }));
    await this.#labelTopology(infos.map(({ info }) => info));
    let found: Stored<CSINode>;
    try {
      found = await client.get(csiNodes, nodeName);
    } catch (thrown) {
      if (!(thrown instanceof StatusError) || thrown.reason !== 'NotFound') throw thrown;
      await client.create(csiNodes, {
        apiVersion: 'storage.k8s.io/v1',
        kind: 'CSINode',
        metadata: { name: nodeName, ...(uid === undefined ? {} : { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: nodeName, uid }] }) },
        spec: { drivers: wanted },
      });
      return;
    }
    if (JSON.stringify(found.spec.drivers) !== JSON.stringify(wanted)) await client.update(csiNodes, { ...found, spec: { ...found.spec, drivers: wanted } });
  }

  /** A driver's topology becomes labels of the node: that is how the scheduler sees it. */
  async #labelTopology(infos: readonly Awaited<ReturnType<CsiDriver['nodeInfo']>>[]): Promise<void> {
    const labels = Object.assign({}, ...infos.map((i) => i.topology)) as Readonly<Record<string, string>>;
    const missing = Object.keys(labels).filter((key) => getOwn(this.#node?.metadata.labels, key) !== labels[key]);
    if (missing.length === 0) return;
    const { client, nodeName } = this.#options.options;
    this.#node = await client.patch(nodes, nodeName, {
      type: 'merge',
      body: { metadata: { labels: Object.fromEntries(missing.map((key) => [key, labels[key] ?? ''])) } },
    });
  }
}

async function diskOf(host: NodeComponentOptions['host'], path: string): Promise<NodeFacts['disk']> {
  try {
    return await host.files.statfs(path);
  } catch (thrown) {
    if (thrown instanceof HostError) return undefined;
    throw thrown;
  }
}

/** MemAvailable of /proc/meminfo. */
async function memoryOf(host: NodeComponentOptions['host']): Promise<number | undefined> {
  try {
    const match = /^MemAvailable:\s+(\d+) kB$/m.exec(await host.files.readText('/proc/meminfo', { maxBytes: 65_536 }));
    return match === null ? undefined : Number(match[1]) * 1_024;
  } catch (thrown) {
    if (thrown instanceof HostError) return undefined;
    throw thrown;
  }
}
