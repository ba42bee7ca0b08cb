/**
 * Volumes of a pool and claims of a cluster, each beside its floor in the same run. One JSON line a figure. As root: `node bench/storage.ts`
 */
import { mkdtempSync, openSync, rmSync, writeSync, fdatasyncSync, closeSync } from 'node:fs';
import { join } from 'node:path';
import { persistentVolumeClaims } from '../src/api/gen/resources.ts';
import type { PersistentVolumeClaim } from '../src/api/gen/types/core.v1.ts';
import { ADMIN, POOL_NODE, STORAGE } from '../src/apiserver/bootstrap/identities.ts';
import { Disposals } from '../src/base/disposal.ts';
import { loopTurns } from '../src/base/loop-turns.ts';
import type { Keys } from '../src/base/keys.ts';
import { silentLog } from '../src/base/log.ts';
import { SystemRandom } from '../src/base/random.ts';
import { SystemClock } from '../src/base/system-clock.ts';
import { ControlPlane } from '../src/cluster/control-plane.ts';
import type { VolumeCapability } from '../src/csi/driver.ts';
import { openSystemHost } from '../src/host/system.ts';
import { PoolDriver } from '../src/storage/driver/driver.ts';
import { openPool } from '../src/storage/pool/open.ts';
import type { Pool } from '../src/storage/pool/pool.ts';
import { startPoolNode } from '../src/storage/pool-node.ts';
import { startStorage } from '../src/storage/storage.ts';
import { defaultStoreSettings } from '../src/store/settings.ts';
import { openSqliteStore } from '../src/store/sqlite.ts';

const MiB = 2 ** 20;
const ROUNDS = 30;
const clock = new SystemClock();
const random = new SystemRandom();
const WRITER: VolumeCapability = { access: 'single-node-writer', as: { type: 'mount', fsType: '', mountFlags: [] } };

