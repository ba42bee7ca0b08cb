/**
 * A pod's start, from the answer to its creation until it is seen Running, beside containerd's own time for the same sandbox and
 * container through the same adapter. One after the other, image present. As root: `node bench/pods.ts`
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pods } from '../src/api/gen/resources.ts';
import type { Client } from '../src/client/client.ts';
import { BUSYBOX_IMAGE, writeBusyboxImage } from '../test/fixtures/busybox-image.ts';
import { testContainerd, whyNoContainers } from '../test/fixtures/containerd.ts';
import { containerSpec, sandboxSpec } from '../test/contract/runtime.ts';
import { BenchCluster } from './cluster.ts';
import { against, quantile, round, say } from './figure.ts';

const ROUNDS = 15;
const ABREAST = 10;
const COMMAND = ['sleep', '1000000'];

const why = whyNoContainers();
if (why !== undefined) {
  say(`pod start: not measured, ${why}`, 0, 'ms');
  process.exit(0);
}

/** Sandbox, container, start: as the kubelet asks for them. */
async function containerdAlone(): Promise<readonly number[]> {
  await using fixture = await testContainerd();
  const { runtime } = await fixture.start();
  await runtime.images.load(writeBusyboxImage(join(fixture.directory, 'busybox.tar')));
  const image = await runtime.images.find(BUSYBOX_IMAGE);
  if (image === undefined) throw new Error('the image was not loaded');
  const times: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const before = performance.now();
    const logDirectory = join(fixture.logDirectory, `pod-${i}`);
    mkdirSync(logDirectory, { recursive: true });
    const spec = sandboxSpec(`pod-${i}`, logDirectory);
    const { id } = await runtime.runSandbox(spec);
    await runtime.startContainer(await runtime.createContainer(id, containerSpec(spec, image.id, COMMAND)));
    times.push(performance.now() - before);
    await runtime.stopSandbox(id);
    await runtime.removeSandbox(id);
  }
  return times;
}

/** By name: resolves when a pod is seen Running, ready or gone. */
class PodWatch {
  readonly #waiting = new Map<string, () => void>();

  static async open(client: Client): Promise<PodWatch> {
    const watch = new PodWatch();
    await client.watch(
      pods,
      { namespace: 'default', sendInitialEvents: true, allowBookmarks: true },
      {
        events: (batch) => {
          for (const event of batch) {
            if (event.type === 'BOOKMARK') continue;
            const { metadata, status } = event.object;
            if (status?.phase === 'Running') watch.#waiting.get(metadata.name)?.();
          }
        },
        closed: () => {},
      },
    );
    return watch;
  }

  running(name: string): Promise<void> {
    return new Promise((resolve) => this.#waiting.set(name, resolve));
  }
}

async function start(client: Client, watch: PodWatch, name: string): Promise<number> {
  const before = performance.now();
  const running = watch.running(name);
  await client.create(pods, {
    metadata: { name, namespace: 'default' },
    spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'main', image: 'busybox:1.36', command: COMMAND }] },
  });
  await running;
  return performance.now() - before;
}

// Clocks never keep a process alive.
const held = setInterval(() => {}, 2 ** 30);
const alone = await containerdAlone();
await using cluster = await BenchCluster.make();
await cluster.up();
await cluster.started();
await cluster.loadBusybox();
using session = await cluster.connect();
const { client } = session;
const watch = await PodWatch.open(client);
await start(client, watch, 'warm');
const times: number[] = [];
for (let i = 0; i < ROUNDS; i++) times.push(await start(client, watch, `pod-${i}`));
against('pod start, one at a time, p50', quantile(times, 0.5), 'ms', quantile(alone, 0.5), "containerd's own time for the same sandbox and container", {
  p99Ms: round(quantile(times, 0.99)),
  floorP99Ms: round(quantile(alone, 0.99)),
});
const abreast = await Promise.all(Array.from({ length: ABREAST }, (_, i) => start(client, watch, `abreast-${i}`)));
say(`${ABREAST} pods at once, p50`, quantile(abreast, 0.5), 'ms', { maxMs: round(Math.max(...abreast)) });
clearInterval(held);
