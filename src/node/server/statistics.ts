import { readFile } from 'node:fs/promises';
import type { Clock } from '../../base/clock.ts';
import type { ContainerStats, Runtime } from '../runtime/runtime.ts';
import type { PodLookup, PodOnNode } from './pod-lookup.ts';

/** What the node and its containers use, at one moment. */
export interface Sample {
  readonly atMs: number;
  readonly node: { readonly cpuNanos: number; readonly memoryWorkingSetBytes: number; readonly memoryAvailableBytes: number };
  readonly pods: readonly { readonly pod: PodOnNode; readonly containers: readonly { readonly name: string; readonly stats: ContainerStats }[] }[];
}

/** A rate needs two samples: the last one is kept, and a younger one than this is given again. */
const FRESH_MS = 1_000;

export class Statistics {
  readonly #options: { readonly nodeName: string; readonly pods: PodLookup; readonly runtime: Runtime; readonly clock: Clock };
  #last: Sample | undefined;
  #before: Sample | undefined;
  #taking: Promise<Sample> | undefined;

  constructor(options: { readonly nodeName: string; readonly pods: PodLookup; readonly runtime: Runtime; readonly clock: Clock }) {
    this.#options = options;
  }

  sample(): Promise<Sample> {
    const last = this.#last;
    if (last !== undefined && this.#options.clock.now() - last.atMs < FRESH_MS) return Promise.resolve(last);
    this.#taking ??= this.#take().finally(() => {
      this.#taking = undefined;
    });
    return this.#taking;
  }

  /** stats/v1alpha1 Summary. */
  async summary(): Promise<object> {
    const sample = await this.sample();
    const before = this.#before;
    const time = new Date(sample.atMs).toISOString();
    const cpu = (nanos: number, earlier: number | undefined): object => {
      const spanMs = before === undefined ? 0 : sample.atMs - before.atMs;
      const rate = earlier === undefined || spanMs <= 0 ? undefined : Math.max(0, Math.round((nanos - earlier) / (spanMs / 1000)));
      return { time, ...(rate === undefined ? {} : { usageNanoCores: rate }), usageCoreNanoSeconds: nanos };
    };
    const { node } = sample;
    return {
      node: {
        nodeName: this.#options.nodeName,
        startTime: time,
        cpu: cpu(node.cpuNanos, before?.node.cpuNanos),
        memory: { time, availableBytes: node.memoryAvailableBytes, workingSetBytes: node.memoryWorkingSetBytes },
      },
      pods: sample.pods.map(({ pod, containers }) => ({
        podRef: { name: pod.name, namespace: pod.namespace, uid: pod.uid },
        startTime: time,
        containers: containers.map(({ name, stats }) => {
          const earlier = before?.pods.find((each) => each.pod.uid === pod.uid)?.containers.find((each) => each.name === name);
          return {
            name,
            startTime: time,
            cpu: cpu(stats.cpuUsageNanos, earlier?.stats.cpuUsageNanos),
            memory: { time, workingSetBytes: stats.memoryWorkingSetBytes },
            rootfs: { time, usedBytes: stats.writableLayerBytes },
          };
        }),
        memory: { time, workingSetBytes: sum(containers, ({ stats }) => stats.memoryWorkingSetBytes) },
      })),
    };
  }

  async #take(): Promise<Sample> {
    const { pods, runtime, clock } = this.#options;
    const [node, running] = await Promise.all([
      nodeUse(),
      Promise.all(
        pods.running().map(async (pod) => {
          const containers = pod.containers.filter(({ current }) => current?.running === true);
          const stats = await Promise.all(
            containers.map(async ({ name, current }) => ({ name, stats: current === undefined ? undefined : await runtime.stats(current.id) })),
          );
          return { pod, containers: stats.flatMap(({ name, stats: found }) => (found === undefined ? [] : [{ name, stats: found }])) };
        }),
      ),
    ]);
    this.#before = this.#last;
    this.#last = { atMs: clock.now(), node, pods: running };
    return this.#last;
  }
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

/** proc(5): /proc/stat counts hundredths of a second, /proc/meminfo KiB. Zeros where they are not to be had. */
async function nodeUse(): Promise<Sample['node']> {
  const [stat, meminfo] = await Promise.all(['/proc/stat', '/proc/meminfo'].map((path) => readFile(path, 'utf8').catch(() => '')));
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = (/^cpu +(.*)$/m.exec(stat ?? '')?.[1] ?? '').split(' ').map(Number);
  const bytes = (name: string): number => Number(new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(meminfo ?? '')?.[1] ?? 0) * 1024;
  const available = bytes('MemAvailable');
  return {
    cpuNanos: (user + nice + system + irq + softirq + steal) * 1e7,
    memoryWorkingSetBytes: Math.max(0, bytes('MemTotal') - available),
    memoryAvailableBytes: available,
  };
}