const round = (value: number): number => Number(value.toPrecision(3));
const quantile = (sorted: readonly number[], q: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;

function say(figure: string, times: readonly number[], more: object = {}): number {
  const sorted = times.toSorted((a, b) => a - b);
  const p50 = quantile(sorted, 0.5);
  console.log(JSON.stringify({ figure, value: round(p50), p99: round(quantile(sorted, 0.99)), unit: 'ms', count: times.length, ...more }));
  return p50;
}

async function timed(times: number[], work: () => Promise<unknown>): Promise<void> {
  const before = performance.now();
  await work();
  times.push(performance.now() - before);
}

/** 4 KiB written and flushed, 300 times. */
function flushes(path: string): number[] {
  const file = openSync(path, 'w');
  const block = Buffer.alloc(4096, 1);
  const times: number[] = [];
  for (let i = 0; i < 300; i++) {
    const before = performance.now();
    writeSync(file, block, 0, 4096, (i % 64) * 4096);
    fdatasyncSync(file);
    times.push(performance.now() - before);
  }
  closeSync(file);
  return times;
}

async function benchPool(directory: string, kind: Pool['kind'], floorMs: number): Promise<void> {
  await using host = openSystemHost({ clock, random });
  const pool = await openPool({ host, clock, root: join(directory, kind), mark: 'bench', kind, trashMs: 0 });
  const driver = new PoolDriver({ host, pool, nodeName: 'node-1' });
  const at = (name: string): string => join(directory, `stage-${name}`);
  const stage = (name: string): Promise<void> =>
    driver.nodeStage({ volumeId: name, stagingPath: at(name), publishContext: {}, context: {}, capability: WRITER });
  const times = {
    create: [] as number[],
    stageFirst: [] as number[],
    stageAgain: [] as number[],
    snapshot: [] as number[],
    clone: [] as number[],
    expand: [] as number[],
    remove: [] as number[],
  };
  for (let i = 0; i < ROUNDS; i++) {
    const name = `v${i}`;
    await timed(times.create, () => driver.createVolume({ name, requiredBytes: 64 * MiB, capabilities: [WRITER], parameters: {} }));
    await timed(times.stageFirst, () => stage(name));
    await driver.nodeUnstage(name, at(name));
    await timed(times.stageAgain, () => stage(name));
    if (i === 0)
      say(`${kind}: 4 KiB write and flush in a volume`, flushes(join(at(name), 'file')), {
        floor: round(floorMs),
        floorIs: "the same on the machine's file system",
      });
    await timed(times.snapshot, () => driver.createSnapshot(`s${i}`, name, {}));
    await timed(times.clone, () =>
      driver.createVolume({ name: `c${i}`, requiredBytes: 64 * MiB, capabilities: [WRITER], parameters: {}, source: { snapshotId: `s${i}` } }),
    );
    await timed(times.expand, async () => {
      await driver.controllerExpand(name, 96 * MiB);
      await driver.nodeExpand({ volumeId: name, volumePath: at(name), stagingPath: at(name), requiredBytes: 96 * MiB, capability: WRITER });
    });
    await driver.nodeUnstage(name, at(name));
    await driver.deleteSnapshot(`s${i}`);
    await driver.deleteVolume(`c${i}`);
    await timed(times.remove, () => driver.deleteVolume(name));
  }
  say(`${kind}: volume of 64 MiB made`, times.create);
  say(`${kind}: staged for the first time (formatted, attached, mounted)`, times.stageFirst);
  say(`${kind}: staged again`, times.stageAgain);
  say(`${kind}: snapshot of a mounted volume`, times.snapshot);
  say(`${kind}: volume made from a snapshot`, times.clone);
  say(`${kind}: grown while mounted`, times.expand);
  say(`${kind}: deleted and purged`, times.remove);
  await letGo(directory);
}

async function letGo(directory: string): Promise<void> {
  await using host = openSystemHost({ clock, random });
  for (let i = 0; i < 3; i++) {
    for (const { target } of await host.mounts.below(directory)) await host.mounts.unmount(target);
    for (const { device, file } of await host.loops.list()) if (file.startsWith(`${directory}/`)) await host.loops.detach(device, file);
  }
}

const keys: Keys = {
  digest: () => new Uint8Array(32),
  secret: (length) => new Uint8Array(length),
  sign: () => new Uint8Array(32),
  verify: () => true,
  signing: { algorithm: 'HS256', keyId: 'bench' },
};

/** From the answer to the claim's creation to the watch that shows it Bound; the floor is as many durable writes as binding takes. */
async function benchClaims(directory: string, kind: Pool['kind']): Promise<void> {
  const ends = new Disposals();
  const host = ends.use(openSystemHost({ clock, random }));
  const plane = ends.use(
    await ControlPlane.open({
      clock,
      random,
      keys,
      log: silentLog,
      openStore: (project) => openSqliteStore({ directory: join(directory, `store-${kind}`), clock, project, log: silentLog, settings: defaultStoreSettings }),
      yieldToLoop: loopTurns(setImmediate),
      addresses: () => ({ serviceIp: '10.96.0.1', serviceCidr: '10.96.0.0/16', advertiseIp: '192.0.2.1', port: 6443 }),
      caPem: '',
      serviceCidr: '10.96.0.0/16',
      nodePorts: { first: 30000, last: 32767 },
      runtimeConfig: {},
    }),
  );
  await plane.bootstrap();
  const pool = ends.use(await openPool({ host, clock, root: join(directory, `claims-${kind}`), mark: 'bench', kind }));
  const options = plane.componentOptions(POOL_NODE, 'storage');
  ends.use(await startStorage(plane.controllerOptions(STORAGE, 'storage')));
  ends.use(await startPoolNode({ ...options, nodeName: 'node-1', driver: new PoolDriver({ host, pool, nodeName: 'node-1' }) }));
  const { client, informers } = plane.componentOptions(ADMIN, 'bench');
  const claims = informers.of(persistentVolumeClaims);
  const waiting = new Map<string, () => void>();
  ends.use(claims.onChange({ updated: ({ metadata, status }) => status?.phase === 'Bound' && waiting.get(metadata.name)?.() }));
  await claims.whenSynced();

  const make = async (name: string): Promise<void> => {
    const bound = new Promise<void>((resolve) => waiting.set(name, resolve));
    await client.create<PersistentVolumeClaim>(persistentVolumeClaims, {
      metadata: { name, namespace: 'default' },
      spec: { storageClassName: 'berth-immediate', accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '16Mi' } } },
    });
    await bound;
  };
  for (let i = 0; i < 5; i++) await make(`warm-${i}`);
  const floor: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    await timed(floor, async () => {
      for (let write = 0; write < 5; write++)
        await client.patch(
          persistentVolumeClaims,
          `warm-${write}`,
          { type: 'merge', body: { metadata: { labels: { round: String(i) } } } },
          { namespace: 'default' },
        );
    });
  }
  const floorMs = quantile(
    floor.toSorted((a, b) => a - b),
    0.5,
  );
  const times: number[] = [];
  for (let i = 0; i < 2 * ROUNDS; i++) await timed(times, () => make(`claim-${i}`));
  say(`${kind}: claim to Bound, volume made`, times, { floor: round(floorMs), floorIs: 'five durable writes' });
  const before = performance.now();
  await Promise.all(Array.from({ length: 50 }, (_, i) => make(`many-${i}`)));
  say(`${kind}: 50 claims at once, all Bound`, [performance.now() - before]);
  await ends[Symbol.asyncDispose]();
}

const directory = mkdtempSync('/var/tmp/berth-bench-');
try {
  const floorMs = say("4 KiB write and flush on the machine's file system", flushes(join(directory, 'floor')));
  for (const kind of ['plain', 'btrfs'] as const) {
    await benchPool(directory, kind, floorMs);
    await benchClaims(directory, kind);
  }
} finally {
  await letGo(directory);
  rmSync(directory, { recursive: true });
}
